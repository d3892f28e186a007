// The pad's typist, and what it typed: for the feed, so that a pad without a keyboard can be seen
// at work, and one with a keyboard can be watched.

#include "components/macropad/macropad_state.h"

#include "core/base/log.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define FEED_BYTES 2600u // of a part, escapes included
#define FEED_INTERVAL_MS 100

const char *nh_macropad__origin_text(uint32_t origin, char out[24])
{
    if (origin == NH_MACROPAD__BY_REQUEST)
        snprintf(out, 24, "a request");
    else
        snprintf(out, 24, "macro%u slot %u", (unsigned)(origin / NH_MACROPAD_SLOT_COUNT + 1),
                 (unsigned)(origin % NH_MACROPAD_SLOT_COUNT));
    return out;
}

// ---- the typist's side -------------------------------------------------------------------------

static int report(void *ctx, const uint8_t *bytes, size_t len)
{
    nh_macropad_t *m = ctx;
    return m->cfg.out.report(m->cfg.out.ctx, bytes, len);
}

static void typed(void *ctx, uint32_t origin, bool is_chord, nh_span_t text)
{
    nh_macropad_t *m = ctx;
    struct nh_macropad__typed *t = &m->typed[m->typed_count++ % NH_MACROPAD__TYPED_COUNT];
    t->ms = m->cfg.clock_ms();
    t->origin = origin;
    t->is_chord = is_chord;
    t->len = (uint8_t)nh_utf8_valid_len(
        text.ptr, text.len < sizeof t->text ? text.len : sizeof t->text, true);
    memcpy(t->text, text.ptr, t->len);
    if (m->cfg.out.feed_changed)
        m->cfg.out.feed_changed(m->cfg.out.ctx);
}

// A token may be a part of a password that stands on a line by mistake: only its begin is told.
static void fault(void *ctx, uint32_t origin, enum nh_key_fault f, uint32_t line, nh_span_t token)
{
    nh_macropad_t *m = ctx;
    char who[24];
    size_t len = nh_utf8_valid_len(token.ptr, token.len < 24 ? token.len : 24, true);
    m->info.script_faults++;
    NH_LOG_W("macropad", "%s, line %u: %s: %.*s", nh_macropad__origin_text(origin, who),
             (unsigned)line, nh_key_fault_text(f), (int)len, (const char *)token.ptr);
}

int nh_macropad__create_typist(nh_macropad_t *m)
{
    const char *id = m->cfg.layout ? m->cfg.layout : "";
    const nh_key_layout_t *layout =
        nh_key_layout_find((nh_span_t){(const uint8_t *)id, strlen(id)});
    const struct nh_typist_config cfg = {.mem = m->cfg.mem,
                                         .layout = layout ? layout : nh_key_layout_at(0),
                                         .unicode = m->cfg.unicode,
                                         .key_ms = m->cfg.key_ms,
                                         .queue_max = m->cfg.script_queue_max,
                                         .ctx = m,
                                         .report = report,
                                         .typed = typed,
                                         .fault = fault};
    return m->cfg.out.report ? nh_typist_create(&cfg, &m->typist) : 0;
}

int nh_macropad__type(nh_macropad_t *m, nh_span_t script, uint32_t origin)
{
    char who[24];
    nh_macropad__origin_text(origin, who);
    if (!m->typist) {
        NH_LOG_W("macropad", "%s: there is no keyboard; its script is left out", who);
        return NH_ERR_UNSUPPORTED;
    }
    int err = nh_typist_post(m->typist, script, origin, m->cfg.clock_ms());
    if (err == 0)
        NH_LOG_I("macropad", "%s types a script of %u bytes", who, (unsigned)script.len);
    return err;
}

int nh_macropad_type(nh_macropad_t *m, nh_span_t script)
{
    return nh_macropad__type(m, script, NH_MACROPAD__BY_REQUEST);
}

uint32_t nh_macropad_stop_typing(nh_macropad_t *m)
{
    return m->typist ? nh_typist_stop(m->typist) : 0;
}

void nh_macropad_tick(nh_macropad_t *m, uint64_t now_ms)
{
    if (m->typist)
        nh_typist_tick(m->typist, now_ms);
}

uint64_t nh_macropad_next_deadline(const nh_macropad_t *m)
{
    return m->typist ? nh_typist_next_deadline(m->typist) : NH_NEVER;
}

// ---- the feed ----------------------------------------------------------------------------------

static uint64_t feed_version(void *ctx)
{
    const nh_macropad_t *m = ctx;
    return m->typed_count + 1;
}

static void write_entry(const nh_macropad_t *m, uint64_t number, nh_json_writer_t *w)
{
    const struct nh_macropad__typed *t = &m->typed[number % NH_MACROPAD__TYPED_COUNT];
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "number", number);
    nh_json_kv_uint(w, "ms", t->ms);
    if (t->origin != NH_MACROPAD__BY_REQUEST) {
        nh_json_kv_uint(w, "screen", t->origin / NH_MACROPAD_SLOT_COUNT + 1);
        nh_json_kv_uint(w, "slot", t->origin % NH_MACROPAD_SLOT_COUNT);
    }
    nh_json_kv_string(w, "kind", t->is_chord ? "chord" : "text");
    nh_json_key(w, "text");
    nh_json_string_n(w, t->text, t->len);
    nh_json_object_end(w);
}

// The bytes that an entry takes at most: every control character is an escape of six.
static size_t entry_bytes(const nh_macropad_t *m, uint64_t number)
{
    const struct nh_macropad__typed *t = &m->typed[number % NH_MACROPAD__TYPED_COUNT];
    size_t bytes = 96;
    for (size_t i = 0; i < t->len; i++)
        bytes += (uint8_t)t->text[i] < 0x20 ? 6 : t->text[i] == '"' || t->text[i] == '\\' ? 2 : 1;
    return bytes;
}

// `since` is one more than the entries that a reader has: 0, all that are left.
static uint64_t feed_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    const nh_macropad_t *m = ctx;
    uint64_t from = since ? since - 1 : 0;
    size_t bytes = 0;
    if (m->typed_count > NH_MACROPAD__TYPED_COUNT &&
        from < m->typed_count - NH_MACROPAD__TYPED_COUNT)
        from = m->typed_count - NH_MACROPAD__TYPED_COUNT;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "keyboard", m->cfg.keyboard ? m->cfg.keyboard : "off");
    nh_json_key(w, "entries");
    nh_json_array_begin(w);
    for (; from < m->typed_count; from++) {
        bytes += entry_bytes(m, from);
        if (bytes > FEED_BYTES)
            break;
        write_entry(m, from, w);
    }
    nh_json_array_end(w);
    nh_json_object_end(w);
    return from + 1;
}

void nh_macropad_feed_parts(nh_macropad_t *m, nh_feed_part_t out[NH_MACROPAD_FEED_COUNT])
{
    out[0] = (nh_feed_part_t){.name = "typed",
                              .min_interval_ms = FEED_INTERVAL_MS,
                              .version = feed_version,
                              .write = feed_write,
                              .ctx = m};
}
