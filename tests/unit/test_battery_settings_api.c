// Settings and commands of the board by HTTP: what is asked, what is said, and files there and
// back.

#include "linux_fixture.h"

#include <math.h>

#include "components/battery/battery_ask_api.h"
#include "components/battery/battery_backup.h"
#include "components/battery/battery_settings_api.h"
#include "components/battery/battery_settings_file.h"
#include "support/fake_board.h"
#include "support/fake_disk.h"
#include "support/rng.h"
#include "support/route_play.h"

static struct linux_fixture fx;
static nh_mem_t *mem;
static struct fake_disk disk;
static nh_store_t *store;
static nh_battery__settings_t *settings;
static char reply[32768];

static const nh_route_t routes[] = {NH_BATTERY_SETTINGS_ROUTES, {0}};
static const struct nh_route_table table = {.routes = routes, .ctx = &board, .name = "battery"};

// The owner's, in its place.
nh_battery__settings_t *nh_battery__settings_of(const struct nh_battery *b)
{
    (void)b;
    return settings;
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_mem_owner_add(fx.sys, "battery", NULL, &mem), 0);
    fake_disk_init(&disk);
    fake_board_init();
    board_now_ms = 1000;
    const struct nh_store_config sc = {.mem = mem, .fs = fake_disk_fs(&disk), .dir = "d"};
    assert_int_equal(nh_store_create(&sc, &store), 0);
    const struct nh_battery__settings_config cfg = {.mem = mem,
                                                    .store = store,
                                                    .post = board_post,
                                                    .clock_ms = board_clock,
                                                    .unix_ms = board_unix,
                                                    .random = board_random};
    assert_int_equal(nh_battery__settings_create(&cfg, &settings), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery__settings_destroy(settings);
    nh_store_destroy(store);
    fixture_stop(&fx);
    return 0;
}

// ---- a request that may wait for the board ------------------------------------------------------

static void on_done(struct nh_exchange *x, int err)
{
    if (err < 0)
        nh_reply_err(&x->req, err);
}

static int ask_in_parts(const char *method, const char *path, const char *query, const char *body,
                        size_t part)
{
    struct route_play p;
    route_begin(&p, &table, mem, method, path, query);
    p.x.done = on_done;
    if (body)
        route_piece(&p, body, strlen(body));
    route_finish(&p);
    if (p.x.is_later)
        fake_board_run();
    assert_false(p.x.is_later);
    int status = p.x.status;
    route_read(&p, reply, sizeof reply, part);
    route_end(&p);
    return status;
}

static int ask(const char *method, const char *path, const char *query, const char *body)
{
    return ask_in_parts(method, path, query, body, NH_PRODUCE_MIN_BYTES);
}

static void assert_says(const char *part)
{
    if (!strstr(reply, part))
        fail_msg("no %s in %s", part, reply);
}

static void assert_is_json(void)
{
    char text[256];
    nh_json_reader_t r;
    const struct nh_json_reader_config cfg = {.text = text, .text_max_bytes = sizeof text};
    nh_json_reader_init(&r, &cfg);
    nh_json_feed(&r, reply, strlen(reply), true);
    int event = 1;
    while (event > 0 && event != NH_JSON_DONE)
        event = nh_json_next(&r);
    if (event < 0)
        fail_msg("no JSON: %s", reply);
}

// The token that the last reply gave.
static const char *token(void)
{
    static char out[NH_BATTERY_TOKEN_TEXT_BYTES];
    const char *at = strstr(reply, "\"token\":\"");
    assert_non_null(at);
    memcpy(out, at + 9, 16);
    return out;
}

// ---- the list -----------------------------------------------------------------------------------

static void test_list(void **state)
{
    (void)state;
    board.has_ranges = true;
    board.maximum[17] = 120;
    board.fallback[0] = 4100;
    assert_int_equal(ask("GET", "/api/battery/settings", NULL, NULL), 200);
    assert_is_json();
    assert_int_equal(board.read_count, 2);
    assert_says("{\"age_ms\":0,\"settings\":[{\"key\":\"fully_charged_voltage_mv\",\"address\":300,"
                "\"label\":\"Fully charged cell\",\"unit\":\"mV\",\"group\":\"battery\","
                "\"value\":3650,\"raw\":3650,\"min\":1200,\"max\":4500,\"range_of_board\":false,"
                "\"default\":4100,\"step\":1,\"decimals\":0,\"choices\":null,\"writable\":true,"
                "\"dangerous\":true,\"comment\":\"");
    assert_says("\"value\":314,\"raw\":31400,\"min\":0.1,\"max\":655,");
    assert_says("\"key\":\"discharge_overcurrent_a\",\"address\":317");
    assert_says("\"max\":120,\"range_of_board\":true");
    assert_says("\"choices\":[{\"value\":0,\"text\":\"off\"},{\"value\":1,\"text\":\"on\"}]");
    int count = 0;
    for (const char *at = reply; (at = strstr(at, "\"key\"")) != NULL; at++)
        count++;
    assert_int_equal(count, 40);
    board_now_ms += 1500;
    assert_int_equal(ask("GET", "/api/battery/settings", NULL, NULL), 200);
    assert_int_equal(board.read_count, 2);
    assert_says("{\"age_ms\":1500,");
    assert_int_equal(ask("GET", "/api/battery/settings", "fresh=1", NULL), 200);
    assert_int_equal(board.read_count, 3);
    assert_says("{\"age_ms\":0,");
}

// However the reply is cut into parts, it is the same.
static void test_list_in_parts(void **state)
{
    static char whole[sizeof reply];
    (void)state;
    assert_int_equal(ask_in_parts("GET", "/api/battery/settings", NULL, NULL, 8192), 200);
    memcpy(whole, reply, sizeof whole);
    for (size_t part = NH_PRODUCE_MIN_BYTES; part < 4000; part += 331) {
        assert_int_equal(ask_in_parts("GET", "/api/battery/settings", NULL, NULL, part), 200);
        assert_string_equal(reply, whole);
    }
}

static void test_no_answer(void **state)
{
    (void)state;
    board.fails_reads = true;
    assert_int_equal(ask("GET", "/api/battery/settings", NULL, NULL), 504);
    assert_says("\"code\":\"no_answer\"");
    board.post_err = NH_ERR_CLOSED;
    assert_int_equal(ask("GET", "/api/battery/settings", NULL, NULL), 503);
    assert_says("\"code\":\"no_board\"");
    board.post_err = NH_ERR_FULL;
    assert_int_equal(ask("GET", "/api/battery/settings", NULL, NULL), 503);
    assert_says("\"code\":\"busy\"");
}

// ---- changes ------------------------------------------------------------------------------------

static void test_change(void **state)
{
    (void)state;
    assert_int_equal(
        ask("PUT", "/api/battery/settings", NULL,
            "{\"changes\":{\"charger_startup_delay_s\":30,\"broadcast_interval\":\"1 s\","
            "\"charge_restart_level_on\":true}}"),
        200);
    assert_string_equal(
        reply,
        "{\"results\":[{\"key\":\"charger_startup_delay_s\",\"outcome\":\"done\",\"value\":30},"
        "{\"key\":\"broadcast_interval\",\"outcome\":\"done\",\"value\":4},"
        "{\"key\":\"charge_restart_level_on\",\"outcome\":\"done\",\"value\":1}]}\n");
    assert_int_equal(board.words[310], 30);
    assert_int_equal(board.words[342], 4);
    assert_int_equal(board.words[329], 4);
}

static void test_dangerous_change(void **state)
{
    char body[200];
    (void)state;
    assert_int_equal(
        ask("PUT", "/api/battery/settings", NULL, "{\"changes\":{\"overvoltage_cutoff_mv\":3900}}"),
        409);
    assert_says("\"expires_s\":60,\"changes\":[{\"key\":\"overvoltage_cutoff_mv\",\"old\":3800,"
                "\"new\":3900,\"why\":\"");
    assert_int_equal(board.write_count, 0);
    snprintf(body, sizeof body, "{\"token\":\"%s\",\"changes\":{\"overvoltage_cutoff_mv\":3900}}",
             token());
    assert_int_equal(ask("PUT", "/api/battery/settings", NULL, body), 200);
    assert_int_equal(board.words[315], 3900);
    assert_int_equal(ask("GET", "/api/battery/settings/backups", NULL, NULL), 200);
    assert_string_equal(reply, "{\"backups\":[{\"generation\":1,\"unix_ms\":1700000000000,"
                               "\"serial\":\"123400000000000000000000\"}]}\n");
}

// Each backup is of before a write: the second one differs from the first by what the first write
// was.
static void test_backups_tell_what_differs(void **state)
{
    (void)state;
    for (int delay_s = 30; delay_s < 32; delay_s++) {
        char body[80];
        snprintf(body, sizeof body, "{\"changes\":{\"charger_startup_delay_s\":%d}}", delay_s);
        assert_int_equal(ask("PUT", "/api/battery/settings", NULL, body), 200);
    }
    assert_int_equal(ask("GET", "/api/battery/settings/backups", NULL, NULL), 200);
    assert_says("{\"backups\":[{\"generation\":2,");
    assert_says(
        "\"changed\":[\"charger_startup_delay_s\"],\"changed_count\":1},{\"generation\":1,");
    assert_string_equal(strstr(reply, "\"generation\":1,"),
                        "\"generation\":1,\"unix_ms\":1700000000000,"
                        "\"serial\":\"123400000000000000000000\"}]}\n");
}

static void test_bad_changes(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *says;
    } rows[] = {
        {"{\"changes\":{\"charger_startup_delay_s\":61}}", 422,
         "{\"field\":\"charger_startup_delay_s\",\"value\":\"61\",\"limit\":\"5 to 60 s\","},
        {"{\"changes\":{\"charger_startup_delay_s\":61}}", 422,
         "charger_startup_delay_s: it is out of range; allowed: 5 to 60 s. Nothing was changed."},
        {"{\"changes\":{\"voltage\":1}}", 422, "there is no setting of this name"},
        {"{\"changes\":{\"soc_pct\":1}}", 422, "it cannot be written"},
        {"{\"changes\":{\"load_switch_type\":\"on\"}}", 422,
         "\"value\":\"on\",\"limit\":\"a number or the text of a choice\""},
        {"{\"changes\":{\"charger_startup_delay_s\":null}}", 422, "it is no value"},
        {"{\"changes\":{\"charge_overcurrent_a\":true}}", 422,
         "\"value\":\"true\",\"limit\":\"a number\""},
        {"{\"changes\":{\"load_switch_type\":false}}", 422, "it is no value"},
        {"{\"changes\":{\"charger_startup_delay_s\":{\"a\":[1]}}}", 422, "it is no value"},
        {"{\"changes\":{\"charger_startup_delay_s\":30,\"charger_startup_delay_s\":31}}", 422,
         "it is named twice"},
        {"{\"changes\":{\"fully_charged_voltage_mv\":3795}}", 422,
         "at most 3790 mV, by overvoltage_cutoff_mv"},
        {"{\"changes\":{}}", 422,
         "{\"field\":\"changes\",\"value\":\"{}\",\"limit\":\"at least one setting\","},
        {"{\"changes\":{\"charger_startup_delay_s\":null}}", 422,
         "\"value\":\"null\",\"limit\":\"a number\""},
        {"{\"changes\":{\"charger_startup_delay_s\":[30]}}", 422,
         "\"value\":\"[...]\",\"limit\":\"a number\""},
        {"{}", 400, "\\\"changes\\\" is missing"},
        {"", 400, "line 1, column 1"},
        {"[]", 400, "an object is expected"},
        {"{\"changes\":[]}", 400, "an object of settings and their values is expected"},
        {"{\"change\":{}}", 400, "are known here"},
        {"{\"changes\":{},\"token\":5}", 400, "a text is expected"},
        {"{\"changes\":{}} x", 400, "line 1, column 16"},
        {"{\"changes\":{\"charger_startup_delay_s\":30}", 400, "line 1"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = ask("PUT", "/api/battery/settings", NULL, rows[i].body);
        if (status != rows[i].status)
            fail_msg("%s: %d %s", rows[i].body, status, reply);
        assert_says(rows[i].says);
        assert_is_json();
    }
    assert_int_equal(board.write_count, 0);
}

static void test_change_that_fails(void **state)
{
    static const char body[] = "{\"changes\":{\"charger_startup_delay_s\":30}}";
    (void)state;
    board.fail_write = 1;
    board.outcome = NH_BATTERY_REFUSED;
    board.code = 7;
    assert_int_equal(ask("PUT", "/api/battery/settings", NULL, body), 200);
    assert_says("\"outcome\":\"refused\",\"value\":20,\"code\":7}");
    board.sticky = 310;
    assert_int_equal(ask("PUT", "/api/battery/settings", NULL, body), 200);
    assert_says("\"outcome\":\"not_taken\",\"value\":20}");
    board.sticky = 0;
    fake_disk_fault_set(
        &disk, &(struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .call = 1, .err = NH_ERR_NOSPC});
    assert_int_equal(ask("PUT", "/api/battery/settings", NULL, body), 507);
    assert_says("\"code\":\"no_backup\"");
    assert_int_equal(board.words[310], 20);
}

// All settings at once, the dangerous ones with their reasons, fit into a reply.
static void test_largest_replies(void **state)
{
    static char body[NH_BATTERY_CHANGES_MAX_BYTES];
    size_t len = 0, count = 0;
    (void)state;
    len += (size_t)snprintf(body, sizeof body, "{\"changes\":{");
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (!(r->flags & NH_TINYBMS_WRITABLE))
            continue;
        int64_t now = nh_tinybms_raw(r, board.words + r->address);
        int64_t next = r->choices          ? (now == r->min ? r->max : r->min)
                       : now + 3 <= r->max ? now + 3
                                           : now - 3;
        len += (size_t)snprintf(body + len, sizeof body - len, "%s\"%s\":%.10g", count++ ? "," : "",
                                r->key, (double)next / r->divisor);
    }
    snprintf(body + len, sizeof body - len, "}}");
    assert_int_equal(ask("PUT", "/api/battery/settings", NULL, body), 409);
    assert_is_json();
    print_message("409: %zu bytes\n", strlen(reply));
    len += (size_t)snprintf(body + len, sizeof body - len, "},\"token\":\"%s\"}", token());
    assert_true(len < sizeof body);
    board.fail_write = 1;
    board.outcome = NH_BATTERY_REFUSED;
    board.code = 255;
    assert_int_equal(ask("PUT", "/api/battery/settings", NULL, body), 200);
    assert_is_json();
    print_message("200: %zu bytes\n", strlen(reply));
    assert_says("not_sent");
}

// ---- files --------------------------------------------------------------------------------------

static void test_export_and_compare(void **state)
{
    static char file[8192];
    (void)state;
    assert_int_equal(ask("GET", "/api/battery/settings/export", NULL, NULL), 200);
    assert_is_json();
    assert_says("{\n  \"format\": \"nuthatch battery settings\",\n  \"version\": 1,\n"
                "  \"board\": {\"serial\": \"123400000000000000000000\", \"hardware\": 5, "
                "\"firmware\": 10},\n  \"saved_unix_ms\": 1700000000000,\n  \"settings\": {\n"
                "    \"fully_charged_voltage_mv\": 3650,\n");
    assert_says("\n    \"communication_protocol\": 1\n  }\n}\n");
    assert_null(strstr(reply, "state_of_charge_permille"));
    memcpy(file, reply, sizeof file);
    assert_int_equal(ask("POST", "/api/battery/settings/compare", NULL, file), 200);
    assert_string_equal(reply, "{\"differences\":[],\"same\":38,\"unknown\":[],\"wrong\":[]}\n");
    board.words[310] = 33;
    board.words[320] = 0xFFF6;
    assert_int_equal(ask("POST", "/api/battery/settings/compare", NULL, file), 200);
    assert_says("{\"key\":\"charger_startup_delay_s\",\"board\":33,\"file\":20,"
                "\"dangerous\":false}");
    assert_says("{\"key\":\"low_temp_charge_cutoff_c\",\"board\":-10,\"file\":0,"
                "\"dangerous\":true}],\"same\":36");
}

static void test_compare_odd_files(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *says;
    } rows[] = {
        {"{\"settings\":{}}", 200, "{\"differences\":[],\"same\":0,\"unknown\":[],\"wrong\":[]}"},
        {"{\"settings\":{\"charger_startup_delay_s\":\"x\",\"load_switch_type\":[1],\"y\":2,"
         "\"charge_overcurrent_a\":true}}",
         200,
         "\"same\":0,\"unknown\":[\"y\"],\"wrong\":[{\"key\":\"charger_startup_delay_s\",\"value\":"
         "\"x\",\"limit\":\"a number\"},{\"key\":\"load_switch_type\",\"value\":\"[...]\","
         "\"limit\":\"a number or the text of a choice\"},{\"key\":\"charge_overcurrent_a\","
         "\"value\":\"true\",\"limit\":\"a number\"}]}"},
        {"{\"format\":\"nuthatch battery settings\",\"extra\":{\"a\":[{\"b\":{}}]},\"settings\":{"
         "\"x\":[1],\"soc_pct\":1,\"charger_startup_delay_s\":null,\"load_switch_type\":\"AIDO1\"}"
         "}",
         200,
         "{\"differences\":[{\"key\":\"load_switch_type\",\"board\":0,\"file\":1,"
         "\"dangerous\":true}],\"same\":0,\"unknown\":[\"x\",\"soc_pct\"],\"wrong\":[]}"},
        {"{\"settings\":{\"charger_startup_delay_s\":99}}", 200, "\"file\":99"},
        {"{\"settings\":{\"state_of_charge_permille\":99}}", 200, "\"differences\":[]"},
        {"{\"settings\":{\"state_of_charge_permille\":{\"overvoltage_cutoff_mv\":4500}}}", 200,
         "\"differences\":[]"},
        {"{\"format\":\"other\",\"settings\":{}}", 400, "this is no file of battery settings"},
        {"{\"format\":\"nuthatch battery settings\"}", 400, "is missing"},
        {"nonsense", 400, "line 1, column 2"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = ask("POST", "/api/battery/settings/compare", NULL, rows[i].body);
        if (status != rows[i].status)
            fail_msg("%s: %d %s", rows[i].body, status, reply);
        assert_says(rows[i].says);
    }
}

// The largest comparison: everything differs, all names that are not known.
static void test_largest_comparison(void **state)
{
    static char body[NH_BATTERY_FILE_MAX_BYTES];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"settings\":{");
    (void)state;
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "\"%060d\":1,", i);
    for (size_t i = 0; i < nh_tinybms_register_count(); i++)
        if (nh_battery__is_kept(nh_tinybms_register_at(i)))
            len += (size_t)snprintf(body + len, sizeof body - len, "\"%s\":123456,",
                                    nh_tinybms_register_at(i)->key);
    snprintf(body + len - 1, sizeof body - len + 1, "}}");
    assert_int_equal(ask("POST", "/api/battery/settings/compare", NULL, body), 200);
    print_message("compared: %zu bytes\n", strlen(reply));
    assert_is_json();
}

static void test_export_of_a_backup(void **state)
{
    (void)state;
    assert_int_equal(
        ask("PUT", "/api/battery/settings", NULL, "{\"changes\":{\"charger_startup_delay_s\":30}}"),
        200);
    assert_int_equal(ask("GET", "/api/battery/settings/export", "generation=1", NULL), 200);
    assert_says("\"charger_startup_delay_s\": 20,");
    assert_int_equal(ask("GET", "/api/battery/settings/export", "generation=2", NULL), 404);
    assert_int_equal(ask("GET", "/api/battery/settings/export", "generation=x", NULL), 404);
    assert_int_equal(ask("GET", "/api/battery/settings/export", NULL, NULL), 200);
    assert_says("\"charger_startup_delay_s\": 30,");
}

// ---- commands -----------------------------------------------------------------------------------

static void test_control(void **state)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } rows[] = {{"restart", NH_BATTERY_RESTART},
                {"clear_events", NH_BATTERY_CLEAR_EVENTS},
                {"clear_statistics", NH_BATTERY_CLEAR_STATISTICS}};
    char body[120];
    (void)state;
    for (uint32_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        snprintf(body, sizeof body, "{\"action\":\"%s\"}", rows[i].name);
        assert_int_equal(ask("POST", "/api/battery/control", NULL, body), 409);
        assert_int_equal(board.command_count, i);
        snprintf(body, sizeof body, "{\"action\":\"%s\",\"token\":\"%s\"}", rows[i].name, token());
        assert_int_equal(ask("POST", "/api/battery/control", NULL, body), 200);
        snprintf(body, sizeof body, "{\"action\":\"%s\",\"outcome\":\"done\"}\n", rows[i].name);
        assert_string_equal(reply, body);
        assert_int_equal(board.last_command, rows[i].kind);
    }
    assert_int_equal(ask("POST", "/api/battery/control", NULL, "{\"action\":\"stop\"}"), 400);
    assert_says("{\"field\":\"/action\",\"value\":\"\\\"stop\\\"\",\"limit\":\"one of restart, "
                "clear_events, "
                "clear_statistics\"");
    assert_int_equal(ask("POST", "/api/battery/control", NULL, "{\"action\":true}"), 400);
    assert_says("\"field\":\"/action\",\"value\":\"true\"");
    assert_int_equal(ask("POST", "/api/battery/control", NULL, "{}"), 400);
}

// The command went out: what became of it is not known, and nothing else is said.
static void test_a_command_without_an_answer(void **state)
{
    static const uint8_t outcomes[] = {NH_BATTERY_LOST, NH_BATTERY_EXPIRED, NH_BATTERY_CANCELLED};
    char body[120];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(outcomes); i++) {
        assert_int_equal(ask("POST", "/api/battery/control", NULL, "{\"action\":\"restart\"}"),
                         409);
        snprintf(body, sizeof body, "{\"action\":\"restart\",\"token\":\"%s\"}", token());
        board.command_outcome = outcomes[i];
        bool is_closed = outcomes[i] == NH_BATTERY_CANCELLED;
        assert_int_equal(ask("POST", "/api/battery/control", NULL, body), is_closed ? 503 : 504);
        assert_says(is_closed ? "\"code\":\"no_board\"" : "\"code\":\"no_answer\"");
        assert_says("may have done it");
        assert_null(strstr(reply, "Nothing was changed"));
    }
}

// ---- who leaves, and where memory ends ----------------------------------------------------------

static void test_client_leaves(void **state)
{
    struct route_play p[NH_BATTERY_JOB_MAX_COUNT + 1];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(p); i++) {
        route_begin(&p[i], &table, mem, "GET", "/api/battery/settings", "fresh=1");
        p[i].x.done = on_done;
        route_finish(&p[i]);
        assert_int_equal(p[i].x.is_later, i < NH_BATTERY_JOB_MAX_COUNT);
    }
    assert_int_equal(p[NH_BATTERY_JOB_MAX_COUNT].x.status, 503);
    route_end(&p[0]); // under way
    route_end(&p[2]); // waits
    fake_board_run();
    assert_int_equal(p[1].x.status, 200);
    assert_int_equal(p[3].x.status, 200);
    route_end(&p[1]);
    route_end(&p[3]);
    route_end(&p[4]);
}

static void test_allocations_fail(void **state)
{
    static const char *const asked[][3] = {
        {"GET", "/api/battery/settings", NULL},
        {"PUT", "/api/battery/settings", "{\"changes\":{\"charger_startup_delay_s\":30}}"},
        {"GET", "/api/battery/settings/export", NULL},
        {"POST", "/api/battery/settings/compare", "{\"settings\":{}}"},
        {"POST", "/api/battery/control", "{\"action\":\"restart\"}"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(asked); i++) {
        int status = 0;
        for (uint64_t n = 1; n < 40 && status != 200 && status != 409; n++) {
            struct route_play p;
            route_begin(&p, &table, mem, asked[i][0], asked[i][1], "fresh=1");
            p.x.done = on_done;
            if (asked[i][2])
                route_piece(&p, asked[i][2], strlen(asked[i][2]));
            nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n, .only_owner = mem});
            route_finish(&p);
            fake_board_run();
            nh_mem_fault_set(fx.sys, NULL);
            status = p.x.status;
            assert_true(status == 200 || status == 409 || status == 503);
            route_end(&p);
        }
        assert_true(status == 200 || status == 409);
    }
}

// ---- bytes of a stranger ------------------------------------------------------------------------

// A good file with bytes changed by chance: read or refused, never both.
static void test_broken_files(void **state)
{
    static struct nh_battery__file f;
    static char file[8192];
    struct rng r = {11};
    (void)state;
    assert_int_equal(ask("GET", "/api/battery/settings/export", NULL, NULL), 200);
    size_t len = strlen(reply);
    for (int turn = 0; turn < 3000; turn++) {
        memcpy(file, reply, len);
        size_t cut = rng_below(&r, 3) ? len : rng_below(&r, (uint32_t)len);
        for (uint32_t i = rng_below(&r, 4); i > 0; i--)
            file[rng_below(&r, (uint32_t)len)] = (char)rng_next(&r);
        char *exact = malloc(cut ? cut : 1);
        memcpy(exact, file, cut);
        int err = turn % 2 ? nh_battery__file_read_export(exact, cut, &f)
                           : nh_battery__file_read_changes(exact, cut, &f);
        free(exact);
        assert_int_equal(err < 0, f.fault[0] != '\0');
        assert_true(f.wish_count <= NH_BATTERY_WISH_MAX_COUNT);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_list_in_parts),
        TEST(test_no_answer),
        TEST(test_change),
        TEST(test_dangerous_change),
        TEST(test_backups_tell_what_differs),
        TEST(test_bad_changes),
        TEST(test_change_that_fails),
        TEST(test_largest_replies),
        TEST(test_export_and_compare),
        TEST(test_compare_odd_files),
        TEST(test_largest_comparison),
        TEST(test_export_of_a_backup),
        TEST(test_control),
        TEST(test_a_command_without_an_answer),
        TEST(test_client_leaves),
        TEST(test_allocations_fail),
        TEST(test_broken_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
