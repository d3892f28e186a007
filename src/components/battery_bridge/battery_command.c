#include "components/battery_bridge/battery_command.h"

#include "core/json/decode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct wish {
    char key[48];
    int32_t address; // -1: none
    bool read;
    double value; // NAN: none
};

static const nh_json_field_t fields[] = {
    {.name = "key", .type = NH_JSON_T_STRING, NH_JSON_AT(struct wish, key)},
    {.name = "address",
     .type = NH_JSON_T_INT,
     NH_JSON_AT(struct wish, address),
     .is_signed = true,
     .min = 0,
     .max = NH_TINYBMS_ADDRESS_COUNT - 1},
    {.name = "read", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct wish, read)},
    {.name = "value", .type = NH_JSON_T_DOUBLE, NH_JSON_AT(struct wish, value)},
    NH_JSON_FIELDS_END,
};

struct why {
    char *text;
    size_t cap;
};

static void keep_first(void *ctx, const struct nh_finding *f)
{
    const struct why *why = ctx;
    if (!why->text[0])
        snprintf(why->text, why->cap, "%s%s%s%s%s%s", f->pointer, f->pointer[0] ? ": " : "",
                 f->text, f->value[0] ? " (" : "", f->value, f->value[0] ? ")" : "");
}

static int find(const struct wish *w, const struct nh_tinybms_register **out, struct why why)
{
    const nh_span_t key = {(const uint8_t *)w->key, strlen(w->key)};
    bool has_key = key.len > 0, has_address = w->address >= 0;
    if (has_key == has_address) {
        snprintf(why.text, why.cap, "\"key\" or \"address\" is needed, and one of them alone");
        return NH_ERR_INVAL;
    }
    *out = has_key ? nh_tinybms_register_find(key) : nh_tinybms_register_of((uint16_t)w->address);
    if (*out)
        return NH_OK;
    if (has_key)
        snprintf(why.text, why.cap, "there is no register \"%s\"", w->key);
    else
        snprintf(why.text, why.cap, "there is no register at %" PRId32, w->address);
    return NH_ERR_NOT_FOUND;
}

static int check_value(const struct nh_tinybms_register *r, double value, struct why why)
{
    int64_t raw;
    int err = nh_tinybms_raw_of(r, value, &raw);
    if (err == NH_ERR_DENIED)
        snprintf(why.text, why.cap, "%s is read only", r->key);
    else if (err < 0)
        snprintf(why.text, why.cap, "%s: %g is not allowed, %g to %g", r->key, value,
                 (double)r->min / r->divisor, (double)r->max / r->divisor);
    if (err < 0 || !(r->flags & NH_TINYBMS_DANGEROUS))
        return err;
    snprintf(why.text, why.cap, "%s needs a confirmation: set it in the portal", r->key);
    return NH_ERR_DENIED;
}

int nh_battery_command_read(nh_span_t payload, struct nh_battery_command *out, char *text,
                            size_t cap)
{
    struct wish w = {.address = -1, .value = NAN};
    struct why why = {text, cap};
    *out = (struct nh_battery_command){0};
    text[0] = '\0';
    if (payload.len > NH_BATTERY_COMMAND_MAX_BYTES) {
        snprintf(text, cap, "%zu bytes, more than %d", payload.len, NH_BATTERY_COMMAND_MAX_BYTES);
        return NH_ERR_TOO_LONG;
    }
    int err = nh_json_decode(payload.len ? (const char *)payload.ptr : "", payload.len, fields, &w,
                             keep_first, &why, NH_DECODE_UNKNOWN_IS_ERROR);
    if (err == 0)
        err = find(&w, &out->reg, why);
    if (err < 0)
        return err;
    out->is_write = !isnan(w.value);
    out->value = w.value;
    if (out->is_write == w.read) {
        snprintf(text, cap, "\"read\":true or \"value\" is needed, and one of them alone");
        return NH_ERR_INVAL;
    }
    return out->is_write ? check_value(out->reg, w.value, why) : NH_OK;
}
