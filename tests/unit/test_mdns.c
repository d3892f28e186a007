// The responder for multicast DNS: probes, announcements, answers to all and to one, what is left
// out, names that somebody else has, good-bye.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/mdns/mdns.h"
#include "core/mdns/mdns_private.h"

static const struct nh_mdns_service services[] = {{"_http._tcp", 80, NULL},
                                                  {"_wled._tcp", 80, "mac=0123456789ab"}};

static struct {
    nh_mdns_t m;
    uint64_t now_ms;
    uint8_t packet[NH_MDNS_PACKET_MAX_BYTES];
    size_t len;
    const char *to;
    uint16_t port;
    char text[2048]; // of the last packet: a line for each record
    uint8_t ask[600];
    size_t ask_len;
} t;

// ---- packets as text ---------------------------------------------------------------------------

static const char *dotted(const struct nh_mdns__name *n)
{
    static char text[300];
    size_t at = 0;
    for (size_t i = 0; n->bytes[i]; i += 1u + n->bytes[i])
        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s.", n->bytes[i],
                               (const char *)n->bytes + i + 1);
    text[at ? at - 1 : 0] = '\0';
    return text;
}

static size_t tell_data(const struct nh_mdns__item *i, char *out, size_t cap)
{
    struct nh_mdns__name name;
    const uint8_t *d = t.packet + i->data;
    size_t at = i->data + (i->type == NH_MDNS__SRV ? 6 : 0);
    if (i->type == NH_MDNS__A)
        return (size_t)snprintf(out, cap, "%u.%u.%u.%u", d[0], d[1], d[2], d[3]);
    if (i->type == NH_MDNS__TXT) {
        assert_int_equal(d[0] + 1u, i->data_len);
        return (size_t)snprintf(out, cap, "\"%.*s\"", d[0], (const char *)d + 1);
    }
    assert_true(nh_mdns__name_read(t.packet, t.len, &at, &name));
    assert_int_equal(at, i->data + i->data_len);
    size_t len =
        i->type == NH_MDNS__SRV ? (size_t)snprintf(out, cap, "%u ", nh_get_be16(d + 4)) : 0;
    return len + (size_t)snprintf(out + len, cap - len, "%s", dotted(&name));
}

// "? name type", then "name type ttl data" with '!' where it voids others'.
static void tell(void)
{
    size_t at = NH_MDNS__HEAD_BYTES, out = 0;
    struct nh_mdns__item i;
    uint32_t questions = nh_get_be16(t.packet + 4), records = (uint32_t)nh_get_be16(t.packet + 6) +
                                                              nh_get_be16(t.packet + 8) +
                                                              nh_get_be16(t.packet + 10);
    t.text[0] = '\0';
    for (; questions; questions--) {
        assert_true(nh_mdns__question_read(t.packet, t.len, &at, &i));
        out += (size_t)snprintf(t.text + out, sizeof t.text - out, "? %s %u\n", dotted(&i.name),
                                i.type);
    }
    for (; records; records--) {
        assert_true(nh_mdns__record_read(t.packet, t.len, &at, &i));
        out += (size_t)snprintf(t.text + out, sizeof t.text - out, "%s %u%s %u ", dotted(&i.name),
                                i.type, i.class_ & 0x8000 ? "!" : "", (unsigned)i.ttl_s);
        out += tell_data(&i, t.text + out, sizeof t.text - out);
        out += (size_t)snprintf(t.text + out, sizeof t.text - out, "\n");
    }
    assert_int_equal(at, t.len);
}

static bool output(void)
{
    t.len = nh_mdns_output(&t.m, t.packet, &t.to, &t.port, t.now_ms);
    if (t.len)
        tell();
    return t.len > 0;
}

// The next packet at its time; false: none within `within_ms`.
static bool next(uint64_t within_ms)
{
    uint64_t end = t.now_ms + within_ms, due = nh_mdns_next_deadline(&t.m);
    if (due > end) {
        t.now_ms = end;
        return false;
    }
    t.now_ms = due > t.now_ms ? due : t.now_ms;
    assert_true(output());
    return true;
}

static struct nh_mdns_info info(void)
{
    struct nh_mdns_info i;
    nh_mdns_info(&t.m, &i);
    return i;
}

static void begin(const char *name)
{
    memset(&t, 0, sizeof t);
    t.now_ms = 1000;
    const struct nh_mdns_config cfg = {.name = name,
                                       .address = {192, 0, 2, 7},
                                       .services = services,
                                       .service_count = 2,
                                       .seed = 7};
    assert_int_equal(nh_mdns_init(&t.m, &cfg, t.now_ms), 0);
}

static void run(void) // to the end of the announcements
{
    for (int i = 0; i < 5; i++)
        assert_true(next(2000));
    assert_int_equal(info().state, NH_MDNS_RUNNING);
    t.now_ms += 5000;
}

// ---- what others say ---------------------------------------------------------------------------

static void put_name(const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");
        t.ask[t.ask_len++] = (uint8_t)len;
        memcpy(t.ask + t.ask_len, name, len);
        t.ask_len += len;
        name += len + (name[len] == '.');
    }
    t.ask[t.ask_len++] = 0;
}

static void put_u16(uint16_t v)
{
    nh_put_be16(t.ask + t.ask_len, v);
    t.ask_len += 2;
}

static void head(uint16_t flags)
{
    memset(t.ask, 0, sizeof t.ask);
    t.ask_len = NH_MDNS__HEAD_BYTES;
    nh_put_be16(t.ask, 0x1234);
    nh_put_be16(t.ask + 2, flags);
}

static void question(const char *name, uint16_t type, uint16_t class_)
{
    put_name(name);
    put_u16(type);
    put_u16(class_);
    nh_put_be16(t.ask + 4, (uint16_t)(nh_get_be16(t.ask + 4) + 1));
}

// `section`: 6 answers, 8 authority.
static void record(size_t section, const char *name, uint16_t type, uint32_t ttl_s)
{
    put_name(name);
    put_u16(type);
    put_u16(0x8001);
    put_u16(0);
    put_u16((uint16_t)ttl_s);
    nh_put_be16(t.ask + section, (uint16_t)(nh_get_be16(t.ask + section) + 1));
}

static void record_a(size_t section, const char *name, uint8_t last, uint32_t ttl_s)
{
    record(section, name, NH_MDNS__A, ttl_s);
    put_u16(4);
    const uint8_t address[4] = {192, 0, 2, last};
    memcpy(t.ask + t.ask_len, address, 4);
    t.ask_len += 4;
}

static void hear_from(const char *address, uint16_t port)
{
    nh_mdns_input(&t.m, t.ask, t.ask_len, address, port, t.now_ms);
}

static void hear(void)
{
    hear_from("192.0.2.9", 5353);
}

static void ask(const char *name, uint16_t type)
{
    head(0);
    question(name, type, 1);
    hear();
}

// ---- tests -------------------------------------------------------------------------------------

static const char announcement[] = "attic.local 1! 120 192.0.2.7\n"
                                   "_http._tcp.local 12 4500 attic._http._tcp.local\n"
                                   "attic._http._tcp.local 33! 120 80 attic.local\n"
                                   "attic._http._tcp.local 16! 4500 \"\"\n"
                                   "_services._dns-sd._udp.local 12 4500 _http._tcp.local\n"
                                   "_wled._tcp.local 12 4500 attic._wled._tcp.local\n"
                                   "attic._wled._tcp.local 33! 120 80 attic.local\n"
                                   "attic._wled._tcp.local 16! 4500 \"mac=0123456789ab\"\n"
                                   "_services._dns-sd._udp.local 12 4500 _wled._tcp.local\n";

static void test_start(void **state)
{
    (void)state;
    begin("attic");
    uint64_t first = nh_mdns_next_deadline(&t.m);
    assert_in_range(first, 1000, 1250);
    for (int i = 0; i < 3; i++) {
        assert_true(next(2000));
        assert_int_equal(t.now_ms, first + 250u * (unsigned)i);
        assert_string_equal(t.text, "? attic.local 255\n"
                                    "? attic._http._tcp.local 255\n"
                                    "? attic._wled._tcp.local 255\n"
                                    "attic.local 1 120 192.0.2.7\n"
                                    "attic._http._tcp.local 33 120 80 attic.local\n"
                                    "attic._wled._tcp.local 33 120 80 attic.local\n");
        ask("attic.local", NH_MDNS__A); // not ours to answer yet
        assert_false(output());
    }
    for (uint64_t i = 0; i < 2; i++) {
        assert_true(next(2000));
        assert_int_equal(t.now_ms, first + 750 + 1000 * i);
        assert_string_equal(t.text, announcement);
        assert_int_equal(nh_get_be16(t.packet + 2), 0x8400);
        assert_string_equal(t.to, NH_MDNS_GROUP);
    }
    assert_int_equal(nh_mdns_next_deadline(&t.m), NH_NEVER);
}

static void test_answers(void **state)
{
    (void)state;
    begin("attic");
    run();
    ask("_WLED._tcp.Local", NH_MDNS__PTR);
    assert_false(output()); // a moment later: others may have such a service too
    assert_true(next(120));
    assert_string_equal(t.text, "_wled._tcp.local 12 4500 attic._wled._tcp.local\n"
                                "attic.local 1! 120 192.0.2.7\n"
                                "attic._wled._tcp.local 33! 120 80 attic.local\n"
                                "attic._wled._tcp.local 16! 4500 \"mac=0123456789ab\"\n");
    ask("_wled._tcp.local", NH_MDNS__PTR);
    assert_false(next(900)); // it has just been told to all
    t.now_ms += 200;
    ask("attic.local", NH_MDNS__A);
    assert_true(output()); // nobody else has that: at once
    assert_string_equal(t.text, "attic.local 1! 120 192.0.2.7\n");
    t.now_ms += 1000;
    ask("_services._dns-sd._udp.local", NH_MDNS__ANY);
    assert_true(next(120));
    assert_string_equal(t.text, "_services._dns-sd._udp.local 12 4500 _http._tcp.local\n"
                                "_services._dns-sd._udp.local 12 4500 _wled._tcp.local\n");
    static const char *const others[] = {"other.local", "attic", "local", "x.attic.local",
                                         "_http._udp.local"};
    for (size_t i = 0; i < 5; i++)
        ask(others[i], NH_MDNS__ANY);
    ask("attic.local", 28); // an address of IPv6: there is none
    assert_false(next(1000));
}

static void test_to_one(void **state)
{
    (void)state;
    begin("attic");
    run();
    head(0);
    question("attic.local", NH_MDNS__A, 0x8001); // it wants it so
    hear();
    assert_true(output());
    assert_string_equal(t.to, "192.0.2.9");
    assert_int_equal(t.port, 5353);
    assert_int_equal(nh_get_be16(t.packet), 0);
    // An old resolver: its question and number come back, and nothing lives long.
    head(0);
    question("_http._tcp.local", NH_MDNS__PTR, 1);
    hear_from("192.0.2.9", 40000);
    assert_int_equal(nh_mdns_next_deadline(&t.m), 0);
    assert_true(output());
    assert_int_equal(t.port, 40000);
    assert_int_equal(nh_get_be16(t.packet), 0x1234);
    assert_string_equal(t.text, "? _http._tcp.local 12\n"
                                "_http._tcp.local 12 10 attic._http._tcp.local\n"
                                "attic.local 1 10 192.0.2.7\n"
                                "attic._http._tcp.local 33 10 80 attic.local\n"
                                "attic._http._tcp.local 16 10 \"\"\n");
    assert_false(output());
}

static void test_known_answers(void **state)
{
    static const struct {
        uint32_t ttl_s;
        const char *target;
        bool answers;
    } rows[] = {{4500, "attic._wled._tcp.local", false},
                {2250, "ATTIC._wled._tcp.local", false},
                {2000, "attic._wled._tcp.local", true}, // it is about to forget it
                {4500, "other._wled._tcp.local", true}};
    (void)state;
    begin("attic");
    run();
    for (size_t i = 0; i < 4; i++) {
        head(0);
        question("_wled._tcp.local", NH_MDNS__PTR, 1);
        record(6, "_wled._tcp.local", NH_MDNS__PTR, rows[i].ttl_s);
        size_t at = t.ask_len;
        put_u16(0);
        put_name(rows[i].target);
        nh_put_be16(t.ask + at, (uint16_t)(t.ask_len - at - 2));
        hear();
        assert_int_equal(next(500), rows[i].answers);
        t.now_ms += 2000;
    }
}

static void test_conflicts(void **state)
{
    (void)state;
    begin("Attic 1");
    assert_string_equal(nh_mdns_host(&t.m), "attic-1");
    assert_true(next(2000));
    head(0x8400);
    record_a(6, "ATTIC-1.local", 9, 120); // another machine has it
    hear();
    assert_string_equal(nh_mdns_host(&t.m), "attic-1-2");
    run();
    assert_non_null(strstr(t.text, "Attic 1 (2)._wled._tcp.local")
                        ? t.text
                        : strstr(t.text, "attic 1 (2)._wled._tcp.local"));
    // Its own announcement, heard again, and that of a host that goes, are none.
    head(0x8400);
    record_a(6, "attic-1-2.local", 7, 120);
    hear();
    head(0x8400);
    record_a(6, "attic-1-2.local", 9, 0);
    hear();
    assert_int_equal(info().state, NH_MDNS_RUNNING);
    assert_int_equal(info().conflicts, 1);
    // Who takes a name that is ours: it is probed once more; if it is still there, it goes.
    head(0x8400);
    record_a(6, "attic-1-2.local", 9, 120);
    hear();
    assert_int_equal(info().state, NH_MDNS_PROBING);
    assert_string_equal(nh_mdns_host(&t.m), "attic-1-2");
    hear();
    assert_string_equal(nh_mdns_host(&t.m), "attic-1-3");
    run();
    // Another one probes for it: it is defended at once, to all.
    head(0);
    question("attic-1-3.local", NH_MDNS__ANY, 0x8001);
    record_a(8, "attic-1-3.local", 9, 120);
    hear();
    assert_true(output());
    assert_string_equal(t.text, "attic-1-3.local 1! 120 192.0.2.7\n");
    assert_string_equal(t.to, NH_MDNS_GROUP);
    // From another port nobody may say what is whose.
    head(0x8400);
    record_a(6, "attic-1-3.local", 9, 120);
    hear_from("192.0.2.9", 40000);
    assert_int_equal(info().conflicts, 3);
}

static void test_many_conflicts_wait(void **state)
{
    (void)state;
    begin("attic");
    for (int i = 0; i < 20; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.local", nh_mdns_host(&t.m));
        head(0x8400);
        record_a(6, name, 9, 120);
        hear();
    }
    assert_string_equal(nh_mdns_host(&t.m), "attic-21");
    assert_true(nh_mdns_next_deadline(&t.m) >= t.now_ms + 5000);
}

static void test_goodbye(void **state)
{
    (void)state;
    begin("attic");
    assert_int_equal(nh_mdns_goodbye(&t.m, t.packet), 0); // nothing was announced
    run();
    t.len = nh_mdns_goodbye(&t.m, t.packet);
    tell();
    assert_non_null(strstr(t.text, "attic.local 1! 0 192.0.2.7\n"));
    assert_non_null(strstr(t.text, "_wled._tcp.local 12 0 attic._wled._tcp.local\n"));
    assert_int_equal(nh_mdns_next_deadline(&t.m), NH_NEVER);
}

static void test_another_address(void **state)
{
    (void)state;
    begin("attic");
    run();
    nh_mdns_address_set(&t.m, (const uint8_t[4]){192, 0, 2, 7}, t.now_ms);
    assert_int_equal(info().state, NH_MDNS_RUNNING);
    nh_mdns_address_set(&t.m, (const uint8_t[4]){192, 0, 2, 8}, t.now_ms);
    run();
    assert_non_null(strstr(t.text, "attic.local 1! 120 192.0.2.8\n"));
}

static void test_broken(void **state)
{
    (void)state;
    begin("attic");
    run();
    head(0);
    question("_wled._tcp.local", NH_MDNS__PTR, 1);
    for (size_t len = 0; len < t.ask_len; len++) // cut anywhere
        nh_mdns_input(&t.m, t.ask, len, "192.0.2.9", 5353, t.now_ms);
    assert_false(next(500));
    assert_int_equal(info().broken, t.ask_len);
    // A name that points at itself, ahead, or is too long.
    static const uint8_t names[][4] = {{0xC0, 12}, {0xC0, 14}, {0xC0, 200}, {63, 'a'}, {0x80, 1}};
    for (size_t i = 0; i < 5; i++) {
        head(0);
        memcpy(t.ask + t.ask_len, names[i], 4);
        t.ask_len += 6;
        nh_put_be16(t.ask + 4, 1);
        hear();
    }
    head(0);
    for (int i = 0; i < 9; i++) { // 9 * 60 bytes
        t.ask[t.ask_len++] = 59;
        memset(t.ask + t.ask_len, 'a', 59);
        t.ask_len += 59;
    }
    nh_put_be16(t.ask + 4, 1);
    hear();
    assert_false(next(500));
    head(0x0800); // another kind of request
    question("_wled._tcp.local", NH_MDNS__PTR, 1);
    hear();
    assert_false(next(500));
}

static void test_pointers(void **state)
{
    (void)state;
    begin("attic");
    run();
    head(0);
    question("x._tcp.local", NH_MDNS__A, 1);
    t.ask[t.ask_len++] = 5; // "_wled" and the rest of the first name
    memcpy(t.ask + t.ask_len, "_wled", 5);
    t.ask_len += 5;
    put_u16(0xC000 | (NH_MDNS__HEAD_BYTES + 2));
    put_u16(NH_MDNS__PTR);
    put_u16(1);
    nh_put_be16(t.ask + 4, 2);
    hear();
    assert_true(next(200));
    assert_memory_equal(t.text, "_wled._tcp.local 12", 19);
}

static void test_configurations(void **state)
{
    nh_mdns_t m;
    char name[64] = "";
    (void)state;
    struct nh_mdns_config cfg = {.name = "", .services = services, .service_count = 2};
    assert_int_equal(nh_mdns_init(&m, &cfg, 0), NH_ERR_INVAL);
    memset(name, 'x', 51);
    cfg.name = name;
    assert_int_equal(nh_mdns_init(&m, &cfg, 0), NH_ERR_INVAL);
    cfg.name = "a";
    cfg.service_count = 5;
    assert_int_equal(nh_mdns_init(&m, &cfg, 0), NH_ERR_FULL);
    cfg.service_count = 2;
    name[50] = '\0';
    cfg.name = name;
    assert_int_equal(nh_mdns_init(&m, &cfg, 0), 0); // the longest, with two services
    cfg.name = "Caf\xC3\xA9 \xE2\x98\x95!";
    assert_int_equal(nh_mdns_init(&m, &cfg, 0), 0);
    assert_string_equal(nh_mdns_host(&m), "caf");
    cfg.name = "\xE2\x98\x95";
    assert_int_equal(nh_mdns_init(&m, &cfg, 0), 0);
    assert_string_equal(nh_mdns_host(&m), "nuthatch");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),          cmocka_unit_test(test_answers),
        cmocka_unit_test(test_to_one),         cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_conflicts),      cmocka_unit_test(test_many_conflicts_wait),
        cmocka_unit_test(test_goodbye),        cmocka_unit_test(test_another_address),
        cmocka_unit_test(test_broken),         cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
