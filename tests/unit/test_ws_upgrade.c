// Not PORTABLE: the request belongs to the Linux port.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/linux/http/ws_upgrade.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define MQTT "Sec-WebSocket-Protocol: mqtt\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: hub:9001\r\n"

static const char *const names[] = {"hub", "nest.example", NULL};

static int check(const char *request, const struct nh_ws_rules *rules, const char **why)
{
    char buf[1024];
    struct nh_h1_head head;
    int len = snprintf(buf, sizeof buf, "%s\r\n", request);
    int status = nh_h1_parse(buf, (size_t)len, &head);
    *why = "";
    return status ? status : nh_ws_upgrade_check(&head, rules, why);
}

static void test_requests(void **state)
{
    static const struct {
        const char *name, *request;
        int status;
    } rows[] = {
        {"as it should be", GET("/mqtt") UPGRADE KEY VERSION MQTT, 0},
        // [MQTT-6.0.0-3] [MQTT5-6.0.0-3] the client must offer the subprotocol
        {"no subprotocol", GET("/mqtt") UPGRADE KEY VERSION, 400},
        {"another subprotocol",
         GET("/mqtt") UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mqttv3.1\r\n", 400},
        {"one of several",
         GET("/mqtt") UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n", 0},
        {"in several fields", GET("/mqtt") UPGRADE KEY VERSION "Sec-WebSocket-Protocol: a\r\n" MQTT,
         0},
        {"a longer word", GET("/mqtt") UPGRADE KEY VERSION "Sec-WebSocket-Protocol: mqtt5\r\n",
         400},
        {"another path", GET("/") UPGRADE KEY VERSION MQTT, 404},
        {"a query", GET("/mqtt?x=1") UPGRADE KEY VERSION MQTT, 0},
        {"another version", GET("/mqtt") UPGRADE KEY "Sec-WebSocket-Version: 8\r\n" MQTT, 426},
        {"no upgrade", GET("/mqtt"), 400},
        {"no key", GET("/mqtt") UPGRADE VERSION MQTT, 400},
        {"short key", GET("/mqtt") UPGRADE VERSION MQTT "Sec-WebSocket-Key: abc\r\n", 400},
        {"POST",
         "POST /mqtt HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n" UPGRADE KEY VERSION MQTT, 400},
        {"HTTP/1.0", "GET /mqtt HTTP/1.0\r\nHost: hub\r\n" UPGRADE KEY VERSION MQTT, 400},
    };
    const struct nh_ws_rules rules = {.protocol = "mqtt", .path = "/mqtt"};
    const char *why;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = check(rows[i].request, &rules, &why);
        if (status != rows[i].status || (status && !why[0]))
            fail_msg("%s: %d %s", rows[i].name, status, why);
    }
    const struct nh_ws_rules anywhere = {.protocol = "mqtt"};
    assert_int_equal(check(rows[6].request, &anywhere, &why), 0);
}

static void test_origins(void **state)
{
    static const struct {
        const char *name, *origins, *host, *origin;
        bool has_names;
        int status;
    } rows[] = {
        {"no page", NULL, "hub:9001", NULL, true, 0},
        {"no page, at any name", NULL, "evil.example", NULL, true, 0},
        {"its own, same port", NULL, "hub:9001", "http://hub:9001", true, 0},
        {"its own, another port", NULL, "hub:9001", "https://HUB", true, 0},
        {"an address", NULL, "192.168.1.4:9001", "http://192.168.1.4:8080", true, 0},
        {"IPv6", NULL, "[::1]:9001", "http://[::1]:8080", true, 0},
        {"localhost", NULL, "localhost:9001", "http://localhost:8080", true, 0},
        {"another page", NULL, "hub:9001", "http://evil.example", true, 403},
        {"a name that begins alike", NULL, "hub:9001", "http://hub.evil.example", true, 403},
        {"a name pointed at us", NULL, "evil.example:9001", "http://evil.example", true, 403},
        {"any name will do", NULL, "evil.example:9001", "http://evil.example", false, 0},
        {"a sandboxed frame", NULL, "hub:9001", "null", true, 403},
        {"a file", NULL, "hub:9001", "file://", true, 403},
        {"an extension", NULL, "hub:9001", "chrome-extension://abc", true, 403},
        {"all", "*", "hub:9001", "null", true, 0},
        {"in the list", "https://a.example, http://b.example:8080", "x", "http://b.example:8080",
         true, 0},
        {"first in the list", "https://a.example, http://b", "x", "https://a.example", true, 0},
        {"not in the list", "https://a.example", "hub", "http://a.example", true, 403},
        {"the list is all", "https://a.example", "hub:9001", "http://hub:9001", true, 403},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char request[512];
        const char *why;
        const struct nh_ws_rules rules = {.protocol = "mqtt",
                                          .origins = rows[i].origins,
                                          .host_names = rows[i].has_names ? names : NULL};
        snprintf(request, sizeof request,
                 "GET / HTTP/1.1\r\nHost: %s\r\n" UPGRADE KEY VERSION MQTT "%s%s%s", rows[i].host,
                 rows[i].origin ? "Origin: " : "", rows[i].origin ? rows[i].origin : "",
                 rows[i].origin ? "\r\n" : "");
        int status = check(request, &rules, &why);
        if (status != rows[i].status)
            fail_msg("%s: %d %s", rows[i].name, status, why);
    }
}

static void test_replies(void **state)
{
    (void)state;
    char out[NH_WS_REPLY_MAX_BYTES], input[NH_WS_ACCEPT_INPUT_BYTES];
    // [MQTT-6.0.0-4] [MQTT5-6.0.0-4] the server selects the subprotocol
    size_t len = nh_ws_upgrade_accept(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "mqtt");
    assert_int_equal(len, strlen(out));
    assert_non_null(strstr(out, "HTTP/1.1 101 "));
    assert_non_null(strstr(out, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(out, "\r\nSec-WebSocket-Protocol: mqtt\r\n"));
    assert_string_equal(out + len - 4, "\r\n\r\n");
    static const int statuses[] = {400, 403, 404, 426, 431, 503};
    for (size_t i = 0; i < NH_ARRAY_LEN(statuses); i++) {
        char line[32];
        len = nh_ws_upgrade_refuse(out, statuses[i], "It was \"refused\".", 0);
        out[len] = 0;
        snprintf(line, sizeof line, "HTTP/1.1 %d ", statuses[i]);
        assert_memory_equal(out, line, strlen(line));
        assert_non_null(strstr(out, "\r\nConnection: close\r\n"));
        assert_true((strstr(out, "Sec-WebSocket-Version: 13") != NULL) == (statuses[i] == 426));
        assert_non_null(strstr(out, "It was"));
    }
    nh_ws_accept_input("dGhlIHNhbXBsZSBub25jZQ==", input); // of RFC 6455 1.3
    assert_memory_equal(input, "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
