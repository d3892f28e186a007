// Not PORTABLE: the request belongs to the Linux port.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/linux/http/ws_ask.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // of that key: RFC 6455 section 1.3

static void test_addresses(void **state)
{
    static const struct {
        const char *url;
        int err;
        bool is_tls;
        const char *host;
        uint16_t port;
        const char *target;
    } rows[] = {
        {"ws://192.168.4.1/ws/telemetry", 0, false, "192.168.4.1", 80, "/ws/telemetry"},
        {"WS://hub:8080/ws?x=1", 0, false, "hub", 8080, "/ws?x=1"},
        {"wss://hub", 0, true, "hub", 443, ""},
        {"wss://[::1]:1/x", 0, true, "::1", 1, "/x"},
        {"http://hub/", NH_ERR_SYNTAX, false, "", 0, ""},
        {"ws//hub", NH_ERR_SYNTAX, false, "", 0, ""},
        {"ws://user@hub/", NH_ERR_SYNTAX, false, "", 0, ""},
        {"ws://hub:99999/", NH_ERR_SYNTAX, false, "", 0, ""},
        {"", NH_ERR_SYNTAX, false, "", 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_http_url u;
        int err = nh_ws_url_parse(rows[i].url, &u);
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].url, err);
        if (err < 0)
            continue;
        assert_int_equal(u.is_tls, rows[i].is_tls);
        assert_string_equal(u.host, rows[i].host);
        assert_int_equal(u.port, rows[i].port);
        assert_int_equal(u.target.len, strlen(rows[i].target));
        if (u.target.len > 0) {
            assert_memory_equal(u.target.ptr, rows[i].target, u.target.len);
            assert_true((const char *)u.target.ptr > rows[i].url &&
                        (const char *)u.target.ptr + u.target.len <=
                            rows[i].url + strlen(rows[i].url));
        }
    }
}

static void test_request(void **state)
{
    char out[NH_WS_ASK_MAX_BYTES], longer[1600];
    struct nh_http_url u;
    (void)state;
    assert_int_equal(nh_ws_url_parse("ws://[fe80::1]:81", &u), NH_OK);
    int n = nh_ws_ask_write(out, &u, KEY, NULL);
    assert_int_equal(n, strlen(out));
    assert_int_equal(strncmp(out, "GET / HTTP/1.1\r\nHost: [fe80::1]:81\r\n", 36), 0);
    assert_non_null(strstr(out, "\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n"));
    assert_null(strstr(out, "Authorization"));
    assert_string_equal(out + n - 4, "\r\n\r\n");
    n = nh_ws_ask_write(out, &u, KEY, "Basic eDp5");
    assert_true(n > 0);
    assert_non_null(strstr(out, "\r\nAuthorization: Basic eDp5\r\n\r\n"));
    assert_int_equal(nh_ws_ask_write(out, &u, KEY, "x\r\nEvil: 1"), NH_ERR_INVAL);
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(nh_ws_ask_write(out, &u, KEY, longer), NH_ERR_TOO_LONG);
}

#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
#define UP "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"

static void test_answers(void **state)
{
    static const struct {
        const char *name, *head;
        int err;
    } rows[] = {
        {"as it should be", SWITCH UP "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", NH_OK},
        {"another key's", SWITCH UP "Sec-WebSocket-Accept: " KEY "\r\n\r\n", NH_ERR_PROTO},
        {"no accept", SWITCH UP "\r\n", NH_ERR_PROTO},
        {"no upgrade", SWITCH "Connection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         NH_ERR_PROTO},
        {"no connection", SWITCH "Upgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         NH_ERR_PROTO},
        {"an extension nobody asked for",
         SWITCH UP "Sec-WebSocket-Accept: " ACCEPT
                   "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         NH_ERR_PROTO},
        {"a protocol nobody asked for",
         SWITCH UP "Sec-WebSocket-Accept: " ACCEPT "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
         NH_ERR_PROTO},
        {"a page", "HTTP/1.1 200 OK\r\n\r\n", NH_ERR_PROTO},
        {"who is it", "HTTP/1.1 401 Unauthorized\r\n\r\n", NH_ERR_DENIED},
        {"not you", "HTTP/1.1 403 Forbidden\r\n\r\n", NH_ERR_DENIED},
        {"not here", "HTTP/1.1 404 Not Found\r\n\r\n", NH_ERR_NOT_FOUND},
        {"not now", "HTTP/1.1 503 Service Unavailable\r\n\r\n", NH_ERR_BUSY},
        {"no HTTP", "hello\r\n\r\n", NH_ERR_PROTO},
    };
    char buf[512], why[96];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].head);
        memcpy(buf, rows[i].head, len);
        int err = nh_ws_answer_judge(buf, len, ACCEPT, why, sizeof why);
        if (err != rows[i].err)
            fail_msg("%s: %d (%s)", rows[i].name, err, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses),
                                       cmocka_unit_test(test_request),
                                       cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
