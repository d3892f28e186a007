#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/json/decode.h"
#include "unit/json_chunks.h"

// ---- a struct with one of everything
// -----------------------------------------------------------

struct point {
    int16_t x;
    uint8_t y;
    char tag[5];
};

enum mode { MODE_OFF, MODE_ON, MODE_AUTO };

struct everything {
    bool enabled;
    int8_t i8;
    uint8_t u8;
    int32_t port;
    int64_t i64;
    uint64_t u64;
    double ratio, any;
    char name[8];
    char password[16];
    int mode;
    struct point origin;
    uint32_t value_count;
    int32_t values[3];
    uint32_t point_count;
    struct point points[2];
    uint32_t word_count;
    char words[2][4];
};

static const char *const mode_names[] = {"off", "on", "auto", NULL};

static const nh_json_field_t point_fields[] = {
    {"x", NH_JSON_T_INT, .is_signed = true, .required = true, NH_JSON_AT(struct point, x),
     .min = -100, .max = 100},
    {"y", NH_JSON_T_INT, NH_JSON_AT(struct point, y)},
    {"tag", NH_JSON_T_STRING, NH_JSON_AT(struct point, tag)},
    NH_JSON_FIELDS_END,
};
static const struct point point_default = {.y = 7, .tag = "none"};
static const nh_json_field_t value_element = {NULL,      NH_JSON_T_INT, .is_signed = true,
                                              .size = 4, .min = 1,      .max = 9};
static const nh_json_field_t point_element = {NULL, NH_JSON_T_OBJECT, .size = sizeof(struct point),
                                              .fields = point_fields};
static const nh_json_field_t word_element = {NULL, NH_JSON_T_STRING, .size = 4};

static const nh_json_field_t fields[] = {
    {"enabled", NH_JSON_T_BOOL, NH_JSON_AT(struct everything, enabled)},
    {"i8", NH_JSON_T_INT, .is_signed = true, NH_JSON_AT(struct everything, i8)},
    {"u8", NH_JSON_T_INT, NH_JSON_AT(struct everything, u8)},
    {"port", NH_JSON_T_INT, .is_signed = true, NH_JSON_AT(struct everything, port), .min = 1,
     .max = 65535},
    {"i64", NH_JSON_T_INT, .is_signed = true, NH_JSON_AT(struct everything, i64)},
    {"u64", NH_JSON_T_INT, NH_JSON_AT(struct everything, u64)},
    {"ratio", NH_JSON_T_DOUBLE, NH_JSON_AT(struct everything, ratio), .dmin = -0.5, .dmax = 1.5},
    {"any", NH_JSON_T_DOUBLE, NH_JSON_AT(struct everything, any)},
    {"name", NH_JSON_T_STRING, NH_JSON_AT(struct everything, name)},
    {"password", NH_JSON_T_STRING, NH_JSON_AT(struct everything, password), .is_secret = true},
    {"mode", NH_JSON_T_ENUM, NH_JSON_AT(struct everything, mode), .names = mode_names},
    {"origin", NH_JSON_T_OBJECT, NH_JSON_AT(struct everything, origin), .fields = point_fields},
    {"values", NH_JSON_T_ARRAY, NH_JSON_AT(struct everything, values), .element = &value_element,
     .count_max = 3, .count_offset = offsetof(struct everything, value_count)},
    {"points", NH_JSON_T_ARRAY, NH_JSON_AT(struct everything, points), .element = &point_element,
     .count_max = 2, .count_offset = offsetof(struct everything, point_count),
     .element_default = &point_default},
    {"words", NH_JSON_T_ARRAY, NH_JSON_AT(struct everything, words), .element = &word_element,
     .count_max = 2, .count_offset = offsetof(struct everything, word_count)},
    NH_JSON_FIELDS_END,
};

// ---- findings as text
// --------------------------------------------------------------------------

struct log {
    char text[4096];
    size_t len;
    unsigned count;
};

static void log_finding(void *ctx, const struct nh_finding *f)
{
    struct log *log = ctx;
    log->count++;
    int n = snprintf(log->text + log->len, sizeof log->text - log->len, "%s%s %u:%u %s %s %s\n",
                     f->is_warning ? "~" : "", nh_err_name(f->code), (unsigned)f->line,
                     (unsigned)f->column, f->pointer, f->value, f->limit);
    assert_true(n > 0 && (size_t)n < sizeof log->text - log->len);
    assert_true(f->text[0] != '\0');
    log->len += (size_t)n;
}

static int decode(const char *text, struct everything *out, struct log *log, uint32_t flags)
{
    memset(log, 0, sizeof *log);
    return nh_json_decode(text, strlen(text), fields, out, log_finding, log, flags);
}

static void a_whole_struct_is_decoded(void **state)
{
    static struct log log;
    static struct everything e = {.value_count = 2, .values = {8, 9, 10}, .name = "default"};
    (void)state;
    int err = decode("{\"enabled\":true,\"i8\":-128,\"u8\":255,\"port\":65535,"
                     "\"i64\":-9223372036854775808,\"u64\":18446744073709551615,"
                     "\"ratio\":0.25,\"any\":-1e300,\"name\":\"b\\u00e4r\",\"password\":\"s3cret\","
                     "\"mode\":\"auto\",\"origin\":{\"x\":-100,\"y\":3,\"tag\":\"home\"},"
                     "\"values\":[1,9],\"points\":[{\"x\":1},{\"x\":2,\"tag\":\"b\"}],"
                     "\"words\":[\"abc\",\"\"]}",
                     &e, &log, NH_DECODE_UNKNOWN_IS_ERROR);
    assert_string_equal(log.text, "");
    assert_int_equal(err, 0);
    assert_true(e.enabled && e.i8 == -128 && e.u8 == 255 && e.port == 65535);
    assert_true(e.i64 == INT64_MIN && e.u64 == UINT64_MAX && e.ratio == 0.25 && e.any == -1e300);
    assert_string_equal(e.name, "b\xc3\xa4r");
    assert_memory_equal(e.name, "b\xc3\xa4r\0\0\0\0", 8); // nothing of the default is left behind
    assert_string_equal(e.password, "s3cret");
    assert_int_equal(e.mode, MODE_AUTO);
    assert_true(e.origin.x == -100 && e.origin.y == 3);
    assert_string_equal(e.origin.tag, "home");
    assert_true(e.value_count == 2 && e.values[0] == 1 && e.values[1] == 9);
    assert_true(e.point_count == 2 && e.points[0].x == 1 && e.points[0].y == 7);
    assert_string_equal(e.points[0].tag, "none");
    assert_string_equal(e.points[1].tag, "b");
    assert_true(e.word_count == 2);
    assert_string_equal(e.words[0], "abc");
}

static void what_is_not_said_keeps_its_default(void **state)
{
    static struct log log;
    static struct everything e = {
        .port = 8080, .value_count = 1, .values = {5}, .origin = {1, 2, "t"}};
    (void)state;
    assert_int_equal(decode("{\"origin\":{\"x\":9}}", &e, &log, 0), 0);
    assert_true(e.port == 8080 && e.value_count == 1 && e.values[0] == 5);
    assert_true(e.origin.x == 9 && e.origin.y == 2 && e.origin.tag[0] == 't');
    assert_int_equal(decode("{\"values\":[]}", &e, &log, 0), 0);
    assert_int_equal(e.value_count, 0);
}

static void an_element_without_defaults_starts_with_zeros(void **state)
{
    struct list {
        uint32_t count;
        struct point points[2];
    } list = {1, {{5, 6, "old"}, {7, 8, "old"}}};
    static const nh_json_field_t list_fields[] = {
        {"points", NH_JSON_T_ARRAY, NH_JSON_AT(struct list, points), .element = &point_element,
         .count_max = 2, .count_offset = offsetof(struct list, count)},
        NH_JSON_FIELDS_END,
    };
    static const char text[] = "{\"points\":[{\"x\":1},{\"x\":2}]}";
    (void)state;
    assert_int_equal(nh_json_decode(text, sizeof text - 1, list_fields, &list, NULL, NULL, 0), 0);
    assert_int_equal(list.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(list.points[i].x, i + 1);
        assert_int_equal(list.points[i].y, 0);
        assert_string_equal(list.points[i].tag, "");
    }
}

// ---- what is refused
// ---------------------------------------------------------------------------

struct refusal {
    const char *text;
    const char *findings;
};

static const struct refusal refusal_rows[] = {
    {"{\"enabled\":1}", "TYPE 1:12 /enabled 1 true or false\n"},
    {"{\"enabled\":\"true\"}", "TYPE 1:12 /enabled \"true\" true or false\n"},
    {"{\"enabled\":null}", "TYPE 1:12 /enabled null true or false\n"},
    {"{\"i8\":128}", "RANGE 1:7 /i8 128 -128 to 127\n"},
    {"{\"i8\":-129}", "RANGE 1:7 /i8 -129 -128 to 127\n"},
    {"{\"u8\":256}", "RANGE 1:7 /u8 256 0 to 255\n"},
    {"{\"u8\":-1}", "RANGE 1:7 /u8 -1 0 to 255\n"},
    {"{\"u8\":1.5}", "TYPE 1:7 /u8 1.5 0 to 255\n"},
    {"{\"u8\":\"1\"}", "TYPE 1:7 /u8 \"1\" 0 to 255\n"},
    {"{\"port\":0}", "RANGE 1:9 /port 0 1 to 65535\n"},
    {"{\"port\":65536}", "RANGE 1:9 /port 65536 1 to 65535\n"},
    {"{\"i64\":9223372036854775808}",
     "RANGE 1:8 /i64 9223372036854775808 -9223372036854775808 to 9223372036854775807\n"},
    {"{\"u64\":18446744073709551616}",
     "RANGE 1:8 /u64 18446744073709551616 0 to 18446744073709551615\n"},
    {"{\"ratio\":1.51}", "RANGE 1:10 /ratio 1.51 -0.5 to 1.5\n"},
    {"{\"ratio\":-0.6}", "RANGE 1:10 /ratio -0.6 -0.5 to 1.5\n"},
    {"{\"any\":1e400}", "RANGE 1:8 /any 1e400 a number\n"},
    {"{\"name\":\"12345678\"}", "TOO_LONG 1:9 /name \"12345678\" at most 7 bytes\n"},
    {"{\"name\":\"a\\u0000b\"}", "INVAL 1:9 /name \"a"},
    {"{\"name\":12}", "TYPE 1:9 /name 12 at most 7 bytes\n"},
    {"{\"password\":\"0123456789abcdef\"}", "TOO_LONG 1:13 /password *** at most 15 bytes\n"},
    {"{\"mode\":\"On\"}", "INVAL 1:9 /mode \"On\" one of off, on, auto\n"},
    {"{\"mode\":1}", "TYPE 1:9 /mode 1 one of off, on, auto\n"},
    {"{\"origin\":[1,{\"x\":2}],\"u8\":-1}",
     "TYPE 1:11 /origin an array an object\nRANGE 1:28 /u8 -1 0 to 255\n"},
    {"{\"origin\":{\"y\":2}}", "NOT_FOUND 1:11 /origin/x  -100 to 100\n"},
    {"{\"origin\":{\"x\":\"a\"}}", "TYPE 1:16 /origin/x \"a\" -100 to 100\n"},
    {"{\"values\":{\"a\":1}}", "TYPE 1:11 /values an object an array of at most 3\n"},
    {"{\"values\":[0,5,10]}", "RANGE 1:12 /values/0 0 1 to 9\nRANGE 1:16 /values/2 10 1 to 9\n"},
    {"{\"values\":[1,2,3,4,5]}", "FULL 1:18 /values/3 4 an array of at most 3\n"},
    {"{\"values\":[[1],{\"a\":[]},2]}",
     "TYPE 1:12 /values/0 an array 1 to 9\nTYPE 1:16 /values/1 an object 1 to 9\n"},
    {"{\"points\":[{\"x\":1},\n{\"y\":1},{\"x\":1}],\"u8\":-1}",
     "NOT_FOUND 2:1 /points/1/x  -100 to 100\n"
     "FULL 2:9 /points/2 an object an array of at most 2\nRANGE 2:23 /u8 -1 0 to 255\n"},
    {"{\"points\":[{\"x\":101,\"tag\":\"12345\"}]}",
     "RANGE 1:17 /points/0/x 101 -100 to 100\n"
     "TOO_LONG 1:27 /points/0/tag \"12345\" at most 4 bytes\n"},
    {"{\"u8\":1,\"u8\":2,\"u8\":300}", "EXISTS 1:9 /u8 u8 0 to 255\nEXISTS 1:16 /u8 u8 0 to 255\n"},
    {"{\"u8\":1,\"u8\":{\"i8\":1},\"i8\":300}",
     "EXISTS 1:9 /u8 u8 0 to 255\nRANGE 1:28 /i8 300 -128 to 127\n"},
    {"[]", "TYPE 1:1  an array an object\n"},
    {"[{\"u8\":300}]", "TYPE 1:1  an array an object\n"},
    {"5", "TYPE 1:1  5 an object\n"},
    {"{\"u8\":300,\n\"port\" 1}", "RANGE 1:7 /u8 300 0 to 255\nSYNTAX 2:8 /port  \n"},
    {"", "SYNTAX 1:1   \n"},
};

static void all_that_is_wrong_is_found(void **state)
{
    static struct log log;
    static struct everything e;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(refusal_rows); i++) {
        const char *want = refusal_rows[i].findings;
        int err = decode(refusal_rows[i].text, &e, &log, 0);
        if (strncmp(log.text, want, strlen(want)) != 0 || err >= 0)
            fail_msg("%s: error %d\n got %s\nwant %s", refusal_rows[i].text, err, log.text, want);
        assert_true(strncmp(want, nh_err_name(err), strlen(nh_err_name(err))) == 0); // the first
    }
}

static void unknown_keys_are_warned_of_and_counted(void **state)
{
    static struct log log;
    static const char text[] =
        "{\"a/b\":[1,{\"u8\":300}],\"u8\":4,\"U8\":{\"x\":{}},\"origin\":{\"x\":1,\"z\":0}}";
    static const char want[] =
        "~NOT_FOUND 1:2 /a~1b a/b one of enabled, i8, u8, port, i64, u64, ratio, any, name, pa...\n"
        "~NOT_FOUND 1:30 /U8 U8 one of enabled, i8, u8, port, i64, u64, ratio, any, name, pa...\n"
        "~NOT_FOUND 1:60 /origin/z z one of x, y, tag\n";
    struct everything e = {0};
    nh_decoder_t d;
    (void)state;
    assert_int_equal(decode(text, &e, &log, 0), 0);
    assert_string_equal(log.text, want);
    assert_int_equal(e.u8, 4);
    assert_int_equal(decode(text, &e, &log, NH_DECODE_UNKNOWN_IS_ERROR), NH_ERR_NOT_FOUND);
    assert_int_equal(log.count, 3);
    nh_decoder_init(&d, fields, &e, NULL, NULL, 0);
    static char buffer[64];
    nh_json_reader_t r;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){buffer, sizeof buffer, 0, true});
    nh_json_feed(&r, text, strlen(text), true);
    assert_int_equal(nh_decoder_pull(&d, &r), 0);
    assert_int_equal(d.unknown_count, 3);
    assert_int_equal(d.warning_count, 3);
    assert_int_equal(d.error_count, 0);
}

static void findings_have_a_bound(void **state)
{
    static struct log log;
    static struct everything e;
    static char text[1200];
    size_t n = 1;
    (void)state;
    text[0] = '{';
    for (int i = 0; i < 150; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"z\":%d", i ? "," : "", i % 10);
    snprintf(text + n, sizeof text - n, "}");
    memset(&log, 0, sizeof log);
    log.len = 0;
    nh_decoder_t d;
    nh_decoder_init(&d, point_fields, &e, NULL, NULL, 0);
    static char buffer[64];
    nh_json_reader_t r;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){buffer, sizeof buffer, 0, true});
    nh_json_feed(&r, text, strlen(text), true);
    assert_int_equal(nh_decoder_pull(&d, &r), NH_ERR_NOT_FOUND); // x is required
    assert_int_equal(d.unknown_count, 150);
    assert_int_equal(d.warning_count, 150);
    assert_int_equal(d.error_count, 1);
}

static void a_text_longer_than_the_buffer_is_a_finding(void **state)
{
    static struct log log;
    static struct everything e;
    static char buffer[9];
    static const char text[] =
        "{\"name\":\"longer than it\",\"a key longer than it\":1,\"u8\":300}";
    nh_json_reader_t r;
    nh_decoder_t d;
    (void)state;
    for (unsigned way = 0; way < CHUNK_WAYS; way++) {
        struct chunks c = chunks_start(text, sizeof text - 1, way);
        size_t len;
        bool last;
        int err = NH_ERR_AGAIN;
        memset(&log, 0, sizeof log);
        nh_json_reader_init(&r, &(struct nh_json_reader_config){buffer, sizeof buffer, 0, true});
        nh_decoder_init(&d, point_fields, &e, log_finding, &log, 0);
        nh_decoder_init(&d, fields, &e, log_finding, &log, 0);
        while (err == NH_ERR_AGAIN) {
            const uint8_t *piece = chunks_next(&c, &len, &last);
            nh_json_feed(&r, piece, len, last);
            err = nh_decoder_pull(&d, &r);
        }
        chunks_end(&c);
        assert_int_equal(err, NH_ERR_TOO_LONG);
        assert_int_equal(log.count, 3);
        assert_true(strstr(log.text, "TOO_LONG 1:9 /name \"longer t\" at most 7 bytes\n") ==
                    log.text);
        assert_true(strstr(log.text, "~NOT_FOUND 1:26 /a key lo a key lo one of") != NULL);
        assert_true(strstr(log.text, "RANGE 1:56 /u8 300 0 to 255\n") != NULL);
    }
}

// ---- plain YAML scalars
// ------------------------------------------------------------------------

struct plain_row {
    const char *key, *text;
    int err;
};

static const struct plain_row plain_rows[] = {
    {"enabled", "true", 0},
    {"enabled", "FALSE", 0},
    {"enabled", "yes", NH_ERR_TYPE},
    {"enabled", "", NH_ERR_TYPE},
    {"u8", "200", 0},
    {"u8", "+7", 0},
    {"u8", "0xfF", 0},
    {"u8", "0x100", NH_ERR_RANGE},
    {"u8", "0x", NH_ERR_TYPE},
    {"u8", "0xg", NH_ERR_TYPE},
    {"u64", "0xffffffffffffffff", 0},
    {"u64", "0x1ffffffffffffffff", NH_ERR_RANGE},
    {"u8", "1e1", NH_ERR_TYPE},
    {"u8", "ten", NH_ERR_TYPE},
    {"u8", "+-7", NH_ERR_TYPE},
    {"u8", "007", NH_ERR_TYPE},
    {"any", "1.5", 0},
    {"any", "3", 0},
    {"any", ".inf", NH_ERR_TYPE},
    {"name", "plain", 0},
    {"name", "123", 0},
    {"name", "true", 0},
    {"name", "null", NH_ERR_TYPE},
    {"name", "~", NH_ERR_TYPE},
    {"name", "", NH_ERR_TYPE},
    {"mode", "on", 0},
    {"mode", "true", NH_ERR_INVAL},
    {"origin", "x", NH_ERR_TYPE},
};

static void a_plain_scalar_is_what_its_field_is(void **state)
{
    static struct log log;
    static struct everything e;
    const struct nh_json_pos pos = {10, 2, 3};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(plain_rows); i++) {
        const struct plain_row *row = &plain_rows[i];
        nh_decoder_t d;
        memset(&log, 0, sizeof log);
        nh_decoder_init(&d, fields, &e, log_finding, &log, 0);
        nh_decoder_event(&d, NH_JSON_OBJECT_BEGIN, NULL, 0, &pos, 0);
        nh_decoder_event(&d, NH_JSON_KEY, row->key, strlen(row->key), &pos, 0);
        nh_decoder_event(&d, NH_JSON_STRING, row->text, strlen(row->text), &pos,
                         NH_DECODE_TEXT_PLAIN);
        nh_decoder_event(&d, NH_JSON_OBJECT_END, NULL, 0, &pos, 0);
        nh_decoder_event(&d, NH_JSON_DONE, NULL, 0, &pos, 0);
        int err = nh_decoder_end(&d);
        if (err != row->err || log.count != (row->err != 0))
            fail_msg("%s: %s gave %d, %s", row->key, row->text, err, log.text);
    }
}

static void no_document_lacks_what_is_required(void **state)
{
    static struct log log;
    struct point p = {0};
    nh_decoder_t d;
    (void)state;
    memset(&log, 0, sizeof log);
    nh_decoder_init(&d, point_fields, &p, log_finding, &log, 0);
    assert_int_equal(nh_decoder_end(&d), NH_ERR_NOT_FOUND);
    assert_string_equal(log.text, "NOT_FOUND 1:1 /x  -100 to 100\n");
}

// ---- back to JSON
// ------------------------------------------------------------------------------

static const struct everything sample = {
    .enabled = true,
    .i8 = -1,
    .u8 = 200,
    .port = 1883,
    .i64 = INT64_MIN,
    .u64 = UINT64_MAX,
    .ratio = 0.1,
    .any = -2.5e-8,
    .name = "1234567",
    .password = "pw",
    .mode = MODE_ON,
    .origin = {-5, 6, "o"},
    .value_count = 2,
    .values = {3, 4},
    .point_count = 1,
    .points = {{7, 8, "p"}},
    .word_count = 2,
    .words = {"ab", "c\""},
};

static void what_is_encoded_decodes_to_the_same(void **state)
{
    static struct log log;
    static struct everything back;
    static char text[1024];
    struct nh_json_buf buf = {text, sizeof text - 1, 0};
    nh_json_writer_t w;
    (void)state;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_encode_struct(&w, fields, &sample, 0);
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = '\0';
    assert_string_equal(
        text, "{\"enabled\":true,\"i8\":-1,\"u8\":200,\"port\":1883,\"i64\":-9223372036854775808,"
              "\"u64\":18446744073709551615,\"ratio\":0.1,\"any\":-2.5e-8,\"name\":\"1234567\","
              "\"password\":\"pw\",\"mode\":\"on\",\"origin\":{\"x\":-5,\"y\":6,\"tag\":\"o\"},"
              "\"values\":[3,4],\"points\":[{\"x\":7,\"y\":8,\"tag\":\"p\"}],"
              "\"words\":[\"ab\",\"c\\\"\"]}");
    assert_int_equal(decode(text, &back, &log, NH_DECODE_UNKNOWN_IS_ERROR), 0);
    assert_memory_equal(&back, &sample, sizeof back);
}

static void secrets_hide_on_request(void **state)
{
    static char text[1024];
    struct nh_json_buf buf = {text, sizeof text - 1, 0};
    nh_json_writer_t w;
    (void)state;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_encode_struct(&w, fields, &sample, NH_ENCODE_HIDE_SECRETS);
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = '\0';
    assert_true(strstr(text, "\"password\":\"***\"") != NULL);
    assert_true(strstr(text, "pw") == NULL);
}

// ---- the table itself
// --------------------------------------------------------------------------

struct visit_log {
    char text[2048];
    size_t len;
    const char *stop_at;
};

static int log_visit(void *ctx, const char *pointer, const nh_json_field_t *field, size_t offset)
{
    struct visit_log *log = ctx;
    char limit[40];
    nh_json_field_limit(field, limit, sizeof limit);
    log->len +=
        (size_t)snprintf(log->text + log->len, sizeof log->text - log->len, "%s %u %s\n", pointer,
                         (unsigned)(offset - offsetof(struct everything, origin)), limit);
    return log->stop_at && strcmp(pointer, log->stop_at) == 0 ? 42 : 0;
}

static void each_row_is_visited_with_its_place(void **state)
{
    static struct visit_log log;
    char want[300];
    (void)state;
    assert_int_equal(nh_json_field_each(fields + 11, log_visit, &log), 0);
    unsigned base = offsetof(struct everything, origin);
    snprintf(
        want, sizeof want,
        "/origin 0 an object\n/origin/x 0 -100 to 100\n/origin/y 2 0 to 255\n"
        "/origin/tag 3 at most 4 bytes\n/values %u an array of at most 3\n/values/* %u 1 to 9\n"
        "/points %u an array of at most 2\n/points/* %u an object\n/points/*/x %u -100 to 100\n",
        (unsigned)offsetof(struct everything, values) - base,
        (unsigned)offsetof(struct everything, values) - base,
        (unsigned)offsetof(struct everything, points) - base,
        (unsigned)offsetof(struct everything, points) - base,
        (unsigned)offsetof(struct everything, points) - base);
    assert_true(strncmp(log.text, want, strlen(want)) == 0);
    memset(&log, 0, sizeof log);
    log.stop_at = "/origin/x";
    assert_int_equal(nh_json_field_each(fields, log_visit, &log), 42);
    assert_string_equal(strrchr(log.text, '/') - 7, "/origin/x 0 -100 to 100\n");
}

static void a_faulty_table_is_told(void **state)
{
    static const nh_json_field_t twice[] = {{"a", NH_JSON_T_BOOL, .size = sizeof(bool)},
                                            {"a", NH_JSON_T_BOOL, .size = sizeof(bool)},
                                            NH_JSON_FIELDS_END};
    static const nh_json_field_t odd_int[] = {{"a", NH_JSON_T_INT, .size = 3}, NH_JSON_FIELDS_END};
    static const nh_json_field_t wide[] = {{"a", NH_JSON_T_INT, .size = 1, .max = 256},
                                           NH_JSON_FIELDS_END};
    static const nh_json_field_t low[] = {{"a", NH_JSON_T_INT, .size = 1, .min = -1, .max = 1},
                                          NH_JSON_FIELDS_END};
    static const nh_json_field_t empty[] = {{"a", NH_JSON_T_INT, .size = 1, .min = 3, .max = 1},
                                            NH_JSON_FIELDS_END};
    static const nh_json_field_t no_names[] = {{"a", NH_JSON_T_ENUM, .size = sizeof(int)},
                                               NH_JSON_FIELDS_END};
    static const nh_json_field_t no_nul[] = {{"a", NH_JSON_T_STRING, .size = 1},
                                             NH_JSON_FIELDS_END};
    static const nh_json_field_t no_type[] = {{"a", (enum nh_json_type)99, .size = 1},
                                              NH_JSON_FIELDS_END};
    static const nh_json_field_t no_element[] = {{"a", NH_JSON_T_ARRAY, .count_max = 1},
                                                 NH_JSON_FIELDS_END};
    static const nh_json_field_t inner[] = {{"b", NH_JSON_T_OBJECT, .size = 1, .fields = low},
                                            NH_JSON_FIELDS_END};
    static nh_json_field_t endless[2] = {{"a", NH_JSON_T_OBJECT, .size = 1}, NH_JSON_FIELDS_END};
    const nh_json_field_t *const tables[] = {twice,  odd_int, wide,       low,   empty,  no_names,
                                             no_nul, no_type, no_element, inner, endless};
    const nh_json_field_t *bad;
    (void)state;
    endless[0].fields = endless;
    for (size_t i = 0; i < NH_ARRAY_LEN(tables); i++) {
        assert_non_null(nh_json_fields_check(tables[i], &bad));
        assert_non_null(bad);
    }
    assert_null(nh_json_fields_check(fields, &bad));
    assert_null(bad);
}

// ---- streamed arrays ----------------------------------------------------------------------------

struct streamed {
    uint32_t name_count, point_count;
    bool after;
};

static const nh_json_field_t streamed_fields[] = {
    {"points", NH_JSON_T_ARRAY, .element = &point_element, .count_max = 4, .is_streamed = true,
     .count_offset = offsetof(struct streamed, point_count), .element_default = &point_default},
    {"names", NH_JSON_T_ARRAY, .element = &word_element, .count_max = 2, .is_streamed = true,
     .count_offset = offsetof(struct streamed, name_count)},
    {"after", NH_JSON_T_BOOL, NH_JSON_AT(struct streamed, after)},
    NH_JSON_FIELDS_END,
};

static void take_element(void *ctx, const nh_json_field_t *array, uint32_t index,
                         const void *element, const struct nh_json_pos *pos)
{
    struct log *log = ctx;
    const struct point *p = element;
    int n;
    if (array == &streamed_fields[0])
        n = snprintf(log->text + log->len, sizeof log->text - log->len, "%u: %d %u %s at %u:%u\n",
                     (unsigned)index, p->x, p->y, p->tag, (unsigned)pos->line,
                     (unsigned)pos->column);
    else
        n = snprintf(log->text + log->len, sizeof log->text - log->len, "%u: %s at %u\n",
                     (unsigned)index, (const char *)element, (unsigned)pos->column);
    log->len += (size_t)n;
}

static int decode_streamed(const char *text, struct streamed *out, struct log *log,
                           const struct nh_decode_elements *e)
{
    char buffer[64];
    struct nh_json_reader_config cfg = {
        .text = buffer, .text_max_bytes = sizeof buffer, .cut_long = true};
    nh_json_reader_t reader;
    nh_decoder_t d;
    memset(log, 0, sizeof *log);
    memset(out, 0, sizeof *out);
    nh_json_reader_init(&reader, &cfg);
    nh_decoder_init(&d, streamed_fields, out, log_finding, log, 0);
    nh_decoder_elements(&d, e);
    nh_json_feed(&reader, text, strlen(text), true);
    return nh_decoder_pull(&d, &reader);
}

// Elements are given one by one where they are good; the others are findings, and the count is of
// all. Without somebody who takes them they are skipped.
static void elements_are_streamed(void **state)
{
    static const char text[] = "{\"points\": [{\"x\": 1},\n {\"x\": 2, \"y\": 3, \"tag\": \"b\"},\n"
                               " {\"y\": 1}, 5, {\"x\": 9}],\n"
                               "\"names\": [\"a\", \"toolong\", \"c\"], \"after\": true}";
    static const char expected[] = "0: 1 7 none at 1:13\n"
                                   "1: 2 3 b at 2:2\n"
                                   "NOT_FOUND 3:2 /points/2/x  -100 to 100\n"
                                   "TYPE 3:12 /points/3 5 an object\n"
                                   "FULL 3:15 /points/4 an object an array of at most 4\n"
                                   "0: a at 11\n"
                                   "TOO_LONG 4:16 /names/1 \"toolong\" at most 3 bytes\n"
                                   "FULL 4:27 /names/2 \"c\" an array of at most 2\n";
    struct point scratch;
    struct log log;
    struct streamed out;
    struct nh_decode_elements e = {&log, &scratch, sizeof scratch, take_element};
    (void)state;
    assert_int_not_equal(decode_streamed(text, &out, &log, &e), 0);
    assert_string_equal(log.text, expected);
    assert_int_equal(out.point_count, 4);
    assert_int_equal(out.name_count, 2);
    assert_true(out.after);
    static const char good[] =
        "{\"points\": [{\"x\": 1}, {\"x\": 2}], \"names\": [\"a\"], \"after\": true}";
    e.take = NULL; // looked at only
    assert_int_equal(decode_streamed(good, &out, &log, &e), 0);
    assert_int_equal(out.point_count, 2);
    assert_int_equal(decode_streamed(good, &out, &log, NULL), 0);
    assert_int_equal(out.point_count, 2);
    assert_true(out.after);
    assert_int_equal(log.len, 0);
    e.scratch_bytes = 4; // a point does not fit, a name does
    e.take = take_element;
    assert_int_equal(decode_streamed(good, &out, &log, &e), 0);
    assert_string_equal(log.text, "0: a at 44\n");
}

static void streamed_arrays_are_not_written(void **state)
{
    char text[64];
    struct nh_json_buf b = {.ptr = text, .cap = sizeof text};
    struct streamed s = {2, 3, true};
    nh_json_writer_t w;
    (void)state;
    nh_json_writer_init(&w, nh_json_buf_sink, &b);
    nh_json_encode_struct(&w, streamed_fields, &s, 0);
    assert_int_equal(nh_json_writer_end(&w), 0);
    assert_int_equal(b.len, 14);
    assert_memory_equal(text, "{\"after\":true}", 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_struct_is_decoded),
        cmocka_unit_test(what_is_not_said_keeps_its_default),
        cmocka_unit_test(an_element_without_defaults_starts_with_zeros),
        cmocka_unit_test(all_that_is_wrong_is_found),
        cmocka_unit_test(unknown_keys_are_warned_of_and_counted),
        cmocka_unit_test(findings_have_a_bound),
        cmocka_unit_test(a_text_longer_than_the_buffer_is_a_finding),
        cmocka_unit_test(a_plain_scalar_is_what_its_field_is),
        cmocka_unit_test(no_document_lacks_what_is_required),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(secrets_hide_on_request),
        cmocka_unit_test(each_row_is_visited_with_its_place),
        cmocka_unit_test(a_faulty_table_is_told),
        cmocka_unit_test(elements_are_streamed),
        cmocka_unit_test(streamed_arrays_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
