// The reader against json-c: what one accepts the other does, with the same values. The first byte
// of the input seeds the cuts into chunks; the rest is the text. Every text is read whole and in
// chunks, and both must say the same to the last byte. What is accepted is written again and must
// read alike.
//
// json-c in strict mode takes what RFC 8259 does not: control bytes in strings, lone surrogates,
// words and "Infinity" in any case, other bytes as space. So where we refuse and it does not, the
// text must have bytes that could be the reason. It clamps integers past 64 bits and keeps the last
// of equal keys.

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"

#define OUT_MAX 65536

// A trace of what was read, as JSON again.
struct trace {
    char json[OUT_MAX];
    struct nh_json_buf buf;
    nh_json_writer_t w;
    struct nh_json_error error;
    int result;
    bool is_comparable; // json-c has the same idea of all numbers in it
};

static char text_buffer[4096];

static void fail(const char *what)
{
    fprintf(stderr, "fuzz_json: %s\n", what);
    abort();
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static void write_double(struct trace *t, const nh_json_reader_t *r)
{
    double d;
    size_t len;
    const char *text = nh_json_text(r, &len);
    int err = nh_json_double(r, &d);
    double want = strtod(text, NULL);
    if ((err == 0) != (want - want == 0) || bits_of(d) != bits_of(want))
        fail("a double is not what strtod says");
    nh_json_double_value(&t->w, d == 0 ? 0 : d); // -0 would come back as the integer 0
    // Written again, 1.0 is an integer; an integer past 64 bits is clamped there.
    if (err || (d > -1e21 && d < 1e21 && d == (double)(__int128)d) || !strpbrk(text, ".eE"))
        t->is_comparable = false;
}

static void write_number(struct trace *t, const nh_json_reader_t *r)
{
    int64_t i;
    uint64_t u;
    size_t len;
    if (nh_json_int64(r, &i) == 0)
        nh_json_int(&t->w, i);
    else if (nh_json_uint64(r, &u) == 0)
        nh_json_uint(&t->w, u);
    else
        write_double(t, r);
    if (strcmp(nh_json_text(r, &len), "-0") == 0)
        t->is_comparable = false;
}

static void write_event(struct trace *t, const nh_json_reader_t *r, int event)
{
    nh_json_writer_t *w = &t->w;
    static char key[sizeof text_buffer];
    nh_span_t view = nh_json_view(r);
    size_t len;
    switch (event) {
    case NH_JSON_OBJECT_BEGIN:
        nh_json_object_begin(w);
        break;
    case NH_JSON_OBJECT_END:
        nh_json_object_end(w);
        break;
    case NH_JSON_ARRAY_BEGIN:
        nh_json_array_begin(w);
        break;
    case NH_JSON_ARRAY_END:
        nh_json_array_end(w);
        break;
    case NH_JSON_KEY:
        // The writer's keys are C strings: one with a NUL is cut, alike in each trace.
        memcpy(key, nh_json_text(r, &len), sizeof key);
        nh_json_key(w, key);
        break;
    case NH_JSON_STRING:
        nh_json_string_n(w, (const char *)view.ptr, view.len);
        break;
    case NH_JSON_NUMBER:
        write_number(t, r);
        break;
    case NH_JSON_NULL:
        nh_json_null(w);
        break;
    default:
        nh_json_bool(w, event == NH_JSON_TRUE);
    }
}

// Reads in chunks of up to `most` bytes (0: whole), each in memory of its own size.
static void read_text(struct trace *t, const uint8_t *text, size_t size, size_t most, unsigned seed)
{
    nh_json_reader_t r;
    size_t at = 0;
    uint8_t *chunk = NULL;
    t->buf = (struct nh_json_buf){t->json, sizeof t->json - 1, 0};
    t->is_comparable = true;
    nh_json_writer_init(&t->w, nh_json_buf_sink, &t->buf);
    nh_json_reader_init(&r,
                        &(struct nh_json_reader_config){text_buffer, sizeof text_buffer, 0, false});
    int event = NH_ERR_AGAIN;
    for (; event > 0 || event == NH_ERR_AGAIN; event = nh_json_next(&r)) {
        if (event == NH_JSON_DONE)
            break;
        if (event > 0) {
            write_event(t, &r, event);
            continue;
        }
        size_t n = size - at;
        seed = seed * 1103515245u + 12345;
        if (most && n > 0 && n > (seed >> 16) % most + 1)
            n = (seed >> 16) % most + 1;
        free(chunk);
        chunk = malloc(n ? n : 1);
        memcpy(chunk, text + at, n);
        at += n;
        nh_json_feed(&r, chunk, n, at == size);
    }
    free(chunk);
    nh_json_error(&r, &t->error);
    t->result = event;
    t->json[t->buf.len] = '\0';
}

static void compare_traces(const struct trace *a, const struct trace *b, const char *what)
{
    if (a->result != b->result || strcmp(a->json, b->json) != 0)
        fail(what);
    if (a->result < 0 && (memcmp(&a->error.pos, &b->error.pos, sizeof a->error.pos) != 0 ||
                          strcmp(a->error.pointer, b->error.pointer) != 0 ||
                          strcmp(a->error.text, b->error.text) != 0))
        fail(what);
}

// Whether json-c may take what we refuse (see above), by a look at the bytes alone.
static bool is_known_laxity(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text[i];
        bool odd_letter = (c >= 'A' && c <= 'Z') || c == 'i' || c == 'y';
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || odd_letter)
            return true;
        if ((c == '\n' || c == '\r' || c == '\t') || c == '\\' || c >= 0x80)
            return true;
    }
    return false;
}

static json_object *parse_peer(const uint8_t *text, size_t size)
{
    json_tokener *tok = json_tokener_new_ex(NH_JSON_DEPTH_MAX + 1);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    char *copy = malloc(size + 1); // the end of the text is told by a NUL
    memcpy(copy, text, size);
    copy[size] = '\0';
    json_object *o = json_tokener_parse_ex(tok, copy, (int)size + 1);
    bool is_whole = json_tokener_get_error(tok) == json_tokener_success;
    json_tokener_free(tok);
    free(copy);
    if (!is_whole && o) {
        json_object_put(o);
        o = NULL;
    }
    return is_whole ? o ? o : json_object_new_string("null at the top") : NULL;
}

static void compare_with_peer(const struct trace *t, const uint8_t *text, size_t size)
{
    json_object *peer = parse_peer(text, size);
    bool accepted = t->result == NH_JSON_DONE;
    if (accepted && !peer)
        fail("json-c refuses it");
    bool is_number = strstr(t->error.text, "digit in the number") != NULL;
    uint64_t at = t->error.pos.offset;
    is_number |= at > 0 && at < size && text[at - 1] == '0' && text[at] >= '0' && text[at] <= '9';
    if (!accepted && peer && !is_number && !is_known_laxity(text, size))
        fail("json-c accepts it");
    if (accepted && t->is_comparable && strcmp(t->json, "null") != 0) {
        json_object *again = json_tokener_parse(t->json);
        if (!json_object_equal(again, peer))
            fail("json-c reads other values");
        json_object_put(again);
    }
    json_object_put(peer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trace whole, cut, again;
    if (size < 1 || size > 4000)
        return 0;
    unsigned seed = data[0];
    const uint8_t *text = data + 1;
    size--;
    read_text(&whole, text, size, 0, 0);
    read_text(&cut, text, size, 1, 0);
    compare_traces(&whole, &cut, "byte by byte it reads otherwise");
    read_text(&cut, text, size, seed % 16 + 1, seed);
    compare_traces(&whole, &cut, "in chunks it reads otherwise");
    if (whole.result == NH_JSON_DONE) {
        if (nh_json_writer_end(&whole.w) != 0)
            fail("what was read cannot be written");
        read_text(&again, (const uint8_t *)whole.json, whole.buf.len, 0, 0);
        if (again.result != NH_JSON_DONE || strcmp(again.json, whole.json) != 0)
            fail("what was written reads otherwise");
    }
    if (whole.result == NH_JSON_DONE || whole.result == NH_ERR_SYNTAX)
        compare_with_peer(&whole, text, size);
    return 0;
}
