// The document of the macro pad: what is read, what becomes of what does not fit, which fault is
// told, and what it costs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/macro_docs.h"
#include "support/rng.h"

static struct macro_memory memory;
static struct macro_doc doc, again;
static nh_macro_decoder_t decoder;

static int setup(void **state)
{
    (void)state;
    macro_memory_init(&memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    macro_memory_deinit(&memory);
    return 0;
}

static nh_macro_set_t *decode(const char *text, size_t len, size_t piece)
{
    nh_macro_set_t *set;
    int err = macro_doc_decode(&memory, &decoder, text, len, piece, &set);
    if (err < 0)
        fail_msg("%s at %s: %s", nh_macro_fault_text(decoder.finding.fault),
                 decoder.finding.pointer, decoder.finding.text);
    return set;
}

static void assert_span(nh_span_t s, const char *want)
{
    if (s.len != strlen(want) || memcmp(s.ptr, want, s.len) != 0)
        fail_msg("\"%.*s\" instead of \"%s\"", (int)s.len, (const char *)s.ptr, want);
}

// ---- round trips -------------------------------------------------------------------------------

// What comes out goes in again and comes out the same, in pieces of any size.
static void round_trip(const char *text, size_t len, size_t piece)
{
    static struct macro_doc sparse;
    nh_macro_set_t *set = decode(text, len, piece);
    macro_doc_encode(&doc, set, NH_MACRO_WHOLE, 2048);
    macro_doc_encode(&sparse, set, NH_MACRO_SPARSE, 4096);
    nh_macro_set_unref(set);
    set = decode(doc.text, doc.len, piece);
    macro_doc_encode(&again, set, NH_MACRO_WHOLE, NH_MACRO_PART_MAX_BYTES);
    nh_macro_set_unref(set);
    assert_int_equal(doc.len, again.len);
    assert_memory_equal(doc.text, again.text, doc.len);
    set = decode(sparse.text, sparse.len, piece);
    macro_doc_encode(&again, set, NH_MACRO_WHOLE, 8192);
    nh_macro_set_unref(set);
    assert_int_equal(doc.len, again.len);
    assert_memory_equal(doc.text, again.text, doc.len);
}

static void test_round_trip(void **state)
{
    static struct macro_doc worst;
    (void)state;
    macro_doc_of(&worst, "{}");
    round_trip(worst.text, worst.len, 1);
    macro_doc_worst(&worst);
    for (size_t piece = 0; piece < 5; piece++)
        round_trip(worst.text, worst.len, piece * piece * 97);
    round_trip(worst.text, worst.len, 1);
}

// What GET gives for an empty pad, to the letter: clients know this text.
static void test_empty(void **state)
{
    static const char head[] =
        "{\"success\":true,\"version\":9,\"buttons_per_screen\":16,\"defaults\":{\"screen_bg\":0,"
        "\"button_bg\":1973790,\"icon_color\":16777215,\"label_color\":16777215},\"templates\":["
        "{\"id\":\"round_ring_9\",\"name\":\"Round Ring (9)\",\"selector_layout\":{\"columns\":3,"
        "\"cells\":[7,0,1,6,8,2,5,4,3]}},"
        "{\"id\":\"round_pie_8\",\"name\":\"Round Pie (8 + Center)\",\"selector_layout\":"
        "{\"columns\":3,\"cells\":[7,0,1,6,8,2,5,4,3]}},"
        "{\"id\":\"round_stack_sides_5\",\"name\":\"Stack + Sides (5)\",\"selector_layout\":"
        "{\"columns\":3,\"cells\":[null,0,null,3,1,4,null,2,null]}},"
        "{\"id\":\"round_wide_sides_3\",\"name\":\"Wide Center + Sides (3)\",\"selector_layout\":"
        "{\"columns\":3,\"cells\":[2,0,1]}},"
        "{\"id\":\"round_split_sides_4\",\"name\":\"Split Center + Sides (4)\","
        "\"selector_layout\":{\"columns\":3,\"cells\":[null,0,null,3,null,4,null,2,null]}}],"
        "\"screens\":[{\"template\":\"round_ring_9\",\"buttons\":["
        "{\"label\":\"\",\"action\":\"none\",\"payload\":\"\",\"mqtt_topic\":\"\","
        "\"icon\":{\"type\":\"none\",\"id\":\"\",\"display\":\"\"}},";
    nh_macro_set_t *set;
    (void)state;
    assert_int_equal(nh_macro_set_create(memory.mem, &set), 0);
    macro_doc_encode(&doc, set, NH_MACRO_WHOLE, 2048);
    nh_macro_set_unref(set);
    assert_true(doc.len > sizeof head);
    assert_memory_equal(doc.text, head, sizeof head - 1);
    assert_true(doc.len < 14500);
}

// ---- what is read ------------------------------------------------------------------------------

static void test_button(void **state)
{
    static const struct {
        const char *button;
        struct {
            int action, icon_type;
            uint32_t background;
            const char *label, *payload, *topic, *id, *display;
        } want;
    } rows[] = {
#define UNSET NH_MACROPAD_COLOR_UNSET
        {"{}", {NH_MACROPAD_NONE, 0, UNSET, "", "", "", "", ""}},
        {"{\"action\":\"SEND_Keys\",\"payload\":\"CTRL c\"}",
         {NH_MACROPAD_SEND_KEYS, 0, UNSET, "", "CTRL c", "", "", ""}},
        // Only what an action uses is kept of payload and topic.
        {"{\"action\":\"nav_prev\",\"payload\":\"p\",\"mqtt_topic\":\"t\"}",
         {NH_MACROPAD_NAV_PREV, 0, UNSET, "", "", "", "", ""}},
        {"{\"mqtt_topic\":\"t\",\"payload\":\"p\",\"action\":\"nav_to\"}",
         {NH_MACROPAD_NAV_TO, 0, UNSET, "", "p", "", "", ""}},
        {"{\"mqtt_topic\":\"t\",\"action\":\"mqtt_send\"}",
         {NH_MACROPAD_MQTT_SEND, 0, UNSET, "", "", "t", "", ""}},
        {"{\"action\":\"run_scenario\",\"payload\":\"lights_out\"}",
         {NH_MACROPAD_RUN_SCENARIO, 0, UNSET, "", "lights_out", "", "", ""}},
        {"{\"action\":\"lamp_effect\",\"payload\":\"rainbow\"}",
         {NH_MACROPAD_LAMP_EFFECT, 0, UNSET, "", "rainbow", "", "", ""}},
        // An action that is not known is none: it clears all but label and colors.
        {"{\"label\":\"L\",\"action\":\"beep\",\"payload\":\"p\",\"button_bg\":255,"
         "\"icon\":{\"type\":\"emoji\",\"id\":\"i\",\"display\":\"d\"}}",
         {NH_MACROPAD_NONE, 0, 255, "L", "", "", "", ""}},
        {"{\"action\":\"go_back\",\"icon\":{\"display\":\"d\",\"id\":\"I-1\",\"type\":\"Asset\"}}",
         {NH_MACROPAD_GO_BACK, NH_MACROPAD_ICON_ASSET, UNSET, "", "", "", "I-1", "d"}},
        {"{\"action\":\"go_back\",\"icon\":{\"type\":\"svg\",\"id\":\"i\"}}",
         {NH_MACROPAD_GO_BACK, NH_MACROPAD_ICON_NONE, UNSET, "", "", "", "i", ""}},
        // Colors: the low 24 bits of a whole number.
        {"{\"button_bg\":4278190335}", {0, 0, 255, "", "", "", "", ""}},
        {"{\"button_bg\":-1}", {0, 0, 0xFFFFFF, "", "", "", "", ""}},
        {"{\"button_bg\":null}", {0, 0, UNSET, "", "", "", "", ""}},
        {"{\"button_bg\":\"255\"}", {0, 0, UNSET, "", "", "", "", ""}},
        {"{\"button_bg\":1.5}", {0, 0, UNSET, "", "", "", "", ""}},
        // Of the wrong type, or unknown: as if it were not there.
        {"{\"label\":5,\"action\":[\"nav_to\"],\"icon\":[1],\"x\":{\"label\":\"no\"}}",
         {0, 0, UNSET, "", "", "", "", ""}},
        // Texts: cut before what does not fit, never inside a character; a NUL ends one.
        {"{\"label\":\"123456789012345678\"}", {0, 0, UNSET, "123456789012345", "", "", "", ""}},
        {"{\"label\":\"12345678901234\\u00e9\"}", {0, 0, UNSET, "12345678901234", "", "", "", ""}},
        {"{\"label\":\"1234567890123\\u00e9\"}",
         {0, 0, UNSET, "1234567890123\xc3\xa9", "", "", "", ""}},
        {"{\"label\":\"123456789012\\ud83d\\ude00\"}",
         {0, 0, UNSET, "123456789012", "", "", "", ""}},
        {"{\"label\":\"\\ud83d\\ude00\"}", {0, 0, UNSET, "\xf0\x9f\x98\x80", "", "", "", ""}},
        {"{\"label\":\"ab\\u0000cd\"}", {0, 0, UNSET, "ab", "", "", "", ""}},
        {"{\"label\":\"a\",\"label\":\"b\"}", {0, 0, UNSET, "b", "", "", "", ""}},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_macropad_button_view b;
        macro_doc_of(&doc, rows[i].button);
        nh_macro_set_t *set = decode(doc.text, doc.len, i % 3);
        nh_macro_set_button(set, 7, 15, &b);
        assert_int_equal(b.action, rows[i].want.action);
        assert_int_equal(b.icon_type, rows[i].want.icon_type);
        assert_int_equal(b.button_bg, rows[i].want.background);
        assert_span(b.label, rows[i].want.label);
        assert_span(b.payload, rows[i].want.payload);
        assert_span(b.topic, rows[i].want.topic);
        assert_span(b.icon_id, rows[i].want.id);
        assert_span(b.icon_text, rows[i].want.display);
        nh_macro_set_unref(set);
    }
}

// A payload longer than the reader's own buffer is cut at a whole character as well.
static void test_long_payload(void **state)
{
    struct nh_macropad_button_view b;
    (void)state;
    for (unsigned before = 250; before < 256; before++) {
        char button[2048];
        size_t len = (size_t)sprintf(button, "{\"action\":\"send_keys\",\"payload\":\"");
        memset(button + len, 'x', before);
        strcpy(button + len + before, "\\u20ac\\u20ac and more that is not kept\"}");
        macro_doc_of(&doc, button);
        nh_macro_set_t *set = decode(doc.text, doc.len, 7);
        nh_macro_set_button(set, 0, 0, &b);
        size_t want = before + (255 - before) / 3 * 3;
        assert_int_equal(b.payload.len, want > before + 6 ? before + 6 : want);
        assert_int_equal(decoder.cut_count, 128);
        nh_macro_set_unref(set);
    }
}

static void test_screen(void **state)
{
    static const char *const templates[] = {"round_ring_9",        "ROUND_PIE_8",
                                            "round_stack_sides_5", "round_wide_sides_3",
                                            "round_split_sides_4", "?"};
    (void)state;
    doc.len = 0;
    macro_doc_add(&doc, "{\"version\":3,\"success\":[{}],\"defaults\":{\"screen_bg\":1,\"x\":2,"
                        "\"button_bg\":3,\"icon_color\":4,\"label_color\":5},\"screens\":[");
    for (unsigned s = 0; s < 8; s++) {
        macro_doc_add(&doc, "%s{\"screen_bg\":%u,\"template\":\"%s\",\"buttons\":[{}", s ? "," : "",
                      s, templates[s % 6]);
        macro_doc_repeat(&doc, ",{}", 15);
        macro_doc_add(&doc, "]}");
    }
    macro_doc_add(&doc, "]}");
    nh_macro_set_t *set = decode(doc.text, doc.len, 0);
    for (unsigned s = 0; s < 8; s++) {
        assert_int_equal(nh_macro_set_template(set, s), s % 6 % 5);
        assert_int_equal(nh_macro_set_background(set, s), s);
    }
    const struct nh_macropad_colors *c = nh_macro_set_get_colors(set);
    assert_int_equal(c->screen_bg * 1000 + c->button_bg * 100 + c->icon * 10 + c->label, 1345);
    nh_macro_set_unref(set);
}

// ---- faults ------------------------------------------------------------------------------------

#define B15 "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}"
#define B16 B15 ",{}"
#define S "{\"buttons\":[" B16 "]}"
#define S7 S "," S "," S "," S "," S "," S "," S
#define NO_TOPIC "{\"buttons\":[" B15 ",{\"action\":\"mqtt_send\"}]}"

static void test_faults(void **state)
{
    static const struct {
        const char *text;
        enum nh_macro_fault fault;
        const char *pointer;
    } rows[] = {
        {"", NH_MACRO_NOT_JSON, ""},
        {"{", NH_MACRO_NOT_JSON, ""},
        {"nothing", NH_MACRO_NOT_JSON, ""},
        {"{\"screens\":[" S7 "," S "]} x", NH_MACRO_NOT_JSON, ""},
        {"{\"screens\":[" S7 "," S "],\"screens\":[]}", NH_MACRO_NOT_JSON, "/screens"},
        {"{\"screens\":[{\"buttons\":[],\"buttons\":[]}]}", NH_MACRO_NOT_JSON, "/buttons"},
        {"{\"screens\":[1,{\"buttons\":[{\"label\":\"\\ud800\"}]}]}", NH_MACRO_NOT_JSON,
         "/screens/1/buttons/0/label"},
        {"{}", NH_MACRO_NO_SCREENS, "/screens"},
        {"[]", NH_MACRO_NO_SCREENS, "/screens"},
        {"5", NH_MACRO_NO_SCREENS, "/screens"},
        {"{\"screens\":{}}", NH_MACRO_NO_SCREENS, "/screens"},
        {"{\"screens\":null}", NH_MACRO_NO_SCREENS, "/screens"},
        {"{\"Screens\":[" S7 "," S "]}", NH_MACRO_NO_SCREENS, "/screens"},
        {"{\"screens\":[]}", NH_MACRO_SCREEN_COUNT, "/screens"},
        {"{\"screens\":[" S7 "]}", NH_MACRO_SCREEN_COUNT, "/screens"},
        {"{\"screens\":[" S7 "," S "," S "]}", NH_MACRO_SCREEN_COUNT, "/screens"},
        // The count goes before what is wrong inside.
        {"{\"screens\":[" NO_TOPIC "]}", NH_MACRO_SCREEN_COUNT, "/screens"},
        {"{\"screens\":[" S7 ",7]}", NH_MACRO_SCREEN_NO_OBJECT, "/screens/7"},
        {"{\"screens\":[" S7 ",[{\"buttons\":[]}]]}", NH_MACRO_SCREEN_NO_OBJECT, "/screens/7"},
        {"{\"screens\":[" S7 ",{}]}", NH_MACRO_NO_BUTTONS, "/screens/7/buttons"},
        {"{\"screens\":[" S7 ",{\"buttons\":{}}]}", NH_MACRO_NO_BUTTONS, "/screens/7/buttons"},
        {"{\"screens\":[" S7 ",{\"buttons\":[" B15 "]}]}", NH_MACRO_BUTTON_COUNT,
         "/screens/7/buttons"},
        {"{\"screens\":[" S7 ",{\"buttons\":[" B16 ",{}]}]}", NH_MACRO_BUTTON_COUNT,
         "/screens/7/buttons"},
        {"{\"screens\":[" S7 ",{\"buttons\":[" B15 ",null]}]}", NH_MACRO_BUTTON_NO_OBJECT,
         "/screens/7/buttons/15"},
        {"{\"screens\":[" S7 "," NO_TOPIC "]}", NH_MACRO_NO_TOPIC,
         "/screens/7/buttons/15/mqtt_topic"},
        // The first of the list, wherever it stands.
        {"{\"screens\":[" NO_TOPIC "," S "," S "," S "," S "," S "," S ",{}]}", NH_MACRO_NO_BUTTONS,
         "/screens/7/buttons"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        for (size_t piece = 0; piece < 2; piece++) {
            nh_macro_set_t *set;
            int err = macro_doc_decode(&memory, &decoder, rows[i].text, strlen(rows[i].text), piece,
                                       &set);
            const struct nh_macro_finding *f = nh_macro_decoder_finding(&decoder);
            if (err != NH_ERR_INVAL || f->fault != rows[i].fault ||
                strcmp(f->pointer, rows[i].pointer) != 0)
                fail_msg("row %u: %d, %s at '%s'", (unsigned)i, err, nh_macro_fault_text(f->fault),
                         f->pointer);
            assert_null(set);
        }
    }
}

static void test_too_large(void **state)
{
    nh_macro_set_t *set;
    (void)state;
    macro_doc_of(&doc, "{}");
    for (int over = 0; over < 2; over++) {
        int err = nh_macro_decoder_init(&decoder, memory.mem, (uint32_t)doc.len - (uint32_t)over);
        assert_int_equal(err, 0);
        for (size_t i = 0; i < doc.len; i++)
            assert_int_equal(nh_macro_decoder_feed(&decoder, doc.text + i, 1), 0);
        err = nh_macro_decoder_end(&decoder, &set);
        assert_int_equal(err, over ? NH_ERR_TOO_LONG : 0);
        nh_macro_set_unref(set);
        nh_macro_decoder_deinit(&decoder);
    }
}

// ---- memory ------------------------------------------------------------------------------------

// The fullest document, as sent: nothing of it is internal memory, and little is bulk.
static void test_memory(void **state)
{
    (void)state;
    macro_doc_worst(&doc);
    assert_true(doc.len > 380 * 1000 && doc.len < 420 * 1000);
    nh_macro_set_t *set = decode(doc.text, doc.len, 1460);
    assert_int_equal(macro_memory_peak(&memory, NH_MEM_INTERNAL), 0);
    assert_true(nh_macro_set_bytes(set) < 67 * 1024);
    assert_true(macro_memory_peak(&memory, NH_MEM_PSRAM) < 140 * 1024);
    nh_macro_set_unref(set);
    nh_macro_set_t *empty;
    assert_int_equal(nh_macro_set_create(memory.mem, &empty), 0);
    assert_true(nh_macro_set_bytes(empty) < 640);
    nh_macro_set_unref(empty);
}

static void test_each_allocation_fails(void **state)
{
    nh_macro_set_t *set;
    (void)state;
    macro_doc_worst(&doc);
    for (uint64_t n = 1;; n++) {
        nh_mem_fault_set(memory.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = macro_doc_decode(&memory, &decoder, doc.text, doc.len, 1000, &set);
        nh_mem_fault_set(memory.sys, NULL);
        nh_macro_set_unref(set);
        if (err == 0) {
            assert_true(n > 10);
            return;
        }
        assert_int_equal(err, NH_ERR_NOMEM);
    }
}

// ---- names -------------------------------------------------------------------------------------

static void test_icon_ids(void **state)
{
    static const char *const rows[][2] = {
        {"volume_up", "volume_up"},
        {"  Volume-Up \n", "volume_up"},
        {"", ""},
        {"  ", ""},
        {"abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz01234"},
    };
    char out[NH_MACROPAD_ICON_ID_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_icon_id_normalize((nh_span_t){(const uint8_t *)rows[i][0], strlen(rows[i][0])}, out);
        assert_string_equal(out, rows[i][1]);
    }
}

static void test_uses_icon(void **state)
{
    (void)state;
    macro_doc_of(&doc, "{\"action\":\"go_back\",\"icon\":{\"type\":\"asset\",\"id\":\"User-1\"}}");
    nh_macro_set_t *set = decode(doc.text, doc.len, 0);
    assert_true(nh_macro_set_uses_icon(set, "user_1"));
    assert_false(nh_macro_set_uses_icon(set, "user_2"));
    nh_macro_set_unref(set);
    macro_doc_of(&doc, "{\"action\":\"go_back\",\"icon\":{\"type\":\"builtin\",\"id\":\"mic\"}}");
    set = decode(doc.text, doc.len, 0);
    assert_false(nh_macro_set_uses_icon(set, "mic"));
    nh_macro_set_unref(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_button, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_payload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_screen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_allocation_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_icon_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uses_icon, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
