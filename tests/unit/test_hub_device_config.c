// The device's settings: what is taken and refused, what is kept, and what a power cut or a lack of
// memory leaves.

#include "linux_fixture.h"

#include "hub/device_config.h"
#include "support/fake_disk.h"

static struct linux_fixture fix;
static struct fake_disk disk, before, wreck;
static nh_store_t *store;
static nh_device_t *device;

static int open_all(void)
{
    const struct nh_store_config cfg = {
        .mem = fix.mem, .fs = fake_disk_fs(&disk), .dir = "config", .keep_count = 2};
    int err = nh_store_create(&cfg, &store);
    return err < 0 ? err : nh_device_create(fix.mem, store, "attic", &device);
}

static void close_all(void)
{
    nh_device_destroy(device);
    nh_store_destroy(store);
    device = NULL;
    store = NULL;
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fix);
    fake_disk_init(&disk);
    return open_all();
}

static int teardown(void **state)
{
    (void)state;
    close_all();
    fixture_stop(&fix);
    return 0;
}

static struct nh_device_config now(void)
{
    return *nh_device_get(device);
}

static int read_json(const char *text, struct nh_device_config *c, struct nh_finding *fault)
{
    char *exact = malloc(strlen(text)); // a byte read behind it is found
    assert_non_null(exact);
    memcpy(exact, text, strlen(text));
    int err = nh_device_read(exact, strlen(text), c, fault);
    free(exact);
    return err;
}

static void test_what_is_taken(void **state)
{
    (void)state;
    struct nh_finding fault;
    struct nh_device_config c = now();
    assert_string_equal(c.device_name, "attic");
    assert_string_equal(c.wifi_ssid, "host");
    assert_int_equal(c.mqtt_port, 1883);
    assert_int_equal(read_json("{\"mqtt_port\":\"8883\",\"mqtt_interval_seconds\":5,"
                               "\"screen_saver_enabled\":\"on\",\"screen_saver_wake_on_touch\":0,"
                               "\"mqtt_password\":\"pw\",\"wifi_password\":null,\"else\":[1,{}],"
                               "\"device_name\":\"Desk Pad\",\"dns1\":\"10.0.0.1\"}",
                               &c, &fault),
                     0);
    assert_int_equal(c.mqtt_port, 8883);
    assert_int_equal(c.mqtt_interval_seconds, 5);
    assert_true(c.screen_saver_enabled);
    assert_false(c.screen_saver_wake_on_touch);
    assert_string_equal(c.mqtt_password, "pw");
    assert_string_equal(c.device_name, "Desk Pad");
    assert_string_equal(c.dns1, "10.0.0.1");
    // Blanks keep what must not go; other texts may be emptied.
    assert_int_equal(
        read_json("{\"mqtt_password\":\"\",\"device_name\":\"\",\"dns1\":\"\"}", &c, &fault), 0);
    assert_string_equal(c.mqtt_password, "pw");
    assert_string_equal(c.device_name, "Desk Pad");
    assert_string_equal(c.dns1, "");
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text;
        int err;
        const char *pointer;
    } rows[] = {
        {"", NH_ERR_SYNTAX, ""},
        {"[]", NH_ERR_SYNTAX, ""},
        {"{\"mqtt_port\":1", NH_ERR_SYNTAX, ""},
        {"{} x", NH_ERR_SYNTAX, ""},
        {"{\"mqtt_port\":65536}", NH_ERR_RANGE, "/mqtt_port"},
        {"{\"mqtt_port\":\"80x\"}", NH_ERR_INVAL, "/mqtt_port"},
        {"{\"mqtt_port\":[1]}", NH_ERR_INVAL, "/mqtt_port"},
        {"{\"mqtt_port\":true}", NH_ERR_INVAL, "/mqtt_port"},
        {"{\"backlight_brightness\":101}", NH_ERR_RANGE, "/backlight_brightness"},
        {"{\"backlight_brightness\":-1}", NH_ERR_RANGE, "/backlight_brightness"},
        {"{\"screen_saver_enabled\":\"maybe\"}", NH_ERR_INVAL, "/screen_saver_enabled"},
        {"{\"dns1\":\"1234567890123456\"}", NH_ERR_TOO_LONG, "/dns1"},
        {"{\"dns1\":5}", NH_ERR_INVAL, "/dns1"},
        {"{\"dns1\":\"1\",\"dns1\":\"2\"}", NH_ERR_INVAL, "/dns1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nh_device_config c = now();
        struct nh_finding fault;
        int err = read_json(rows[i].text, &c, &fault);
        if (err >= 0 || (rows[i].err == NH_ERR_SYNTAX) != (err == NH_ERR_SYNTAX) ||
            strcmp(fault.pointer, rows[i].pointer) != 0)
            fail_msg("%s: %s at \"%s\"", rows[i].text, nh_err_text(err), fault.pointer);
    }
}

static void test_a_secret_is_in_no_finding(void **state)
{
    struct nh_device_config c = now();
    struct nh_finding fault;
    (void)state;
    char text[200];
    snprintf(text, sizeof text, "{\"mqtt_password\":\"secret%0100d\"}", 0);
    assert_int_equal(read_json(text, &c, &fault), NH_ERR_TOO_LONG);
    assert_null(strstr(fault.value, "secret"));
}

static void test_outlives_a_restart(void **state)
{
    struct nh_device_config c = now();
    (void)state;
    strcpy(c.wifi_password, "hidden");
    strcpy(c.device_name, "Küche 1");
    c.basic_auth_enabled = true;
    strcpy(c.basic_auth_password, "not kept");
    c.backlight_brightness = 50;
    c.mqtt_interval_seconds = 0;
    assert_int_equal(nh_device_set(device, &c), 0);
    close_all();
    assert_int_equal(open_all(), 0);
    c = now();
    assert_string_equal(c.wifi_password, "hidden");
    assert_string_equal(c.device_name, "Küche 1");
    assert_int_equal(c.mqtt_interval_seconds, 0);
    assert_int_equal(c.backlight_brightness, 0); // kept elsewhere
    assert_false(c.basic_auth_enabled);
    assert_string_equal(c.basic_auth_password, "");
    char text[2048];
    struct nh_json_buf buf = {.ptr = text, .cap = sizeof text};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_device_write(&w, &c);
    nh_json_object_end(&w);
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = 0;
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "\"wifi_password\":\"\""));
    // Its own answer, posted back, changes nothing.
    struct nh_finding fault;
    struct nh_device_config again = c;
    assert_int_equal(nh_device_read(text, buf.len, &again, &fault), 0);
    assert_memory_equal(&again, &c, sizeof c);
    assert_int_equal(nh_device_reset(device), 0);
    assert_string_equal(now().device_name, "attic");
    assert_int_equal(nh_device_reset(device), 0); // there is none: fine
}

static void test_a_damaged_document(void **state)
{
    (void)state;
    assert_true(nh_store_put(store, NH_DEVICE_DOC, "{\"mqtt_port\":", 13) > 0);
    nh_device_destroy(device);
    assert_int_equal(nh_device_create(fix.mem, store, "attic", &device), 0);
    assert_int_equal(now().mqtt_port, 1883);
}

static void test_names(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"Desk Pad", "desk-pad"},
        {"  a__b--c  ", "a-b-c"},
        {"-x-", "x"},
        {"Küche!", "kche"},
        {"***", ""},
        {"", ""},
        {"0123456789 123456789 123456789 1", "0123456789-123456789-123456789"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[NH_DEVICE_NAME_MAX_BYTES];
        nh_device_name_sanitize(rows[i].in, out);
        assert_string_equal(out, rows[i].out);
    }
}

static void test_without_memory(void **state)
{
    struct nh_device_config c = now();
    (void)state;
    strcpy(c.mqtt_host, "broker");
    for (uint64_t n = 1;; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n};
        nh_mem_fault_set(fix.sys, &fault);
        int err = nh_device_set(device, &c);
        nh_mem_fault_set(fix.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_string_equal(now().mqtt_host, "");
        assert_true(n < 10);
    }
    close_all();
    for (uint64_t n = 1;; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n};
        nh_mem_fault_set(fix.sys, &fault);
        int err = open_all();
        nh_mem_fault_set(fix.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        close_all();
        assert_true(n < 20);
    }
    assert_string_equal(now().mqtt_host, "broker");
}

static int set_host(const char *host)
{
    struct nh_device_config c = now();
    snprintf(c.mqtt_host, sizeof c.mqtt_host, "%s", host);
    return nh_device_set(device, &c);
}

// The power goes at each call of the file system; what was not durable is lost, or kept, or torn.
static void test_power_cut(void **state)
{
    static const enum fake_disk_fate fates[] = {FAKE_DISK_LOSE, FAKE_DISK_KEEP, FAKE_DISK_RANDOM};
    uint32_t old_count = 0, new_count = 0;
    bool is_struck = true;
    (void)state;
    assert_int_equal(set_host("old"), 0);
    close_all();
    fake_disk_copy(&before, &disk);
    for (uint32_t call = 1; is_struck; call++) {
        fake_disk_copy(&disk, &before);
        assert_int_equal(open_all(), 0);
        fake_disk_fault_set(&disk,
                            &(struct fake_disk_fault){.kind = FAKE_DISK_CUT_AFTER, .call = call});
        int said = set_host("new");
        is_struck = disk.is_struck;
        close_all();
        fake_disk_copy(&wreck, &disk);
        for (uint32_t seed = 0; seed < 6; seed++) {
            fake_disk_copy(&disk, &wreck);
            fake_disk_power_cycle(&disk, fates[seed < 2 ? seed : 2], seed);
            assert_int_equal(open_all(), 0);
            bool is_old = strcmp(now().mqtt_host, "old") == 0;
            bool is_new = strcmp(now().mqtt_host, "new") == 0;
            if (!is_new && (said == 0 || !is_old))
                fail_msg("call %u, seed %u: \"%s\"", (unsigned)call, (unsigned)seed,
                         now().mqtt_host);
            old_count += is_old;
            new_count += is_new;
            close_all();
        }
    }
    assert_true(old_count > 3 && new_count > 3);
    fake_disk_copy(&disk, &before);
    assert_int_equal(open_all(), 0);
}

static void test_full_disk(void **state)
{
    (void)state;
    assert_int_equal(set_host("old"), 0);
    for (uint32_t call = 1;; call++) {
        fake_disk_fault_set(&disk, &(struct fake_disk_fault){
                                       .kind = FAKE_DISK_FAIL, .call = call, .err = NH_ERR_NOSPC});
        int err = set_host("new");
        bool is_struck = disk.is_struck;
        fake_disk_fault_set(&disk, NULL);
        assert_string_equal(now().mqtt_host, err == 0 ? "new" : "old");
        if (err == 0)
            assert_int_equal(set_host("old"), 0);
        if (!is_struck)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_secret_is_in_no_finding, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outlives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_document, setup, teardown),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
