#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/json/json.h"
#include "unit/json_chunks.h"

#define TEXT(s) (s), sizeof(s) - 1

// What the reader says of a text, as one line: "{k(a)n(1)}." or "[n(1)!SYNTAX 2 1:3 /1 expected".
struct trace {
    char text[4096];
    size_t len;
};

static void trace_put(struct trace *t, const char *s, size_t len)
{
    if (len > sizeof t->text - 1 - t->len)
        len = sizeof t->text - 1 - t->len;
    memcpy(t->text + t->len, s, len);
    t->len += len;
    t->text[t->len] = '\0';
}

static void trace_event(struct trace *t, const nh_json_reader_t *r, int event)
{
    static const char letters[] = " {}[]ksntf0.";
    trace_put(t, &letters[event], 1);
    if (event != NH_JSON_KEY && event != NH_JSON_STRING && event != NH_JSON_NUMBER)
        return;
    size_t len;
    const char *text = nh_json_text(r, &len);
    assert_int_equal(text[len], 0);
    nh_span_t view = nh_json_view(r);
    assert_int_equal(view.len, len);
    assert_memory_equal(view.ptr, text, len);
    trace_put(t, "(", 1);
    trace_put(t, text, len);
    trace_put(t, nh_json_is_cut(r) ? "...)" : ")", nh_json_is_cut(r) ? 4 : 1);
}

static void trace_error(struct trace *t, const nh_json_reader_t *r, int code)
{
    struct nh_json_error e;
    char line[400];
    nh_json_error(r, &e);
    assert_int_equal(e.code, code);
    snprintf(line, sizeof line, "!%s %u %u:%u %s %s", nh_err_name(code), (unsigned)e.pos.offset,
             (unsigned)e.pos.line, (unsigned)e.pos.column, e.pointer, e.text);
    trace_put(t, line, strlen(line));
}

static void feed_next(nh_json_reader_t *r, struct chunks *c)
{
    size_t len;
    bool last;
    const uint8_t *piece = chunks_next(c, &len, &last);
    nh_json_feed(r, piece, len, last);
}

static void trace_run(struct trace *t, const struct nh_json_reader_config *cfg, struct chunks c)
{
    nh_json_reader_t r;
    t->len = 0;
    nh_json_reader_init(&r, cfg);
    feed_next(&r, &c);
    for (;;) {
        int event = nh_json_next(&r);
        if (event == NH_ERR_AGAIN) {
            feed_next(&r, &c);
            continue;
        }
        if (event < 0) {
            chunks_end(&c); // what the error tells must not need the chunk
            trace_error(t, &r, event);
            assert_int_equal(nh_json_next(&r), event); // it stays
            return;
        }
        trace_event(t, &r, event);
        if (event == NH_JSON_DONE) {
            assert_int_equal(nh_json_next(&r), NH_JSON_DONE);
            break;
        }
    }
    chunks_end(&c);
}

struct row {
    const char *text;
    size_t len;
    const char *want;
};

static void check_rows(const struct row *rows, size_t count, struct nh_json_reader_config cfg)
{
    static struct trace t;
    for (size_t i = 0; i < count; i++) {
        for (unsigned way = 0; way < CHUNK_WAYS; way++) {
            trace_run(&t, &cfg, chunks_start(rows[i].text, rows[i].len, way));
            if (strcmp(t.text, rows[i].want) != 0)
                fail_msg("row %u (%s) cut in way %u:\n got %s\nwant %s", (unsigned)i, rows[i].text,
                         way, t.text, rows[i].want);
        }
    }
}

static char text_buffer[64];
static const struct nh_json_reader_config config = {.text = text_buffer,
                                                    .text_max_bytes = sizeof text_buffer};

static const struct row valid_rows[] = {
    // values at the top, space around
    {TEXT("null"), "0."},
    {TEXT("true"), "t."},
    {TEXT("false"), "f."},
    {TEXT(" \t\r\n null \t\r\n "), "0."},
    {TEXT("\"\""), "s()."},
    {TEXT("0"), "n(0)."},
    {TEXT("{}"), "{}."},
    {TEXT("[]"), "[]."},
    {TEXT(" { } "), "{}."},
    {TEXT(" [ ] "), "[]."},
    // numbers
    {TEXT("-0"), "n(-0)."},
    {TEXT("-0.0"), "n(-0.0)."},
    {TEXT("123"), "n(123)."},
    {TEXT("-9876543210"), "n(-9876543210)."},
    {TEXT("0.5"), "n(0.5)."},
    {TEXT("10.25"), "n(10.25)."},
    {TEXT("0e0"), "n(0e0)."},
    {TEXT("1E5"), "n(1E5)."},
    {TEXT("1e+5"), "n(1e+5)."},
    {TEXT("1E-05"), "n(1E-05)."},
    {TEXT("1.5e300"), "n(1.5e300)."},
    {TEXT("1e999999999999"), "n(1e999999999999)."}, // grammar alone: the value is asked for later
    {TEXT("[1,-2,3.5,4e1]"), "[n(1)n(-2)n(3.5)n(4e1)]."},
    {TEXT("[1 ,2\n,\t3\r]"), "[n(1)n(2)n(3)]."},
    {TEXT("123456789012345678901234567890"), "n(123456789012345678901234567890)."},
    // strings
    {TEXT("\"plain text of more than sixteen bytes\""),
     "s(plain text of more than sixteen bytes)."},
    {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "s(\"\\/\b\f\n\r\t)."},
    {TEXT("\"\\u0041\\u00e9\\u20ac\\uD83D\\uDE00\""), "s(A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80)."},
    {TEXT("\"\\uabCD\\uAbcd\""), "s(\xea\xaf\x8d\xea\xaf\x8d)."},
    {TEXT("\"\\uDBFF\\uDFFF\\uD800\\uDC00\""), "s(\xf4\x8f\xbf\xbf\xf0\x90\x80\x80)."},
    {TEXT("\"\\uD7FF\\uE000\\uFFFF\""), "s(\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf)."},
    {TEXT("\"\x7f\""), "s(\x7f)."},
    {TEXT("\"\xc2\x80\xdf\xbf\""), "s(\xc2\x80\xdf\xbf)."},
    {TEXT("\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
     "s(\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf)."},
    {TEXT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""), "s(\xf0\x90\x80\x80\xf4\x8f\xbf\xbf)."},
    {TEXT("\"twenty bytes of text\xc3\xa9 and twenty more\xc3\xa9\""),
     "s(twenty bytes of text\xc3\xa9 and twenty more\xc3\xa9)."},
    {TEXT("\"before\\nafter, more than sixteen\\t.\""), "s(before\nafter, more than sixteen\t.)."},
    {TEXT("\"{[]}:,\""), "s({[]}:,)."},
    // containers
    {TEXT("{\"a\":1}"), "{k(a)n(1)}."},
    {TEXT("{ \"a\" : 1 , \"b\" : [ true , false , null ] }"), "{k(a)n(1)k(b)[tf0]}."},
    {TEXT("{\"\":{\"\":{}}}"), "{k(){k(){}}}."},
    {TEXT("[[],[[]],{}]"), "[[][[]]{}]."},
    {TEXT("[{\"a\":[{\"b\":\"c\"}]},\"d\"]"), "[{k(a)[{k(b)s(c)}]}s(d)]."},
    {TEXT("{\"a\":1,\"a\":2}"), "{k(a)n(1)k(a)n(2)}."}, // twice: the reader passes it on
    {TEXT("{\"k\\u0065y\":\"v\"}"), "{k(key)s(v)}."},
    {TEXT("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), // 32
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]."},
};

static void valid_texts_read_alike_however_cut(void **state)
{
    (void)state;
    check_rows(valid_rows, NH_ARRAY_LEN(valid_rows), config);
}

static const struct row structure_rows[] = {
    {TEXT(""), "!SYNTAX 0 1:1  expected a value, found the end of the text"},
    {TEXT(" \n "), "!SYNTAX 3 2:2  expected a value, found the end of the text"},
    {TEXT("\xef\xbb\xbf{}"), "!SYNTAX 0 1:1  expected a value, found byte 0xef"},
    {TEXT("x"), "!SYNTAX 0 1:1  expected a value, found 'x'"},
    {TEXT("'a'"), "!SYNTAX 0 1:1  expected a value, found '''"},
    {TEXT("+1"), "!SYNTAX 0 1:1  expected a value, found '+'"},
    {TEXT(".5"), "!SYNTAX 0 1:1  expected a value, found '.'"},
    {TEXT("]"), "!SYNTAX 0 1:1  expected a value, found ']'"},
    {TEXT("\x00"), "!SYNTAX 0 1:1  expected a value, found byte 0x00"},
    {TEXT("\x0b"), "!SYNTAX 0 1:1  expected a value, found byte 0x0b"},
    {TEXT("1 2"), "n(1)!SYNTAX 2 1:3  expected nothing after the value, found '2'"},
    {TEXT("{},"), "{}!SYNTAX 2 1:3  expected nothing after the value, found ','"},
    {TEXT("[1"),
     "[n(1)!SYNTAX 2 1:3  expected ',' or ']' after the value, found the end of the text"},
    {TEXT("[1,"), "[n(1)!SYNTAX 3 1:4 /1 expected a value, found the end of the text"},
    {TEXT("[1,]"), "[n(1)!SYNTAX 3 1:4 /1 expected a value, found ']'"},
    {TEXT("[,1]"), "[!SYNTAX 1 1:2  expected a value or ']', found ','"},
    {TEXT("["), "[!SYNTAX 1 1:2  expected a value or ']', found the end of the text"},
    {TEXT("[1 2]"), "[n(1)!SYNTAX 3 1:4  expected ',' or ']' after the value, found '2'"},
    {TEXT("[1}"), "[n(1)!SYNTAX 2 1:3  expected ',' or ']' after the value, found '}'"},
    {TEXT("[1]]"), "[n(1)]!SYNTAX 3 1:4  expected nothing after the value, found ']'"},
    {TEXT("[01]"), "[n(0)!SYNTAX 2 1:3  expected ',' or ']' after the value, found '1'"},
    {TEXT("{"), "{!SYNTAX 1 1:2  expected a key in quotes or '}', found the end of the text"},
    {TEXT("{1:2}"), "{!SYNTAX 1 1:2  expected a key in quotes or '}', found '1'"},
    {TEXT("{a:2}"), "{!SYNTAX 1 1:2  expected a key in quotes or '}', found 'a'"},
    {TEXT("{,}"), "{!SYNTAX 1 1:2  expected a key in quotes or '}', found ','"},
    {TEXT("{]"), "{!SYNTAX 1 1:2  expected a key in quotes or '}', found ']'"},
    {TEXT("{\"a\"}"), "{k(a)!SYNTAX 4 1:5 /a expected ':' after the key, found '}'"},
    {TEXT("{\"a\" 1}"), "{k(a)!SYNTAX 5 1:6 /a expected ':' after the key, found '1'"},
    {TEXT("{\"a\"::1}"), "{k(a)!SYNTAX 5 1:6 /a expected a value, found ':'"},
    {TEXT("{\"a\":}"), "{k(a)!SYNTAX 5 1:6 /a expected a value, found '}'"},
    {TEXT("{\"a\":1"),
     "{k(a)n(1)!SYNTAX 6 1:7  expected ',' or '}' after the value, found the end of the text"},
    {TEXT("{\"a\":1]"), "{k(a)n(1)!SYNTAX 6 1:7  expected ',' or '}' after the value, found ']'"},
    {TEXT("{\"a\":1 \"b\":2}"),
     "{k(a)n(1)!SYNTAX 7 1:8  expected ',' or '}' after the value, found '\"'"},
    {TEXT("{\"a\":1,}"), "{k(a)n(1)!SYNTAX 7 1:8  expected a key in quotes, found '}'"},
    {TEXT("{\"a\":1,,}"), "{k(a)n(1)!SYNTAX 7 1:8  expected a key in quotes, found ','"},
    {TEXT("{\"a\":1}}"), "{k(a)n(1)}!SYNTAX 7 1:8  expected nothing after the value, found '}'"},
    {TEXT("[1,//c\n2]"), "[n(1)!SYNTAX 3 1:4 /1 expected a value, found '/'"},
    {TEXT("[NaN]"), "[!SYNTAX 1 1:2  expected a value or ']', found 'N'"},
    {TEXT("{\n  \"a\": {\n    \"b\": [1, 2, x]\n  }\n}"),
     "{k(a){k(b)[n(1)n(2)!SYNTAX 27 3:17 /a/b/2 expected a value, found 'x'"},
    {TEXT("{\"a/b~c\":{\"d\":!"),
     "{k(a/b~c){k(d)!SYNTAX 14 1:15 /a~1b~0c/d expected a value, found '!'"},
    {TEXT("{\"x\":[{\"y\":1},{\"z\":tru}]}"),
     "{k(x)[{k(y)n(1)}{k(z)!SYNTAX 22 1:23 /x/1/z expected the word true, found '}'"},
    {TEXT("{\"x\":[[1],[2,@"),
     "{k(x)[[n(1)][n(2)!SYNTAX 13 1:14 /x/1/1 expected a value, found '@'"},
    {TEXT("{\"x\":{\"y\":1},\"z\":{\"w\":1,2"),
     "{k(x){k(y)n(1)}k(z){k(w)n(1)!SYNTAX 24 1:25 /z expected a key in quotes, found '2'"},
    {TEXT("{\"k\\n\":[\x01"), "{k(k\n)[!SYNTAX 8 1:9 /k? expected a value or ']', found byte 0x01"},
    {TEXT("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), // 33
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[!TOO_DEEP 32 1:33 "
     "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0 nested deeper than allowed"},
};

static const struct row token_rows[] = {
    {TEXT("tru"), "!SYNTAX 3 1:4  expected the word true, found the end of the text"},
    {TEXT("truX    "), "!SYNTAX 3 1:4  expected the word true, found 'X'"},
    {TEXT("fals"), "!SYNTAX 4 1:5  expected the word false, found the end of the text"},
    {TEXT("falsy"), "!SYNTAX 4 1:5  expected the word false, found 'y'"},
    {TEXT("nul "), "!SYNTAX 3 1:4  expected the word null, found ' '"},
    {TEXT("nan"), "!SYNTAX 1 1:2  expected the word null, found 'a'"},
    {TEXT("[true1]"), "[t!SYNTAX 5 1:6  expected ',' or ']' after the value, found '1'"},
    {TEXT("-"), "!SYNTAX 1 1:2  expected a digit in the number, found the end of the text"},
    {TEXT("[-]"), "[!SYNTAX 2 1:3 /0 expected a digit in the number, found ']'"},
    {TEXT("-a"), "!SYNTAX 1 1:2  expected a digit in the number, found 'a'"},
    {TEXT("-.5"), "!SYNTAX 1 1:2  expected a digit in the number, found '.'"},
    {TEXT("1."), "!SYNTAX 2 1:3  expected a digit in the number, found the end of the text"},
    {TEXT("[1.,2]"), "[!SYNTAX 3 1:4 /0 expected a digit in the number, found ','"},
    {TEXT("1.e5"), "!SYNTAX 2 1:3  expected a digit in the number, found 'e'"},
    {TEXT("1e"), "!SYNTAX 2 1:3  expected a digit in the number, found the end of the text"},
    {TEXT("1e+"), "!SYNTAX 3 1:4  expected a digit in the number, found the end of the text"},
    {TEXT("1e+-1"), "!SYNTAX 3 1:4  expected a digit in the number, found '-'"},
    {TEXT("1.5.5"), "n(1.5)!SYNTAX 3 1:4  expected nothing after the value, found '.'"},
    {TEXT("0x1"), "n(0)!SYNTAX 1 1:2  expected nothing after the value, found 'x'"},
    {TEXT("-01"), "n(-0)!SYNTAX 2 1:3  expected nothing after the value, found '1'"},
    {TEXT("\"abc"), "!SYNTAX 4 1:5  expected the closing '\"', found the end of the text"},
    {TEXT("\"abc\\"), "!SYNTAX 5 1:6  expected the closing '\"', found the end of the text"},
    {TEXT("\"a\nb\""),
     "!SYNTAX 2 1:3  expected '\"' or an escape for a control byte, found byte 0x0a"},
    {TEXT("\"a\x00\""),
     "!SYNTAX 2 1:3  expected '\"' or an escape for a control byte, found byte 0x00"},
    {TEXT("\"a\x1f\""),
     "!SYNTAX 2 1:3  expected '\"' or an escape for a control byte, found byte 0x1f"},
    {TEXT("\"\\x\""), "!SYNTAX 2 1:3  expected one of \"\\/bfnrtu after '\\', found 'x'"},
    {TEXT("\"\\\x00\""), "!SYNTAX 2 1:3  expected one of \"\\/bfnrtu after '\\', found byte 0x00"},
    {TEXT("\"\\U0041\""), "!SYNTAX 2 1:3  expected one of \"\\/bfnrtu after '\\', found 'U'"},
    {TEXT("\"\\u00g0\""), "!SYNTAX 5 1:6  expected four hex digits after \\u, found 'g'"},
    {TEXT("\"\\u004\""), "!SYNTAX 6 1:7  expected four hex digits after \\u, found '\"'"},
    {TEXT("\"\\uD83D\""),
     "!SYNTAX 7 1:8  expected \\u and a low surrogate after the high one, found '\"'"},
    {TEXT("\"\\uD83Dx"),
     "!SYNTAX 7 1:8  expected \\u and a low surrogate after the high one, found 'x'"},
    {TEXT("\"\\uD83D\\n"),
     "!SYNTAX 8 1:9  expected \\u and a low surrogate after the high one, found 'n'"},
    {TEXT("\"\\uD83D\\u0041\""),
     "!SYNTAX 12 1:13  expected a low surrogate after the high one, found '1'"},
    {TEXT("\"\\uD83D\\uD83D\""),
     "!SYNTAX 12 1:13  expected a low surrogate after the high one, found 'D'"},
    {TEXT("\"\\uDE00\""), "!SYNTAX 6 1:7  expected no low surrogate without a high one, found '0'"},
    // UTF-8: stray tail, overlong, surrogate, above U+10FFFF, cut short, never a lead
    {TEXT("\"\x80\""), "!SYNTAX 1 1:2  expected valid UTF-8, found byte 0x80"},
    {TEXT("\"\xc0\x80\""), "!SYNTAX 1 1:2  expected valid UTF-8, found byte 0xc0"},
    {TEXT("\"\xc1\xbf\""), "!SYNTAX 1 1:2  expected valid UTF-8, found byte 0xc1"},
    {TEXT("\"\xe0\x9f\xbf\""), "!SYNTAX 2 1:3  expected valid UTF-8, found byte 0x9f"},
    {TEXT("\"\xed\xa0\x80\""), "!SYNTAX 2 1:3  expected valid UTF-8, found byte 0xa0"},
    {TEXT("\"\xf0\x8f\xbf\xbf\""), "!SYNTAX 2 1:3  expected valid UTF-8, found byte 0x8f"},
    {TEXT("\"\xf4\x90\x80\x80\""), "!SYNTAX 2 1:3  expected valid UTF-8, found byte 0x90"},
    {TEXT("\"\xf5\x80\x80\x80\""), "!SYNTAX 1 1:2  expected valid UTF-8, found byte 0xf5"},
    {TEXT("\"\xff\""), "!SYNTAX 1 1:2  expected valid UTF-8, found byte 0xff"},
    {TEXT("\"\xc3\""), "!SYNTAX 2 1:3  expected valid UTF-8, found '\"'"},
    {TEXT("\"ab\xe2\x82\""), "!SYNTAX 5 1:6  expected valid UTF-8, found '\"'"},
    {TEXT("\"\xf0\x9f\x98"), "!SYNTAX 4 1:5  expected the closing '\"', found the end of the text"},
    {TEXT("[\"a\",\"b\xc3x\"]"), "[s(a)!SYNTAX 8 1:9 /1 expected valid UTF-8, found 'x'"},
    {TEXT("{\"a\":1,\"b\x01"),
     "{k(a)n(1)!SYNTAX 9 1:10  expected '\"' or an escape for a control byte, found byte 0x01"},
};

static void broken_texts_tell_the_exact_byte(void **state)
{
    (void)state;
    check_rows(structure_rows, NH_ARRAY_LEN(structure_rows), config);
    check_rows(token_rows, NH_ARRAY_LEN(token_rows), config);
}

static void a_long_text_is_an_error_at_its_begin(void **state)
{
    static char small[9]; // eight bytes and a NUL
    static const struct nh_json_reader_config cfg = {.text = small, .text_max_bytes = sizeof small};
    static const struct row rows[] = {
        {TEXT("[\"12345678\"]"), "[s(12345678)]."},
        {TEXT("[12345678]"), "[n(12345678)]."},
        {TEXT("{\"12345678\":1}"), "{k(12345678)n(1)}."},
        {TEXT("[\"123456789\"]"), "[!TOO_LONG 1 1:2 /0 the text is longer than its buffer"},
        {TEXT("[ \"1234567\\n9\"]"), "[!TOO_LONG 2 1:3 /0 the text is longer than its buffer"},
        {TEXT("[\"123456789\\x\"]"), "[!TOO_LONG 1 1:2 /0 the text is longer than its buffer"},
        {TEXT("[\"1234567\xc3\xa9\"]"), "[!TOO_LONG 1 1:2 /0 the text is longer than its buffer"},
        {TEXT("[123456789]"), "[!TOO_LONG 1 1:2 /0 the text is longer than its buffer"},
        {TEXT("{\"123456789\":1}"), "{!TOO_LONG 1 1:2  the text is longer than its buffer"},
        {TEXT("[\"\\u0031\\u0031\\u0031\\u0031\"]"), "[s(1111)]."},
    };
    (void)state;
    check_rows(rows, NH_ARRAY_LEN(rows), cfg);
}

static void a_long_text_can_be_cut_instead(void **state)
{
    static char small[9];
    static const struct nh_json_reader_config cfg = {
        .text = small, .text_max_bytes = sizeof small, .cut_long = true};
    static const struct row rows[] = {
        {TEXT("[\"12345678\",\"123456789\",1]"), "[s(12345678)s(12345678...)n(1)]."},
        {TEXT("[\"1234567\xc3\xa9\",\"\"]"), "[s(1234567...)s()]."}, // no half a character
        {TEXT("[\"12345\xf0\x9f\x98\x80\"]"), "[s(12345...)]."},
        {TEXT("[\"12345\\uD83D\\uDE00 and more\\n\"]"), "[s(12345...)]."},
        {TEXT("[\"1234\xf0\x9f\x98\x80x\"]"), "[s(1234\xf0\x9f\x98\x80...)]."},
        {TEXT("{\"123456789\":\"a\"}"), "{k(12345678...)s(a)}."},
        {TEXT("[\"123456789\x01\"]"),
         "[!SYNTAX 11 1:12 /0 expected '\"' or an escape for a control byte, found byte 0x01"},
        {TEXT("[123456789,12345678]"), "[n(12345678...)n(12345678)]."},
        {TEXT("[1234567.5]"), "[n(1234567....)]."},
    };
    (void)state;
    check_rows(rows, NH_ARRAY_LEN(rows), cfg);
}

static void a_cut_number_has_no_value(void **state)
{
    static char small[9];
    static const struct nh_json_reader_config cfg = {
        .text = small, .text_max_bytes = sizeof small, .cut_long = true};
    (void)state;
    for (unsigned way = 0; way < 2; way++) { // whole, or the number in two chunks
        nh_json_reader_t r;
        int64_t i;
        double d;
        nh_json_reader_init(&r, &cfg);
        nh_json_feed(&r, "1234567890", way ? 4 : 10, !way);
        if (way) {
            assert_int_equal(nh_json_next(&r), NH_ERR_AGAIN);
            nh_json_feed(&r, "567890", 6, true);
        }
        assert_int_equal(nh_json_next(&r), NH_JSON_NUMBER);
        assert_true(nh_json_is_cut(&r));
        assert_int_equal(nh_json_int64(&r, &i), NH_ERR_TOO_LONG);
        assert_int_equal(nh_json_double(&r, &d), NH_ERR_TOO_LONG);
    }
}

static void depth_has_a_limit_of_the_callers(void **state)
{
    struct nh_json_reader_config cfg = config;
    static const struct row rows[] = {
        {TEXT("[{\"a\":1}]"), "[{k(a)n(1)}]."},
        {TEXT("[{\"a\":[]}]"), "[{k(a)!TOO_DEEP 6 1:7 /0/a nested deeper than allowed"},
        {TEXT("[[[]]]"), "[[!TOO_DEEP 2 1:3 /0/0 nested deeper than allowed"},
    };
    (void)state;
    cfg.depth_max = 2;
    check_rows(rows, NH_ARRAY_LEN(rows), cfg);
}

static void a_long_pointer_is_cut(void **state)
{
    static char big[200];
    static const struct nh_json_reader_config cfg = {.text = big, .text_max_bytes = sizeof big};
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
    static const struct row rows[] = {
        {TEXT("{\"" HUNDRED TEN TEN "012345\":!"), // 126 and the slash: the longest that fits
         "{k(" HUNDRED TEN TEN "012345)!SYNTAX 130 1:131 /" HUNDRED TEN TEN
         "012345 expected a value, found '!'"},
        {TEXT("{\"" HUNDRED TEN TEN "0123456\":!"),
         "{k(" HUNDRED TEN TEN "0123456)!SYNTAX 131 1:132 /" HUNDRED TEN TEN
         "012... expected a value, found '!'"},
        {TEXT("{\"" HUNDRED "\":{\"" HUNDRED "\":[1,!"),
         "{k(" HUNDRED "){k(" HUNDRED ")[n(1)!SYNTAX 211 1:212 /" HUNDRED "/" TEN TEN
         "01... expected a value, found '!'"},
        {TEXT("{\"" HUNDRED TEN TEN "~\xc3\xa9"
              "abc\":!"),
         "{k(" HUNDRED TEN TEN "~\xc3\xa9"
         "abc)!SYNTAX 130 1:131 /" HUNDRED TEN TEN "~0... expected a value, found '!'"},
    };
    (void)state;
    check_rows(rows, NH_ARRAY_LEN(rows), cfg);
}

// ---- values
// ------------------------------------------------------------------------------------

struct number_row {
    const char *text;
    int int_err;
    int64_t int_value;
    int uint_err;
    uint64_t uint_value;
    int double_err;
    double double_value;
};

static const struct number_row number_rows[] = {
    {"0", 0, 0, 0, 0, 0, 0.0},
    {"-0", 0, 0, 0, 0, 0, -0.0},
    {"42", 0, 42, 0, 42, 0, 42.0},
    {"-1", 0, -1, NH_ERR_RANGE, 0, 0, -1.0},
    {"9223372036854775807", 0, INT64_MAX, 0, INT64_MAX, 0, 9223372036854775808.0},
    {"9223372036854775808", NH_ERR_RANGE, 0, 0, UINT64_C(9223372036854775808), 0,
     9223372036854775808.0},
    {"-9223372036854775808", 0, INT64_MIN, NH_ERR_RANGE, 0, 0, -9223372036854775808.0},
    {"-9223372036854775809", NH_ERR_RANGE, 0, NH_ERR_RANGE, 0, 0, -9223372036854775808.0},
    {"18446744073709551615", NH_ERR_RANGE, 0, 0, UINT64_MAX, 0, 18446744073709551616.0},
    {"18446744073709551616", NH_ERR_RANGE, 0, NH_ERR_RANGE, 0, 0, 18446744073709551616.0},
    {"100000000000000000000000", NH_ERR_RANGE, 0, NH_ERR_RANGE, 0, 0, 1e23},
    {"1.0", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, 0, 1.0},
    {"1e2", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, 0, 100.0},
    {"0.1", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, 0, 0.1},
    {"-2.5e-3", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, 0, -0.0025},
    {"1.7976931348623157e308", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, 0, 1.7976931348623157e308},
    {"1e309", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, NH_ERR_RANGE, 0},
    {"-1e99999999999", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, NH_ERR_RANGE, 0},
    {"1e-99999999999", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, 0, 0.0},
    {"5e-324", NH_ERR_TYPE, 0, NH_ERR_TYPE, 0, 0, 5e-324},
};

static void check_number(const nh_json_reader_t *r, const struct number_row *row)
{
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;
    assert_int_equal(nh_json_int64(r, &i), row->int_err);
    assert_int_equal(nh_json_uint64(r, &u), row->uint_err);
    assert_int_equal(nh_json_double(r, &d), row->double_err);
    assert_true(row->int_err || i == row->int_value);
    assert_true(row->uint_err || u == row->uint_value);
    if (row->double_err == 0)
        assert_memory_equal(&d, &row->double_value, sizeof d);
}

static void numbers_have_their_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(number_rows); i++) {
        for (unsigned way = 0; way < CHUNK_WAYS; way++) {
            nh_json_reader_t r;
            struct chunks c = chunks_start(number_rows[i].text, strlen(number_rows[i].text), way);
            nh_json_reader_init(&r, &config);
            feed_next(&r, &c);
            int event = nh_json_next(&r);
            for (; event == NH_ERR_AGAIN; event = nh_json_next(&r))
                feed_next(&r, &c);
            assert_int_equal(event, NH_JSON_NUMBER);
            check_number(&r, &number_rows[i]);
            chunks_end(&c);
        }
    }
}

static void only_a_number_is_a_number(void **state)
{
    nh_json_reader_t r;
    int64_t i;
    uint64_t u;
    double d;
    size_t len = 1;
    (void)state;
    nh_json_reader_init(&r, &config);
    nh_json_feed(&r, "[true,\"1\"]", 10, true);
    for (int n = 0; n < 3; n++) {
        assert_true(nh_json_next(&r) > 0);
        assert_int_equal(nh_json_int64(&r, &i), NH_ERR_TYPE);
        assert_int_equal(nh_json_uint64(&r, &u), NH_ERR_TYPE);
        assert_int_equal(nh_json_double(&r, &d), NH_ERR_TYPE);
        assert_string_equal(nh_json_text(&r, &len), n == 2 ? "1" : "");
        assert_int_equal(len, n == 2);
    }
}

// ---- where things are
// --------------------------------------------------------------------------

static const char places[] = "{\n \"a\" : [10, \"x\"],\n\t\"b\":{ \"c\":null}\n}";

struct place {
    int event;
    uint32_t line, column, depth;
    const char *pointer;
    int begin, end; // -1: not told after this event
};

static const struct place place_rows[] = {
    {NH_JSON_OBJECT_BEGIN, 1, 1, 1, "", 0, -1},   {NH_JSON_KEY, 2, 2, 1, "/a", 3, -1},
    {NH_JSON_ARRAY_BEGIN, 2, 8, 2, "/a", 9, -1},  {NH_JSON_NUMBER, 2, 9, 2, "/a/0", 10, 12},
    {NH_JSON_STRING, 2, 13, 2, "/a/1", 14, 17},   {NH_JSON_ARRAY_END, 2, 16, 1, "/a", 17, 18},
    {NH_JSON_KEY, 3, 2, 1, "/b", 21, -1},         {NH_JSON_OBJECT_BEGIN, 3, 6, 2, "/b", 25, -1},
    {NH_JSON_KEY, 3, 8, 2, "/b/c", 27, -1},       {NH_JSON_NULL, 3, 12, 2, "/b/c", 31, 35},
    {NH_JSON_OBJECT_END, 3, 16, 1, "/b", 35, 36}, {NH_JSON_OBJECT_END, 4, 1, 0, "", 37, 38},
    {NH_JSON_DONE, 4, 2, 0, "", 38, -1},
};

static void check_place(const nh_json_reader_t *r, const struct place *want)
{
    struct nh_json_error at;
    struct nh_json_pos pos = nh_json_pos(r);
    nh_json_error(r, &at);
    assert_int_equal(at.code, 0);
    assert_string_equal(at.text, "");
    assert_string_equal(at.pointer, want->pointer);
    assert_int_equal(at.pos.line, want->line);
    assert_int_equal(at.pos.column, want->column);
    assert_memory_equal(&pos, &at.pos, sizeof pos);
    assert_int_equal(nh_json_depth(r), want->depth);
    assert_int_equal(nh_json_value_begin(r), want->begin);
    if (want->end >= 0)
        assert_int_equal(nh_json_value_end(r), want->end);
}

static void each_event_tells_its_place(void **state)
{
    (void)state;
    for (unsigned way = 0; way < CHUNK_WAYS; way++) {
        nh_json_reader_t r;
        struct chunks c = chunks_start(TEXT(places), way);
        nh_json_reader_init(&r, &config);
        feed_next(&r, &c);
        for (size_t i = 0; i < NH_ARRAY_LEN(place_rows); i++) {
            int event = nh_json_next(&r);
            for (; event == NH_ERR_AGAIN; event = nh_json_next(&r))
                feed_next(&r, &c);
            assert_int_equal(event, place_rows[i].event);
            check_place(&r, &place_rows[i]);
        }
        chunks_end(&c);
    }
}

// ---- skip
// --------------------------------------------------------------------------------------

// Skips the value of "s" and traces the rest.
static void trace_skipping(struct trace *t, const struct nh_json_reader_config *cfg,
                           struct chunks c)
{
    nh_json_reader_t r;
    int event = NH_ERR_AGAIN;
    bool skip_next = false;
    size_t len;
    t->len = 0;
    nh_json_reader_init(&r, cfg);
    feed_next(&r, &c);
    while (event != NH_JSON_DONE) {
        event = nh_json_next(&r);
        if (event > 0 && skip_next) {
            event = nh_json_skip(&r);
            for (; event == NH_ERR_AGAIN; event = nh_json_skip(&r))
                feed_next(&r, &c);
            skip_next = false;
            if (event == 0) {
                trace_put(t, "_", 1);
                continue;
            }
        }
        if (event == NH_ERR_AGAIN) {
            feed_next(&r, &c);
        } else if (event < 0) {
            trace_error(t, &r, event);
            break;
        } else {
            trace_event(t, &r, event);
            skip_next = event == NH_JSON_KEY && strcmp(nh_json_text(&r, &len), "s") == 0;
        }
    }
    chunks_end(&c);
}

static const struct row skip_rows[] = {
    {TEXT("{\"s\":1,\"a\":2}"), "{k(s)_k(a)n(2)}."},
    {TEXT("{\"s\":[],\"a\":[{\"s\":{}}]}"), "{k(s)_k(a)[{k(s)_}]}."},
    {TEXT("{\"s\":{\"x\":[1,{\"y\":\"longer than the buffer\"}],\"z\":null},\"a\":true}"),
     "{k(s)_k(a)t}."},
    {TEXT("{\"s\":{\"a key longer than the buffer\":\"with \\n an escape, \\u20ac \xc3\xa9\"}}"),
     "{k(s)_}."},
    {TEXT("{\"s\":[1234567890123.456e-10],\"a\":1}"), "{k(s)_k(a)n(1)}."},
    {TEXT("{\"s\":[1,2"),
     "{k(s)!SYNTAX 9 1:10 /s expected ',' or ']' after the value, found the end of the text"},
    {TEXT("{\"s\":[\"\\q\"]}"),
     "{k(s)!SYNTAX 8 1:9 /s/0 expected one of \"\\/bfnrtu after '\\', found 'q'"},
    {TEXT("{\"s\":{\"a key longer than the buffer\\n\":[{\"b\":x"),
     "{k(s)!SYNTAX 45 1:46 /s/a key longer than the buffer?/0/b expected a value, found 'x'"},
    {TEXT("{\"s\":[1],\"a\":\"longer than it\"}"),
     "{k(s)_k(a)!TOO_LONG 13 1:14 /a the text is longer than its buffer"},
};

static void a_value_can_be_skipped(void **state)
{
    static struct trace t;
    static char small[9];
    static const struct nh_json_reader_config cfg = {.text = small, .text_max_bytes = sizeof small};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(skip_rows); i++) {
        for (unsigned way = 0; way < CHUNK_WAYS; way++) {
            trace_skipping(&t, &cfg, chunks_start(skip_rows[i].text, skip_rows[i].len, way));
            assert_string_equal(t.text, skip_rows[i].want);
        }
    }
}

static void a_copy_is_a_saved_position(void **state)
{
    static const char text[] = "[{\"a\":1},{\"b\":2}]";
    nh_json_reader_t r, saved;
    (void)state;
    nh_json_reader_init(&r, &config);
    nh_json_feed(&r, TEXT(text), true);
    assert_int_equal(nh_json_next(&r), NH_JSON_ARRAY_BEGIN);
    assert_int_equal(nh_json_next(&r), NH_JSON_OBJECT_BEGIN);
    saved = r;
    for (int i = 0; i < 2; i++) {
        size_t len;
        assert_int_equal(nh_json_skip(&r), 0);
        assert_int_equal(nh_json_value_end(&r), 8);
        r = saved;
        assert_int_equal(nh_json_next(&r), NH_JSON_KEY);
        assert_string_equal(nh_json_text(&r, &len), "a");
        r = saved;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_texts_read_alike_however_cut),
        cmocka_unit_test(broken_texts_tell_the_exact_byte),
        cmocka_unit_test(a_long_text_is_an_error_at_its_begin),
        cmocka_unit_test(a_long_text_can_be_cut_instead),
        cmocka_unit_test(a_cut_number_has_no_value),
        cmocka_unit_test(depth_has_a_limit_of_the_callers),
        cmocka_unit_test(a_long_pointer_is_cut),
        cmocka_unit_test(numbers_have_their_values),
        cmocka_unit_test(only_a_number_is_a_number),
        cmocka_unit_test(each_event_tells_its_place),
        cmocka_unit_test(a_value_can_be_skipped),
        cmocka_unit_test(a_copy_is_a_saved_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
