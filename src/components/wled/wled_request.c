// wled_request.c - a WLED client's JSON into a struct: one walk over the events, no tree.

#include "components/wled/wled_request.h"

#include "core/json/json.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_BYTES 96 // longer keys and texts are cut: none that counts is so long

struct reader {
    nh_json_reader_t r;
    char text[TEXT_MAX_BYTES];
};

// The whole text is in memory, so the reader never asks for more.
static int next(struct reader *in)
{
    int event = nh_json_next(&in->r);
    return event == NH_ERR_AGAIN ? NH_ERR_SYNTAX : event;
}

static const char *text_of(struct reader *in)
{
    return nh_json_text(&in->r, NULL); // a NUL inside makes it another word than any known one
}

// ---- values ------------------------------------------------------------------------------------

static int32_t clamp(int64_t v, int64_t min, int64_t max)
{
    return (int32_t)(v < min ? min : v > max ? max : v);
}

static int32_t decimal(const char *s)
{
    return clamp(strtol(s, NULL, 10), -65536, 65536);
}

static struct nh_wled_number number_of_text(const char *s)
{
    struct nh_wled_number n = {0};
    if (s[0] == 'r')
        return (struct nh_wled_number){.how = NH_WLED_RANDOM};
    if (s[0] == 'w' && s[1] == '~') {
        n.how = NH_WLED_ADD_WRAP;
        s++;
    }
    if (s[0] == '~') {
        n.value = decimal(s + 1);
        if (n.value == 0)
            return (struct nh_wled_number){.how = NH_WLED_STEP, .value = s[1] == '-' ? -1 : 1};
        n.how = n.how ? n.how : NH_WLED_ADD;
        return n;
    }
    char *end;
    long first = strtol(s, &end, 10);
    if (end == s)
        return n;
    if (*end != '~')
        return (struct nh_wled_number){.how = NH_WLED_SET, .value = decimal(s)};
    // "3~9~": on from 3 to 9 and around, "3~9~-": back, "3~9~r": any of them.
    long last = strtol(end + 1, &end, 10);
    if (first < 0 || first > 255 || last < first || last > 255 || *end != '~')
        return n;
    return (struct nh_wled_number){.how = end[1] == 'r' ? NH_WLED_RANDOM : NH_WLED_STEP,
                                   .value = end[1] == '-' ? -1 : 1,
                                   .low = (uint8_t)first,
                                   .high = (uint8_t)last};
}

// A JSON number; a fraction counts as its whole part, as a device takes it.
static int64_t integer_of(struct reader *in)
{
    int64_t v = 0;
    double d = 0;
    if (nh_json_int64(&in->r, &v) == 0)
        return v;
    if (nh_json_double(&in->r, &d) < 0)
        return 0;
    return d > INT32_MAX ? INT32_MAX : d < INT32_MIN ? INT32_MIN : (int64_t)d;
}

static void take_number(struct reader *in, int event, struct nh_wled_number *out)
{
    if (event == NH_JSON_NUMBER)
        *out = (struct nh_wled_number){.how = NH_WLED_SET,
                                       .value = clamp(integer_of(in), INT32_MIN, INT32_MAX)};
    else if (event == NH_JSON_STRING)
        *out = number_of_text(text_of(in));
}

static void take_switch(struct reader *in, int event, uint8_t *out)
{
    if (event == NH_JSON_TRUE || event == NH_JSON_FALSE)
        *out = event == NH_JSON_TRUE ? NH_WLED_ON : NH_WLED_OFF;
    else if (event == NH_JSON_NUMBER)
        *out = integer_of(in) != 0 ? NH_WLED_ON : NH_WLED_OFF;
    else if (event == NH_JSON_STRING && text_of(in)[0] == 't')
        *out = NH_WLED_TOGGLE;
}

static void take_text(struct reader *in, int event, char *out, size_t cap)
{
    if (event != NH_JSON_STRING)
        return;
    size_t len = strlen(text_of(in));
    while (len >= cap || (len > 0 && ((uint8_t)text_of(in)[len] & 0xC0) == 0x80))
        len--; // cut at a whole character
    memcpy(out, text_of(in), len);
    out[len] = '\0';
}

// "RRGGBB", "#RRGGBB", or "WWRRGGBB", whose white is left out. False: it is none.
static bool color_of_text(const char *s, uint8_t channel[3])
{
    char *end;
    s += s[0] == '#';
    unsigned long v = strtoul(s, &end, 16);
    size_t len = strlen(s);
    if (*end || (len != 6 && len != 8))
        return false;
    for (int i = 0; i < 3; i++)
        channel[i] = (uint8_t)(v >> (16 - 8 * i));
    return true;
}

// ---- a value whose first event was read: skipped when it is none that is looked for ------------

static int leave(struct reader *in, int event)
{
    if (event != NH_JSON_OBJECT_BEGIN && event != NH_JSON_ARRAY_BEGIN)
        return 0;
    int err = nh_json_skip(&in->r);
    return err == NH_ERR_AGAIN ? NH_ERR_SYNTAX : err;
}

// [r, g, b] or [r, g, b, w], after its ARRAY_BEGIN. [] says nothing.
static int take_channels(struct reader *in, struct nh_wled_color *out)
{
    for (int i = 0;; i++) {
        int event = next(in);
        if (event < 0 || event == NH_JSON_ARRAY_END)
            return event < 0 ? event : 0;
        int err = leave(in, event);
        if (err < 0)
            return err;
        if (event != NH_JSON_NUMBER || i >= 3)
            continue;
        out->channel[i] = (uint8_t)clamp(integer_of(in), 0, 255);
        out->mask |= (uint8_t)(1u << i);
    }
}

static int take_color(struct reader *in, int event, struct nh_wled_color *out)
{
    if (event == NH_JSON_ARRAY_BEGIN)
        return take_channels(in, out);
    if (event == NH_JSON_STRING && strcmp(text_of(in), "r") == 0)
        *out = (struct nh_wled_color){.mask = 7, .is_random = true};
    else if (event == NH_JSON_STRING && color_of_text(text_of(in), out->channel))
        out->mask = 7;
    return leave(in, event);
}

static int take_colors(struct reader *in, int event, struct nh_wled_color out[3])
{
    struct nh_wled_color rest = {0};
    if (event != NH_JSON_ARRAY_BEGIN)
        return leave(in, event);
    for (size_t i = 0;; i++) {
        event = next(in);
        if (event < 0 || event == NH_JSON_ARRAY_END)
            return event < 0 ? event : 0;
        int err = take_color(in, event, i < 3 ? &out[i] : &rest);
        if (err < 0)
            return err;
    }
}

// ---- tables of keys ----------------------------------------------------------------------------

enum kind { NUMBER, SWITCH };
struct key {
    const char *name;
    enum kind kind;
    size_t offset;
};

#define ROW(n, k, f)                                                                               \
    {                                                                                              \
        .name = (n), .kind = (k), .offset = offsetof(struct nh_wled_request, f)                    \
    }

static const struct key root_keys[] = {
    ROW("on", SWITCH, on),
    ROW("bri", NUMBER, bri),
    ROW("tt", NUMBER, tt),
    ROW("transition", NUMBER, transition),
    ROW("lor", NUMBER, lor),
    ROW("live", SWITCH, live),
    ROW("lv", SWITCH, lv),
    ROW("ps", NUMBER, preset),
    ROW("pd", NUMBER, preset),
    ROW("psave", NUMBER, save_preset),
    ROW("pdel", NUMBER, remove_preset),
    {NULL},
};
static const struct key nl_keys[] = {
    ROW("on", SWITCH, nl.on),
    ROW("dur", NUMBER, nl.minutes),
    ROW("mode", NUMBER, nl.mode),
    ROW("tbri", NUMBER, nl.target),
    {NULL},
};
static const struct key udpn_keys[] = {
    ROW("send", SWITCH, udpn_send),
    ROW("recv", SWITCH, udpn_recv),
    {NULL},
};
static const struct key seg_keys[] = {
    ROW("on", SWITCH, seg.on),   ROW("frz", SWITCH, seg.frozen),
    ROW("bri", NUMBER, seg.bri), ROW("fx", NUMBER, seg.fx),
    ROW("sx", NUMBER, seg.sx),   ROW("ix", NUMBER, seg.ix),
    ROW("pal", NUMBER, seg.pal), {NULL},
};

// Takes the value if `name` is in the table.
static bool take_key(struct reader *in, int event, const struct key *keys, const char *name,
                     struct nh_wled_request *out)
{
    for (; keys->name; keys++) {
        if (strcmp(keys->name, name) != 0)
            continue;
        void *at = (char *)out + keys->offset;
        if (keys->kind == SWITCH)
            take_switch(in, event, at);
        else
            take_number(in, event, at);
        return true;
    }
    return false;
}

// The key of an object: a copy, since its value takes the reader's text. 1: there is one, with
// `*event` the first of its value; 0: the object has ended.
static int next_key(struct reader *in, char name[16], int *event)
{
    int key = next(in);
    if (key < 0 || key == NH_JSON_OBJECT_END)
        return key < 0 ? key : 0;
    size_t len = strlen(text_of(in));
    len = len < 15 ? len : 15; // none that counts is so long
    memcpy(name, text_of(in), len);
    name[len] = '\0';
    *event = next(in);
    return *event < 0 ? *event : 1;
}

static int take_object(struct reader *in, int event, const struct key *keys,
                       struct nh_wled_request *out)
{
    char name[16];
    if (event != NH_JSON_OBJECT_BEGIN)
        return leave(in, event);
    for (;;) {
        int err = next_key(in, name, &event);
        if (err <= 0)
            return err;
        take_key(in, event, keys, name, out);
        err = leave(in, event);
        if (err < 0)
            return err;
    }
}

// ---- segments ----------------------------------------------------------------------------------

static int take_seg_value(struct reader *in, int event, const char *name, int64_t *id,
                          struct nh_wled_request *out)
{
    if (strcmp(name, "col") == 0)
        return take_colors(in, event, out->seg.color);
    if (strcmp(name, "i") == 0)
        out->seg.has_pixels = event == NH_JSON_ARRAY_BEGIN;
    else if (strcmp(name, "id") == 0 && event == NH_JSON_NUMBER)
        *id = integer_of(in);
    else
        take_key(in, event, seg_keys, name, out);
    return leave(in, event);
}

// One segment, after its OBJECT_BEGIN, the `index`-th. The lamp is one segment, number 0; what is
// for another one is read and forgotten.
static int take_seg(struct reader *in, uint32_t index, struct nh_wled_request *out)
{
    struct nh_wled_request before = *out;
    int64_t id = index; // one without a number has that of its place
    for (;;) {
        char name[16];
        int event;
        int err = next_key(in, name, &event);
        if (err > 0)
            err = take_seg_value(in, event, name, &id, out);
        else if (err == 0)
            break;
        if (err < 0)
            return err;
    }
    if (id != 0 || index >= 32)
        *out = before;
    else
        out->seg_mask |= 1u << index;
    return 0;
}

static int take_segs(struct reader *in, int event, struct nh_wled_request *out)
{
    if (event == NH_JSON_OBJECT_BEGIN)
        return take_seg(in, 0, out);
    if (event != NH_JSON_ARRAY_BEGIN)
        return 0;
    for (uint32_t index = 0;; index++) {
        event = next(in);
        if (event < 0 || event == NH_JSON_ARRAY_END)
            return event < 0 ? event : 0;
        int err = event == NH_JSON_OBJECT_BEGIN ? take_seg(in, index, out) : leave(in, event);
        if (err < 0)
            return err;
    }
}

// ---- the whole ---------------------------------------------------------------------------------

static int take_root_value(struct reader *in, int event, const char *name,
                           struct nh_wled_request *out)
{
    if (strcmp(name, "seg") == 0)
        return take_segs(in, event, out);
    if (strcmp(name, "nl") == 0)
        return take_object(in, event, nl_keys, out);
    if (strcmp(name, "udpn") == 0)
        return take_object(in, event, udpn_keys, out);
    if (strcmp(name, "v") == 0)
        out->wants_reply = event == NH_JSON_TRUE;
    else if (strcmp(name, "n") == 0)
        take_text(in, event, out->name, sizeof out->name);
    else if (strcmp(name, "ql") == 0)
        take_text(in, event, out->label, sizeof out->label);
    else
        take_key(in, event, root_keys, name, out);
    return leave(in, event);
}

static void begin(struct reader *in, const char *text, size_t len)
{
    const struct nh_json_reader_config cfg = {
        .text = in->text, .text_max_bytes = sizeof in->text, .cut_long = true};
    nh_json_reader_init(&in->r, &cfg);
    nh_json_feed(&in->r, text, len, true);
}

int nh_wled_request_read(const char *text, size_t len, struct nh_wled_request *out)
{
    struct reader in;
    *out = (struct nh_wled_request){0};
    begin(&in, text, len);
    if (next(&in) != NH_JSON_OBJECT_BEGIN)
        return NH_ERR_SYNTAX;
    for (;;) {
        char name[16];
        int event;
        int err = next_key(&in, name, &event);
        if (err > 0)
            err = take_root_value(&in, event, name, out);
        else if (err == 0)
            break;
        if (err < 0)
            return err == NH_ERR_TOO_DEEP ? err : NH_ERR_SYNTAX;
    }
    return next(&in) == NH_JSON_DONE ? 0 : NH_ERR_SYNTAX;
}

// ---- pixels ------------------------------------------------------------------------------------

struct pixels {
    nh_wled_pixel_fn pixel;
    void *ctx;
    uint32_t at[2], count; // numbers read since the last colour
    uint32_t next;         // the pixel that a colour without a number is for
};

static void paint(struct pixels *p, const uint8_t channel[3])
{
    uint32_t begin = p->count ? p->at[0] : p->next;
    uint32_t end = p->count == 2 ? p->at[1] : begin + 1;
    p->count = 0;
    p->next = end;
    if (begin < end)
        p->pixel(p->ctx, begin, end, NH_PX(channel[0], channel[1], channel[2]));
}

// "i", after its ARRAY_BEGIN: numbers and colours.
static int take_pixels(struct reader *in, struct pixels *p)
{
    for (;;) {
        struct nh_wled_color c = {0};
        int event = next(in);
        if (event < 0 || event == NH_JSON_ARRAY_END)
            return event < 0 ? event : 0;
        if (event == NH_JSON_NUMBER) {
            uint32_t v = (uint32_t)clamp(integer_of(in), 0, NH_FX_SIDE_MAX * NH_FX_SIDE_MAX);
            p->at[p->count < 2 ? p->count++ : 1] = v;
            continue;
        }
        int err = take_color(in, event, &c);
        if (err < 0)
            return err;
        if (c.mask)
            paint(p, c.channel);
    }
}

static int walk_seg(struct reader *in, bool is_ours, struct pixels *p)
{
    for (;;) {
        char name[16];
        int event;
        int err = next_key(in, name, &event);
        if (err <= 0)
            return err;
        if (is_ours && strcmp(name, "i") == 0 && event == NH_JSON_ARRAY_BEGIN) {
            p->next = p->count = 0;
            err = take_pixels(in, p);
        } else {
            err = leave(in, event);
        }
        if (err < 0)
            return err;
    }
}

static int walk_segs(struct reader *in, int event, uint32_t mask, struct pixels *p)
{
    if (event == NH_JSON_OBJECT_BEGIN)
        return walk_seg(in, mask & 1, p);
    if (event != NH_JSON_ARRAY_BEGIN)
        return 0;
    for (uint32_t index = 0;; index++) {
        event = next(in);
        if (event < 0 || event == NH_JSON_ARRAY_END)
            return event < 0 ? event : 0;
        int err = event == NH_JSON_OBJECT_BEGIN
                      ? walk_seg(in, index < 32 && (mask & 1u << index), p)
                      : leave(in, event);
        if (err < 0)
            return err;
    }
}

void nh_wled_request_pixels(const char *text, size_t len, uint32_t mask, nh_wled_pixel_fn pixel,
                            void *ctx)
{
    struct pixels p = {.pixel = pixel, .ctx = ctx};
    struct reader in;
    begin(&in, text, len);
    if (next(&in) != NH_JSON_OBJECT_BEGIN)
        return;
    for (;;) {
        char name[16];
        int event;
        int err = next_key(&in, name, &event);
        if (err <= 0)
            return;
        err = strcmp(name, "seg") == 0 ? walk_segs(&in, event, mask, &p) : leave(&in, event);
        if (err < 0)
            return;
    }
}

// ---- the older interface -----------------------------------------------------------------------

static void text_color(const char *value, struct nh_wled_color *c)
{
    uint8_t channel[3];
    value += value[0] == 'h' || value[0] == 'H';
    if (!color_of_text(value, channel))
        return;
    memcpy(c->channel, channel, sizeof channel);
    c->mask = 7;
}

static void text_channel(const char *value, struct nh_wled_color *c, int i)
{
    c->channel[i] = (uint8_t)clamp(decimal(value), 0, 255);
    c->mask |= (uint8_t)(1u << i);
}

static uint8_t text_switch(const char *value)
{
    return value[0] == '0' ? NH_WLED_OFF : value[0] == '1' ? NH_WLED_ON : NH_WLED_TOGGLE;
}

static void text_nightlight(const char *value, struct nh_wled_request *out)
{
    out->nl.on = value[0] == '0' ? NH_WLED_OFF : NH_WLED_ON;
    if (value[0] != '0')
        out->nl.minutes = number_of_text(value);
}

static bool text_colors(const char *key, const char *value, struct nh_wled_request *out)
{
    static const char names[3] = {'R', 'G', 'B'};
    for (int i = 0; i < 3; i++)
        if (key[0] == names[i] && (!key[1] || (key[1] == '2' && !key[2]))) {
            text_channel(value, &out->seg.color[key[1] == '2'], i);
            return true;
        }
    bool is_color = key[0] == 'C' && (key[1] == 'L' || key[1] == '2' || key[1] == '3') && !key[2];
    if (is_color)
        text_color(value, &out->seg.color[key[1] == 'L' ? 0 : key[1] - '1']);
    return is_color;
}

static void text_pair(const char *key, const char *value, struct nh_wled_request *out)
{
    const struct {
        const char *name;
        struct nh_wled_number *to;
    } numbers[] = {{"A", &out->bri},          {"FX", &out->seg.fx},    {"SX", &out->seg.sx},
                   {"IX", &out->seg.ix},      {"FP", &out->seg.pal},   {"PL", &out->preset},
                   {"PS", &out->save_preset}, {"NT", &out->nl.target}, {"NF", &out->nl.mode},
                   {"LO", &out->lor}};
    for (size_t i = 0; i < NH_ARRAY_LEN(numbers); i++)
        if (strcmp(key, numbers[i].name) == 0) {
            *numbers[i].to = number_of_text(value);
            return;
        }
    if (strcmp(key, "T") == 0)
        out->on = text_switch(value);
    else if (strcmp(key, "NL") == 0)
        text_nightlight(value, out);
    else if (strcmp(key, "TT") == 0) // in ms
        out->tt = (struct nh_wled_number){.how = NH_WLED_SET,
                                          .value = clamp(decimal(value) / 100, 0, 65535)};
    else
        (void)text_colors(key, value, out);
}

void nh_wled_request_read_text(const char *text, size_t len, struct nh_wled_request *out)
{
    *out = (struct nh_wled_request){0};
    for (size_t at = 0; at < len;) {
        char pair[32];
        size_t end = at;
        while (end < len && text[end] != '&' && text[end] != '?')
            end++;
        if (end - at < sizeof pair) { // none that counts is longer
            memcpy(pair, text + at, end - at);
            pair[end - at] = '\0';
            char *value = strchr(pair, '=');
            if (value) {
                *value = '\0';
                text_pair(pair, value + 1, out);
            }
        }
        at = end + 1;
    }
}
