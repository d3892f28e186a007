// The jobs on the board's settings, one after the other.

#include "components/battery/battery_settings.h"

#include "components/battery/battery_backup.h"
#include "core/base/crc.h"
#include "core/base/log.h"
#include "core/base/secret.h"

#include <stdio.h>
#include <string.h>

#define FIRST NH_TINYBMS_SETTINGS_FIRST
#define COUNT NH_TINYBMS_SETTINGS_COUNT
#define RANGE_COUNT 3

enum step { IDLE, READING, VERSION, RANGES, WRITING, CHECKING, FINAL_READING, COMMANDING };

struct token {
    char text[NH_BATTERY_TOKEN_TEXT_BYTES]; // "": free
    uint32_t digest;                        // of what it was given for
    uint64_t until_ms;
};

struct nh_battery__settings {
    struct nh_battery__settings_config cfg;
    struct nh_battery__settings_image image;
    uint64_t read_ms; // of image.now
    bool has_version, is_range_known[RANGE_COUNT];
    uint16_t version[NH_TINYBMS_VERSION_COUNT];
    struct token tokens[NH_BATTERY_TOKEN_MAX_COUNT];
    uint32_t next_token;
    uint64_t done_count, refused_count, failed_count;

    uint32_t job_count;         // made and not freed
    nh_battery__job_t *waiting; // in the order that they came
    nh_battery__job_t *running; // `step` is not IDLE
    enum step step;
    uint8_t range;                 // that is being asked for
    bool skips_ranges;             // the board was silent to it: not again in this job
    uint32_t chunk_from, chunk_to; // pairs that are being written
    struct nh_battery_request request;
};

int nh_battery__settings_create(const struct nh_battery__settings_config *cfg,
                                nh_battery__settings_t **out)
{
    *out = NULL;
    nh_battery__settings_t *s = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->cfg = *cfg;
    *out = s;
    return NH_OK;
}

static void free_job(nh_battery__settings_t *s, nh_battery__job_t *j)
{
    nh_mem_free(s->cfg.mem, j);
    s->job_count--;
}

void nh_battery__settings_destroy(nh_battery__settings_t *s)
{
    if (!s)
        return;
    if (s->running)
        free_job(s, s->running);
    while (s->waiting) {
        nh_battery__job_t *j = s->waiting;
        s->waiting = j->next;
        free_job(s, j);
    }
    nh_mem_free(s->cfg.mem, s);
}

// ---- what is known ------------------------------------------------------------------------------

void nh_battery__settings_words(nh_battery__settings_t *s, uint16_t address, uint16_t count,
                                const uint16_t *words)
{
    uint32_t from = address, to = (uint32_t)address + count;
    for (uint32_t a = from; a < to; a++)
        if (a >= FIRST && a < FIRST + COUNT)
            s->image.now[a - FIRST] = words[a - from];
    if (from <= FIRST && to >= FIRST + COUNT) {
        s->image.has_now = true;
        s->read_ms = s->cfg.clock_ms();
    }
    if (from <= NH_TINYBMS_VERSION_FIRST &&
        to >= NH_TINYBMS_VERSION_FIRST + NH_TINYBMS_VERSION_COUNT) {
        memcpy(s->version, words + (NH_TINYBMS_VERSION_FIRST - from), sizeof s->version);
        s->has_version = true;
    }
}

void nh_battery__settings_read_at(nh_battery__settings_t *s, uint64_t read_ms)
{
    if (s->image.has_now)
        s->read_ms = read_ms;
}

void nh_battery__settings_link(nh_battery__settings_t *s, bool is_up)
{
    if (is_up)
        return;
    s->has_version = false;
    memset(s->is_range_known, 0, sizeof s->is_range_known);
    memset(s->image.has_range, 0, sizeof s->image.has_range);
}

void nh_battery__settings_info(const nh_battery__settings_t *s,
                               struct nh_battery__settings_info *out)
{
    *out = (struct nh_battery__settings_info){
        .image = s->image,
        .age_ms = s->image.has_now ? s->cfg.clock_ms() - s->read_ms : NH_NEVER,
        .has_version = s->has_version,
        .done_count = s->done_count,
        .refused_count = s->refused_count,
        .failed_count = s->failed_count,
    };
    memcpy(out->version, s->version, sizeof out->version);
}

nh_store_t *nh_battery__settings_store(const nh_battery__settings_t *s)
{
    return s->cfg.store;
}

int64_t nh_battery__settings_unix_ms(const nh_battery__settings_t *s)
{
    return s->cfg.unix_ms();
}

// ---- tokens -------------------------------------------------------------------------------------

// A good token is used up by this.
static bool use_token(nh_battery__settings_t *s, const char *text, uint32_t digest)
{
    uint64_t now_ms = s->cfg.clock_ms();
    if (strlen(text) != NH_BATTERY_TOKEN_TEXT_BYTES - 1)
        return false;
    for (size_t i = 0; i < NH_BATTERY_TOKEN_MAX_COUNT; i++) {
        struct token *t = &s->tokens[i];
        if (!t->text[0] || !nh_ct_equal(t->text, text, sizeof t->text))
            continue;
        bool is_good = t->digest == digest && now_ms < t->until_ms;
        *t = (struct token){0};
        return is_good;
    }
    return false;
}

static void give_token(nh_battery__settings_t *s, uint32_t digest,
                       char out[NH_BATTERY_TOKEN_TEXT_BYTES])
{
    struct token *t = &s->tokens[s->next_token];
    uint8_t bytes[(NH_BATTERY_TOKEN_TEXT_BYTES - 1) / 2];
    s->next_token = (s->next_token + 1) % NH_BATTERY_TOKEN_MAX_COUNT;
    s->cfg.random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(t->text + 2 * i, 3, "%02x", bytes[i]);
    t->digest = digest;
    t->until_ms = nh_ms_after(s->cfg.clock_ms(), NH_BATTERY_TOKEN_S * 1000u);
    memcpy(out, t->text, sizeof t->text);
}

bool nh_battery__command_token(nh_battery__settings_t *s, uint8_t request_kind, const char *token,
                               char out[NH_BATTERY_TOKEN_TEXT_BYTES])
{
    uint32_t digest = nh_crc32(0, &request_kind, 1);
    if (use_token(s, token, digest))
        return true;
    if (out)
        give_token(s, digest, out);
    return false;
}

static bool is_danger(const struct nh_battery__wish *w)
{
    return w->is_changed && w->r->flags & NH_TINYBMS_DANGEROUS;
}

// Of each dangerous change what it is, from which value and to which.
static bool digest_of(const nh_battery__job_t *j, uint32_t *digest)
{
    bool has_danger = false;
    *digest = nh_crc32(0, "settings", 8);
    for (uint32_t i = 0; i < j->wish_count; i++) {
        const struct nh_battery__wish *w = &j->wishes[i];
        if (!is_danger(w))
            continue;
        has_danger = true;
        *digest = nh_crc32(*digest, w->r->key, strlen(w->r->key));
        *digest = nh_crc32(*digest, &w->old_raw, sizeof w->old_raw);
        *digest = nh_crc32(*digest, &w->new_raw, sizeof w->new_raw);
    }
    return has_danger;
}

// ---- jobs ---------------------------------------------------------------------------------------

nh_battery__job_t *nh_battery__job_create(nh_battery__settings_t *s)
{
    if (s->job_count >= NH_BATTERY_JOB_MAX_COUNT)
        return NULL;
    nh_battery__job_t *j = nh_mem_alloc_zero(s->cfg.mem, sizeof *j, NH_MEM_BULK);
    s->job_count += j != NULL;
    return j;
}

void nh_battery__job_drop(nh_battery__settings_t *s, nh_battery__job_t *j)
{
    free_job(s, j);
}

static void answered(void *ctx, const struct nh_battery_reply *r);

static int post(nh_battery__settings_t *s, enum step step)
{
    uint32_t ticket;
    s->request.done = answered;
    s->request.ctx = s;
    int err = s->cfg.post(s->cfg.ctx, &s->request, &ticket);
    if (err == NH_OK)
        s->step = step;
    return err;
}

static int post_read(nh_battery__settings_t *s, enum step step)
{
    s->request = (struct nh_battery_request){.kind = NH_BATTERY_READ,
                                             .priority = NH_BATTERY_PRIO_USER,
                                             .address = FIRST,
                                             .count = COUNT};
    return post(s, step);
}

static int begin(nh_battery__settings_t *s, nh_battery__job_t *j)
{
    s->skips_ranges = false;
    if (j->kind != NH_BATTERY__COMMAND)
        return post_read(s, READING);
    s->request =
        (struct nh_battery_request){.kind = j->request_kind, .priority = NH_BATTERY_PRIO_WRITE};
    return post(s, COMMANDING);
}

static void begin_next(nh_battery__settings_t *s);

// Who changes what protects a pack leaves a line.
static void log_writes(const nh_battery__job_t *j)
{
    for (uint32_t i = 0; i < j->wish_count; i++) {
        const struct nh_battery__wish *w = &j->wishes[i];
        const char *gap = w->r->unit[0] ? " " : "";
        double old = (double)w->old_raw / w->r->divisor;
        uint8_t code;
        if (!w->is_changed)
            continue;
        if (nh_battery__wish_outcome(j, w, &code) == NH_BATTERY_DONE)
            NH_LOG_I("battery", "%s was %.10g%s%s, is %.10g", w->r->key, old, gap, w->r->unit,
                     w->value);
        else
            NH_LOG_W("battery", "%s was %.10g%s%s; %.10g was not taken over", w->r->key, old, gap,
                     w->r->unit, w->value);
    }
}

static void tell_end(nh_battery__settings_t *s, nh_battery__job_t *j)
{
    if (j->kind == NH_BATTERY__APPLY && j->end == NH_BATTERY__JOB_DONE)
        log_writes(j);
    if (j->kind == NH_BATTERY__COMMAND && j->end == NH_BATTERY__JOB_DONE)
        NH_LOG_I("battery", "the board was told to %s",
                 j->request_kind == NH_BATTERY_RESTART        ? "restart"
                 : j->request_kind == NH_BATTERY_CLEAR_EVENTS ? "clear its events"
                                                              : "clear its statistics");
    if (j->kind == NH_BATTERY__APPLY) {
        s->done_count += j->end == NH_BATTERY__JOB_DONE && j->outcome == NH_BATTERY_DONE;
        s->refused_count += j->end == NH_BATTERY__JOB_INVALID ||
                            (j->end == NH_BATTERY__JOB_DONE && j->outcome == NH_BATTERY_REFUSED);
        s->failed_count += j->end == NH_BATTERY__JOB_FAILED ||
                           (j->end == NH_BATTERY__JOB_DONE && j->outcome != NH_BATTERY_DONE &&
                            j->outcome != NH_BATTERY_REFUSED);
    }
    if (j->done)
        j->done(j->ctx, j);
    free_job(s, j);
}

static void finish(nh_battery__settings_t *s, enum nh_battery__job_end end, int err)
{
    nh_battery__job_t *j = s->running;
    s->running = NULL;
    s->step = IDLE;
    j->end = (uint8_t)end;
    j->err = err;
    tell_end(s, j);
    begin_next(s);
}

static void begin_next(nh_battery__settings_t *s)
{
    while (s->waiting && !s->running) {
        nh_battery__job_t *j = s->waiting;
        s->waiting = j->next;
        s->running = j;
        int err = begin(s, j);
        if (err == NH_OK)
            return;
        s->running = NULL;
        j->end = NH_BATTERY__JOB_FAILED;
        j->err = err;
        tell_end(s, j);
    }
}

int nh_battery__job_submit(nh_battery__settings_t *s, nh_battery__job_t *j)
{
    j->next = NULL;
    if (!s->running) {
        s->running = j;
        int err = begin(s, j);
        if (err < 0) {
            s->running = NULL;
            free_job(s, j);
        }
        return err;
    }
    nh_battery__job_t **at = &s->waiting;
    while (*at)
        at = &(*at)->next;
    *at = j;
    return NH_OK;
}

void nh_battery__job_forget(nh_battery__settings_t *s, nh_battery__job_t *j)
{
    j->done = NULL;
    if (j == s->running)
        return;
    nh_battery__job_t **at = &s->waiting;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    free_job(s, j);
}

// ---- steps --------------------------------------------------------------------------------------

static int keep_backup(nh_battery__settings_t *s)
{
    struct nh_battery__backup b = {.unix_ms = s->cfg.unix_ms()};
    if (!s->cfg.store)
        return NH_OK;
    memcpy(b.words, s->image.now, sizeof b.words);
    if (s->has_version)
        memcpy(b.version, s->version, sizeof b.version);
    int generation = nh_battery__backup_keep(s->cfg.store, &b);
    return generation < 0 ? generation : NH_OK;
}

// Writes the next pairs; after the last ones the settings are read once more.
static int write_next(nh_battery__settings_t *s)
{
    const struct nh_battery__plan *p = &s->running->plan;
    if (s->chunk_to == p->pair_count)
        return post_read(s, FINAL_READING);
    s->chunk_from = s->chunk_to;
    s->chunk_to = nh_battery__plan_chunk(p, s->chunk_from);
    s->request = (struct nh_battery_request){.kind = NH_BATTERY_WRITE,
                                             .priority = NH_BATTERY_PRIO_WRITE,
                                             .address = p->pairs[s->chunk_from].address,
                                             .count = (uint16_t)(s->chunk_to - s->chunk_from)};
    for (uint16_t i = 0; i < s->request.count; i++) {
        s->request.addresses[i] = p->pairs[s->chunk_from + i].address;
        s->request.values[i] = p->pairs[s->chunk_from + i].value;
    }
    return post(s, WRITING);
}

static int write_first(nh_battery__settings_t *s)
{
    struct nh_battery__plan *p = &s->running->plan;
    for (uint32_t i = 0; i < p->pair_count; i++)
        p->pairs[i].outcome = NH_BATTERY_NOT_SENT;
    s->chunk_from = s->chunk_to = 0;
    int err = keep_backup(s);
    if (err < 0)
        NH_LOG_W("battery", "the settings cannot be kept before a change: %s; nothing is written",
                 nh_err_text(err));
    return err < 0 ? err : write_next(s);
}

// The settings are known: is what is wished for allowed, and was it asked for twice?
static void judge(nh_battery__settings_t *s)
{
    nh_battery__job_t *j = s->running;
    uint32_t digest;
    nh_battery__plan_make(&s->image, j->wishes, j->wish_count, &j->plan);
    if (j->plan.finding_count) {
        finish(s, NH_BATTERY__JOB_INVALID, NH_ERR_RANGE);
        return;
    }
    if (digest_of(j, &digest) && !use_token(s, j->token, digest)) {
        give_token(s, digest, j->token);
        finish(s, NH_BATTERY__JOB_NEEDS_TOKEN, NH_ERR_AGAIN);
        return;
    }
    if (!j->plan.pair_count) {
        finish(s, NH_BATTERY__JOB_DONE, NH_OK);
        return;
    }
    int err = write_first(s);
    if (err < 0)
        finish(s, NH_BATTERY__JOB_FAILED, err);
}

// What is still to be known; true: it was asked for.
static bool ask_more(nh_battery__settings_t *s)
{
    static const uint8_t options[RANGE_COUNT] = {NH_TINYBMS_MINIMUM, NH_TINYBMS_MAXIMUM,
                                                 NH_TINYBMS_DEFAULT};
    if (!s->has_version && s->step == READING) {
        s->request = (struct nh_battery_request){.kind = NH_BATTERY_READ,
                                                 .priority = NH_BATTERY_PRIO_USER,
                                                 .address = NH_TINYBMS_VERSION_FIRST,
                                                 .count = NH_TINYBMS_VERSION_COUNT};
        if (post(s, VERSION) == NH_OK)
            return true;
    }
    for (uint8_t i = 0; i < RANGE_COUNT && !s->skips_ranges; i++) {
        if (s->is_range_known[i])
            continue;
        s->range = i;
        s->request = (struct nh_battery_request){.kind = NH_BATTERY_RANGES,
                                                 .priority = NH_BATTERY_PRIO_USER,
                                                 .option = options[i],
                                                 .count = COUNT};
        if (post(s, RANGES) == NH_OK)
            return true;
    }
    return false;
}

static void go_on(nh_battery__settings_t *s)
{
    if (ask_more(s))
        return;
    if (s->running->kind == NH_BATTERY__APPLY)
        judge(s);
    else
        finish(s, NH_BATTERY__JOB_DONE, NH_OK);
}

// A board without this command keeps the limits of the table; one that was silent is asked again.
static void take_range(nh_battery__settings_t *s, const struct nh_battery_reply *r)
{
    bool has_it = r->outcome == NH_BATTERY_DONE && r->count >= COUNT;
    if (has_it)
        memcpy(s->image.ranges[s->range], r->words, sizeof s->image.ranges[0]);
    s->image.has_range[s->range] = has_it;
    s->is_range_known[s->range] = has_it || r->outcome == NH_BATTERY_REFUSED;
    s->skips_ranges = !s->is_range_known[s->range];
}

static void set_chunk(nh_battery__settings_t *s, uint8_t outcome, uint8_t code)
{
    for (uint32_t i = s->chunk_from; i < s->chunk_to; i++) {
        s->running->plan.pairs[i].outcome = outcome;
        s->running->plan.pairs[i].code = code;
    }
}

// The job's outcome is that of the write that ended it.
static void take_write(nh_battery__settings_t *s, const struct nh_battery_reply *r)
{
    set_chunk(s, r->outcome, r->code);
    s->running->outcome = r->outcome;
    s->running->code = r->code;
    int err = r->outcome == NH_BATTERY_DONE ? write_next(s) : post_read(s, CHECKING);
    if (err == NH_OK)
        return;
    // What was written is written; write_next() has moved on to what is not.
    if (s->running->plan.pairs[s->chunk_from].outcome == NH_BATTERY_NOT_SENT)
        s->running->outcome = NH_BATTERY_NOT_SENT;
    finish(s, NH_BATTERY__JOB_DONE, NH_OK);
}

// One word of several was not taken, or the answer was lost: which ones has the board?
static void check_chunk(nh_battery__settings_t *s)
{
    struct nh_battery__plan *p = &s->running->plan;
    bool is_all = true;
    for (uint32_t i = s->chunk_from; i < s->chunk_to; i++) {
        struct nh_battery__pair *pair = &p->pairs[i];
        const struct nh_tinybms_register *r = nh_tinybms_register_of(pair->address);
        pair->found = s->image.now[pair->address - FIRST];
        bool is_there = pair->found == pair->value ||
                        (r && r->flags & NH_TINYBMS_READS_FFFF && pair->found == UINT16_MAX);
        if (is_there)
            pair->outcome = NH_BATTERY_DONE;
        is_all = is_all && is_there;
    }
    if (is_all && s->chunk_to == p->pair_count)
        s->running->outcome = NH_BATTERY_DONE;
}

static void take_settings(nh_battery__settings_t *s, const struct nh_battery_reply *r)
{
    bool is_read = r->outcome == NH_BATTERY_DONE && r->count == COUNT;
    if (is_read)
        nh_battery__settings_words(s, FIRST, COUNT, r->words);
    if (s->step == READING && is_read) {
        go_on(s);
    } else if (s->step == READING) {
        s->running->outcome = r->outcome;
        s->running->code = r->code;
        finish(s, NH_BATTERY__JOB_FAILED, r->err < 0 ? r->err : NH_ERR_PROTO);
    } else {
        if (s->step == CHECKING && is_read)
            check_chunk(s);
        finish(s, NH_BATTERY__JOB_DONE, NH_OK);
    }
}

static void answered(void *ctx, const struct nh_battery_reply *r)
{
    nh_battery__settings_t *s = ctx;
    switch (s->step) {
    case READING:
    case CHECKING:
    case FINAL_READING:
        take_settings(s, r);
        break;
    case VERSION:
        if (r->outcome == NH_BATTERY_DONE)
            nh_battery__settings_words(s, NH_TINYBMS_VERSION_FIRST, r->count, r->words);
        go_on(s);
        break;
    case RANGES:
        take_range(s, r);
        go_on(s);
        break;
    case WRITING:
        take_write(s, r);
        break;
    case COMMANDING:
        s->running->outcome = r->outcome;
        s->running->code = r->code;
        finish(s, r->outcome == NH_BATTERY_DONE ? NH_BATTERY__JOB_DONE : NH_BATTERY__JOB_FAILED,
               r->err);
        break;
    case IDLE:
        break;
    }
}

uint8_t nh_battery__wish_outcome(const nh_battery__job_t *j, const struct nh_battery__wish *w,
                                 uint8_t *code)
{
    uint16_t last = (uint16_t)(w->r->address + nh_tinybms_register_words(w->r) - 1);
    uint8_t worst = NH_BATTERY_DONE;
    *code = 0;
    for (uint32_t i = 0; i < j->plan.pair_count; i++) {
        const struct nh_battery__pair *p = &j->plan.pairs[i];
        if (p->address < w->r->address || p->address > last || p->outcome <= worst)
            continue;
        worst = p->outcome;
        *code = p->code;
    }
    return worst;
}
