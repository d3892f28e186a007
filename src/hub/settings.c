#include "hub/settings_private.h"

#include <stdio.h>
#include <string.h>

int nh_settings_create(const struct nh_settings_config *cfg, nh_settings_t **out)
{
    nh_settings_t *s = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    *out = NULL;
    if (!s)
        return NH_ERR_NOMEM;
    s->cfg = *cfg;
    s->running = nh_mem_alloc_zero(cfg->mem, sizeof *s->running, NH_MEM_BULK);
    if (!s->running) {
        nh_mem_free(cfg->mem, s);
        return NH_ERR_NOMEM;
    }
    *out = s;
    return 0;
}

void nh_settings_started(nh_settings_t *s, const struct nh_hub_config *c)
{
    *s->running = *c;
}

void nh_settings_destroy(nh_settings_t *s)
{
    if (!s)
        return;
    nh_mem_free(s->cfg.mem, s->running);
    nh_mem_free(s->cfg.mem, s);
}

uint32_t nh_settings_generation(nh_settings_t *s)
{
    struct nh_store_doc_info info;
    return nh_store_stat(s->cfg.store, NH_SETTINGS_DOC, &info) < 0 ? 0 : info.generation;
}

bool nh_settings__is_writable(const char *pointer)
{
    // What could lock its user out or move the ground under a running hub stays in the file.
    static const char *const file_only[] = {
        "/board", "/data", "/console", "/access", "/faults", "/budgets", "/http/tls",
        "/http/listen", "/mqtt/listen", "/mqtt/anonymous", "/mqtt/users", "/mqtt/acl",
        "/mqtt/password_file", "/audio/root", "/audio/output", "/macropad/keyboard",
        "/homeassistant/password_file", "/homeassistant/tls_ca_file", "/display/font",
        "/lamp_hardware/output", "/lamp_hardware/power_", "/lamp_button/chip", "/lamp_button/line",
        "/macropad/start_file", "/lamp_live/listen", "/lamp_send", "/battery/path",
        // Where a secret of the file goes to, and the secret.
        "/battery_publish/http", "/battery_publish/influx", "/battery_publish/mqtt_broker",
        "/battery_publish/mqtt_password_file", "/battery_publish/tls_ca_file",
        "/battery_bridge/can", "/devices/dir", "/devices/start_file", "/battery_remote/gateway",
        "/battery_remote/password_file", "/battery_remote/tls_ca_file", "/compat"};
    for (size_t i = 0; i < NH_ARRAY_LEN(file_only); i++)
        if (strncmp(pointer, file_only[i], strlen(file_only[i])) == 0)
            return false;
    return true;
}

int nh_settings__read(nh_settings_t *s, char *out)
{
    size_t len = 0;
    for (;;) {
        int n = nh_store_read(s->cfg.store, NH_SETTINGS_DOC, 0, len, out + len,
                              NH_SETTINGS_DOC_MAX_BYTES - len);
        if (n == NH_ERR_NOT_FOUND) {
            memcpy(out, "{}", 2);
            return 2;
        }
        if (n < 0)
            return n;
        len += (size_t)n;
        if (n == 0 || len == NH_SETTINGS_DOC_MAX_BYTES)
            return (int)len;
    }
}

int nh_settings__each(const char *text, size_t len,
                      int (*visit)(void *ctx, const struct nh_settings__pair *p), void *ctx)
{
    char buffer[NH_SETTINGS_VALUE_MAX_BYTES];
    const struct nh_json_reader_config cfg = {.text = buffer, .text_max_bytes = sizeof buffer};
    nh_json_reader_t r;
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, text, len, true);
    if (nh_json_next(&r) != NH_JSON_OBJECT_BEGIN)
        return NH_ERR_SYNTAX;
    for (;;) {
        struct nh_settings__pair p;
        int ev = nh_json_next(&r);
        if (ev == NH_JSON_OBJECT_END)
            return nh_json_next(&r) == NH_JSON_DONE ? 0 : NH_ERR_SYNTAX;
        if (ev != NH_JSON_KEY)
            return NH_ERR_SYNTAX;
        snprintf(p.pointer, sizeof p.pointer, "%s", nh_json_text(&r, NULL));
        ev = nh_json_next(&r);
        if (ev < 0)
            return NH_ERR_SYNTAX;
        uint64_t begin = nh_json_value_begin(&r);
        if (nh_json_skip(&r) < 0)
            return NH_ERR_SYNTAX;
        p.value = text + begin;
        p.value_len = (size_t)(nh_json_value_end(&r) - begin);
        int err = visit(ctx, &p);
        if (err != 0)
            return err;
    }
}

static void refuse(const struct nh_settings__pair *p, const char *text, nh_finding_fn finding,
                   void *ctx)
{
    struct nh_finding f = {.code = NH_ERR_NOT_FOUND};
    snprintf(f.pointer, sizeof f.pointer, "%s", p->pointer);
    snprintf(f.text, sizeof f.text, "%s", text);
    finding(ctx, &f);
}

// {"mqtt":{"inflight_max":20}} for /mqtt/inflight_max, so that the one decoder judges it.
int nh_settings__put(struct nh_hub_config *c, const struct nh_settings__pair *p,
                     nh_finding_fn finding, void *ctx)
{
    char text[NH_SETTINGS_VALUE_MAX_BYTES + NH_JSON_POINTER_MAX + 16];
    const char *field = p->pointer[0] == '/' ? strchr(p->pointer + 1, '/') : NULL;
    int n;
    if (p->pointer[0] != '/' || p->value_len >= NH_SETTINGS_VALUE_MAX_BYTES ||
        strpbrk(p->pointer, "\"\\") || (field && strchr(field + 1, '/'))) {
        refuse(p, "no such field", finding, ctx);
        return NH_ERR_INVAL;
    }
    // A section as one value would carry fields that the portal may not write.
    if (p->value[0] == '{' || p->value[0] == '[') {
        refuse(p, "is set field by field, not as a whole", finding, ctx);
        return NH_ERR_INVAL;
    }
    if (field)
        n = snprintf(text, sizeof text, "{\"%.*s\":{\"%s\":%.*s}}", (int)(field - p->pointer - 1),
                     p->pointer + 1, field + 1, (int)p->value_len, p->value);
    else
        n = snprintf(text, sizeof text, "{\"%s\":%.*s}", p->pointer + 1, (int)p->value_len,
                     p->value);
    return nh_hub_config_read_json(c, text, (size_t)n, finding, ctx);
}

struct overlay {
    struct nh_hub_config *c;
    nh_finding_fn finding;
    void *ctx;
    int err;
};

static int put_pair(void *ctx, const struct nh_settings__pair *p)
{
    struct overlay *o = ctx;
    int err = nh_settings__put(o->c, p, o->finding, o->ctx);
    if (err < 0)
        o->err = err; // the others are tried too, so that all faults are told
    return 0;
}

int nh_settings_overlay(nh_settings_t *s, struct nh_hub_config *c, nh_finding_fn finding, void *ctx)
{
    struct overlay o = {.c = c, .finding = finding, .ctx = ctx};
    char *text = nh_mem_alloc(s->cfg.mem, NH_SETTINGS_DOC_MAX_BYTES, NH_MEM_BULK);
    if (!text)
        return NH_ERR_NOMEM;
    int err = nh_settings__read(s, text);
    if (err >= 0)
        err = nh_settings__each(text, (size_t)err, put_pair, &o);
    nh_mem_free(s->cfg.mem, text);
    if (err == 0)
        err = o.err;
    if (err == 0)
        err = s->cfg.options(s->cfg.ctx, c);
    return err < 0 ? err : nh_hub_config_validate(c, finding, ctx);
}
