// What the line tells: its figures, and registers as they are, for tools. Thin, no state.

#include "components/battery/battery_private.h"

#include <stdlib.h>
#include <string.h>

// ---- figures

static void kv_ms(nh_json_writer_t *w, const char *key, uint32_t us)
{
    nh_json_kv_double(w, key, us / 1000.0);
}

static void write_counts(nh_json_writer_t *w, const struct nh_battery_statistics *s)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"reads_ok", s->reads_ok},
        {"reads_failed", s->reads_failed},
        {"writes_ok", s->writes_ok},
        {"writes_failed", s->writes_failed},
        {"crc_errors", s->crc_errors},
        {"timeouts", s->timeouts},
        {"retries", s->retries},
        {"rejected", s->rejected},
        {"expired", s->expired},
        {"late", s->late},
        {"stray", s->stray},
        {"wakeups", s->wakeups},
        {"implausible", s->implausible},
        {"coalesced", s->coalesced},
        {"batched", s->batched},
        {"dropped_bytes", s->dropped_bytes},
        {"bytes_in", s->bytes_in},
        {"bytes_out", s->bytes_out},
        {"exchanges", s->exchanges},
        {"reconnects", s->reconnects},
        {"queue_depth", s->queue_depth},
        {"queue_depth_max", s->queue_depth_max},
        {"queue_max", s->queue_max},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        nh_json_kv_uint(w, rows[i].name, rows[i].value);
}

void nh_battery__write_line(nh_battery_t *b, nh_json_writer_t *w)
{
    struct nh_battery_statistics s;
    uint64_t now_ms = nh_clock_ms();
    nh_battery_statistics(b, &s);
    nh_json_object_begin(w);
    write_counts(w, &s);
    nh_json_key(w, "nacks");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "command", s.nacks[0]);
    nh_json_kv_uint(w, "crc", s.nacks[1]);
    nh_json_kv_uint(w, "other", s.nacks[2]);
    nh_json_object_end(w);
    kv_ms(w, "avg_latency_ms", s.avg_latency_us);
    kv_ms(w, "max_latency_ms", s.max_latency_us);
    kv_ms(w, "p99_latency_ms", s.p99_latency_us);
    if (s.last_frame_ms)
        nh_json_kv_uint(w, "last_frame_age_ms", now_ms - s.last_frame_ms);
    else
        nh_json_kv_null(w, "last_frame_age_ms");
    nh_json_kv_string(w, "path", b->cfg.path);
    nh_json_object_end(w);
}

int nh_battery__api_line(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_battery__write_line(req->ctx, w);
    return nh_reply_json_end(req);
}

// ---- registers

// A number of the query; `fallback` where it is left out. False: it is none up to `max`.
static bool param(nh_request_t *req, const char *name, uint32_t fallback, uint32_t max,
                  uint32_t *out)
{
    const char *text = nh_request_param(req, name);
    char *end;
    *out = fallback;
    if (!text)
        return true;
    unsigned long n = strtoul(text, &end, 10);
    *out = (uint32_t)n;
    return text[0] >= '0' && text[0] <= '9' && !*end && n <= max;
}

static int reply_words(nh_request_t *req, uint32_t first, const uint16_t *words, size_t count)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "first", first);
    nh_json_key(w, "values");
    nh_json_array_begin(w);
    for (size_t i = 0; i < count; i++)
        nh_json_uint(w, words[i]);
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// A request that waits for the board. Its client may leave before: then the wait is orphaned.
struct wait {
    nh_mem_t *mem;
    nh_request_t *req; // NULL: gone
};

static void on_left(nh_request_t *req)
{
    struct wait *wait = req->state;
    if (wait)
        wait->req = NULL;
}

static int reply_outcome(nh_request_t *req, const struct nh_battery_reply *r)
{
    switch (r->outcome) {
    case NH_BATTERY_DONE:
        return reply_words(req, r->address, r->words, r->count);
    case NH_BATTERY_REFUSED:
        return nh_reply_error(req, 502, NULL, "The board refuses to tell them (code %u).", r->code);
    case NH_BATTERY_CANCELLED:
        return nh_reply_error(req, 503, NULL, "The line to the board is closed.");
    default:
        return nh_reply_error(req, 504, NULL, "The board did not answer in time.");
    }
}

static void on_read(void *ctx, const struct nh_battery_reply *r)
{
    struct wait *wait = ctx;
    nh_request_t *req = wait->req;
    nh_mem_free(wait->mem, wait);
    if (!req)
        return;
    req->state = NULL;
    nh_request_done(req, reply_outcome(req, r));
}

static int ask_board(nh_request_t *req, nh_battery_t *b, uint32_t first, uint32_t count)
{
    struct wait *wait = nh_mem_alloc(b->cfg.mem, sizeof *wait, NH_MEM_BULK);
    if (!wait)
        return NH_ERR_NOMEM;
    *wait = (struct wait){.mem = b->cfg.mem, .req = req};
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ,
                                         .priority = NH_BATTERY_PRIO_USER,
                                         .address = (uint16_t)first,
                                         .count = (uint16_t)count,
                                         .done = on_read,
                                         .ctx = wait};
    int err = nh_battery_post(b, &r, NULL);
    if (err < 0) {
        nh_mem_free(b->cfg.mem, wait);
        if (err == NH_ERR_FULL)
            return nh_reply_error(req, 503, NULL, "%u requests wait for the board already.",
                                  (unsigned)b->cfg.queue_max);
        return err == NH_ERR_CLOSED ? nh_reply_error(req, 503, NULL, "There is no local board.")
                                    : err;
    }
    req->state = wait;
    req->cleanup = on_left;
    nh_request_later(req);
    return NH_OK;
}

int nh_battery__api_registers(nh_request_t *req)
{
    nh_battery_t *b = req->ctx;
    uint16_t words[NH_TINYBMS_READ_MAX_COUNT];
    uint32_t first, count, max_age_ms;
    if (!param(req, "first", 0, NH_TINYBMS_ADDRESS_COUNT - 1, &first) ||
        !param(req, "count", NH_TINYBMS_LIVE_COUNT, NH_TINYBMS_READ_MAX_COUNT, &count) ||
        count < 1 || first + count > NH_TINYBMS_ADDRESS_COUNT)
        return nh_reply_error(req, 400, NULL,
                              "first and count must name 1 to %d registers of 0 to %d.",
                              NH_TINYBMS_READ_MAX_COUNT, NH_TINYBMS_ADDRESS_COUNT - 1);
    if (!param(req, "max_age_ms", 0, UINT32_MAX, &max_age_ms))
        return nh_reply_error(req, 400, NULL, "max_age_ms must be a number of 0 to %lu.",
                              (unsigned long)UINT32_MAX);
    if (max_age_ms &&
        nh_battery_cached(b, (uint16_t)first, (uint16_t)count, max_age_ms, words) == 0)
        return reply_words(req, first, words, count);
    return ask_board(req, b, first, count);
}
