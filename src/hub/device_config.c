#include "hub/device_config.h"

#include "core/base/log.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DOC_MAX_BYTES 4096 // every text at its longest, each byte escaped, is less

struct nh_device {
    nh_mem_t *mem;
    nh_store_t *store;
    char name[NH_DEVICE_NAME_MAX_BYTES];
    struct nh_device_config now;
};

// clang-format off
#define TEXT(n) {.name = #n, .type = NH_JSON_T_STRING, NH_JSON_AT(struct nh_device_config, n)}
#define SECRET(n) {.name = #n, .type = NH_JSON_T_STRING, .is_secret = true, NH_JSON_AT(struct nh_device_config, n)}
#define NUMBER(n, most) {.name = #n, .type = NH_JSON_T_INT, .max = most, NH_JSON_AT(struct nh_device_config, n)}
#define SWITCH(n) {.name = #n, .type = NH_JSON_T_BOOL, NH_JSON_AT(struct nh_device_config, n)}
// clang-format on

static const nh_json_field_t fields[] = {
    TEXT(wifi_ssid),
    SECRET(wifi_password),
    TEXT(device_name),
    TEXT(fixed_ip),
    TEXT(subnet_mask),
    TEXT(gateway),
    TEXT(dns1),
    TEXT(dns2),
    TEXT(dummy_setting),
    TEXT(mqtt_host),
    NUMBER(mqtt_port, 65535),
    TEXT(mqtt_username),
    SECRET(mqtt_password),
    NUMBER(mqtt_interval_seconds, 65535),
    SWITCH(basic_auth_enabled),
    TEXT(basic_auth_username),
    SECRET(basic_auth_password),
    NUMBER(backlight_brightness, 100),
    SWITCH(screen_saver_enabled),
    NUMBER(screen_saver_timeout_seconds, 65535),
    NUMBER(screen_saver_fade_out_ms, 65535),
    NUMBER(screen_saver_fade_in_ms, 65535),
    SWITCH(screen_saver_wake_on_touch),
    NH_JSON_FIELDS_END,
};

static void set_defaults(const nh_device_t *d, struct nh_device_config *c)
{
    *c = (struct nh_device_config){
        .wifi_ssid = "host", // the machine is on its network without us; the old rule wants a name
        .mqtt_port = 1883,
        .mqtt_interval_seconds = 60,
    };
    snprintf(c->device_name, sizeof c->device_name, "%s", d->name);
}

// ---- life --------------------------------------------------------------------------------------

static int read_text(nh_device_t *d, char *text, size_t cap)
{
    size_t len = 0;
    for (;;) {
        int n = nh_store_read(d->store, NH_DEVICE_DOC, 0, len, text + len, cap - len);
        if (n < 0)
            return n;
        len += (size_t)n;
        if (n == 0)
            return (int)len;
        if (len == cap)
            return NH_ERR_TOO_LONG;
    }
}

static int load(nh_device_t *d)
{
    struct nh_device_config kept = d->now;
    char *text = nh_mem_alloc(d->mem, DOC_MAX_BYTES, NH_MEM_BULK);
    if (!text)
        return NH_ERR_NOMEM;
    int err = read_text(d, text, DOC_MAX_BYTES);
    if (err >= 0)
        err = nh_json_decode(text, (size_t)err, fields, &kept, NULL, NULL, 0);
    nh_wipe(text, DOC_MAX_BYTES);
    nh_mem_free(d->mem, text);
    if (err == 0)
        d->now = kept;
    return err == NH_ERR_NOT_FOUND ? 0 : err;
}

int nh_device_create(nh_mem_t *mem, nh_store_t *store, const char *name, nh_device_t **out)
{
    *out = NULL;
    nh_device_t *d = nh_mem_alloc_zero(mem, sizeof *d, NH_MEM_BULK);
    if (!d)
        return NH_ERR_NOMEM;
    d->mem = mem;
    d->store = store;
    snprintf(d->name, sizeof d->name, "%s", name);
    set_defaults(d, &d->now);
    int err = store ? load(d) : 0;
    if (err == NH_ERR_NOMEM) {
        nh_device_destroy(d);
        return err;
    }
    if (err < 0)
        NH_LOG_E("config", "the device's settings cannot be read (%s): the defaults hold",
                 nh_err_text(err));
    *out = d;
    return 0;
}

void nh_device_destroy(nh_device_t *d)
{
    if (!d)
        return;
    nh_wipe(&d->now, sizeof d->now);
    nh_mem_free(d->mem, d);
}

const struct nh_device_config *nh_device_get(const nh_device_t *d)
{
    return &d->now;
}

// ---- reading -----------------------------------------------------------------------------------

static const nh_json_field_t *find_field(const char *name)
{
    for (const nh_json_field_t *f = fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

// The older firmware's forms send switches as texts. < 0: it is neither.
static int switch_of(const char *text)
{
    static const char *const words[2][4] = {{"0", "false", "off", ""}, {"1", "true", "on", "1"}};
    for (int v = 0; v < 2; v++)
        for (size_t i = 0; i < 4; i++)
            if (strcasecmp(text, words[v][i]) == 0)
                return v;
    return -1;
}

struct lenient {
    nh_decoder_t decoder;
    const nh_json_field_t *field; // of the key at hand; NULL: an unknown one
    char key[NH_JSON_POINTER_MAX];
    struct nh_json_pos key_pos;
    uint32_t depth;
    struct nh_finding *fault;
};

static void take_finding(void *ctx, const struct nh_finding *f)
{
    struct lenient *l = ctx;
    if (!f->is_warning && !l->fault->code)
        *l->fault = *f;
}

static void value(struct lenient *l, int ev, const char *text, size_t len,
                  const struct nh_json_pos *pos, bool is_cut)
{
    uint32_t flags = is_cut ? NH_DECODE_TEXT_CUT : 0;
    bool is_switch = l->field->type == NH_JSON_T_BOOL;
    if (ev == NH_JSON_NULL)
        return; // as if it were absent
    if (is_switch && (ev == NH_JSON_STRING || ev == NH_JSON_NUMBER) && switch_of(text) >= 0) {
        ev = switch_of(text) ? NH_JSON_TRUE : NH_JSON_FALSE;
        text = NULL;
        len = 0;
    } else if (l->field->type == NH_JSON_T_INT && ev == NH_JSON_STRING) {
        flags |= NH_DECODE_TEXT_PLAIN;
    }
    nh_decoder_event(&l->decoder, NH_JSON_KEY, l->key, strlen(l->key), &l->key_pos, 0);
    nh_decoder_event(&l->decoder, (enum nh_json_event)ev, text, len, pos, flags);
}

static int member(struct lenient *l, nh_json_reader_t *r, int ev)
{
    struct nh_json_pos pos;
    size_t len = 0;
    pos = nh_json_pos(r);
    if (ev == NH_JSON_KEY) {
        snprintf(l->key, sizeof l->key, "%s", nh_json_text(r, NULL));
        l->field = find_field(l->key);
        l->key_pos = pos;
        return 0;
    }
    if (!l->field || ev == NH_JSON_OBJECT_BEGIN || ev == NH_JSON_ARRAY_BEGIN) {
        if (l->field)
            value(l, NH_JSON_TRUE, NULL, 0, &pos, false); // a finding: no field is of that kind
        return nh_json_skip(r);
    }
    bool has_text = ev == NH_JSON_STRING || ev == NH_JSON_NUMBER;
    const char *text = has_text ? nh_json_text(r, &len) : NULL;
    value(l, ev, text, len, &pos, has_text && nh_json_is_cut(r));
    return 0;
}

static int read_members(struct lenient *l, nh_json_reader_t *r)
{
    struct nh_json_pos pos;
    int ev = nh_json_next(r);
    pos = nh_json_pos(r);
    if (ev != NH_JSON_OBJECT_BEGIN)
        return NH_ERR_SYNTAX;
    nh_decoder_event(&l->decoder, NH_JSON_OBJECT_BEGIN, NULL, 0, &pos, 0);
    while ((ev = nh_json_next(r)) > 0 && ev != NH_JSON_OBJECT_END)
        if (member(l, r, ev) < 0)
            return NH_ERR_SYNTAX;
    if (ev < 0 || nh_json_next(r) != NH_JSON_DONE)
        return NH_ERR_SYNTAX;
    nh_decoder_event(&l->decoder, NH_JSON_OBJECT_END, NULL, 0, &pos, 0);
    return nh_decoder_end(&l->decoder);
}

// What a form leaves blank is not meant to go.
static void keep_blank(char *fresh, const char *old, size_t size)
{
    if (!fresh[0])
        memcpy(fresh, old, size);
}

int nh_device_read(const char *text, size_t len, struct nh_device_config *c,
                   struct nh_finding *fault)
{
    char buffer[128]; // more than any field takes
    const struct nh_json_reader_config cfg = {
        .text = buffer, .text_max_bytes = sizeof buffer, .cut_long = true};
    struct lenient l = {.fault = fault};
    struct nh_device_config old = *c;
    nh_json_reader_t r;
    *fault = (struct nh_finding){0};
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, text, len, true);
    nh_decoder_init(&l.decoder, fields, c, take_finding, &l, 0);
    int err = read_members(&l, &r);
    keep_blank(c->wifi_password, old.wifi_password, sizeof old.wifi_password);
    keep_blank(c->mqtt_password, old.mqtt_password, sizeof old.mqtt_password);
    keep_blank(c->device_name, old.device_name, sizeof old.device_name);
    nh_wipe(&old, sizeof old);
    nh_wipe(buffer, sizeof buffer);
    return err;
}

// ---- writing -----------------------------------------------------------------------------------

int nh_device_set(nh_device_t *d, const struct nh_device_config *c)
{
    nh_json_writer_t w;
    struct nh_device_config kept = *c;
    char *text = nh_mem_alloc(d->mem, DOC_MAX_BYTES, NH_MEM_BULK);
    if (!text)
        return NH_ERR_NOMEM;
    // What is kept elsewhere stands behind what is kept here.
    size_t own = offsetof(struct nh_device_config, basic_auth_enabled);
    nh_wipe((char *)&kept + own, sizeof kept - own);
    struct nh_json_buf buf = {.ptr = text, .cap = DOC_MAX_BYTES};
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_encode_struct(&w, fields, &kept, 0);
    int err = nh_json_writer_end(&w);
    if (err == 0 && d->store)
        err = nh_store_put(d->store, NH_DEVICE_DOC, text, buf.len);
    if (err >= 0)
        d->now = kept;
    nh_wipe(text, DOC_MAX_BYTES);
    nh_wipe(&kept, sizeof kept);
    nh_mem_free(d->mem, text);
    return err < 0 ? err : 0;
}

int nh_device_reset(nh_device_t *d)
{
    int err = d->store ? nh_store_remove(d->store, NH_DEVICE_DOC) : 0;
    if (err < 0 && err != NH_ERR_NOT_FOUND)
        return err;
    set_defaults(d, &d->now);
    return 0;
}

void nh_device_write(nh_json_writer_t *w, const struct nh_device_config *c)
{
    for (const nh_json_field_t *f = fields; f->name; f++) {
        nh_json_key(w, f->name);
        if (f->is_secret)
            nh_json_string(w, "");
        else
            nh_json_encode_field(w, f, (const uint8_t *)c + f->offset, 0);
    }
}

void nh_device_name_sanitize(const char *name, char out[NH_DEVICE_NAME_MAX_BYTES])
{
    size_t len = 0;
    bool is_due = false; // a '-', if something follows
    for (; *name && len + 1 < NH_DEVICE_NAME_MAX_BYTES; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 'a' - 'A') : *name;
        bool is_kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (c == ' ' || c == '_' || c == '-')
            is_due = len > 0;
        if (!is_kept)
            continue;
        if (is_due && len + 2 >= NH_DEVICE_NAME_MAX_BYTES)
            break;
        if (is_due)
            out[len++] = '-';
        is_due = false;
        out[len++] = c;
    }
    out[len] = '\0';
}
