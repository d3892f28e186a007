// The routes of the radio and its part of the feed: thin, no state. docs/lamp-radio.md.

#include "components/lamp_radio/lamp_radio_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX_BYTES 256
#define PAIR_MAX_S 300

// ---- the object --------------------------------------------------------------------------------

static void kv_address(nh_json_writer_t *w, const char *key, const nh_radio_address_t *a)
{
    char text[NH_RADIO_ADDRESS_TEXT_BYTES];
    nh_json_kv_string(w, key, nh_radio_address_text(a, text));
}

static void write_peer(nh_json_writer_t *w, const struct nh_radio_lamp_peer *p, uint64_t now_ms)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", p->record.name);
    kv_address(w, "address", &p->record.address);
    nh_json_kv_uint(w, "node", p->record.node);
    nh_json_kv_string(w, "key", p->record.kind == NH_RADIO_PEER_KEYED ? "paired" : "none");
    if (p->is_heard) {
        nh_json_kv_int(w, "rssi_dbm", p->rssi_dbm);
        nh_json_kv_uint(w, "heard_ago_ms", now_ms - p->heard_ms);
    } else {
        nh_json_kv_null(w, "rssi_dbm");
        nh_json_kv_null(w, "heard_ago_ms");
    }
    nh_json_kv_uint(w, "commands", p->command_count);
    nh_json_kv_uint(w, "repeats", p->repeat_count);
    nh_json_kv_uint(w, "rejected", p->rejected_count);
    nh_json_kv_uint(w, "lost", p->lost_count);
    nh_json_kv_uint(w, "ack_p50_us", p->ack_p50_us);
    nh_json_kv_uint(w, "ack_p99_us", p->ack_p99_us);
    nh_json_object_end(w);
}

static void write_peers(const nh_lamp_radio_t *r, nh_json_writer_t *w, uint64_t now_ms)
{
    struct nh_radio_lamp_peer p;
    nh_json_key(w, "peers");
    nh_json_array_begin(w);
    for (size_t i = 0; nh_radio_lamp_peer_at(r->engine, i, &p); i++)
        write_peer(w, &p, now_ms);
    nh_json_array_end(w);
}

static void write_pairing(nh_json_writer_t *w, const struct nh_radio_lamp_info *i)
{
    char code[8];
    nh_json_key(w, "pairing");
    if (i->pair_left_s == 0) {
        nh_json_null(w);
        return;
    }
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "left_s", i->pair_left_s);
    nh_json_kv_bool(w, "confirm", i->pair_needs_code);
    if (i->pair_has_code) {
        snprintf(code, sizeof code, "%06u", (unsigned)(i->pair_code % 1000000u));
        nh_json_kv_string(w, "name", i->pair_name);
        kv_address(w, "address", &i->pair_address);
        nh_json_kv_string(w, "code", code);
    } else {
        nh_json_kv_null(w, "code");
    }
    nh_json_object_end(w);
}

static void write_counters(const nh_lamp_radio_t *r, nh_json_writer_t *w,
                           const struct nh_radio_lamp_info *i)
{
    struct nh_radio_info air;
    nh_radio_info(r->radio, &air);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"received", i->received_count},
        {"sent", i->sent_count},
        {"commands", i->command_count},
        {"applied", i->applied_count},
        {"repeats", i->repeat_count},
        {"pushes", i->push_count},
        {"lists", i->list_count},
        {"garbage", i->garbage_count},
        {"unknown", i->unknown_count},
        {"forged", i->forged_count},
        {"replayed", i->replayed_count},
        {"version_1_refused", i->plain_refused_count},
        {"foreign", i->foreign_count},
        {"busy", i->busy_count},
        {"full", i->full_count},
        {"keep_failed", i->keep_failed_count},
        {"paired", i->pair_count},
        {"pair_refused", i->pair_refused_count},
        {"send_failed", r->send_failed_count},
        {"air_lost", air.lost_count},
        {"air_duplicated", air.duplicated_count},
    };
    nh_json_key(w, "counters");
    nh_json_object_begin(w);
    for (size_t n = 0; n < NH_ARRAY_LEN(rows); n++)
        nh_json_kv_uint(w, rows[n].name, rows[n].value);
    nh_json_object_end(w);
}

static void write_all(const nh_lamp_radio_t *r, nh_json_writer_t *w)
{
    struct nh_radio_lamp_info i;
    uint64_t now_ms = nh_clock_ms();
    char crc[9];
    nh_radio_lamp_info(r->engine, now_ms, &i);
    snprintf(crc, sizeof crc, "%08x", (unsigned)i.effect_crc);
    nh_json_object_begin(w);
    kv_address(w, "address", &r->address);
    nh_json_kv_uint(w, "node", r->cfg.node);
    nh_json_kv_uint(w, "channel", nh_radio_channel_at(&r->channel));
    nh_json_kv_bool(w, "allow_v1", i.allow_v1);
    nh_json_kv_uint(w, "peer_max", i.peer_max);
    nh_json_kv_uint(w, "effects", i.effect_count);
    nh_json_kv_string(w, "effects_crc", crc);
    write_pairing(w, &i);
    write_peers(r, w, now_ms);
    write_counters(r, w, &i);
    nh_json_object_end(w);
}

static int reply_all(nh_request_t *req, int status)
{
    nh_json_writer_t *w = nh_reply_json(req, status);
    if (!w)
        return NH_ERR_NOMEM;
    write_all(req->ctx, w);
    return nh_reply_json_end(req);
}

// ---- routes ------------------------------------------------------------------------------------

struct pair_body {
    uint32_t seconds;
    bool confirm;
};
static const nh_json_field_t pair_fields[] = {
    {.name = "seconds",
     .type = NH_JSON_T_INT,
     NH_JSON_AT(struct pair_body, seconds),
     .min = 0,
     .max = PAIR_MAX_S,
     .unit = "s"},
    {.name = "confirm", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct pair_body, confirm)},
    NH_JSON_FIELDS_END};

struct accept_body {
    char code[8];
};
static const nh_json_field_t accept_fields[] = {{.name = "code",
                                                 .type = NH_JSON_T_STRING,
                                                 .required = true,
                                                 NH_JSON_AT(struct accept_body, code)},
                                                NH_JSON_FIELDS_END};

static int get_radio(nh_request_t *req)
{
    return reply_all(req, 200);
}

static int post_pair(nh_request_t *req)
{
    nh_lamp_radio_t *r = req->ctx;
    struct pair_body body = {.seconds = r->cfg.pairing_s, .confirm = true};
    bool ok = true;
    int err = req->body_len > 0
                  ? nh_request_decode(req, pair_fields, &body, "Nothing was changed.", &ok)
                  : 0;
    if (!ok || err < 0)
        return err;
    nh_radio_lamp_pair(r->engine, body.seconds, body.confirm, nh_clock_ms());
    nh_lamp_radio__arm(r);
    return reply_all(req, 200);
}

// Six digits, with a blank in the middle or not.
static bool parse_code(const char *text, uint32_t *out)
{
    uint32_t code = 0, digits = 0;
    for (; *text; text++) {
        if (*text == ' ' && digits == 3)
            continue;
        if (*text < '0' || *text > '9')
            return false;
        code = code * 10 + (uint32_t)(*text - '0');
        digits++;
    }
    *out = code;
    return digits == 6;
}

static int post_accept(nh_request_t *req)
{
    nh_lamp_radio_t *r = req->ctx;
    struct accept_body body = {0};
    uint32_t code;
    bool ok = true;
    int err = nh_request_decode(req, accept_fields, &body, "Nothing was changed.", &ok);
    if (!ok || err < 0)
        return err;
    if (!parse_code(body.code, &code))
        return nh_reply_error(req, 400, "bad_value", "code has six digits.");
    err = nh_radio_lamp_pair_accept(r->engine, code, nh_clock_ms());
    nh_lamp_radio__arm(r);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, "not_found",
                              "No remote waits: open the window and begin at the remote.");
    if (err == NH_ERR_DENIED)
        return nh_reply_error(req, 409, "other_code",
                              "The remote shows other digits, so somebody may sit in between. It "
                              "was refused.");
    if (err == NH_ERR_FULL)
        return nh_reply_error(req, 409, "full", "lamp_radio.peer_max_count remotes are paired.");
    return err < 0 ? nh_reply_err(req, err) : reply_all(req, 200);
}

static int delete_peer(nh_request_t *req)
{
    nh_lamp_radio_t *r = req->ctx;
    nh_radio_address_t address;
    if (!nh_radio_address_parse(req->rest, &address))
        return nh_reply_error(req, 404, "not_found",
                              "There is no remote of this address: aa:bb:cc:dd:ee:ff.");
    int err = nh_radio_lamp_remove(r->engine, &address);
    if (err == NH_ERR_NOT_FOUND)
        return nh_reply_error(req, 404, "not_found", "There is no remote of this address.");
    return err < 0 ? nh_reply_err(req, err) : reply_all(req, 200);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/lamp/radio",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_radio,
     .text = "Remotes of the lamp, the channel, and what was heard"},
    {.method = "POST",
     .path = "/api/lamp/radio/pair",
     .body_max_bytes = BODY_MAX_BYTES,
     .handle = post_pair,
     .text = "Open the pairing window (seconds; 0 closes it)"},
    {.method = "POST",
     .path = "/api/lamp/radio/accept",
     .body_max_bytes = BODY_MAX_BYTES,
     .handle = post_accept,
     .text = "The six digits that a remote shows are right"},
    {.method = "DELETE",
     .path = "/api/lamp/radio/peers/*",
     .handle = delete_peer,
     .text = "Forget a remote"},
    {0},
};

struct nh_route_table nh_lamp_radio_routes(nh_lamp_radio_t *r)
{
    return (struct nh_route_table){.routes = routes, .ctx = r, .name = "lamp_radio"};
}

// ---- feed --------------------------------------------------------------------------------------

static uint64_t feed_version(void *ctx)
{
    const nh_lamp_radio_t *r = ctx;
    struct nh_radio_lamp_info i;
    nh_radio_lamp_info(r->engine, 0, &i);
    return i.version + i.received_count + 1;
}

static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    (void)since;
    write_all(ctx, w);
    return feed_version(ctx);
}

void nh_lamp_radio_feed_part(nh_lamp_radio_t *r, nh_feed_part_t *out)
{
    *out = (nh_feed_part_t){.name = "lamp_radio",
                            .min_interval_ms = 500,
                            .version = feed_version,
                            .write = feed_write,
                            .ctx = r,
                            .is_for_operators = true,
                            .is_pushed = true};
}
