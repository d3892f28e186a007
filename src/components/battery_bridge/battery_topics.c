// battery_topics.c - messages at the hub's broker, and the commands for registers.

#include "components/battery_bridge/battery_bridge_private.h"

#include "core/base/crc.h"
#include "core/base/log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- saying -------------------------------------------------------------------------------------

bool nh_battery_bridge__say(nh_battery_bridge_t *b, const char *suffix, const char *payload,
                            size_t len, bool retain)
{
    char topic[NH_BATTERY_BRIDGE__TOPIC_MAX_BYTES];
    int n = snprintf(topic, sizeof topic, "%s/battery/%s", b->name, suffix);
    const nh_span_t t = {(const uint8_t *)topic, (size_t)n}, p = {(const uint8_t *)payload, len};
    int err = b->cfg.publish(b->cfg.ctx, t, p, retain);
    b->messages += err == 0;
    b->failed += err < 0;
    return err == 0;
}

void nh_battery_bridge__say_status(nh_battery_bridge_t *b)
{
    const char *word = b->is_online ? "online" : "offline";
    if (b->cfg.has_topics)
        nh_battery_bridge__say(b, "status", word, strlen(word), true);
}

// False: the same as what stands there.
static bool is_another(nh_battery_bridge_t *b, size_t at, const char *text, size_t len)
{
    const struct nh_battery_view v = nh_battery_bridge__view(b);
    int64_t now;
    if (!nh_battery_value_number(at, &v, &now))
        now = nh_crc32(0, text, len);
    if (b->has_last[at] && b->last[at] == now)
        return false;
    b->has_last[at] = true;
    b->last[at] = now;
    return true;
}

static void say_values(nh_battery_bridge_t *b, uint8_t group)
{
    const struct nh_battery_view v = nh_battery_bridge__view(b);
    char text[NH_BATTERY_TEXT_MAX_BYTES], suffix[48];
    struct nh_battery_value_info info;
    for (size_t at = 0; at < nh_battery_value_count(); at++) {
        nh_battery_value_info(at, &info);
        if (info.group != group)
            continue;
        size_t len = nh_battery_value_print(at, &v, text, sizeof text);
        snprintf(suffix, sizeof suffix, "value/%s", info.object);
        if (!len) { // not known, or not any more: what is kept there would look as if it were
            b->has_none[at] = b->has_none[at] || nh_battery_bridge__say(b, suffix, "", 0, true);
            b->has_last[at] = false;
            continue;
        }
        b->has_none[at] = false;
        if (!is_another(b, at, text, len))
            continue;
        b->has_last[at] = nh_battery_bridge__say(b, suffix, text, len, true);
    }
}

static struct nh_json_buf begin(nh_battery_bridge_t *b)
{
    return (struct nh_json_buf){.ptr = b->payload, .cap = sizeof b->payload};
}

static void say_json(nh_battery_bridge_t *b, const char *suffix, nh_json_writer_t *w,
                     const struct nh_json_buf *buf, bool retain)
{
    if (nh_json_writer_end(w) == 0)
        nh_battery_bridge__say(b, suffix, b->payload, buf->len, retain);
    else
        b->failed++;
}

void nh_battery_bridge__say_group(nh_battery_bridge_t *b, uint8_t group)
{
    const struct nh_battery_view v = nh_battery_bridge__view(b);
    nh_json_writer_t w;
    if (b->cfg.part_changed)
        b->cfg.part_changed(b->cfg.ctx, NH_BATTERY_BRIDGE__LINK + 1u + group);
    if (!b->cfg.has_topics)
        return;
    struct nh_json_buf buf = begin(b);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_battery_group_write(group, &v, &w);
    say_json(b, nh_battery_group_text(group), &w, &buf, true);
    say_values(b, group);
}

void nh_battery_bridge__say_victron(nh_battery_bridge_t *b)
{
    const struct nh_battery_view v = nh_battery_bridge__view(b);
    nh_json_writer_t w;
    struct nh_json_buf buf = begin(b);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_battery_victron_write(&v, &w);
    say_json(b, "victron", &w, &buf, false);
}

// ---- registers ----------------------------------------------------------------------------------

static size_t print_register(const struct nh_tinybms_register *r, double value, char *out,
                             size_t cap)
{
    return isnan(value) ? 0 : (size_t)snprintf(out, cap, "%.*f", (int)r->decimals, value);
}

static void say_register(nh_battery_bridge_t *b, const struct nh_tinybms_register *r, double value)
{
    char text[48], suffix[64];
    size_t len = print_register(r, value, text, sizeof text);
    if (!len || !b->cfg.has_topics || !b->is_started)
        return;
    snprintf(suffix, sizeof suffix, "register/%s", r->key);
    nh_battery_bridge__say(b, suffix, text, len, true);
}

void nh_battery_bridge_register(nh_battery_bridge_t *b, const struct nh_event_battery_register *e)
{
    const nh_span_t key = {(const uint8_t *)e->key, strnlen(e->key, sizeof e->key)};
    const struct nh_tinybms_register *r = nh_tinybms_register_find(key);
    if (r)
        say_register(b, r, (double)e->value);
}

static void write_head(const struct nh_battery_command *c, nh_json_writer_t *w)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "key", c->reg ? c->reg->key : NULL);
    if (c->reg)
        nh_json_kv_uint(w, "address", c->reg->address);
    else
        nh_json_kv_null(w, "address");
    nh_json_kv_string(w, "action", !c->reg ? NULL : c->is_write ? "write" : "read");
}

// The answer to a command. `value` NAN: none is known. `text`: of an error.
static void answer(nh_battery_bridge_t *b, const struct nh_battery_command *c, const char *outcome,
                   uint8_t code, double value, const char *text)
{
    char number[48];
    nh_json_writer_t w;
    struct nh_json_buf buf = begin(b);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    write_head(c, &w);
    nh_json_kv_string(&w, "outcome", outcome);
    nh_json_key(&w, "value");
    size_t len = c->reg ? print_register(c->reg, value, number, sizeof number) : 0;
    if (len)
        nh_json_raw(&w, number, len);
    else
        nh_json_null(&w);
    if (strcmp(outcome, "refused") == 0 && !text)
        nh_json_kv_uint(&w, "code", code);
    if (text)
        nh_json_kv_string(&w, "error", text);
    nh_json_object_end(&w);
    say_json(b, "register/result", &w, &buf, false);
}

static void refuse(nh_battery_bridge_t *b, const struct nh_battery_command *c, const char *why)
{
    b->refused++;
    NH_LOG_W("battery", "a message at %s was refused: %s", b->filter, why);
    answer(b, c, "refused", 0, NAN, why);
}

static const char *outcome_text(uint8_t outcome)
{
    static const char *const texts[] = {
        [NH_BATTERY_DONE] = "done",           [NH_BATTERY_REFUSED] = "refused",
        [NH_BATTERY_NOT_TAKEN] = "not_taken", [NH_BATTERY_LOST] = "lost",
        [NH_BATTERY_EXPIRED] = "expired",     [NH_BATTERY_CANCELLED] = "cancelled",
    };
    return outcome < NH_ARRAY_LEN(texts) ? texts[outcome] : "failed";
}

// `text`: of an error; NULL: the outcome says it all.
static void finish(struct nh_battery_bridge__command *k, uint8_t outcome, uint8_t code,
                   double value, const char *text)
{
    nh_battery_bridge_t *b = k->bridge;
    const struct nh_battery_command c = k->c;
    k->is_used = false;
    b->refused += outcome != NH_BATTERY_DONE;
    if (!b->is_started) // it is stopping: nobody listens any more
        return;
    if (outcome == NH_BATTERY_DONE)
        say_register(b, c.reg, value);
    answer(b, &c, outcome_text(outcome), code, value, text);
}

static void on_read(void *ctx, const struct nh_battery_reply *r)
{
    struct nh_battery_bridge__command *k = ctx;
    bool is_done = r->outcome == NH_BATTERY_DONE;
    finish(k, r->outcome, r->code, is_done ? nh_tinybms_value(k->c.reg, r->words) : (double)NAN,
           NULL);
}

// What a check refused was never sent, so it has no outcome of the board's.
static void on_written(void *ctx, const struct nh_battery_setting_result *r)
{
    bool is_checked = r->err < 0 && (r->outcome == NH_BATTERY_DONE || r->text[0]);
    if (is_checked)
        finish(ctx, NH_BATTERY_REFUSED, 0, r->value, r->text[0] ? r->text : nh_err_text(r->err));
    else
        finish(ctx, r->outcome, r->code, r->value, NULL);
}

static int begin_read(nh_battery_bridge_t *b, struct nh_battery_bridge__command *k)
{
    uint32_t ticket;
    const struct nh_battery_request q = {.kind = NH_BATTERY_READ,
                                         .priority = NH_BATTERY_PRIO_USER,
                                         .address = k->c.reg->address,
                                         .count = nh_tinybms_register_words(k->c.reg),
                                         .done = on_read,
                                         .ctx = k};
    return nh_battery_post(b->cfg.battery, &q, &ticket);
}

static struct nh_battery_bridge__command *free_command(nh_battery_bridge_t *b)
{
    for (size_t i = 0; i < NH_BATTERY_BRIDGE__COMMAND_MAX_COUNT; i++)
        if (!b->commands[i].is_used)
            return &b->commands[i];
    return NULL;
}

static void begin_command(nh_battery_bridge_t *b, const struct nh_battery_command *c)
{
    struct nh_battery_bridge__command *k = free_command(b);
    if (!k) {
        refuse(b, c, "4 commands are under way");
        return;
    }
    *k = (struct nh_battery_bridge__command){.bridge = b, .is_used = true, .c = *c};
    int err = c->is_write
                  ? nh_battery_setting_write(b->cfg.battery, c->reg, c->value, on_written, k)
                  : begin_read(b, k);
    if (err == 0)
        return;
    k->is_used = false;
    refuse(b, c, nh_err_text(err));
}

void nh_battery_bridge_message(nh_battery_bridge_t *b, nh_span_t topic, nh_span_t payload)
{
    struct nh_battery_command c;
    char why[160];
    size_t len = strlen(b->filter);
    if (!b->is_started || topic.len != len || memcmp(topic.ptr, b->filter, len) != 0)
        return;
    b->command_count++;
    int err = nh_battery_command_read(payload, &c, why, sizeof why);
    if (err < 0)
        refuse(b, &c, why[0] ? why : nh_err_text(err));
    else
        begin_command(b, &c);
}

const char *const *nh_battery_bridge_filters(const nh_battery_bridge_t *b)
{
    return b->filters;
}
