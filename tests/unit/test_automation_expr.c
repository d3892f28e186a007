#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/automation/expr.h"
#include "support/rng.h"

// ---- an environment -----------------------------------------------------------------------------

static bool lookup(void *ctx, nh_span_t name, struct nh_value *out)
{
    static const struct {
        const char *name;
        struct nh_value value;
    } known[] = {
        {"score", {.kind = NH_VALUE_NUMBER, .number = 7}},
        {"color", {.kind = NH_VALUE_TEXT, .text = {(const uint8_t *)"Red", 3}}},
        {"armed", {.kind = NH_VALUE_BOOL, .truth = true}},
        {"wait.completed", {.kind = NH_VALUE_BOOL, .truth = false}},
        {"trigger.payload",
         {.kind = NH_VALUE_TEXT,
          .text = {(const uint8_t *)"{\"a\":[1,{\"b\":\"x\\ny\"}],\"t\":21.5}", 34 - 2}}},
        {"five", {.kind = NH_VALUE_TEXT, .text = {(const uint8_t *)"5", 1}}},
        {"empty", {.kind = NH_VALUE_TEXT, .text = {(const uint8_t *)"", 0}}},
    };
    (void)ctx;
    for (size_t i = 0; i < NH_ARRAY_LEN(known); i++)
        if (strlen(known[i].name) == name.len && memcmp(known[i].name, name.ptr, name.len) == 0) {
            *out = known[i].value;
            return true;
        }
    return false;
}

static bool flag(void *ctx, nh_span_t name)
{
    (void)ctx;
    return name.len == 9 && memcmp(name.ptr, "door open", 9) == 0;
}

static uint32_t random_half(void *ctx)
{
    (void)ctx;
    return 0x80000000u;
}

static char scratch[256], why[96];
static struct nh_expr_env env = {.lookup = lookup,
                                 .flag = flag,
                                 .random = random_half,
                                 .scratch = scratch,
                                 .scratch_bytes = sizeof scratch,
                                 .why = why,
                                 .why_bytes = sizeof why};

// The text in a block of exactly its size.
static nh_span_t exact(const char *text)
{
    size_t len = strlen(text);
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    return (nh_span_t){copy, len};
}

static void let_go(nh_span_t t)
{
    free((void *)(uintptr_t)t.ptr);
}

static const char *kind_and_text(const struct nh_value *v)
{
    static const char *const kinds[] = {"none", "bool", "number", "text"};
    static char out[512];
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    nh_span_t t = nh_value_text(v, buf);
    snprintf(out, sizeof out, "%s %.*s", kinds[v->kind], (int)t.len, (const char *)t.ptr);
    return out;
}

// ---- values -------------------------------------------------------------------------------------

static const struct {
    const char *text, *value;
} rows[] = {
    // numbers
    {"1", "number 1"},
    {"12.5e1", "number 125"},
    {"0.5", "number 0.5"},
    {"1e+2 + 1E-2", "number 100.01"},
    {"zaZA_9.z", "none "},
    {"-3", "number -3"},
    {"--3", "number 3"},
    {"1+2*3", "number 7"},
    {"(1+2)*3", "number 9"},
    {"10-3-2", "number 5"},
    {"16/4/2", "number 2"},
    {"7%4", "number 3"},
    {"-7%4", "number -3"},
    {"2*-3", "number -6"},
    {"score + 1", "number 8"},
    {"score*score-score", "number 42"},
    // texts
    {"'a'", "text a"},
    {"\"it's\"", "text it's"},
    {"'a\\'b\\\\\\n\\t\\\"'", "text a'b\\\n\t\""},
    {"'a'+'b'", "text ab"},
    {"'n'+1", "text n1"},
    {"1+2+'n'", "text 3n"},
    {"'n'+1+2", "text n12"},
    {"''+''", "text "},
    {"'a'+true", "text atrue"},
    {"'a'+'b'+'c'+score", "text abc7"},
    {"'x'+('a'+'b')+'c'", "text xabc"},
    {"five + 1", "text 51"},
    {"number(five) + 1", "number 6"},
    // names
    {"color", "text Red"},
    {"nobody", "none "},
    {"wait.completed", "bool false"},
    {"min", "none "},
    {"_a.b9", "none "},
    // truth
    {"true", "bool true"},
    {"not true", "bool false"},
    {"!0", "bool true"},
    {"!'0'", "bool true"},
    {"!'false'", "bool true"},
    {"!empty", "bool true"},
    {"!'off'", "bool false"},
    {"!nobody", "bool true"},
    {"!armed", "bool false"},
    {"not 1 == 2", "bool true"},
    {"not not 1", "bool true"},
    {"!1 == 2", "bool false"},
    // and, or
    {"1 and 'x'", "bool true"},
    {"0 or ''", "bool false"},
    {"true or true and false", "bool true"},
    {"(true or true) and false", "bool false"},
    {"1 && 0 || 1", "bool true"},
    {"not false and false", "bool false"},
    {"false and 1/0", "bool false"},
    {"true or 1/0", "bool true"},
    {"false and nobody + 1 or true", "bool true"},
    // comparisons
    {"1 < 2", "bool true"},
    {"2 <= 2", "bool true"},
    {"2 > 2", "bool false"},
    {"2 >= 3", "bool false"},
    {"'b' > 'a'", "bool true"},
    {"'a' < 'ab'", "bool true"},
    {"'10' > '9'", "bool true"},
    {"five == 5.0", "bool true"},
    {"five < 10", "bool true"},
    {"'5' == '5.0'", "bool true"},
    {"'a' == 'A'", "bool false"},
    {"true == 'true'", "bool true"},
    {"true == 1", "bool false"},
    {"'a' != 'b'", "bool true"},
    {"nobody == nobody", "bool true"},
    {"nobody == ''", "bool false"},
    {"nobody != 1", "bool true"},
    {"1 + 1 == 2", "bool true"},
    {"1 == 1 and 2 == 2", "bool true"},
    // ? :
    {"armed ? 'on' : 'off'", "text on"},
    {"0 ? 1 : 0 ? 2 : 3", "number 3"},
    {"1 ? 1 ? 4 : 5 : 6", "number 4"},
    {"1 ? 2 : 1/0", "number 2"},
    {"0 ? nobody+1 : 2", "number 2"},
    {"1 or 0 ? 'a' : 'b'", "text a"},
    // functions
    {"min(3, 1, 2)", "number 1"},
    {"max(3, 1, 2)", "number 3"},
    {"min(4)", "number 4"},
    {"max(-1, -2)", "number -1"},
    {"abs(-2.5)", "number 2.5"},
    {"floor(-2.5)", "number -3"},
    {"ceil(2.1)", "number 3"},
    {"round(2.5)", "number 3"},
    {"round(2.345, 1)", "number 2.3"},
    {"round(0.1 + 0.2, 3)", "number 0.3"},
    {"len('Tür')", "number 3"},
    {"len('')", "number 0"},
    {"len(100)", "number 3"},
    {"upper(color) + lower(color)", "text REDred"},
    {"upper('[@`{z')", "text [@`{Z"},
    {"upper('')", "text "},
    {"contains(color, 'ed')", "bool true"},
    {"contains(color, 'xx')", "bool false"},
    {"contains('', '')", "bool true"},
    {"starts_with(color, 'Re')", "bool true"},
    {"starts_with('R', 'Re')", "bool false"},
    {"starts_with(color, '')", "bool true"},
    {"ends_with(color, 'ed')", "bool true"},
    {"ends_with(color, 'Re')", "bool false"},
    {"number('12')", "number 12"},
    {"number(' 1e2 ')", "number 100"},
    {"number(true)", "number 1"},
    {"number('x')", "none "},
    {"text(1.50)", "text 1.5"},
    {"text(1) + 2", "text 12"},
    {"default(nobody, 3) + 1", "number 4"},
    {"default(score, 3)", "number 7"},
    {"default(number('x'), 0)", "number 0"},
    {"json(trigger.payload, '/t') + 1", "number 22.5"},
    {"json(trigger.payload, '/a/1/b')", "text x\ny"},
    {"json(trigger.payload, '/a/1/b') + '!'", "text x\ny!"},
    {"json(trigger.payload, '/a/1')", "text {\"b\":\"x\\ny\"}"},
    {"json(trigger.payload, '/nothing')", "none "},
    {"json('nonsense', '/a')", "none "},
    {"json('[true,null]', '/0')", "bool true"},
    {"json('[true,null]', '/1')", "none "},
    {"json(nobody, '/1')", "none "},
    {"json(5, '')", "number 5"},
    {"quote('say \"hi\"\\n')", "text \"say \\\"hi\\\"\\n\""},
    {"'x' + quote(5) + quote('')", "text x\"5\"\"\""},
    {"random(1, 6)", "number 4"},
    {"random(-1, -1)", "number -1"},
    {"random(0, 4294967295)", "number 2147483648"},
    {"flag('door open')", "bool true"},
    {"flag('door ' + 'shut')", "bool false"},
    {" \t\n1\r+ 1 ", "number 2"},
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_value v;
        nh_span_t t = exact(rows[i].text);
        why[0] = '\0';
        int err = nh_expr_eval(t, &env, &v);
        if (err != 0 || strcmp(kind_and_text(&v), rows[i].value) != 0)
            fail_msg("%s: %d %s, not %s; %s", rows[i].text, err, kind_and_text(&v), rows[i].value,
                     why);
        assert_int_equal(nh_expr_check(t, why, sizeof why), 0);
        let_go(t);
    }
}

// ---- errors -------------------------------------------------------------------------------------

static const struct {
    const char *text;
    int err;
    const char *why;
} wrong[] = {
    {"", NH_ERR_SYNTAX, "something is missing at the end (character 1)"},
    {"1 +", NH_ERR_SYNTAX, "something is missing at the end (character 4)"},
    {"1 2", NH_ERR_SYNTAX, "here an operator is missing (character 3)"},
    {"a b", NH_ERR_SYNTAX, "here an operator is missing (character 3)"},
    {"(1", NH_ERR_SYNTAX, "here ')' is missing (character 3)"},
    {"1)", NH_ERR_SYNTAX, "here an operator is missing (character 2)"},
    {"* 2", NH_ERR_SYNTAX, "here a value is missing (character 1)"},
    {"+2", NH_ERR_SYNTAX, "here a value is missing (character 1)"},
    {"a = 1", NH_ERR_SYNTAX, "to compare write == (character 3)"},
    {"a & b", NH_ERR_SYNTAX, "nothing begins like this (character 3)"},
    {"a }} b", NH_ERR_SYNTAX, "nothing begins like this (character 3)"},
    {"'abc", NH_ERR_SYNTAX, "this text does not end (character 1)"},
    {"'abc\\", NH_ERR_SYNTAX, "this text does not end (character 1)"},
    {"'a\\x'", NH_ERR_SYNTAX, "after a \\ come only \\ ' \" n and t (character 3)"},
    {"1 < 2 < 3", NH_ERR_SYNTAX, "comparisons do not chain: join them with and (character 7)"},
    {"1 ? 2", NH_ERR_SYNTAX, "here ':' is missing (character 6)"},
    {"f(1)", NH_ERR_SYNTAX, "there is no function f() (character 1)"},
    {"abs()", NH_ERR_SYNTAX, "abs() wants 1 arguments (character 5)"},
    {"abs(1, 2)", NH_ERR_SYNTAX, "abs() has at most 1 arguments (character 8)"},
    {"min(1,2,3,4,5)", NH_ERR_SYNTAX, "min() has at most 4 arguments (character 13)"},
    {"min(1 2)", NH_ERR_SYNTAX, "here ',' or ')' is missing (character 7)"},
    {"min(1,)", NH_ERR_SYNTAX, "here a value is missing (character 7)"},
    {"007", NH_ERR_SYNTAX, "this is no number (character 1)"},
    {"1.", NH_ERR_SYNTAX, "this is no number (character 1)"},
    {"1e", NH_ERR_SYNTAX, "this is no number (character 1)"},
    {"1e999", NH_ERR_SYNTAX, "this is no number (character 1)"},
    {"2x", NH_ERR_SYNTAX, "this is no number (character 1)"},
    {"1/0 +", NH_ERR_SYNTAX, "something is missing at the end (character 6)"},
    {"((((((((((((((((((((1))))))))))))))))))))", NH_ERR_TOO_DEEP,
     "nested deeper than 20 levels (character 21)"},
    {"--------------------1", NH_ERR_TOO_DEEP, "nested deeper than 20 levels (character 20)"},
    {"not not not not not not not not not not not not not not not not not not not not 1",
     NH_ERR_TOO_DEEP, "nested deeper than 20 levels (character 81)"},
    {"1/0", NH_ERR_RANGE, "'/' by zero"},
    {"1%0", NH_ERR_RANGE, "'%' by zero"},
    {"1e308*10", NH_ERR_RANGE, "the number is too large"},
    {"nobody + 1", NH_ERR_TYPE, "'+' wants numbers, and \"nobody\" is not known"},
    {"'a' + nobody", NH_ERR_TYPE, "'+' wants numbers, not a text"},
    {"number('x') * 2", NH_ERR_TYPE, "'*' wants numbers, not a value that is not known"},
    {"'5' - 1", NH_ERR_TYPE, "'-' wants numbers, not a text"},
    {"true + true", NH_ERR_TYPE, "'+' wants numbers, not true or false"},
    {"-'a'", NH_ERR_TYPE, "'-' wants numbers, not a text"},
    {"abs('a')", NH_ERR_TYPE, "abs() wants numbers, not a text"},
    {"min(1, 'a')", NH_ERR_TYPE, "min() wants numbers, not a text"},
    {"len(nobody)", NH_ERR_TYPE, "len() wants texts, and \"nobody\" is not known"},
    {"quote(nobody)", NH_ERR_TYPE, "quote() wants texts, and \"nobody\" is not known"},
    {"contains('a', nobody)", NH_ERR_TYPE, "contains() wants texts, and \"nobody\" is not known"},
    {"'a' < 1", NH_ERR_TYPE, "these two cannot be put in an order"},
    {"nobody < 1", NH_ERR_TYPE, "these two cannot be put in an order"},
    {"true > false", NH_ERR_TYPE, "these two cannot be put in an order"},
    {"random(2, 1)", NH_ERR_RANGE, "random() wants two whole numbers, the smaller one first"},
    {"random(0.5, 1)", NH_ERR_RANGE, "random() wants two whole numbers, the smaller one first"},
    {"round(1, 10)", NH_ERR_RANGE, "round() has 0 to 9 places"},
    {"round(1, 0.5)", NH_ERR_RANGE, "round() has 0 to 9 places"},
    {"1/0 + nobody", NH_ERR_RANGE, "'/' by zero"},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(wrong); i++) {
        struct nh_value v;
        nh_span_t t = exact(wrong[i].text);
        bool is_form = wrong[i].err == NH_ERR_SYNTAX || wrong[i].err == NH_ERR_TOO_DEEP;
        int err = nh_expr_eval(t, &env, &v);
        if (err != wrong[i].err || strcmp(why, wrong[i].why) != 0)
            fail_msg("%s: %d %s, not %d %s", wrong[i].text, err, why, wrong[i].err, wrong[i].why);
        assert_int_equal(v.kind, NH_VALUE_NONE);
        assert_int_equal(nh_expr_check(t, why, sizeof why), is_form ? wrong[i].err : 0);
        if (is_form)
            assert_string_equal(why, wrong[i].why);
        let_go(t);
    }
}

static void test_reason_is_cut_to_its_room(void **state)
{
    char small[8] = "1234567";
    (void)state;
    assert_int_equal(nh_expr_check(nh_span_of("1 +"), small, 5), NH_ERR_SYNTAX);
    assert_string_equal(small, "some");
    assert_int_equal(small[5], '6');
    assert_int_equal(nh_expr_check(nh_span_of("1 +"), NULL, 0), NH_ERR_SYNTAX);
}

// ---- scratch ------------------------------------------------------------------------------------

// Texts that are made fit exactly, or it is an error; nothing is written behind.
static void test_scratch_is_a_limit(void **state)
{
    static const struct {
        const char *text;
        size_t bytes;
    } needs[] = {{"'abc' + 'de'", 5}, {"'a' + 'b' + 'c' + 'd'", 4}, // a chain grows in place
                 {"upper('abc')", 3}, {"'a\\nb'", 4},               // as it is written
                 {"text(12)", 2},     {"'\\n' == 'abc'", 2}, // the second one stands where it is
                 {"quote('a\"')", 5}, {"('a'+'b') + ('c'+'d')", 8}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(needs); i++) {
        for (size_t bytes = 0; bytes <= needs[i].bytes; bytes++) {
            struct nh_expr_env small = env;
            struct nh_value v;
            small.scratch = bytes ? malloc(bytes) : NULL;
            small.scratch_bytes = bytes;
            int want = bytes < needs[i].bytes ? NH_ERR_TOO_LONG : 0;
            if (nh_expr_eval(nh_span_of(needs[i].text), &small, &v) != want)
                fail_msg("%s in %zu bytes", needs[i].text, bytes);
            free(small.scratch);
        }
    }
}

static void test_without_an_environment(void **state)
{
    struct nh_expr_env none = {0};
    struct nh_value v;
    (void)state;
    assert_int_equal(nh_expr_eval(nh_span_of("score"), &none, &v), 0);
    assert_int_equal(v.kind, NH_VALUE_NONE);
    assert_int_equal(nh_expr_eval(nh_span_of("flag('door open')"), &none, &v), 0);
    assert_false(v.truth);
    assert_int_equal(nh_expr_eval(nh_span_of("random(1, 2)"), &none, &v), NH_ERR_UNSUPPORTED);
    assert_int_equal(nh_expr_eval(nh_span_of("json('[1]', '/0')"), &none, &v), NH_ERR_TOO_LONG);
    assert_int_equal(nh_expr_eval(nh_span_of("upper('') + ''"), &none, &v), 0);
}

// ---- substitution -------------------------------------------------------------------------------

static const struct {
    const char *text, *out;
} texts[] = {
    {"", ""},
    {"plain {text} }}", "plain {text} }}"},
    {"{{score}}", "7"},
    {"{{ score }}/{{color}}", "7/Red"},
    {"{\"id\":\"{{color}}\",\"angle\":{{score}}}", "{\"id\":\"Red\",\"angle\":7}"},
    {"{{ score + 1 }} {{ armed ? 'on' : 'off' }}", "8 on"},
    {"{{ '}}' + '{{' }}", "}}{{"},
    {"{{nobody}} and {{ nobody }}", "{{nobody}} and {{ nobody }}"},
    {"{{ json(trigger.payload, '/x') }}", "{{ json(trigger.payload, '/x') }}"},
    {"{{ value_json.x | float }} {{score}}", "{{ value_json.x | float }} 7"},
    {"{{ it's {{score}}", "{{ it's 7"},
    {"{{{score}}}", "{{{score}}}"},
    {"{{{{score}}}}", "{{7}}"},
    {"{{", "{{"},
    {"{{score", "{{score"},
    {"{{score} }", "{{score} }"},
    {"{{}}", "{{}}"},
    {"{{empty}}", ""},
    {"{{score}}{{score}}", "77"},
};

static void test_substitution(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++) {
        nh_span_t t = exact(texts[i].text);
        size_t want = strlen(texts[i].out);
        for (size_t cap = 0; cap <= want; cap++) { // it fits exactly, or it is refused
            char *out = malloc(cap ? cap : 1);
            int len = nh_expr_substitute(t, &env, out, cap);
            if (len != (cap < want ? NH_ERR_TOO_LONG : (int)want))
                fail_msg("%s in %zu bytes: %d", texts[i].text, cap, len);
            if (cap == want && memcmp(out, texts[i].out, want) != 0)
                fail_msg("%s: %.*s", texts[i].text, len, out);
            free(out);
        }
        let_go(t);
    }
}

static void test_substitution_tells_errors(void **state)
{
    char out[64];
    (void)state;
    assert_int_equal(nh_expr_substitute(nh_span_of("a {{ 1/0 }}"), &env, out, sizeof out),
                     NH_ERR_RANGE);
    assert_string_equal(why, "'/' by zero");
    assert_int_equal(nh_expr_substitute(nh_span_of("{{ nobody + 1 }}"), &env, out, sizeof out),
                     NH_ERR_TYPE);
}

// ---- properties ---------------------------------------------------------------------------------

// Texts made of the pieces of the language, mostly wrong: what the check says is what evaluation
// finds, whatever the values are.
static void test_check_and_eval_agree(void **state)
{
    static const char *const pieces[] = {
        "1",     "2.5",   "'a'",      "\"b\"", "score", "nobody", "true",
        "false", "not",   "and",      "or",    "&&",    "||",     "!",
        "+",     "-",     "*",        "/",     "%",     "==",     "!=",
        "<",     ">=",    "?",        ":",     "(",     ")",      ",",
        "min(",  "abs(",  "default(", "=",     "'",     "\\",     "0",
        "json(", "flag(", "random(",  "text(", "f(",    "1e999",  "trigger.payload"};
    struct rng rng = {20261130};
    uint32_t right = 0;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char text[160] = "";
        struct nh_value v;
        uint32_t count = 1 + rng_below(&rng, 9);
        for (uint32_t i = 0; i < count; i++) {
            strcat(text, pieces[rng_below(&rng, NH_ARRAY_LEN(pieces))]);
            strcat(text, rng_below(&rng, 4) ? " " : "");
        }
        int check = nh_expr_check(nh_span_of(text), why, sizeof why);
        int eval = nh_expr_eval(nh_span_of(text), &env, &v);
        bool is_form = eval == NH_ERR_SYNTAX || eval == NH_ERR_TOO_DEEP;
        if (check != (is_form ? eval : 0))
            fail_msg("%s: check %d, eval %d", text, check, eval);
        right += check == 0;
    }
    assert_true(right > 2000); // the property is not empty
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_reason_is_cut_to_its_room),
        cmocka_unit_test(test_scratch_is_a_limit),
        cmocka_unit_test(test_without_an_environment),
        cmocka_unit_test(test_substitution),
        cmocka_unit_test(test_substitution_tells_errors),
        cmocka_unit_test(test_check_and_eval_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
