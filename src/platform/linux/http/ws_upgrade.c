#include "platform/linux/http/ws_upgrade.h"

#include "core/http/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// ---- judging -----------------------------------------------------------------------------------

static bool span_equal(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && strncasecmp((const char *)a.ptr, (const char *)b.ptr, a.len) == 0;
}

// The host of "http://host:8080"; false: it is no web page's origin.
static bool origin_host(const char *origin, nh_span_t *host)
{
    static const char *const schemes[] = {"http://", "https://"};
    nh_span_t port;
    for (size_t i = 0; i < NH_ARRAY_LEN(schemes); i++)
        if (strncasecmp(origin, schemes[i], strlen(schemes[i])) == 0)
            return nh_http_host_split(origin + strlen(schemes[i]), host, &port);
    return false;
}

static bool is_named(nh_span_t host, const char *const *names)
{
    if (!names || nh_http_host_is_literal(host))
        return true;
    for (; *names; names++)
        if (span_equal(host, (nh_span_t){(const uint8_t *)*names, strlen(*names)}))
            return true;
    return false;
}

static bool origin_may(const struct nh_h1_head *head, const struct nh_ws_rules *rules)
{
    const char *origin = nh_h1_header(head, "origin");
    const char *called = nh_h1_header(head, "host");
    nh_span_t page, host, port;
    if (!origin || (rules->origins && strcmp(rules->origins, "*") == 0))
        return true;
    if (rules->origins)
        return nh_h1_list_has(rules->origins, origin);
    return called && nh_http_host_split(called, &host, &port) && origin_host(origin, &page) &&
           span_equal(page, host) && is_named(host, rules->host_names);
}

// A client may offer its protocols in several fields.
static bool offers(const struct nh_h1_head *head, const char *protocol)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (strcmp(head->header[i].name, "sec-websocket-protocol") == 0 &&
            nh_h1_list_has(head->header[i].value, protocol))
            return true;
    return false;
}

int nh_ws_upgrade_check(const struct nh_h1_head *head, const struct nh_ws_rules *rules,
                        const char **why)
{
    if (rules->path && strcmp(head->path, rules->path) != 0) {
        *why = "There is nothing at this path.";
        return 404;
    }
    if (head->ws_bad_version) {
        *why = "Only WebSocket version 13 is spoken here.";
        return 426;
    }
    if (!head->ws_key) {
        *why = "Only WebSockets are served here.";
        return 400;
    }
    if (!offers(head, rules->protocol)) { // [MQTT-6.0.0-3]
        *why = "The subprotocol of this WebSocket must be offered: mqtt.";
        return 400;
    }
    if (!origin_may(head, rules)) {
        *why = "The page that asked is of another site.";
        return 403;
    }
    return 0;
}

// ---- answering ---------------------------------------------------------------------------------

void nh_ws_accept_input(const char key[NH_WS_KEY_BYTES], char out[NH_WS_ACCEPT_INPUT_BYTES])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 1.3
    _Static_assert(NH_WS_KEY_BYTES + sizeof guid - 1 == NH_WS_ACCEPT_INPUT_BYTES, "key and guid");
    memcpy(out, key, NH_WS_KEY_BYTES);
    memcpy(out + NH_WS_KEY_BYTES, guid, sizeof guid - 1);
}

size_t nh_ws_upgrade_accept(char out[NH_WS_REPLY_MAX_BYTES], const char *accept,
                            const char *protocol)
{
    return (size_t)snprintf(out, NH_WS_REPLY_MAX_BYTES,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: %.28s\r\n"
                            "%s%.64s%s\r\n",
                            accept, protocol ? "Sec-WebSocket-Protocol: " : "",
                            protocol ? protocol : "", protocol ? "\r\n" : "");
}

size_t nh_ws_upgrade_refuse(char out[NH_WS_REPLY_MAX_BYTES], int status, const char *why,
                            int64_t unix_ms)
{
    static const struct nh_http_header headers[] = {{"Content-Type", "application/json"},
                                                    {"Cache-Control", "no-store"},
                                                    {"Sec-WebSocket-Version", "13"}};
    char body[256];
    int body_len = nh_h1_error_body(body, sizeof body, status, why);
    const struct nh_h1_reply reply = {.status = status,
                                      .headers = headers,
                                      .header_count = status == 426 ? 3 : 2,
                                      .framing = NH_H1_LENGTH,
                                      .content_length = body_len,
                                      .close = true,
                                      .unix_ms = unix_ms};
    int len = nh_h1_write_head(out, NH_WS_REPLY_MAX_BYTES - sizeof body, &reply);
    NH_ASSERT(len > 0); // three fixed fields
    memcpy(out + len, body, (size_t)body_len);
    return (size_t)len + (size_t)body_len;
}
