#include "components/battery_publish/publish_flash.h"

#include "core/base/bytes.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define MAGIC "NBP1"
#define SEGMENT_MIN_COUNT 16
#define READ_COUNT 8 // points a read
#define LOOKS 4      // in an interval

// A segment, as its head says.
struct segment {
    uint32_t number; // 1, 2, 3 ...; 0: none. Its name goes by number % FILE_COUNT
    uint8_t sinks;
    uint32_t count;
    uint64_t first; // place of its first point
    uint64_t cursor[NH_BATTERY_SINK_COUNT];
};

struct nh_publish_flash {
    struct nh_publish_flash_config cfg;
    uint32_t segment_count;     // points of a segment
    struct segment newest;      // on flash
    uint64_t saved;             // all places before it are on flash, as far as they are wanted
    uint64_t looked;            // the ring's head at the last look
    uint64_t look_ms, write_ms; // not before: the next look, the next write
    bool is_told;               // that it cannot be written
    struct nh_publish_flash_info info;
};

// ---- bytes --------------------------------------------------------------------------------------

void nh_publish_flash_encode(const struct nh_battery_point *p,
                             uint8_t out[NH_PUBLISH_FLASH_POINT_BYTES])
{
    const int32_t values[] = {p->voltage_mv, p->current_ma, p->power_mw,
                              p->soc_mpct,   p->soh_mpct,   p->temperature_mc};
    nh_put_le32(out, p->boot);
    nh_put_le32(out + 4, p->seq);
    nh_put_le64(out + 8, p->time_ms);
    nh_put_le64(out + 16, (uint64_t)p->unix_ms);
    nh_put_le32(out + 24, p->valid);
    for (size_t i = 0; i < NH_ARRAY_LEN(values); i++)
        nh_put_le32(out + 28 + 4 * i, (uint32_t)values[i]);
    nh_put_le16(out + 52, p->cell_min_dmv);
    nh_put_le16(out + 54, p->cell_max_dmv);
    nh_put_le16(out + 56, p->cell_delta_dmv);
    nh_put_le16(out + 58, 0);
}

void nh_publish_flash_decode(const uint8_t in[NH_PUBLISH_FLASH_POINT_BYTES],
                             struct nh_battery_point *out)
{
    int32_t *const values[] = {&out->voltage_mv, &out->current_ma, &out->power_mw,
                               &out->soc_mpct,   &out->soh_mpct,   &out->temperature_mc};
    out->boot = nh_get_le32(in);
    out->seq = nh_get_le32(in + 4);
    out->time_ms = nh_get_le64(in + 8);
    out->unix_ms = (int64_t)nh_get_le64(in + 16);
    out->valid = nh_get_le32(in + 24);
    for (size_t i = 0; i < NH_ARRAY_LEN(values); i++)
        *values[i] = (int32_t)nh_get_le32(in + 28 + 4 * i);
    out->cell_min_dmv = nh_get_le16(in + 52);
    out->cell_max_dmv = nh_get_le16(in + 54);
    out->cell_delta_dmv = nh_get_le16(in + 56);
}

static void encode_head(const struct segment *s, uint8_t out[NH_PUBLISH_FLASH_HEAD_BYTES])
{
    memcpy(out, MAGIC, 4);
    nh_put_le32(out + 4, s->number);
    out[8] = s->sinks;
    out[9] = NH_BATTERY_SINK_COUNT;
    nh_put_le16(out + 10, NH_PUBLISH_FLASH_POINT_BYTES);
    nh_put_le32(out + 12, s->count);
    nh_put_le64(out + 16, s->first);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        nh_put_le64(out + 24 + 8 * i, s->cursor[i]);
}

// False: it is of another version, or not what its length says.
static bool decode_head(const uint8_t in[NH_PUBLISH_FLASH_HEAD_BYTES], uint64_t size_bytes,
                        struct segment *out)
{
    out->number = nh_get_le32(in + 4);
    out->sinks = in[8];
    out->count = nh_get_le32(in + 12);
    out->first = nh_get_le64(in + 16);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        out->cursor[i] = nh_get_le64(in + 24 + 8 * i);
    return memcmp(in, MAGIC, 4) == 0 && out->number > 0 && out->number < UINT32_MAX &&
           in[9] == NH_BATTERY_SINK_COUNT && nh_get_le16(in + 10) == NH_PUBLISH_FLASH_POINT_BYTES &&
           size_bytes ==
               NH_PUBLISH_FLASH_HEAD_BYTES + (uint64_t)out->count * NH_PUBLISH_FLASH_POINT_BYTES &&
           out->first <= UINT64_MAX / 2; // room for all that may follow
}

static void name_of(uint32_t number, char out[NH_STORE_NAME_MAX_BYTES])
{
    snprintf(out, NH_STORE_NAME_MAX_BYTES, "points_%u",
             (unsigned)(number % NH_PUBLISH_FLASH_FILE_COUNT));
}

// ---- writing ------------------------------------------------------------------------------------

static int write_points(nh_store_write_t *w, const struct segment *s,
                        const struct nh_publish_ring *ring)
{
    uint8_t head[NH_PUBLISH_FLASH_HEAD_BYTES], point[NH_PUBLISH_FLASH_POINT_BYTES];
    encode_head(s, head);
    int err = nh_store_write(w, head, sizeof head);
    for (uint32_t i = 0; err == 0 && i < s->count; i++) {
        nh_publish_flash_encode(nh_publish_ring_at(ring, s->first + i), point);
        err = nh_store_write(w, point, sizeof point);
    }
    return err;
}

static int write_segment(nh_publish_flash_t *f, const struct segment *s,
                         const struct nh_publish_ring *ring)
{
    char name[NH_STORE_NAME_MAX_BYTES];
    nh_store_write_t *w;
    name_of(s->number, name);
    int err = nh_store_write_begin(f->cfg.store, name, 0, &w);
    if (err < 0)
        return err;
    err = write_points(w, s, ring);
    if (err < 0) {
        nh_store_write_abort(w);
        return err;
    }
    err = nh_store_write_commit(w);
    return err < 0 ? err : NH_OK;
}

static uint64_t wanted(const nh_publish_flash_t *f, const struct nh_publish_ring *ring)
{
    return f->saved > ring->tail ? f->saved - ring->tail : 0;
}

// The newest segment goes on with what it has of use and what has come since, or, where that is too
// much for it, another one begins with the latter.
static struct segment next_segment(const nh_publish_flash_t *f, const struct nh_publish_ring *ring)
{
    struct segment s = f->newest;
    uint64_t from = f->saved > ring->tail ? f->saved : ring->tail, unsaved = ring->head - from;
    uint64_t first = s.first > ring->tail ? s.first : ring->tail;
    if (s.number && first < from && from - first + unsaved <= f->segment_count) {
        s.first = first;
        s.count = (uint32_t)(from - first + unsaved);
    } else {
        s.number++;
        s.first = from;
        s.count = unsaved < f->segment_count ? (uint32_t)unsaved : f->segment_count;
    }
    s.sinks = ring->sinks;
    memcpy(s.cursor, ring->cursor, sizeof s.cursor);
    return s;
}

static int save(nh_publish_flash_t *f, const struct nh_publish_ring *ring)
{
    struct segment s = next_segment(f, ring);
    int err = write_segment(f, &s, ring);
    if (err < 0) {
        f->info.errors++;
        if (!f->is_told)
            NH_LOG_W("battery", "waiting points cannot be kept: %s", nh_err_text(err));
        f->is_told = true;
        return err;
    }
    f->is_told = false;
    f->info.writes++;
    f->newest = s;
    f->saved = s.first + s.count;
    f->info.points = wanted(f, ring);
    return NH_OK;
}

// Whether what flash says of the sinks is not so any more, and matters: it still has points that
// one of them wants, or says that it has.
static bool has_moved(const nh_publish_flash_t *f, const struct nh_publish_ring *ring)
{
    return f->info.points > 0 && memcmp(f->newest.cursor, ring->cursor, sizeof ring->cursor) != 0;
}

uint64_t nh_publish_flash_next_deadline(const nh_publish_flash_t *f)
{
    return f->look_ms;
}

void nh_publish_flash_tick(nh_publish_flash_t *f, const struct nh_publish_ring *ring,
                           uint64_t now_ms)
{
    if (now_ms < f->look_ms)
        return;
    // A point that was there at the last look is still not taken: somebody is away.
    bool is_outage = ring->tail < f->looked && ring->head > f->saved;
    f->looked = ring->head;
    f->look_ms = nh_ms_after(now_ms, f->cfg.interval_ms / LOOKS);
    if (now_ms < f->write_ms || !(is_outage || has_moved(f, ring)))
        return;
    f->write_ms = nh_ms_after(now_ms, f->cfg.interval_ms);
    NH_IGNORE(save(f, ring)); // counted; tried again after the interval
}

int nh_publish_flash_stop(nh_publish_flash_t *f, const struct nh_publish_ring *ring)
{
    int err = NH_OK;
    uint64_t end = f->saved > ring->tail ? f->saved : ring->tail;
    // A segment at a time, at most all of them.
    for (int i = 0; err == 0 && end < ring->head && i < NH_PUBLISH_FLASH_FILE_COUNT; i++) {
        err = save(f, ring);
        end = f->saved;
    }
    return err == 0 && has_moved(f, ring) ? save(f, ring) : err;
}

// ---- reading ------------------------------------------------------------------------------------

// 1: it is there; 0: there is none, or it is not whole.
static int read_head(nh_publish_flash_t *f, uint32_t number, struct segment *out)
{
    char name[NH_STORE_NAME_MAX_BYTES];
    uint8_t head[NH_PUBLISH_FLASH_HEAD_BYTES];
    struct nh_store_doc_info info;
    name_of(number, name);
    int rc = nh_store_stat(f->cfg.store, name, &info);
    if (rc == 0)
        rc = nh_store_read(f->cfg.store, name, info.generation, 0, head, sizeof head);
    if (rc == NH_ERR_NOT_FOUND)
        return 0;
    if (rc < 0 && rc != NH_ERR_CORRUPT)
        return rc;
    if (rc == (int)sizeof head && decode_head(head, info.size_bytes, out) &&
        out->number % NH_PUBLISH_FLASH_FILE_COUNT == number % NH_PUBLISH_FLASH_FILE_COUNT)
        return 1;
    f->info.damaged++;
    return 0;
}

// The segments that are there, by file: their numbers and where they begin and end.
struct found {
    struct {
        uint32_t number, count;
        uint64_t first;
    } file[NH_PUBLISH_FLASH_FILE_COUNT];
};

static int find_all(nh_publish_flash_t *f, struct found *found)
{
    memset(found, 0, sizeof *found);
    for (uint32_t i = 0; i < NH_PUBLISH_FLASH_FILE_COUNT; i++) {
        struct segment s;
        int rc = read_head(f, i, &s);
        if (rc < 0)
            return rc;
        if (rc == 0)
            continue;
        found->file[i].number = s.number;
        found->file[i].count = s.count;
        found->file[i].first = s.first;
        if (s.number > f->newest.number)
            f->newest = s;
    }
    return NH_OK;
}

// The lowest place that a sink of now wants, by what the newest segment says of them. One that is
// new wants nothing of before its time.
static uint64_t first_wanted(const nh_publish_flash_t *f, uint8_t sinks, uint64_t end,
                             uint64_t cursor[NH_BATTERY_SINK_COUNT])
{
    uint64_t first = end;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        bool is_known = (f->newest.sinks & sinks) >> i & 1;
        cursor[i] = is_known && f->newest.cursor[i] < end ? f->newest.cursor[i] : end;
        if (cursor[i] < first)
            first = cursor[i];
    }
    return first;
}

// The number of the oldest segment that is wanted and from which on none is missing.
static uint32_t oldest_of(const nh_publish_flash_t *f, const struct found *found, uint64_t wanted,
                          uint64_t *first)
{
    uint32_t number = f->newest.number;
    *first = f->newest.first;
    while (number > 1 && *first > wanted) {
        uint32_t before = number - 1, at = before % NH_PUBLISH_FLASH_FILE_COUNT;
        if (found->file[at].number != before ||
            found->file[at].first + found->file[at].count < *first)
            break;
        number = before;
        if (found->file[at].first < *first)
            *first = found->file[at].first;
    }
    return number;
}

// Gives the points of a segment from place `*next` on to the engine.
static int read_points(nh_publish_flash_t *f, uint32_t number, uint64_t first, uint32_t count,
                       uint64_t *next, nh_publish_engine_t *e)
{
    char name[NH_STORE_NAME_MAX_BYTES];
    uint8_t bytes[READ_COUNT * NH_PUBLISH_FLASH_POINT_BYTES];
    struct nh_battery_point p = {0};
    name_of(number, name);
    for (uint64_t at = *next > first ? *next - first : 0; at < count;) {
        uint64_t offset = NH_PUBLISH_FLASH_HEAD_BYTES + at * NH_PUBLISH_FLASH_POINT_BYTES;
        int len = nh_store_read(f->cfg.store, name, 0, offset, bytes, sizeof bytes);
        if (len < NH_PUBLISH_FLASH_POINT_BYTES)
            return len < 0 ? len : NH_ERR_CORRUPT;
        for (int i = 0; i + NH_PUBLISH_FLASH_POINT_BYTES <= len && at < count;
             i += NH_PUBLISH_FLASH_POINT_BYTES, at++) {
            nh_publish_flash_decode(bytes + i, &p);
            nh_publish_engine_restore(e, &p);
            *next = first + at + 1;
        }
    }
    return NH_OK;
}

static int read_all(nh_publish_flash_t *f, const struct found *found, uint32_t oldest,
                    uint64_t *next, nh_publish_engine_t *e)
{
    int err = NH_OK;
    for (uint32_t n = oldest; err == 0 && n <= f->newest.number; n++) {
        uint32_t at = n % NH_PUBLISH_FLASH_FILE_COUNT;
        err = read_points(f, n, found->file[at].first, found->file[at].count, next, e);
    }
    return err;
}

static int load(nh_publish_flash_t *f, struct found *found, nh_publish_engine_t *e)
{
    uint64_t cursor[NH_BATTERY_SINK_COUNT], first;
    int err = find_all(f, found);
    if (err < 0 || !f->newest.number)
        return err;
    uint64_t end = f->newest.first + f->newest.count;
    uint64_t next = first_wanted(f, nh_publish_engine_ring(e)->sinks, end, cursor);
    uint32_t oldest = oldest_of(f, found, next, &first);
    next = next > first ? next : first;
    nh_publish_engine_resume(e, next);
    err = read_all(f, found, oldest, &next, e);
    nh_publish_engine_restored(e, cursor);
    f->saved = f->looked = nh_publish_engine_ring(e)->head;
    f->info.points = wanted(f, nh_publish_engine_ring(e));
    return err;
}

int nh_publish_flash_load(nh_publish_flash_t *f, nh_publish_engine_t *e)
{
    struct found *found = nh_mem_alloc(f->cfg.mem, sizeof *found, NH_MEM_BULK);
    if (!found)
        return NH_ERR_NOMEM;
    int err = load(f, found, e);
    nh_mem_free(f->cfg.mem, found);
    return err;
}

// ---- life ---------------------------------------------------------------------------------------

int nh_publish_flash_create(const struct nh_publish_flash_config *cfg, uint64_t now_ms,
                            nh_publish_flash_t **out)
{
    *out = NULL;
    nh_publish_flash_t *f = nh_mem_alloc_zero(cfg->mem, sizeof *f, NH_MEM_BULK);
    if (!f)
        return NH_ERR_NOMEM;
    f->cfg = *cfg;
    f->cfg.count = cfg->count ? cfg->count : 1024;
    f->cfg.interval_ms = cfg->interval_ms ? cfg->interval_ms : 60000;
    uint32_t period_ms = cfg->period_ms ? cfg->period_ms : 5000;
    // A segment may be half empty when the next one begins, so half of them hold `count`.
    uint32_t segments = NH_PUBLISH_FLASH_FILE_COUNT / 2 - 1;
    uint32_t by_count = (f->cfg.count + segments - 1) / segments;
    uint32_t by_time = 2 * (f->cfg.interval_ms / period_ms + 1);
    f->segment_count = by_count > by_time ? by_count : by_time;
    if (f->segment_count < SEGMENT_MIN_COUNT)
        f->segment_count = SEGMENT_MIN_COUNT;
    f->info.capacity = f->segment_count * (NH_PUBLISH_FLASH_FILE_COUNT - 1);
    f->info.interval_ms = f->cfg.interval_ms;
    f->look_ms = nh_ms_after(now_ms, f->cfg.interval_ms / LOOKS);
    *out = f;
    return NH_OK;
}

void nh_publish_flash_destroy(nh_publish_flash_t *f)
{
    if (f)
        nh_mem_free(f->cfg.mem, f);
}

void nh_publish_flash_info(const nh_publish_flash_t *f, struct nh_publish_flash_info *out)
{
    *out = f->info;
}
