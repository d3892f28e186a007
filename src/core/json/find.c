#include "core/json/find.h"

#include <string.h>

#include "core/json/find_scan.h"
#include "core/json/json_num.h"
#include "core/json/json_state.h"

// What a step answers if the search goes on; else it is what nh_json_find_feed() answers.
#define GO_ON 1

// ---- start
// -------------------------------------------------------------------------------------

// The length of the first step of a pointer without its slash, as it is written there.
static size_t step_length(const char *path)
{
    const char *slash = strchr(path + 1, '/');
    return slash ? (size_t)(slash - path - 1) : strlen(path + 1);
}

static int check_path(const char *path)
{
    while (*path) {
        if (*path != '/')
            return NH_ERR_INVAL;
        size_t len = step_length(path), unescaped = 0;
        for (size_t i = 1; i <= len; i++, unescaped++)
            if (path[i] == '~' && path[++i] != '0' && path[i] != '1')
                return NH_ERR_INVAL;
        if (unescaped >= NH_JSON_FIND_TEXT_MAX)
            return NH_ERR_TOO_LONG;
        path += len + 1;
    }
    return 0;
}

// The value as a document has it if it needs no escape there.
static void make_want(nh_json_find_t *f)
{
    struct nh_json_buf buf = {f->want, sizeof f->want - 1, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    if (f->cfg.text)
        nh_json_string(&w, f->cfg.text);
    else
        nh_json_int(&w, f->cfg.number);
    bool is_plain = nh_json_writer_end(&w) == 0;
    if (f->cfg.text && buf.len != strlen(f->cfg.text) + 2)
        is_plain = false;
    f->want_len = is_plain ? (uint8_t)buf.len : 0;
}

int nh_json_find_init(nh_json_find_t *f, const struct nh_json_find_config *cfg)
{
    memset(f, 0, sizeof *f);
    if (strlen(cfg->key) >= NH_JSON_FIND_TEXT_MAX ||
        (cfg->text && strlen(cfg->text) >= NH_JSON_FIND_TEXT_MAX))
        return NH_ERR_TOO_LONG;
    int err = check_path(cfg->array);
    if (err)
        return err;
    struct nh_json_reader_config reader = {
        .text = f->text, .text_max_bytes = sizeof f->text, .cut_long = true};
    nh_json_reader_init(&f->reader, &reader);
    f->cfg = *cfg;
    f->path = cfg->array;
    f->at_value = true;
    f->key_len = (uint8_t)strlen(cfg->key);
    f->result = NH_ERR_AGAIN;
    make_want(f);
    return 0;
}

// ---- the way to the array
// -----------------------------------------------------------------------

static bool text_is(const nh_json_find_t *f, const char *want)
{
    nh_span_t view = nh_json_view(&f->reader);
    return !nh_json_is_cut(&f->reader) && view.len == strlen(want) &&
           memcmp(view.ptr, want, view.len) == 0;
}

// The first step of the path, unescaped. Returns its length there.
static size_t first_step(const nh_json_find_t *f, char out[NH_JSON_FIND_TEXT_MAX])
{
    size_t len = step_length(f->path), n = 0;
    for (size_t i = 1; i <= len; i++) {
        char c = f->path[i];
        if (c == '~')
            c = f->path[++i] == '0' ? '~' : '/';
        out[n++] = c;
    }
    out[n] = '\0';
    return len;
}

static void take_step(nh_json_find_t *f)
{
    f->path += step_length(f->path) + 1;
    f->at_value = true;
}

static bool is_begin(int event)
{
    return event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN;
}

static int skip(nh_json_find_t *f)
{
    int err = nh_json_skip(&f->reader);
    return err ? err : GO_ON;
}

// The value that the rest of the path starts from.
static int on_path_value(nh_json_find_t *f, int event)
{
    f->at_value = false;
    if (*f->path)
        return is_begin(event) ? GO_ON : NH_ERR_NOT_FOUND;
    if (event != NH_JSON_ARRAY_BEGIN)
        return NH_ERR_TYPE;
    f->array_depth = nh_json_depth(&f->reader);
    return GO_ON;
}

static bool index_is(uint32_t index, const char *step)
{
    char text[20];
    size_t len = nh__json_uint_print(index, text);
    return strlen(step) == len && memcmp(step, text, len) == 0;
}

// A key, or an element, beside the path or on it.
static int on_path_child(nh_json_find_t *f, int event)
{
    char step[NH_JSON_FIND_TEXT_MAX];
    first_step(f, step);
    if (event == NH_JSON_OBJECT_END || event == NH_JSON_ARRAY_END)
        return NH_ERR_NOT_FOUND;
    if (event == NH_JSON_KEY) {
        if (text_is(f, step))
            take_step(f);
        return GO_ON;
    }
    // A value here is the element of an array, or belongs to a key that is beside the path.
    uint32_t level = nh_json_depth(&f->reader) - is_begin(event);
    bool in_array = !(f->reader.object_bits >> (level - 1) & 1);
    if (in_array && index_is(f->reader.index[level], step)) {
        take_step(f);
        return on_path_value(f, event);
    }
    return is_begin(event) ? skip(f) : GO_ON;
}

// ---- elements, the strict way
// -------------------------------------------------------------------

static bool value_is_wanted(const nh_json_find_t *f, int event)
{
    if (f->cfg.text)
        return event == NH_JSON_STRING && text_is(f, f->cfg.text);
    // An integer has one spelling but for -0, which is not 0 here: the scanner compares texts.
    return event == NH_JSON_NUMBER && text_is(f, f->want);
}

static int end_element(nh_json_find_t *f)
{
    f->in_element = false;
    f->end = nh_json_value_end(&f->reader);
    return f->is_match ? 0 : GO_ON;
}

static int on_element_event(nh_json_find_t *f, int event)
{
    uint32_t depth = nh_json_depth(&f->reader);
    if (depth == f->array_depth && event == NH_JSON_OBJECT_END)
        return end_element(f);
    if (event == NH_JSON_KEY) {
        f->after_key = text_is(f, f->cfg.key);
        return GO_ON;
    }
    f->is_match |= f->after_key && value_is_wanted(f, event);
    f->after_key = false;
    return is_begin(event) ? skip(f) : GO_ON;
}

static int on_array_event(nh_json_find_t *f, int event)
{
    if (f->in_element)
        return on_element_event(f, event);
    if (event == NH_JSON_ARRAY_END && nh_json_depth(&f->reader) < f->array_depth)
        return NH_ERR_NOT_FOUND;
    if (event == NH_JSON_OBJECT_BEGIN) {
        f->in_element = true;
        f->is_match = false;
        f->begin = nh_json_value_begin(&f->reader);
        return GO_ON;
    }
    return event == NH_JSON_ARRAY_BEGIN ? skip(f) : GO_ON;
}

// ---- elements, the fast way
// ---------------------------------------------------------------------

// The '{' of the next element if nothing but that and one comma stands before it; else NULL.
static const uint8_t *next_element(const nh_json_reader_t *r)
{
    const uint8_t *p = r->pos;
    bool comma_due = r->state == NH__JSON_NEXT;
    for (; p < r->end; p++) {
        if (*p == ',' && comma_due)
            comma_due = false;
        else if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t')
            break;
    }
    return p < r->end && *p == '{' && !comma_due ? p : NULL;
}

static void move_lines(nh_json_reader_t *r, const uint8_t *to)
{
    uint32_t count = nh__find_count_lines(r->pos, to);
    if (count == 0)
        return;
    const uint8_t *p = to;
    while (p[-1] != '\n')
        p--;
    r->line += count;
    r->line_offset = nh__json_offset(r, p);
}

// Passes over elements that do not match and puts the reader behind the last of them.
static void pass_elements(nh_json_find_t *f)
{
    nh_json_reader_t *r = &f->reader;
    const uint8_t *begin = next_element(r);
    if (!begin)
        return;
    struct nh__find_scan s = {
        .find = f, .end = r->end, .begin = begin, .depth_max = r->depth_max - r->depth};
    nh__find_scan_run(&s);
    if (s.count == 0)
        return;
    move_lines(r, s.done);
    r->index[r->depth] += s.count - (r->state != NH__JSON_NEXT);
    r->pos = s.done;
    r->state = NH__JSON_NEXT;
}

// ---- the drive
// ---------------------------------------------------------------------------------

static int step(nh_json_find_t *f)
{
    nh_json_reader_t *r = &f->reader;
    if (r->is_skipping)
        return skip(f);
    if (f->array_depth && !f->in_element && !r->token)
        pass_elements(f);
    int event = nh_json_next(r);
    if (event < 0)
        return event;
    if (event == NH_JSON_DONE)
        return NH_ERR_NOT_FOUND;
    if (f->array_depth)
        return on_array_event(f, event);
    return f->at_value ? on_path_value(f, event) : on_path_child(f, event);
}

int nh_json_find_feed(nh_json_find_t *f, const void *bytes, size_t len, bool last)
{
    int result = f->result;
    if (result != NH_ERR_AGAIN)
        return result;
    nh_json_feed(&f->reader, bytes, len, last);
    do
        result = step(f);
    while (result == GO_ON);
    f->result = result;
    return result;
}

uint64_t nh_json_find_begin(const nh_json_find_t *f)
{
    return f->begin;
}

uint64_t nh_json_find_end(const nh_json_find_t *f)
{
    return f->end;
}

void nh_json_find_error(const nh_json_find_t *f, struct nh_json_error *out)
{
    nh_json_error(&f->reader, out);
}
