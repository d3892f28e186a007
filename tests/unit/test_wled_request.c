// What WLED clients ask for: their JSON and the text of the older interface into a command of the
// lamp; and the documents that they read.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/wled/wled_request.h"
#include "components/wled/wled_write.h"

static struct nh_lamp_state state_now(void)
{
    return (struct nh_lamp_state){.effect_id = nh_fx_visible(0)->id,
                                  .brightness = 102,
                                  .speed_pct = 100,
                                  .power = true,
                                  .intensity = 128,
                                  .palette = NH_LAMP_PALETTE_AUTO,
                                  .color = {0xFF8800, 0, 0x0000FF}};
}

static bool command_of(const struct nh_wled_request *r, const struct nh_lamp_state *s,
                       struct nh_lamp_command *c)
{
    const struct nh_wled_base base = {
        .state = s, .palette_count = 24, .sx = nh_wled_sx(s->speed_pct), .random = 0x9E3779B9u};
    return nh_wled_request_command(r, &base, c);
}

// What stands in a command, as text: "power=1 bri=10 ...".
static void tell(const struct nh_lamp_command *c, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = '\0';
#define TELL(bit, ...)                                                                             \
    if (c->mask & (bit))                                                                           \
    at += (size_t)snprintf(out + at, cap - at, __VA_ARGS__)
    TELL(NH_LAMP_F_POWER, "power=%d ", c->set.power);
    TELL(NH_LAMP_F_BRIGHTNESS, "bri=%u ", c->set.brightness);
    TELL(NH_LAMP_F_EFFECT, "fx=%d ", nh_fx_visible_index(c->set.effect_id));
    TELL(NH_LAMP_F_SPEED, "speed=%u ", c->set.speed_pct);
    TELL(NH_LAMP_F_INTENSITY, "ix=%u ", c->set.intensity);
    TELL(NH_LAMP_F_PALETTE, "pal=%u ", c->set.palette);
    TELL(NH_LAMP_F_PAUSED, "paused=%d ", c->set.paused);
    TELL(NH_LAMP_F_COLORS, "col=%06x,%06x,%06x ", c->set.color[0], c->set.color[1],
         c->set.color[2]);
#undef TELL
    if (at)
        out[at - 1] = '\0';
}

struct row {
    const char *name, *ask, *command;
    bool is_off; // the lamp is
};

static void check(const struct row *row, const struct nh_wled_request *r)
{
    struct nh_lamp_state s = state_now();
    struct nh_lamp_command c;
    char text[256];
    s.power = !row->is_off;
    bool does = command_of(r, &s, &c);
    tell(&c, text, sizeof text);
    if (strcmp(text, row->command) != 0)
        fail_msg("%s: \"%s\", wanted \"%s\"", row->name, text, row->command);
    assert_int_equal(does, row->command[0] != '\0');
}

static const struct row json_rows[] = {
    {"nothing", "{}", ""},
    {"on", "{\"on\":true}", "power=1"},
    {"off", "{\"on\":false}", "power=0"},
    {"toggle", "{\"on\":\"t\"}", "power=0"},
    {"toggle when off", "{\"on\":\"t\"}", "power=1", true},
    {"brightness", "{\"bri\":200}", "power=1 bri=200"},
    {"brightness switches on", "{\"bri\":200}", "power=1 bri=200", true},
    {"brightness, but off", "{\"on\":false,\"bri\":200}", "power=0 bri=200"},
    {"brightness 0 is off and keeps it", "{\"bri\":0}", "power=0"},
    {"off by 0 stays off", "{\"on\":true,\"bri\":0}", "power=0"},
    {"too bright", "{\"bri\":1000}", "power=1 bri=255"},
    {"less than nothing", "{\"bri\":-5}", "power=0"},
    {"a fraction", "{\"bri\":99.7}", "power=1 bri=99"},
    {"brighter", "{\"bri\":\"~10\"}", "power=1 bri=112"},
    {"darker", "{\"bri\":\"~-10\"}", "power=1 bri=92"},
    {"to the end", "{\"bri\":\"~200\"}", "power=1 bri=255"},
    {"one on", "{\"bri\":\"~\"}", "power=1 bri=103"},
    {"one back", "{\"bri\":\"~-\"}", "power=1 bri=101"},
    {"a number as text", "{\"bri\":\"77\"}", "power=1 bri=77"},
    {"no number", "{\"bri\":\"x\",\"on\":[1],\"seg\":7}", ""},
    {"effect", "{\"seg\":{\"fx\":1}}", "fx=1"},
    {"effect, in a list", "{\"seg\":[{\"fx\":1}]}", "fx=1"},
    {"effect, with its id", "{\"seg\":[{\"fx\":1,\"id\":0}]}", "fx=1"},
    {"effect of another segment", "{\"seg\":[{\"fx\":1,\"id\":1}]}", ""},
    {"the second of a list is another one", "{\"seg\":[{\"fx\":1},{\"fx\":0,\"bri\":3}]}", "fx=1"},
    {"of all, the lamp's", "{\"seg\":[{\"id\":4,\"fx\":0},{\"id\":0,\"fx\":1}]}", "fx=1"},
    {"next effect", "{\"seg\":{\"fx\":\"~\"}}", "fx=1"},
    {"no such effect", "{\"seg\":{\"fx\":4000}}", ""},
    {"speed", "{\"seg\":{\"sx\":255}}", "speed=300"},
    {"the speed that it has", "{\"seg\":{\"sx\":128}}", ""},
    {"intensity", "{\"seg\":{\"ix\":\"~-300\"}}", "ix=0"},
    {"wraps from the end alone", "{\"seg\":{\"ix\":\"w~100\"}}", "ix=228"},
    {"the effect's own palette", "{\"seg\":{\"pal\":0}}", "pal=255"},
    {"a palette", "{\"seg\":{\"pal\":3}}", "pal=2"},
    {"the last one", "{\"seg\":{\"pal\":24}}", "pal=23"},
    {"no such palette", "{\"seg\":{\"pal\":25}}", ""},
    {"around to the last palette", "{\"seg\":{\"pal\":\"~-\"}}", "pal=23"},
    {"frozen", "{\"seg\":{\"frz\":true}}", "paused=1"},
    {"colours", "{\"seg\":{\"col\":[[1,2,3],[4,5,6,7],[8,9,10]]}}", "col=010203,040506,08090a"},
    {"one colour", "{\"seg\":{\"col\":[[1,2,3]]}}", "col=010203,000000,0000ff"},
    {"the second alone", "{\"seg\":{\"col\":[[],[1,2,300]]}}", "col=ff8800,0102ff,0000ff"},
    {"a colour in hex", "{\"seg\":{\"col\":[\"00FF40\"]}}", "col=00ff40,000000,0000ff"},
    {"white is left out", "{\"seg\":{\"col\":[\"FF00FF40\"]}}", "col=00ff40,000000,0000ff"},
    {"no colour", "{\"seg\":{\"col\":[\"red\",{\"a\":[1]},7]}}", ""},
    {"segment off", "{\"seg\":{\"on\":false}}", "power=0"},
    {"all on, segment off", "{\"on\":true,\"seg\":[{\"on\":false}]}", "power=0"},
    {"a full segment says nothing", "{\"seg\":{\"bri\":255}}", ""},
    {"a darker one does", "{\"seg\":{\"bri\":25}}", "power=1 bri=25"},
    {"the lamp's brightness goes first", "{\"bri\":9,\"seg\":{\"bri\":25}}", "power=1 bri=9"},
    {"much that is not known",
     "{\"mainseg\":0,\"x\":{\"seg\":{\"fx\":1}},\"a\":[[[{}]]],\"seg\":{\"n\":\"hall\",\"c1\":3}}",
     ""},
    {"python-wled's own",
     "{\"on\":true,\"bri\":10,\"tt\":5,\"v\":true,\"seg\":[{\"id\":0,\"fx\":1,\"sx\":10,\"ix\":20,"
     "\"pal\":1,\"on\":true}]}",
     "power=1 bri=10 fx=1 speed=17 ix=20 pal=0"},
};

static void test_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(json_rows); i++) {
        struct nh_wled_request r;
        if (nh_wled_request_read(json_rows[i].ask, strlen(json_rows[i].ask), &r) != 0)
            fail_msg("%s: not read", json_rows[i].name);
        check(&json_rows[i], &r);
    }
}

static const struct row text_rows[] = {
    {"brightness", "&A=128", "power=1 bri=128"},
    {"off", "A=0", "power=0"},
    {"brighter", "&A=~10", "power=1 bri=112"},
    {"switches", "T=0", "power=0"},
    {"on", "?T=1", "power=1"},
    {"toggle", "&T=2", "power=0"},
    {"effect and its numbers", "&FX=1&SX=0&IX=9&FP=2", "fx=1 speed=10 ix=9 pal=1"},
    {"red alone", "R=16", "col=108800,000000,0000ff"},
    {"both colours", "R=1&G=2&B=3&R2=4&G2=5&B2=6", "col=010203,040506,0000ff"},
    {"in hex", "CL=hFF0102&C3=#040506", "col=ff0102,000000,040506"},
    {"not known", "A&XX=3&=4&&FX", ""},
    {"too long to be known", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=3&A=5", "power=1 bri=5"},
};

static void test_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(text_rows); i++) {
        struct nh_wled_request r;
        nh_wled_request_read_text(text_rows[i].ask, strlen(text_rows[i].ask), &r);
        check(&text_rows[i], &r);
    }
}

static void test_refused(void **state)
{
    static const char *const rows[] = {"",
                                       "[]",
                                       "7",
                                       "{",
                                       "{\"on\":}",
                                       "{\"on\":true}x",
                                       "{\"a\":tru}",
                                       "{\"seg\":[{]}",
                                       "{\"seg\":{\"col\":[[1,2}}",
                                       "on=true",
                                       "{'on':true}"};
    struct nh_wled_request r;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_wled_request_read(rows[i], strlen(rows[i]), &r) != NH_ERR_SYNTAX)
            fail_msg("%s was read", rows[i]);
    char deep[200];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    assert_int_equal(nh_wled_request_read(deep, sizeof deep, &r), NH_ERR_TOO_DEEP);
}

static void test_other_fields(void **state)
{
    static const char text[] = "{\"transition\":12,\"tt\":3,\"lor\":2,\"live\":false,\"lv\":true,"
                               "\"v\":true,\"ps\":\"3~9~\","
                               "\"psave\":5,\"n\":\"Stimmung f\xC3\xBCr den sp\xC3\xA4ten "
                               "Abend\xC3\xBC\",\"ql\":\"Abend\","
                               "\"udpn\":{\"send\":true,\"recv\":false,\"x\":[1]},"
                               "\"nl\":{\"on\":true,\"dur\":7,\"mode\":3,\"tbri\":9}}";
    struct nh_wled_request r;
    (void)state;
    assert_int_equal(nh_wled_request_read(text, strlen(text), &r), 0);
    assert_int_equal(r.transition.value, 12);
    assert_int_equal(r.tt.value, 3);
    assert_int_equal(r.lor.value, 2);
    assert_int_equal(r.live, NH_WLED_OFF);
    assert_int_equal(r.lv, NH_WLED_ON);
    assert_true(r.wants_reply);
    assert_int_equal(r.preset.how, NH_WLED_STEP);
    assert_int_equal(nh_wled_number_of(&r.preset, 9, 0, 250, 0), 3);
    assert_int_equal(nh_wled_number_of(&r.preset, 3, 0, 250, 0), 4);
    assert_int_equal(r.save_preset.value, 5);
    assert_string_equal(r.name, "Stimmung f\xC3\xBCr den sp\xC3\xA4ten Abend");
    assert_string_equal(r.label, "Aben");
    assert_int_equal(r.udpn_send, NH_WLED_ON);
    assert_int_equal(r.udpn_recv, NH_WLED_OFF);
    assert_int_equal(r.nl.on, NH_WLED_ON);
    assert_int_equal(r.nl.minutes.value, 7);
    assert_int_equal(r.nl.mode.value, 3);
    assert_int_equal(r.nl.target.value, 9);
}

static void test_random(void **state)
{
    (void)state;
    const struct nh_wled_number any = {.how = NH_WLED_RANDOM};
    bool seen[8] = {0};
    for (uint32_t i = 0; i < 4096; i++) {
        int32_t v = nh_wled_number_of(&any, 3, 2, 7, i * 0x9E3779B9u);
        assert_in_range(v, 2, 7);
        seen[v] = true;
    }
    for (int v = 2; v <= 7; v++)
        assert_true(seen[v]);
    struct nh_wled_request r;
    struct nh_lamp_state s = state_now();
    struct nh_lamp_command c;
    static const char text[] = "{\"seg\":{\"fx\":\"r\",\"col\":[\"r\"]}}";
    assert_int_equal(nh_wled_request_read(text, strlen(text), &r), 0);
    assert_true(command_of(&r, &s, &c));
    assert_in_range(nh_fx_visible_index(c.set.effect_id), 0, nh_fx_visible_count() - 1);
    assert_int_not_equal(c.set.color[0], 0);
}

// ---- speed -------------------------------------------------------------------------------------

static void test_speed(void **state)
{
    (void)state;
    assert_int_equal(nh_wled_speed_pct(0), 10);
    assert_int_equal(nh_wled_speed_pct(128), 100);
    assert_int_equal(nh_wled_speed_pct(255), 300);
    assert_int_equal(nh_wled_sx(10), 0);
    assert_int_equal(nh_wled_sx(100), 128);
    assert_int_equal(nh_wled_sx(300), 255);
    for (int sx = 0; sx < 256; sx++) { // who writes reads the same
        uint16_t pct = nh_wled_speed_pct((uint8_t)sx);
        assert_int_equal(nh_wled_sx_told(pct, (uint8_t)sx), sx);
        assert_true(sx == 0 || pct >= nh_wled_speed_pct((uint8_t)(sx - 1)));
    }
    for (uint16_t pct = NH_LAMP_SPEED_MIN_PCT; pct <= NH_LAMP_SPEED_MAX_PCT; pct++) {
        uint8_t sx = nh_wled_sx_told(pct, 128);
        assert_in_range(nh_wled_speed_pct(sx), pct - 1, pct + 1);
        // Who writes what it read changes nothing.
        char text[32];
        snprintf(text, sizeof text, "{\"seg\":{\"sx\":%u}}", sx);
        struct nh_wled_request r;
        struct nh_lamp_state s = state_now();
        struct nh_lamp_command c;
        s.speed_pct = pct;
        assert_int_equal(nh_wled_request_read(text, strlen(text), &r), 0);
        assert_false(command_of(&r, &s, &c));
    }
}

static void test_palettes(void **state)
{
    (void)state;
    for (uint16_t i = 0; i <= 32; i++)
        assert_int_equal(nh_wled_palette_index(nh_wled_palette_of(i)), i);
}

// ---- pixels ------------------------------------------------------------------------------------

struct painted {
    char text[256];
    size_t len;
};

static void on_pixel(void *ctx, uint32_t begin, uint32_t end, nh_px_t color)
{
    struct painted *p = ctx;
    p->len += (size_t)snprintf(p->text + p->len, sizeof p->text - p->len, "%u-%u:%06x ", begin, end,
                               color);
}

static void test_pixels(void **state)
{
    static const struct {
        const char *ask, *painted;
    } rows[] = {
        {"{\"seg\":{\"i\":[\"FF0000\",\"00FF00\",\"0000FF\"]}}",
         "0-1:ff0000 1-2:00ff00 2-3:0000ff "},
        {"{\"seg\":{\"i\":[4,\"FF0000\",[1,2,3]]}}", "4-5:ff0000 5-6:010203 "},
        {"{\"seg\":[{\"i\":[0,8,\"FF0000\",10,18,\"0000FF\"]}]}", "0-8:ff0000 10-18:0000ff "},
        {"{\"seg\":[{\"id\":3,\"i\":[1,\"FF0000\"]},{\"i\":[2,\"00FF00\"],\"id\":0}]}",
         "2-3:00ff00 "},
        {"{\"seg\":{\"i\":[9,2,\"FF0000\",-7,\"00FF00\",1e9,\"0000FF\"]}}",
         "0-1:00ff00 16384-16385:0000ff "},
        {"{\"seg\":{\"i\":[1,2,3,\"FF0000\",\"no\",{},null]}}", "1-3:ff0000 "},
        {"{\"seg\":{\"i\":7}}", ""},
        {"{\"x\":{\"i\":[1,\"FF0000\"]}}", ""},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct painted p = {.len = 0};
        struct nh_wled_request r;
        assert_int_equal(nh_wled_request_read(rows[i].ask, strlen(rows[i].ask), &r), 0);
        nh_wled_request_pixels(rows[i].ask, strlen(rows[i].ask), r.seg_mask, on_pixel, &p);
        assert_string_equal(p.text, rows[i].painted);
        assert_int_equal(r.seg.has_pixels, p.len > 0);
    }
}

// ---- documents ---------------------------------------------------------------------------------

static const struct nh_lamp_info info_full = {.width = 128,
                                              .height = 128,
                                              .pixel_count = 16384,
                                              .fps_x10 = 1196,
                                              .estimate_ma = 4000000,
                                              .limit_ma = 4000000,
                                              .live_protocol = "a protocol",
                                              .live_from =
                                                  "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"};

static struct nh_wled_view view_full(struct nh_lamp_snapshot *s)
{
    *s = (struct nh_lamp_snapshot){.state = state_now()};
    s->state.brightness = 0;
    return (struct nh_wled_view){
        .lamp = s,
        .info = &info_full,
        .name = "a name of sixty-three bytes, and a < & > that XML has to escape",
        .version = "1.2.3-something",
        .release = "nuthatch",
        .mac = "0123456789ab",
        .ip = "255.255.255.255",
        .palette_count = 32,
        .sx = 255,
        .transition_ds = 65535,
        .preset = 250,
        .nl = {true, 255, 3, 255, 15300},
        .udpn_send = true,
        .udpn_recv = true,
        .ws_count = 4,
        .uptime_s = UINT32_MAX,
        .free_bytes = UINT32_MAX,
        .store_used_kb = UINT32_MAX,
        .store_total_kb = UINT32_MAX,
        .presets_unix_s = UINT32_MAX};
}

static void test_documents(void **state)
{
    struct nh_lamp_snapshot s;
    struct nh_wled_view v = view_full(&s);
    char text[4096];
    struct nh_json_buf buf = {text, 1024, 0};
    nh_json_writer_t w;
    (void)state;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_wled_write_state(&w, &v);
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = '\0';
    assert_non_null(
        strstr(text, "\"on\":true,\"bri\":1,\"transition\":65535,\"ps\":250,\"pl\":-1"));
    assert_non_null(strstr(text, "\"col\":[[255,136,0],[0,0,0],[0,0,255]]"));
    buf = (struct nh_json_buf){text, 1536, 0};
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_wled_write_info(&w, &v);
    assert_int_equal(nh_json_writer_end(&w), 0);
    size_t len = nh_wled_write_xml(&v, text, 1024);
    assert_true(len < 1023);
    assert_string_equal(text + len - 5, "</vs>");
    assert_non_null(strstr(text, "a &lt; &amp; &gt; that"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),      cmocka_unit_test(test_text),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_other_fields),
        cmocka_unit_test(test_random),    cmocka_unit_test(test_speed),
        cmocka_unit_test(test_palettes),  cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
