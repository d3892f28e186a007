// The lamp on the air as a part of the hub: what is kept, what is damaged, memory, requests. No
// frame is heard here: e2e_lamp_radio has those.

#include "linux_fixture.h"

#include "components/lamp_radio/lamp_radio.h"
#include "support/fake_disk.h"
#include "support/route_play.h"

static struct linux_fixture fx;
static struct fake_disk disk;
static nh_mem_t *mem;
static nh_loop_t *loop;
static nh_sched_t *sched;
static nh_store_t *store;
static nh_lamp_radio_t *radio;
static unsigned change_count;
static char reply[4096];

static void changed(void *ctx)
{
    (void)ctx;
    change_count++;
}

static struct nh_lamp_radio_config config(void)
{
    return (struct nh_lamp_radio_config){
        .mem = mem,
        .loop = loop,
        .sched = sched,
        .store = store,
        .radio = {.channel = 6, .port = (uint16_t)(20000 + nh_random_u32() % 12000)},
        .node = 111,
        .name = "hall",
        .peer_max_count = 8,
        .pairing_s = 30,
        .changed = changed};
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    fake_disk_init(&disk);
    assert_int_equal(nh_mem_owner_add(fx.sys, "lamp_radio", NULL, &mem), 0);
    assert_int_equal(nh_loop_create(fx.mem, &loop), 0);
    const struct nh_sched_config s = {.mem = fx.mem};
    assert_int_equal(nh_sched_create(&s, &sched), 0);
    const struct nh_store_config cfg = {
        .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "store", .keep_count = 2};
    assert_int_equal(nh_store_create(&cfg, &store), 0);
    change_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_lamp_radio_destroy(radio);
    radio = NULL;
    nh_store_destroy(store);
    nh_sched_destroy(sched);
    nh_loop_destroy(loop);
    fixture_stop(&fx);
    return 0;
}

static void start(void)
{
    const struct nh_lamp_radio_config cfg = config();
    assert_int_equal(nh_lamp_radio_create(&cfg, &radio), 0);
}

static int ask(const char *method, const char *path, const char *body)
{
    struct nh_route_table t = nh_lamp_radio_routes(radio);
    return route_ask(&t, fx.mem, method, path, NULL, body, reply, sizeof reply);
}

static void test_address_is_kept(void **state)
{
    char first[64];
    (void)state;
    start();
    assert_int_equal(ask("GET", "/api/lamp/radio", NULL), 200);
    snprintf(first, sizeof first, "%.40s", reply);
    assert_int_equal(strncmp(first, "{\"address\":\"02:4e:48:", 21), 0);
    nh_lamp_radio_destroy(radio);
    start();
    assert_int_equal(ask("GET", "/api/lamp/radio", NULL), 200);
    assert_int_equal(strncmp(first, reply, 40), 0);
    assert_non_null(strstr(reply, "\"node\":111,\"channel\":6,\"allow_v1\":false,\"peer_max\":8,"));
}

// A document that is damaged, or of more remotes than may be: the hub has a radio all the same.
static void test_damaged(void **state)
{
    struct nh_radio_peer_record peers[9] = {0};
    uint8_t bytes[NH_RADIO_PEERS_BYTES(9)];
    (void)state;
    assert_true(nh_store_put(store, "lamp_radio", "NNPR?", 5) > 0);
    start();
    assert_int_equal(ask("GET", "/api/lamp/radio", NULL), 200);
    assert_non_null(strstr(reply, "\"peers\":[]"));
    nh_lamp_radio_destroy(radio);
    for (size_t i = 0; i < 9; i++)
        peers[i] = (struct nh_radio_peer_record){
            .address = {{2, 0, 0, 0, 0, (uint8_t)i}}, .node = 2, .kind = NH_RADIO_PEER_KEYED};
    assert_true(nh_store_put(store, "lamp_radio", bytes, nh_radio_peers_encode(peers, 9, bytes)) >
                0);
    start();
    assert_int_equal(ask("GET", "/api/lamp/radio", NULL), 200);
    assert_non_null(strstr(reply, "02:00:00:00:00:07"));
    assert_null(strstr(reply, "02:00:00:00:00:08"));
    assert_int_equal(ask("DELETE", "/api/lamp/radio/peers/02:00:00:00:00:07", NULL), 200);
    assert_null(strstr(reply, "02:00:00:00:00:07"));
    assert_int_equal(ask("DELETE", "/api/lamp/radio/peers/02:00:00:00:00:07", NULL), 404);
    // A disk that refuses: it is still paired.
    fake_disk_fault_set(
        &disk, &(struct fake_disk_fault){.kind = FAKE_DISK_FAIL, .call = 2, .err = NH_ERR_NOSPC});
    assert_true(ask("DELETE", "/api/lamp/radio/peers/02:00:00:00:00:06", NULL) >= 500);
    fake_disk_fault_set(&disk, NULL);
    assert_int_equal(ask("GET", "/api/lamp/radio", NULL), 200);
    assert_non_null(strstr(reply, "02:00:00:00:00:06"));
}

// Eight remotes with the longest names and figures fit a reply and a message of the feed.
static void test_all_fits(void **state)
{
    static char text[NH_FEED_BYTES_MIN];
    struct nh_radio_peer_record peers[8];
    uint8_t bytes[NH_RADIO_PEERS_BYTES(8)];
    struct nh_json_buf buf = {.ptr = text, .cap = 3072};
    nh_json_writer_t w;
    nh_feed_part_t part;
    (void)state;
    for (size_t i = 0; i < 8; i++)
        peers[i] = (struct nh_radio_peer_record){.address = {{2, 0, 0, 0, 0, (uint8_t)i}},
                                                 .node = 65534,
                                                 .kind = NH_RADIO_PEER_KEYED,
                                                 .name = "fifteen letters"};
    assert_true(nh_store_put(store, "lamp_radio", bytes, nh_radio_peers_encode(peers, 8, bytes)) >
                0);
    start();
    assert_int_equal(ask("POST", "/api/lamp/radio/pair", "{\"seconds\":300}"), 200);
    assert_true(change_count > 0);
    nh_lamp_radio_feed_part(radio, &part);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    assert_true(part.write(part.ctx, &w, 0) == part.version(part.ctx));
    assert_int_equal(nh_json_writer_end(&w), 0);
    assert_true(buf.len < 3072 - 8 * 60); // numbers grow, a remote waits for its digits
}

static void test_refused(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
    } rows[] = {
        {"/api/lamp/radio/pair", "{\"seconds\":301}", 400},
        {"/api/lamp/radio/pair", "{\"seconds\":-1}", 400},
        {"/api/lamp/radio/pair", "{\"confirm\":1}", 400},
        {"/api/lamp/radio/pair", "[]", 400},
        {"/api/lamp/radio/pair", NULL, 200},
        {"/api/lamp/radio/accept", "{}", 400},
        {"/api/lamp/radio/accept", "{\"code\":\"1234567\"}", 400},
        {"/api/lamp/radio/accept", "{\"code\":\"12345a\"}", 400},
        {"/api/lamp/radio/accept", "{\"code\":\"123 456\"}", 404},
        {"/api/lamp/radio/accept", "{\"code\":\"12 3456\"}", 400},
        {"/api/lamp/radio/accept", "{\"code\":123456}", 400},
    };
    (void)state;
    start();
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = ask("POST", rows[i].path, rows[i].body);
        if (status != rows[i].status)
            fail_msg("%s %s: %d: %s", rows[i].path, rows[i].body, status, reply);
    }
}

static void test_each_allocation_fails(void **state)
{
    const struct nh_lamp_radio_config cfg = config();
    struct nh_lamp_radio_config bad = cfg;
    (void)state;
    for (uint64_t n = 1;; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n, .only_owner = mem};
        nh_mem_fault_set(fx.sys, &fault);
        int err = nh_lamp_radio_create(&cfg, &radio);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(radio);
        assert_true(n < 20);
    }
    nh_lamp_radio_destroy(radio);
    bad.peer_max_count = 9;
    assert_int_equal(nh_lamp_radio_create(&bad, &radio), NH_ERR_RANGE);
    bad = cfg;
    bad.node = 0;
    assert_int_equal(nh_lamp_radio_create(&bad, &radio), NH_ERR_RANGE);
    bad = cfg;
    bad.radio.group = "127.0.0.1";
    assert_int_equal(nh_lamp_radio_create(&bad, &radio), NH_ERR_INVAL);
}

#define RADIO(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RADIO(test_address_is_kept),
        RADIO(test_damaged),
        RADIO(test_all_fits),
        RADIO(test_refused),
        RADIO(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
