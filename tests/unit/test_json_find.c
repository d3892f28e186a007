#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/json/find.h"
#include "core/json/find_scan.h"
#include "unit/json_chunks.h"

static int find_in(nh_json_find_t *f, const struct nh_json_find_config *cfg, struct chunks c)
{
    size_t len;
    bool last;
    int result = nh_json_find_init(f, cfg);
    if (result == 0)
        result = NH_ERR_AGAIN;
    while (result == NH_ERR_AGAIN) {
        const uint8_t *piece = chunks_next(&c, &len, &last);
        result = nh_json_find_feed(f, piece, len, last);
    }
    chunks_end(&c);
    return result;
}

// ---- rows
// --------------------------------------------------------------------------------------

struct row {
    const char *text, *array, *key, *value; // value NULL: `number`
    int64_t number;
    int result;
    const char *element; // when found
};

// More than a block of the scanner, so that rows with it reach the fast way.
#define FILL                                                                                       \
    "{\"id\":\"other\",\"a\":[1,{\"id\":\"n1\"},\"]}\"],\"text\":\"some text, {[ \\\" and more "   \
    "of it\"},"

static const struct row rows[] = {
    {"[{\"id\":\"n1\"}]", "", "id", "n1", 0, 0, "{\"id\":\"n1\"}"},
    {"[" FILL FILL "{\"id\":\"n1\",\"x\":1}," FILL "{}]", "", "id", "n1", 0, 0,
     "{\"id\":\"n1\",\"x\":1}"},
    {"[" FILL FILL FILL "{\"x\":1, \"id\" : \"n1\" }"
     "," FILL FILL "{}]",
     "", "id", "n1", 0, 0, "{\"x\":1, \"id\" : \"n1\" }"},
    {"[" FILL FILL "{\"id\":\"n2\"}]", "", "id", "n1", 0, NH_ERR_NOT_FOUND, NULL},
    {"[" FILL FILL "{\"id\":\"n11\"},{\"id\":\"n\"}," FILL "{\"id\":\"n1\"}]", "", "id", "n1", 0, 0,
     "{\"id\":\"n1\"}"},
    // the way to the array
    {"{\"a\":1,\"sensors\":[" FILL "{\"id\":5}]}", "/sensors", "id", NULL, 5, 0, "{\"id\":5}"},
    {"{\"a\":{\"sensors\":[{\"id\":5}]},\"b\":{\"c\":[1,[{\"id\":5,\"here\":1}]]}}", "/b/c/1", "id",
     NULL, 5, 0, "{\"id\":5,\"here\":1}"},
    {"{\"a/b\":{\"~\":[{\"id\":5}]}}", "/a~1b/~0", "id", NULL, 5, 0, "{\"id\":5}"},
    {"{\"s\\u0065\":[{\"id\":5}]}", "/se", "id", NULL, 5, 0, "{\"id\":5}"},
    {"{\"\":[{\"id\":5}]}", "/", "id", NULL, 5, 0, "{\"id\":5}"},
    {"{\"a\":[{\"id\":5}]}", "/b", "id", NULL, 5, NH_ERR_NOT_FOUND, NULL},
    {"{\"a\":[{\"id\":5}]}", "/a/1", "id", NULL, 5, NH_ERR_NOT_FOUND, NULL},
    {"{\"a\":[[{\"id\":5}]]}", "/a/00", "id", NULL, 5, NH_ERR_NOT_FOUND, NULL},
    {"{\"a\":5}", "/a/b", "id", NULL, 5, NH_ERR_NOT_FOUND, NULL},
    {"{\"a\":{\"id\":5}}", "/a", "id", NULL, 5, NH_ERR_TYPE, NULL},
    {"5", "", "id", NULL, 5, NH_ERR_TYPE, NULL},
    // integers
    {"[{\"id\":12},{\"id\":123},{\"id\":12.0},{\"id\":12e0},{\"id\":\"12\"},{\"id\": 12 "
     ",\"x\":0}," FILL "{\"id\":1}]",
     "", "id", NULL, 123, 0, "{\"id\":123}"},
    {"[{\"id\":123},{\"id\":12.0},{\"id\":12e0},{\"id\":12E0},{\"id\":\"12\"},{\"id\": 12 "
     ",\"x\":0}," FILL "{\"id\":1}]",
     "", "id", NULL, 12, 0, "{\"id\": 12 ,\"x\":0}"},
    {"[{\"id\":9223372036854775808},{\"id\":-9223372036854775808}," FILL "1]", "", "id", NULL,
     INT64_MIN, 0, "{\"id\":-9223372036854775808}"},
    {"[{\"id\":-0},{\"id\":0.0},{\"id\":0,\"x\":1}," FILL FILL "1]", "", "id", NULL, 0, 0,
     "{\"id\":0,\"x\":1}"},
    // escapes, in keys and in values
    {"[" FILL "{\"\\u0069d\":\"n1\"}," FILL FILL "1]", "", "id", "n1", 0, 0,
     "{\"\\u0069d\":\"n1\"}"},
    {"[" FILL "{\"i\\u0064\":\"n1\"}," FILL FILL "1]", "", "id", "n1", 0, 0,
     "{\"i\\u0064\":\"n1\"}"},
    {"[" FILL "{\"id\":\"\\u006e1\"}," FILL FILL "1]", "", "id", "n1", 0, 0,
     "{\"id\":\"\\u006e1\"}"},
    {"[" FILL "{\"id\":\"n\\u0031\"}," FILL FILL "1]", "", "id", "n1", 0, 0,
     "{\"id\":\"n\\u0031\"}"},
    {"[" FILL "{\"id\":\"a\\\"\\\\b\"}," FILL FILL "1]", "", "id", "a\"\\b", 0, 0,
     "{\"id\":\"a\\\"\\\\b\"}"},
    {"[" FILL "{\"id\":\"\\u00e9\"}," FILL FILL "1]", "", "id", "\xc3\xa9", 0, 0,
     "{\"id\":\"\\u00e9\"}"},
    {"[" FILL "{\"id\":\"\xc3\xa9\"}," FILL FILL "1]", "", "id", "\xc3\xa9", 0, 0,
     "{\"id\":\"\xc3\xa9\"}"},
    {"[{\"x\\\"id\":\"n1\"},{\"\\\\\":\"\\\\\",\"id\":\"n1\"}," FILL FILL "1]", "", "id", "n1", 0,
     0, "{\"\\\\\":\"\\\\\",\"id\":\"n1\"}"},
    {"[" FILL "{\"\\t\":\"n1\"}," FILL "1]", "", "\t", "n1", 0, 0, "{\"\\t\":\"n1\"}"},
    // only members of the element itself count
    {"[{\"x\":{\"id\":\"n1\"}},{\"x\":[{\"id\":\"n1\"}]},{\"x\":\"id\",\"y\":\"n1\"},[{\"id\":"
     "\"n1\"}]," FILL FILL "{\"id\":\"n1\"}]",
     "", "id", "n1", 0, 0, "{\"id\":\"n1\"}"},
    {"[{\"id\":{}},{\"id\":[\"n1\"]},{\"id\":null},{\"id\":true},{\"xid\":\"n1\"},{\"idx\":\"n1\"}"
     "," FILL "{\"id\":\"n1\"}]",
     "", "id", "n1", 0, 0, "{\"id\":\"n1\"}"},
    {"[{\"id\":\"n0\",\"id\":\"n1\"}," FILL "1]", "", "id", "n1", 0, 0,
     "{\"id\":\"n0\",\"id\":\"n1\"}"},
    // elements of all kinds, spaces between them
    {"[1,\"{\",null,[],{},[[]],true,\n" FILL "\n\t -1.5e3 , {\"id\":\"n1\"}]", "", "id", "n1", 0, 0,
     "{\"id\":\"n1\"}"},
    {" [ ] ", "", "id", "n1", 0, NH_ERR_NOT_FOUND, NULL},
    {"[" FILL "{\"id\":\"\"}," FILL "1]", "", "id", "", 0, 0, "{\"id\":\"\"}"},
    {"[" FILL "{\"\":\"n1\"}," FILL "1]", "", "", "n1", 0, 0, "{\"\":\"n1\"}"},
    // what follows is not looked at
    {"[{\"id\":\"n1\"}}}", "", "id", "n1", 0, 0, "{\"id\":\"n1\"}"},
    {"[]x", "", "id", "n1", 0, NH_ERR_NOT_FOUND, NULL},
    // a long number or text beside the way
    {"{\"x\":1234567890123456789012345678901234567890123456789012345678901234567890,\"a\":[{\"x\":"
     "1234567890123456789012345678901234567890123456789012345678901234567890,\"id\":1}]}",
     "/a", "id", NULL, 1, 0,
     "{\"x\":1234567890123456789012345678901234567890123456789012345678901234567890,\"id\":1}"},
};

static void check_found(const struct row *row, unsigned way, const nh_json_find_t *f, int result)
{
    if (result != row->result)
        fail_msg("%s in way %u: %d, not %d", row->text, way, result, row->result);
    if (result != 0)
        return;
    size_t begin = (size_t)nh_json_find_begin(f), len = (size_t)nh_json_find_end(f) - begin;
    if (len != strlen(row->element) || memcmp(row->text + begin, row->element, len) != 0)
        fail_msg("%s in way %u: found %u bytes at %u", row->text, way, (unsigned)len,
                 (unsigned)begin);
}

static void elements_are_found_however_cut(void **state)
{
    static nh_json_find_t f;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_json_find_config cfg = {rows[i].array, rows[i].key, rows[i].value,
                                          rows[i].number};
        for (unsigned way = 0; way < CHUNK_WAYS; way++) {
            int result = find_in(&f, &cfg, chunks_start(rows[i].text, strlen(rows[i].text), way));
            check_found(&rows[i], way, &f, result);
            assert_int_equal(nh_json_find_feed(&f, "", 0, true), result); // it stays
        }
    }
}

// The member at each place of a block, and over the edge of it.
static void a_member_is_found_at_each_place(void **state)
{
    static const char *const strings[] = {"0", "\\\\", "\\\"", "\xc3\xa9"};
    static char document[1600], pad[300];
    static nh_json_find_t f;
    const struct nh_json_find_config cfg = {"", "id", "n1", 0};
    (void)state;
    for (size_t n = 0; n < 140 * NH_ARRAY_LEN(strings); n++) {
        const char *string = strings[n % NH_ARRAY_LEN(strings)];
        pad[0] = '\0';
        for (size_t i = 0; i < n / NH_ARRAY_LEN(strings); i += strlen(string))
            memcpy(pad + i, string, strlen(string) + 1);
        for (size_t spaces = 0; spaces < 2; spaces++) {
            snprintf(
                document, sizeof document,
                "[{\"p\":\"%s\",\"id\":\"n2\"},{\"p\":\"%s\",\"id\"%s:\"n1\",\"x\":0}," FILL FILL
                "1]",
                pad, pad, spaces ? " " : "");
            size_t len = strlen(document);
            assert_int_equal(find_in(&f, &cfg, chunks_start(document, len, 0)), 0);
            assert_int_equal(f.begin, 20 + strlen(pad));
            assert_int_equal(f.end, f.begin + 24 + strlen(pad) + spaces);
        }
    }
}

// ---- broken texts
// ------------------------------------------------------------------------------

struct broken_row {
    const char *text;
    int result;
    uint64_t offset;
    uint32_t line, column;
    const char *pointer;
};

#define PAD "{\"id\":\"x\",\"pad\":\"x0123456789012345678901234567890123456789\"}" // 60 bytes

static const struct broken_row broken_rows[] = {
    {"", NH_ERR_SYNTAX, 0, 1, 1, ""},
    {"[" PAD, NH_ERR_SYNTAX, 61, 1, 62, ""},
    {"[" PAD "," PAD "," PAD, NH_ERR_SYNTAX, 183, 1, 184, ""},
    {"[" PAD ",\n" PAD ",\n" PAD ",]", NH_ERR_SYNTAX, 186, 3, 62, "/3"},
    {"[" PAD ",\n" PAD "\n," PAD ",,", NH_ERR_SYNTAX, 186, 3, 63, "/3"},
    {"[" PAD "," PAD " " PAD, NH_ERR_SYNTAX, 123, 1, 124, ""},
    {"[" PAD "," PAD "," PAD "}", NH_ERR_SYNTAX, 183, 1, 184, ""},
    {"[" PAD "," PAD ",{\"a\":[1}," PAD, NH_ERR_SYNTAX, 130, 1, 131, "/2/a"},
    {"[" PAD "," PAD ",{\"a\":{1]," PAD "," PAD, NH_ERR_SYNTAX, 129, 1, 130, "/2/a"},
    {"[" PAD "," PAD ",{\"a\":[1}]," PAD "," PAD "," PAD "]", NH_ERR_SYNTAX, 130, 1, 131, "/2/a"},
    {"[" PAD "," PAD ",{\"a\":\"not closed", NH_ERR_SYNTAX, 139, 1, 140, "/2/a"},
    {"[" PAD "," PAD ",{\"id\":\"n1\",\"b\":tru}]", NH_ERR_SYNTAX, 141, 1, 142,
     "/2/b"}, // the match is strict
    {"[" PAD "," PAD "," PAD "," PAD "," PAD "x", NH_ERR_SYNTAX, 305, 1, 306, ""},
    {"[" PAD "," PAD
     ",{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
     NH_ERR_TOO_DEEP, 158, 1, 159, NULL},
};

static void broken_texts_are_errors(void **state)
{
    static nh_json_find_t f;
    const struct nh_json_find_config cfg = {"", "id", "n1", 0};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(broken_rows); i++) {
        const struct broken_row *row = &broken_rows[i];
        for (unsigned way = 0; way < CHUNK_WAYS; way++) {
            struct nh_json_error e;
            int result = find_in(&f, &cfg, chunks_start(row->text, strlen(row->text), way));
            nh_json_find_error(&f, &e);
            if (result != row->result || e.pos.offset != row->offset || e.pos.line != row->line ||
                e.pos.column != row->column ||
                (row->pointer && strcmp(e.pointer, row->pointer) != 0))
                fail_msg("row %u way %u: %d at %u, %u:%u '%s' %s", (unsigned)i, way, result,
                         (unsigned)e.pos.offset, (unsigned)e.pos.line, (unsigned)e.pos.column,
                         e.pointer, e.text);
        }
    }
}

static void limits_are_told_at_the_start(void **state)
{
    static nh_json_find_t f;
    static const char long63[] = "012345678901234567890123456789012345678901234567890123456789012";
    char long64[65], path[80];
    (void)state;
    snprintf(long64, sizeof long64, "%s3", long63);
    snprintf(path, sizeof path, "/a/%s", long64);
    struct nh_json_find_config cfg = {"", long63, long63, 0};
    assert_int_equal(nh_json_find_init(&f, &cfg), 0);
    cfg.key = long64;
    assert_int_equal(nh_json_find_init(&f, &cfg), NH_ERR_TOO_LONG);
    cfg.key = "id";
    cfg.text = long64;
    assert_int_equal(nh_json_find_init(&f, &cfg), NH_ERR_TOO_LONG);
    cfg.text = "";
    cfg.array = path;
    assert_int_equal(nh_json_find_init(&f, &cfg), NH_ERR_TOO_LONG);
    path[sizeof "/a/" - 1 + 63] = '\0';
    assert_int_equal(nh_json_find_init(&f, &cfg), 0);
    static const char *const bad[] = {"a", "/a~", "/~2", "/a~/b"};
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++) {
        cfg.array = bad[i];
        assert_int_equal(nh_json_find_init(&f, &cfg), NH_ERR_INVAL);
    }
}

// ---- the two scanners, and random texts
// ---------------------------------------------------------

// A random array whose elements are small and full of what the scanner could trip over.
struct maker {
    char text[6100]; // the last bytes are room for spaces behind it
    size_t len;
    uint32_t seed;
};

static void make(struct maker *m, const char *s)
{
    size_t n = strlen(s);
    if (m->len + n < sizeof m->text - 100) {
        memcpy(m->text + m->len, s, n + 1);
        m->len += n;
    }
}

static uint32_t below(struct maker *m, uint32_t n)
{
    return chunks_random(&m->seed) % n;
}

static const char *const makers_strings[] = {
    "\"id\"",       "\"n1\"",
    "\"n2\"",       "\"\"",
    "\"\\\\\"",     "\"\\\"\"",
    "\"i\\u0064\"", "\"{\"",
    "\"]\"",        "\":\"",
    "\",\"",        "\"a\\\\\"",
    "\"n\\u0031\"", "\"a much longer text, with \\\" in it\"",
    "\"\xc3\xa9\"", "\"\\\\\\\\\\\"\"",
    "\"Y_y\"",
};
static const char *const makers_values[] = {"1", "12", "-12", "12.5", "true", "null", "1e3"};
static const char *const makers_spaces[] = {"", "", "", "", " ", "\n", "  \t"};

static void make_value(struct maker *m, int depth);

static void make_members(struct maker *m, int depth, bool is_object)
{
    for (uint32_t i = 0, n = below(m, 4); i < n; i++) {
        if (i)
            make(m, ",");
        make(m, makers_spaces[below(m, NH_ARRAY_LEN(makers_spaces))]);
        if (is_object) {
            make(m, makers_strings[below(m, 3) ? 0 : below(m, NH_ARRAY_LEN(makers_strings))]);
            make(m, makers_spaces[below(m, NH_ARRAY_LEN(makers_spaces))]);
            make(m, ":");
        }
        make_value(m, depth + 1);
        make(m, makers_spaces[below(m, NH_ARRAY_LEN(makers_spaces))]);
    }
}

static void make_value(struct maker *m, int depth)
{
    uint32_t kind = below(m, depth < 3 ? 6 : 4);
    if (kind < 2) {
        make(m, makers_strings[below(m, NH_ARRAY_LEN(makers_strings))]);
    } else if (kind < 4) {
        make(m, makers_values[below(m, NH_ARRAY_LEN(makers_values))]);
    } else {
        make(m, kind == 4 ? "{" : "[");
        make_members(m, depth, kind == 4);
        make(m, kind == 4 ? "}" : "]");
    }
}

static void make_array(struct maker *m, uint32_t seed)
{
    m->len = 0;
    m->seed = seed;
    make(m, "[");
    for (uint32_t i = 0, n = below(m, 30); i < n; i++) {
        make(m, i ? "," : "");
        make(m, makers_spaces[below(m, NH_ARRAY_LEN(makers_spaces))]);
        if (below(m, 8)) {
            make(m, "{");
            make_members(m, 1, true);
            make(m, "}");
        } else {
            make_value(m, 1);
        }
    }
    make(m, "]");
}

static const struct nh_json_find_config wanted[] = {
    {"", "id", "n1", 0}, {"", "id", NULL, 12}, {"", "\\", "\"", 0}, {"", "id", "a\\", 0}};

static void the_fast_way_finds_what_the_strict_way_finds(void **state)
{
    static struct maker m;
    static nh_json_find_t strict, f;
    uint32_t found = 0;
    (void)state;
    for (uint32_t seed = 1; seed <= 600; seed++) {
        make_array(&m, seed * 2654435761u + 1);
        const struct nh_json_find_config *cfg = &wanted[seed % NH_ARRAY_LEN(wanted)];
        int want =
            find_in(&strict, cfg, chunks_start(m.text, m.len, 1)); // byte by byte: no scanner
        for (unsigned way = 0; way < CHUNK_WAYS; way += 3) {
            int got = find_in(&f, cfg, chunks_start(m.text, m.len, way));
            if (got != want || (got == 0 && (f.begin != strict.begin || f.end != strict.end)))
                fail_msg("seed %u way %u: %d not %d: %s", (unsigned)seed, way, got, want, m.text);
        }
        found += want == 0;
    }
    assert_in_range(found, 100, 500); // the texts are neither trivial nor hopeless
}

// The array of this maker with a few bytes changed: errors may differ, but nothing may be read
// outside of the pieces, and what is found is an object.
static void broken_random_texts_do_no_harm(void **state)
{
    static struct maker m;
    static nh_json_find_t f;
    (void)state;
    for (uint32_t seed = 1; seed <= 600; seed++) {
        make_array(&m, seed * 2246822519u + 1);
        for (int i = 0; i < 3; i++)
            m.text[below(&m, (uint32_t)m.len)] = "{}[]\":,\\x1 \n\x80"[below(&m, 13)];
        const struct nh_json_find_config *cfg = &wanted[seed % NH_ARRAY_LEN(wanted)];
        for (unsigned way = 0; way < CHUNK_WAYS; way += 3) {
            int got = find_in(&f, cfg, chunks_start(m.text, m.len, way));
            assert_true(got == 0 || got == NH_ERR_NOT_FOUND || got == NH_ERR_SYNTAX ||
                        got == NH_ERR_TYPE);
            if (got == 0) {
                assert_int_equal(m.text[f.begin], '{');
                assert_int_equal(m.text[f.end - 1], '}');
            }
        }
    }
}

#ifdef __SSE2__
// Blocks of 64 and single bytes pass over the same elements, but for those too near to the end.
static void both_scanners_pass_over_the_same(void **state)
{
    static struct maker m;
    static nh_json_find_t f;
    uint32_t passed = 0;
    (void)state;
    for (uint32_t seed = 1; seed <= 2000; seed++) {
        make_array(&m, seed * 3266489917u + 1);
        if (seed % 3 == 0)
            m.text[below(&m, (uint32_t)m.len)] = "{}[]\":,\\x1 \n\x80"[below(&m, 13)];
        const char *begin = strchr(m.text, '{');
        if (!begin)
            continue;
        assert_int_equal(nh_json_find_init(&f, &wanted[seed % NH_ARRAY_LEN(wanted)]), 0);
        memset(m.text + m.len, ' ', 64); // so that the blocks reach the end
        struct nh__find_scan a = {.find = &f, .begin = (const uint8_t *)begin, .depth_max = 31};
        a.end = (const uint8_t *)m.text + m.len + 64;
        struct nh__find_scan b = a;
        nh__find_scan_sse2(&a);
        nh__find_scan_bytes(&b);
        if (a.count != b.count || a.done != b.done)
            fail_msg("seed %u: %u and %u elements: %s", (unsigned)seed, (unsigned)a.count,
                     (unsigned)b.count, m.text);
        passed += a.count;
    }
    assert_true(passed > 2000);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_found_however_cut),
        cmocka_unit_test(a_member_is_found_at_each_place),
        cmocka_unit_test(broken_texts_are_errors),
        cmocka_unit_test(limits_are_told_at_the_start),
        cmocka_unit_test(the_fast_way_finds_what_the_strict_way_finds),
        cmocka_unit_test(broken_random_texts_do_no_harm),
#ifdef __SSE2__
        cmocka_unit_test(both_scanners_pass_over_the_same),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
