// The compact form. A record: action, icon type, which colours are set, those (3 bytes each), then
// each text behind its length. Record 0 is that of every empty button.

#include "components/macropad/macro_set.h"

#include "core/base/atomic.h"

#include <string.h>

#define TEXT_COUNT 5u
#define RECORD_HEAD_BYTES 3u
#define RECORD_MAX_BYTES                                                                           \
    (RECORD_HEAD_BYTES + 9u + TEXT_COUNT + NH_MACROPAD_LABEL_MAX_BYTES +                           \
     NH_MACROPAD_PAYLOAD_MAX_BYTES + NH_MACROPAD_TOPIC_MAX_BYTES + NH_MACROPAD_ICON_ID_MAX_BYTES + \
     NH_MACROPAD_ICON_TEXT_MAX_BYTES)
#define GROW_BYTES 4096u

#define BUTTON_COUNT (NH_MACROPAD_SCREEN_COUNT * NH_MACROPAD_SLOT_COUNT)

struct nh_macro_set {
    uint32_t ref_count;
    nh_mem_t *mem;
    struct nh_macropad_colors colors;
    uint32_t background[NH_MACROPAD_SCREEN_COUNT];
    uint8_t layout[NH_MACROPAD_SCREEN_COUNT]; // enum nh_macropad_template
    uint32_t offset[BUTTON_COUNT];            // of a button's record
    uint8_t *records;
    size_t len, cap;
};

// ---- names -------------------------------------------------------------------------------------

#define NONE NH_MACROPAD_CELL_NONE
const struct nh_macropad_template_info nh_macropad_templates[NH_MACROPAD_TEMPLATE_COUNT] = {
    {"round_ring_9", "Round Ring (9)", 3, 9, {7, 0, 1, 6, 8, 2, 5, 4, 3}, 0x1FF},
    {"round_pie_8", "Round Pie (8 + Center)", 3, 9, {7, 0, 1, 6, 8, 2, 5, 4, 3}, 0x1FF},
    {"round_stack_sides_5",
     "Stack + Sides (5)",
     3,
     9,
     {NONE, 0, NONE, 3, 1, 4, NONE, 2, NONE},
     0x1F},
    {"round_wide_sides_3", "Wide Center + Sides (3)", 3, 3, {2, 0, 1}, 0x7},
    {"round_split_sides_4",
     "Split Center + Sides (4)",
     3,
     9,
     {NONE, 0, NONE, 3, NONE, 4, NONE, 2, NONE},
     0x1D},
};

static const char *const action_names[NH_MACROPAD_ACTION_COUNT] = {
    [NH_MACROPAD_NONE] = "none",
    [NH_MACROPAD_SEND_KEYS] = "send_keys",
    [NH_MACROPAD_NAV_PREV] = "nav_prev",
    [NH_MACROPAD_NAV_NEXT] = "nav_next",
    [NH_MACROPAD_NAV_TO] = "nav_to",
    [NH_MACROPAD_GO_BACK] = "go_back",
    [NH_MACROPAD_MQTT_SEND] = "mqtt_send",
    [NH_MACROPAD_RUN_SCENARIO] = "run_scenario",
    [NH_MACROPAD_LAMP_EFFECT] = "lamp_effect",
};

static const char *const icon_type_names[NH_MACROPAD_ICON_TYPE_COUNT] = {
    [NH_MACROPAD_ICON_NONE] = "none",
    [NH_MACROPAD_ICON_BUILTIN] = "builtin",
    [NH_MACROPAD_ICON_EMOJI] = "emoji",
    [NH_MACROPAD_ICON_ASSET] = "asset",
};

const char *nh_macropad_action_name(enum nh_macropad_action a)
{
    return (unsigned)a < NH_MACROPAD_ACTION_COUNT ? action_names[a] : NULL;
}

const char *nh_macropad_icon_type_name(enum nh_macropad_icon_type t)
{
    return (unsigned)t < NH_MACROPAD_ICON_TYPE_COUNT ? icon_type_names[t] : NULL;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_name(nh_span_t s, const char *name)
{
    size_t i = 0;
    for (; i < s.len && name[i]; i++)
        if (lower((char)s.ptr[i]) != name[i])
            return false;
    return i == s.len && !name[i];
}

int nh_macropad_action_find(nh_span_t name)
{
    for (int i = 0; i < NH_MACROPAD_ACTION_COUNT; i++)
        if (is_name(name, action_names[i]))
            return i;
    return -1;
}

int nh_macropad_icon_type_find(nh_span_t name)
{
    for (int i = 0; i < NH_MACROPAD_ICON_TYPE_COUNT; i++)
        if (is_name(name, icon_type_names[i]))
            return i;
    return -1;
}

int nh_macropad_template_find(nh_span_t id)
{
    for (int i = 0; i < NH_MACROPAD_TEMPLATE_COUNT; i++)
        if (is_name(id, nh_macropad_templates[i].id))
            return i;
    return -1;
}

void nh_icon_id_normalize(nh_span_t id, char out[NH_MACROPAD_ICON_ID_MAX_BYTES])
{
    size_t begin = 0, end = id.len, n = 0;
    while (begin < end && id.ptr[begin] <= ' ')
        begin++;
    while (end > begin && id.ptr[end - 1] <= ' ')
        end--;
    for (; begin < end && n + 1 < NH_MACROPAD_ICON_ID_MAX_BYTES; begin++)
        out[n++] = id.ptr[begin] == '-' ? '_' : lower((char)id.ptr[begin]);
    out[n] = '\0';
}

// ---- life --------------------------------------------------------------------------------------

int nh_macro_set_create(nh_mem_t *mem, nh_macro_set_t **out)
{
    *out = NULL;
    nh_macro_set_t *s = nh_mem_alloc_zero(mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->ref_count = 1;
    s->mem = mem;
    s->colors = (struct nh_macropad_colors){0x000000, 0x1E1E1E, 0xFFFFFF, 0xFFFFFF};
    for (unsigned i = 0; i < NH_MACROPAD_SCREEN_COUNT; i++)
        s->background[i] = NH_MACROPAD_COLOR_UNSET;
    *out = s;
    return 0;
}

nh_macro_set_t *nh_macro_set_ref(nh_macro_set_t *s)
{
    nh_atomic_add_u32(&s->ref_count, 1);
    return s;
}

void nh_macro_set_unref(nh_macro_set_t *s)
{
    if (!s || nh_atomic_sub_u32(&s->ref_count, 1) > 0)
        return;
    nh_mem_free(s->mem, s->records);
    nh_mem_free(s->mem, s);
}

// ---- filling -----------------------------------------------------------------------------------

void nh_macropad_button_clear(struct nh_macropad_button *b)
{
    memset(b, 0, sizeof *b);
    b->button_bg = b->icon_color = b->label_color = NH_MACROPAD_COLOR_UNSET;
}

void nh_macro_set_colors(nh_macro_set_t *s, const struct nh_macropad_colors *c)
{
    s->colors = *c;
}

void nh_macro_set_screen(nh_macro_set_t *s, unsigned screen, enum nh_macropad_template t,
                         uint32_t background)
{
    s->layout[screen] = (uint8_t)t;
    s->background[screen] = background;
}

static uint8_t *put_text(uint8_t *p, const char *text)
{
    size_t len = strlen(text); // below 256 by the limits
    *p++ = (uint8_t)len;
    memcpy(p, text, len);
    return p + len;
}

static size_t pack(const struct nh_macropad_button *b, uint8_t *out)
{
    const uint32_t colors[] = {b->button_bg, b->icon_color, b->label_color};
    uint8_t *p = out + RECORD_HEAD_BYTES;
    out[0] = b->action;
    out[1] = b->icon_type;
    out[2] = 0;
    for (unsigned i = 0; i < NH_ARRAY_LEN(colors); i++) {
        if (colors[i] == NH_MACROPAD_COLOR_UNSET)
            continue;
        out[2] |= (uint8_t)(1u << i);
        *p++ = (uint8_t)(colors[i] >> 16);
        *p++ = (uint8_t)(colors[i] >> 8);
        *p++ = (uint8_t)colors[i];
    }
    p = put_text(p, b->label);
    p = put_text(p, b->payload);
    p = put_text(p, b->topic);
    p = put_text(p, b->icon_id);
    p = put_text(p, b->icon_text);
    return (size_t)(p - out);
}

static const uint8_t empty_record[RECORD_HEAD_BYTES + TEXT_COUNT];

static int make_room(nh_macro_set_t *s, size_t bytes)
{
    size_t have = s->len ? s->len : sizeof empty_record;
    if (s->cap >= have + bytes)
        return 0;
    size_t cap = have + bytes + GROW_BYTES;
    uint8_t *records = nh_mem_realloc(s->mem, s->records, cap, NH_MEM_BULK);
    if (!records)
        return NH_ERR_NOMEM;
    s->records = records;
    s->cap = cap;
    if (s->len == 0) {
        memcpy(records, empty_record, sizeof empty_record);
        s->len = sizeof empty_record;
    }
    return 0;
}

int nh_macro_set_put(nh_macro_set_t *s, unsigned screen, unsigned slot,
                     const struct nh_macropad_button *b)
{
    uint8_t record[RECORD_MAX_BYTES];
    unsigned i = screen * NH_MACROPAD_SLOT_COUNT + slot;
    size_t len = pack(b, record);
    if (len == sizeof empty_record && memcmp(record, empty_record, len) == 0) {
        s->offset[i] = 0;
        return 0;
    }
    int err = make_room(s, len);
    if (err < 0)
        return err;
    memcpy(s->records + s->len, record, len);
    s->offset[i] = (uint32_t)s->len;
    s->len += len;
    return 0;
}

void nh_macro_set_trim(nh_macro_set_t *s)
{
    if (s->len == 0 || s->len == s->cap)
        return;
    uint8_t *records = nh_mem_realloc(s->mem, s->records, s->len, NH_MEM_BULK);
    if (!records)
        return; // as large as before, and as good
    s->records = records;
    s->cap = s->len;
}

// ---- reading -----------------------------------------------------------------------------------

const struct nh_macropad_colors *nh_macro_set_get_colors(const nh_macro_set_t *s)
{
    return &s->colors;
}

enum nh_macropad_template nh_macro_set_template(const nh_macro_set_t *s, unsigned screen)
{
    return (enum nh_macropad_template)s->layout[screen];
}

uint32_t nh_macro_set_background(const nh_macro_set_t *s, unsigned screen)
{
    return s->background[screen];
}

size_t nh_macro_set_bytes(const nh_macro_set_t *s)
{
    return sizeof *s + s->cap;
}

static const uint8_t *get_text(const uint8_t *p, nh_span_t *out)
{
    *out = (nh_span_t){p + 1, p[0]};
    return p + 1 + p[0];
}

void nh_macro_set_button(const nh_macro_set_t *s, unsigned screen, unsigned slot,
                         struct nh_macropad_button_view *out)
{
    uint32_t at = s->offset[screen * NH_MACROPAD_SLOT_COUNT + slot];
    const uint8_t *record = s->records ? s->records + at : empty_record;
    const uint8_t *p = record + RECORD_HEAD_BYTES;
    uint32_t *const colors[] = {&out->button_bg, &out->icon_color, &out->label_color};
    out->action = record[0];
    out->icon_type = record[1];
    for (unsigned i = 0; i < NH_ARRAY_LEN(colors); i++) {
        *colors[i] = NH_MACROPAD_COLOR_UNSET;
        if (!(record[2] & 1u << i))
            continue;
        *colors[i] = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        p += 3;
    }
    p = get_text(p, &out->label);
    p = get_text(p, &out->payload);
    p = get_text(p, &out->topic);
    p = get_text(p, &out->icon_id);
    get_text(p, &out->icon_text);
}

bool nh_macro_set_uses_icon(const nh_macro_set_t *s, const char *id)
{
    char name[NH_MACROPAD_ICON_ID_MAX_BYTES];
    struct nh_macropad_button_view b;
    for (unsigned i = 0; i < BUTTON_COUNT; i++) {
        if (s->offset[i] == 0)
            continue;
        nh_macro_set_button(s, i / NH_MACROPAD_SLOT_COUNT, i % NH_MACROPAD_SLOT_COUNT, &b);
        if (b.icon_type != NH_MACROPAD_ICON_EMOJI && b.icon_type != NH_MACROPAD_ICON_ASSET)
            continue;
        nh_icon_id_normalize(b.icon_id, name);
        if (strcmp(name, id) == 0)
            return true;
    }
    return false;
}
