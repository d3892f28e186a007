// The reader of the document: events of the JSON reader, and where in the document they come.

#include "components/macropad/macro_codec.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define BYTES_MAX_DEFAULT NH_KIB(512)

enum key {
    KEY_OTHER,
    KEY_DEFAULTS,
    KEY_SCREENS,
    KEY_TEMPLATE,
    KEY_SCREEN_BG,
    KEY_BUTTONS,
    KEY_BUTTON_BG,
    KEY_ICON_COLOR,
    KEY_LABEL_COLOR,
    KEY_LABEL,
    KEY_ACTION,
    KEY_PAYLOAD,
    KEY_TOPIC,
    KEY_ICON,
    KEY_TYPE,
    KEY_ID,
    KEY_DISPLAY,
};

// Which members each object has; the others are passed over.
static const struct {
    enum nh_macro__place place;
    enum key key;
    const char *name;
} members[] = {
    {NH_MACRO__TOP, KEY_DEFAULTS, "defaults"},
    {NH_MACRO__TOP, KEY_SCREENS, "screens"},
    {NH_MACRO__DEFAULTS, KEY_SCREEN_BG, "screen_bg"},
    {NH_MACRO__DEFAULTS, KEY_BUTTON_BG, "button_bg"},
    {NH_MACRO__DEFAULTS, KEY_ICON_COLOR, "icon_color"},
    {NH_MACRO__DEFAULTS, KEY_LABEL_COLOR, "label_color"},
    {NH_MACRO__SCREEN, KEY_TEMPLATE, "template"},
    {NH_MACRO__SCREEN, KEY_SCREEN_BG, "screen_bg"},
    {NH_MACRO__SCREEN, KEY_BUTTONS, "buttons"},
    {NH_MACRO__BUTTON, KEY_LABEL, "label"},
    {NH_MACRO__BUTTON, KEY_ACTION, "action"},
    {NH_MACRO__BUTTON, KEY_PAYLOAD, "payload"},
    {NH_MACRO__BUTTON, KEY_TOPIC, "mqtt_topic"},
    {NH_MACRO__BUTTON, KEY_ICON, "icon"},
    {NH_MACRO__BUTTON, KEY_BUTTON_BG, "button_bg"},
    {NH_MACRO__BUTTON, KEY_ICON_COLOR, "icon_color"},
    {NH_MACRO__BUTTON, KEY_LABEL_COLOR, "label_color"},
    {NH_MACRO__ICON, KEY_TYPE, "type"},
    {NH_MACRO__ICON, KEY_ID, "id"},
    {NH_MACRO__ICON, KEY_DISPLAY, "display"},
};

static const char *const fault_texts[NH_MACRO_FAULT_COUNT] = {
    [NH_MACRO_OK] = "",
    [NH_MACRO_NO_MEMORY] = "Out of memory",
    [NH_MACRO_NOT_JSON] = "Invalid JSON",
    [NH_MACRO_TOO_LARGE] = "JSON body too large",
    [NH_MACRO_NO_SCREENS] = "Missing screens[]",
    [NH_MACRO_SCREEN_COUNT] = "screens[] has wrong length",
    [NH_MACRO_SCREEN_NO_OBJECT] = "screens[] entries must be objects",
    [NH_MACRO_NO_BUTTONS] = "Each screen must have buttons[]",
    [NH_MACRO_BUTTON_COUNT] = "buttons[] has wrong length",
    [NH_MACRO_BUTTON_NO_OBJECT] = "buttons[] entries must be objects",
    [NH_MACRO_NO_TOPIC] = "mqtt_send requires mqtt_topic",
};

const char *nh_macro_fault_text(enum nh_macro_fault f)
{
    return (unsigned)f < NH_MACRO_FAULT_COUNT ? fault_texts[f] : "";
}

// ---- faults ------------------------------------------------------------------------------------

// Whether it goes before what was found so far; then the caller tells where.
static bool is_first(const nh_macro_decoder_t *d, enum nh_macro_fault f)
{
    return d->finding.fault == NH_MACRO_OK || f < d->finding.fault;
}

static struct nh_macro_finding *find(nh_macro_decoder_t *d, enum nh_macro_fault f,
                                     const struct nh_json_pos *pos)
{
    d->finding = (struct nh_macro_finding){.fault = f, .line = pos->line, .column = pos->column};
    return &d->finding;
}

// NULL: another fault goes before it.
static struct nh_macro_finding *fault_in_screen(nh_macro_decoder_t *d, enum nh_macro_fault f,
                                                const struct nh_json_pos *pos, const char *member)
{
    if (!is_first(d, f))
        return NULL;
    struct nh_macro_finding *n = find(d, f, pos);
    snprintf(n->pointer, sizeof n->pointer, "/screens/%u%s", (unsigned)d->screen, member);
    return n;
}

static void fault_in_button(nh_macro_decoder_t *d, enum nh_macro_fault f,
                            const struct nh_json_pos *pos, const char *member)
{
    if (!is_first(d, f))
        return;
    struct nh_macro_finding *n = find(d, f, pos);
    snprintf(n->pointer, sizeof n->pointer, "/screens/%u/buttons/%u%s", (unsigned)d->screen,
             (unsigned)d->slot, member);
}

static void fault_json(nh_macro_decoder_t *d, const struct nh_json_error *e)
{
    struct nh_macro_finding *n = find(d, NH_MACRO_NOT_JSON, &e->pos);
    snprintf(n->pointer, sizeof n->pointer, "%.*s", (int)sizeof n->pointer - 1, e->pointer);
    snprintf(n->text, sizeof n->text, "%s", e->text);
}

static void fault_twice(nh_macro_decoder_t *d, const char *name)
{
    struct nh_json_error e = {.pos = nh_json_pos(&d->reader)};
    snprintf(e.text, sizeof e.text, "%s is there twice", name);
    snprintf(e.pointer, sizeof e.pointer, "/%s", name);
    if (is_first(d, NH_MACRO_NOT_JSON))
        fault_json(d, &e);
}

// ---- values ------------------------------------------------------------------------------------

// A text ends before the first character that does not fit, and at a NUL.
static void take_text(nh_macro_decoder_t *d, char *out, size_t cap)
{
    nh_span_t v = nh_json_view(&d->reader);
    size_t len = nh_utf8_valid_len(v.ptr, v.len < cap ? v.len : cap - 1, false);
    d->cut_count += len < v.len || nh_json_is_cut(&d->reader);
    memcpy(out, v.ptr, len);
    out[len] = '\0';
}

static uint8_t or_zero(int found)
{
    return (uint8_t)(found < 0 ? 0 : found);
}

static void take_string(nh_macro_decoder_t *d)
{
    struct nh_macropad_button *b = &d->button;
    nh_span_t v = nh_json_view(&d->reader);
    switch (d->key) {
    case KEY_TEMPLATE:
        d->layout = or_zero(nh_macropad_template_find(v));
        break;
    case KEY_LABEL:
        take_text(d, b->label, sizeof b->label);
        break;
    case KEY_ACTION:
        b->action = or_zero(nh_macropad_action_find(v));
        break;
    case KEY_PAYLOAD:
        take_text(d, b->payload, sizeof b->payload);
        break;
    case KEY_TOPIC:
        take_text(d, b->topic, sizeof b->topic);
        break;
    case KEY_TYPE:
        b->icon_type = or_zero(nh_macropad_icon_type_find(v));
        break;
    case KEY_ID:
        take_text(d, b->icon_id, sizeof b->icon_id);
        break;
    case KEY_DISPLAY:
        take_text(d, b->icon_text, sizeof b->icon_text);
        break;
    default:
        break;
    }
}

static uint32_t *color_of(nh_macro_decoder_t *d)
{
    bool is_default = d->place == NH_MACRO__DEFAULTS;
    switch (d->key) {
    case KEY_SCREEN_BG:
        return is_default ? &d->colors.screen_bg : &d->screen_bg;
    case KEY_BUTTON_BG:
        return is_default ? &d->colors.button_bg : &d->button.button_bg;
    case KEY_ICON_COLOR:
        return is_default ? &d->colors.icon : &d->button.icon_color;
    case KEY_LABEL_COLOR:
        return is_default ? &d->colors.label : &d->button.label_color;
    default:
        return NULL;
    }
}

static void take_number(nh_macro_decoder_t *d)
{
    uint32_t *color = color_of(d);
    int64_t v;
    if (color && nh_json_int64(&d->reader, &v) == 0)
        *color = (uint32_t)v & 0xFFFFFFu;
}

// ---- the ends of things ------------------------------------------------------------------------

static bool has_payload(uint8_t action)
{
    return action == NH_MACROPAD_SEND_KEYS || action == NH_MACROPAD_NAV_TO ||
           action == NH_MACROPAD_MQTT_SEND || action == NH_MACROPAD_RUN_SCENARIO ||
           action == NH_MACROPAD_LAMP_EFFECT;
}

static int end_button(nh_macro_decoder_t *d)
{
    struct nh_macropad_button *b = &d->button;
    if (b->action == NH_MACROPAD_MQTT_SEND && !b->topic[0])
        fault_in_button(d, NH_MACRO_NO_TOPIC, &d->button_pos, "/mqtt_topic");
    if (b->action != NH_MACROPAD_MQTT_SEND)
        b->topic[0] = '\0';
    if (!has_payload(b->action))
        b->payload[0] = '\0';
    if (b->action == NH_MACROPAD_NONE) {
        b->icon_type = NH_MACROPAD_ICON_NONE;
        b->icon_id[0] = b->icon_text[0] = '\0';
    }
    d->place = NH_MACRO__BUTTONS;
    int err = 0;
    if (d->screen < NH_MACROPAD_SCREEN_COUNT && d->slot < NH_MACROPAD_SLOT_COUNT &&
        d->finding.fault == NH_MACRO_OK)
        err = nh_macro_set_put(d->set, d->screen, d->slot, b);
    d->slot++;
    return err;
}

static void end_buttons(nh_macro_decoder_t *d)
{
    d->place = NH_MACRO__SCREEN;
    if (d->slot == NH_MACROPAD_SLOT_COUNT)
        return;
    struct nh_macro_finding *n =
        fault_in_screen(d, NH_MACRO_BUTTON_COUNT, &d->buttons_pos, "/buttons");
    if (!n)
        return;
    n->value = d->slot;
    n->limit = NH_MACROPAD_SLOT_COUNT;
}

static void end_screen(nh_macro_decoder_t *d)
{
    d->place = NH_MACRO__SCREENS;
    if (!d->has_buttons)
        fault_in_screen(d, NH_MACRO_NO_BUTTONS, &d->screen_pos, "/buttons");
    if (d->screen < NH_MACROPAD_SCREEN_COUNT)
        nh_macro_set_screen(d->set, d->screen, (enum nh_macropad_template)d->layout, d->screen_bg);
    d->screen++;
}

static void end_screens(nh_macro_decoder_t *d)
{
    d->place = NH_MACRO__TOP;
    if (d->screen == NH_MACROPAD_SCREEN_COUNT || !is_first(d, NH_MACRO_SCREEN_COUNT))
        return;
    struct nh_json_pos pos = nh_json_pos(&d->reader);
    struct nh_macro_finding *n = find(d, NH_MACRO_SCREEN_COUNT, &pos);
    snprintf(n->pointer, sizeof n->pointer, "/screens");
    n->value = d->screen;
    n->limit = NH_MACROPAD_SCREEN_COUNT;
}

static int end_of(nh_macro_decoder_t *d)
{
    switch (d->place) {
    case NH_MACRO__TOP:
        d->place = NH_MACRO__END;
        break;
    case NH_MACRO__DEFAULTS:
        d->place = NH_MACRO__TOP;
        break;
    case NH_MACRO__SCREENS:
        end_screens(d);
        break;
    case NH_MACRO__SCREEN:
        end_screen(d);
        break;
    case NH_MACRO__BUTTONS:
        end_buttons(d);
        break;
    case NH_MACRO__BUTTON:
        return end_button(d);
    case NH_MACRO__ICON:
        d->place = NH_MACRO__BUTTON;
        break;
    default:
        break;
    }
    return 0;
}

// ---- the beginnings ----------------------------------------------------------------------------

static void begin_screen(nh_macro_decoder_t *d)
{
    d->place = NH_MACRO__SCREEN;
    d->screen_pos = nh_json_pos(&d->reader);
    d->screen_bg = NH_MACROPAD_COLOR_UNSET;
    d->layout = NH_MACROPAD_RING_9;
    d->has_buttons = false;
    d->key = KEY_OTHER;
}

static void begin_button(nh_macro_decoder_t *d)
{
    d->place = NH_MACRO__BUTTON;
    d->button_pos = nh_json_pos(&d->reader);
    d->key = KEY_OTHER;
    nh_macropad_button_clear(&d->button);
}

static bool begin_buttons(nh_macro_decoder_t *d)
{
    if (d->has_buttons) {
        fault_twice(d, "buttons");
        return false;
    }
    d->has_buttons = true;
    d->place = NH_MACRO__BUTTONS;
    d->buttons_pos = nh_json_pos(&d->reader);
    d->slot = 0;
    return true;
}

static bool begin_screens(nh_macro_decoder_t *d)
{
    if (d->has_screens) {
        fault_twice(d, "screens");
        return false;
    }
    d->has_screens = true;
    d->place = NH_MACRO__SCREENS;
    d->screen = 0;
    return true;
}

// An object begins, or an array. False: it is none of ours, to be passed over.
static bool begin(nh_macro_decoder_t *d, bool is_object)
{
    switch (d->place) {
    case NH_MACRO__START:
        d->place = is_object ? NH_MACRO__TOP : NH_MACRO__END;
        return is_object;
    case NH_MACRO__TOP:
        if (is_object && d->key == KEY_DEFAULTS) {
            d->place = NH_MACRO__DEFAULTS;
            return true;
        }
        return !is_object && d->key == KEY_SCREENS && begin_screens(d);
    case NH_MACRO__SCREENS:
        if (is_object)
            begin_screen(d);
        return is_object;
    case NH_MACRO__SCREEN:
        return !is_object && d->key == KEY_BUTTONS && begin_buttons(d);
    case NH_MACRO__BUTTONS:
        if (is_object)
            begin_button(d);
        return is_object;
    case NH_MACRO__BUTTON:
        if (!is_object || d->key != KEY_ICON)
            return false;
        d->place = NH_MACRO__ICON;
        return true;
    default:
        return false;
    }
}

// What stands in an array where an object belongs.
static void note_no_object(nh_macro_decoder_t *d)
{
    struct nh_json_pos pos = nh_json_pos(&d->reader);
    if (d->place == NH_MACRO__SCREENS) {
        fault_in_screen(d, NH_MACRO_SCREEN_NO_OBJECT, &pos, "");
        d->screen++;
    } else if (d->place == NH_MACRO__BUTTONS) {
        fault_in_button(d, NH_MACRO_BUTTON_NO_OBJECT, &pos, "");
        d->slot++;
    } else if (d->place == NH_MACRO__START) {
        d->place = NH_MACRO__END;
    }
}

static void take_key(nh_macro_decoder_t *d)
{
    nh_span_t v = nh_json_view(&d->reader);
    d->key = KEY_OTHER;
    for (size_t i = 0; i < NH_ARRAY_LEN(members); i++)
        if (members[i].place == d->place && strlen(members[i].name) == v.len &&
            memcmp(members[i].name, v.ptr, v.len) == 0)
            d->key = members[i].key;
}

static int event(nh_macro_decoder_t *d, int e)
{
    switch (e) {
    case NH_JSON_OBJECT_BEGIN:
    case NH_JSON_ARRAY_BEGIN:
        if (begin(d, e == NH_JSON_OBJECT_BEGIN))
            break;
        note_no_object(d);
        d->is_skipping = true;
        break;
    case NH_JSON_OBJECT_END:
    case NH_JSON_ARRAY_END:
        return end_of(d);
    case NH_JSON_KEY:
        take_key(d);
        break;
    default:
        note_no_object(d);
        if (e == NH_JSON_STRING)
            take_string(d);
        else if (e == NH_JSON_NUMBER)
            take_number(d);
        break;
    }
    return 0;
}

// ---- the whole ---------------------------------------------------------------------------------

int nh_macro_decoder_init(nh_macro_decoder_t *d, nh_mem_t *mem, uint32_t byte_max)
{
    memset(d, 0, sizeof *d);
    d->mem = mem;
    d->byte_max = byte_max ? byte_max : BYTES_MAX_DEFAULT;
    int err = nh_macro_set_create(mem, &d->set);
    if (err < 0)
        return err;
    d->colors = *nh_macro_set_get_colors(d->set);
    const struct nh_json_reader_config cfg = {
        .text = d->text, .text_max_bytes = sizeof d->text, .cut_long = true};
    nh_json_reader_init(&d->reader, &cfg);
    return 0;
}

void nh_macro_decoder_deinit(nh_macro_decoder_t *d)
{
    nh_macro_set_unref(d->set);
    d->set = NULL;
}

// Takes events until the piece is read: 0, or NH_ERR_NOMEM. A syntax error stays in the reader.
static int pull(nh_macro_decoder_t *d)
{
    for (;;) {
        int e = d->is_skipping ? nh_json_skip(&d->reader) : nh_json_next(&d->reader);
        if (e == NH_ERR_AGAIN || e == NH_JSON_DONE)
            return 0;
        if (e < 0) {
            struct nh_json_error error;
            nh_json_error(&d->reader, &error);
            fault_json(d, &error);
            return 0;
        }
        int err = d->is_skipping ? 0 : event(d, e);
        if (e == 0)
            d->is_skipping = false;
        if (err < 0)
            return err;
    }
}

static int take(nh_macro_decoder_t *d, const void *bytes, size_t len, bool last)
{
    if (d->finding.fault == NH_MACRO_NO_MEMORY)
        return NH_ERR_NOMEM;
    if (d->finding.fault == NH_MACRO_NOT_JSON || d->finding.fault == NH_MACRO_TOO_LARGE)
        return 0;
    if (len > d->byte_max - d->byte_count) {
        d->finding = (struct nh_macro_finding){.fault = NH_MACRO_TOO_LARGE, .limit = d->byte_max};
        return 0;
    }
    d->byte_count += (uint32_t)len;
    nh_json_feed(&d->reader, bytes, len, last);
    int err = pull(d);
    if (err < 0)
        d->finding = (struct nh_macro_finding){.fault = NH_MACRO_NO_MEMORY};
    return err;
}

int nh_macro_decoder_feed(nh_macro_decoder_t *d, const void *bytes, size_t len)
{
    return len ? take(d, bytes, len, false) : 0;
}

int nh_macro_decoder_end(nh_macro_decoder_t *d, nh_macro_set_t **out)
{
    *out = NULL;
    int err = take(d, "", 0, true);
    if (err < 0)
        return err;
    if (!d->has_screens && is_first(d, NH_MACRO_NO_SCREENS)) {
        const struct nh_json_pos start = {0, 1, 1};
        struct nh_macro_finding *n = find(d, NH_MACRO_NO_SCREENS, &start);
        snprintf(n->pointer, sizeof n->pointer, "/screens");
    }
    if (d->finding.fault == NH_MACRO_TOO_LARGE)
        return NH_ERR_TOO_LONG;
    if (d->finding.fault != NH_MACRO_OK)
        return NH_ERR_INVAL;
    nh_macro_set_colors(d->set, &d->colors);
    nh_macro_set_trim(d->set);
    *out = d->set;
    d->set = NULL;
    return 0;
}

const struct nh_macro_finding *nh_macro_decoder_finding(const nh_macro_decoder_t *d)
{
    return &d->finding;
}
