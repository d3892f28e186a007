#include "platform/linux/http/ws_ask.h"

#include "platform/linux/http/h1_reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define URL_MAX_BYTES 512

// ---- asking ------------------------------------------------------------------------------------

int nh_ws_url_parse(const char *url, struct nh_http_url *out)
{
    char text[URL_MAX_BYTES + 8];
    memset(out, 0, sizeof *out);
    if (strncasecmp(url, "ws://", 5) != 0 && strncasecmp(url, "wss://", 6) != 0)
        return NH_ERR_SYNTAX;
    int len = snprintf(text, sizeof text, "http%s", url + 2); // "s://" makes it https
    if (len < 0 || (size_t)len >= sizeof text)
        return NH_ERR_TOO_LONG;
    int err = nh_http_url_parse(text, out);
    if (err == NH_OK && out->target.len > 0) // the same bytes, in the caller's text
        out->target.ptr = (const uint8_t *)url + ((const char *)out->target.ptr - text) - 2;
    return err;
}

static bool is_clean(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return true;
}

int nh_ws_ask_write(char out[NH_WS_ASK_MAX_BYTES], const struct nh_http_url *url, const char *key,
                    const char *authorization)
{
    char port[8] = "";
    if (authorization && !is_clean(authorization))
        return NH_ERR_INVAL;
    if (!url->is_default_port)
        snprintf(port, sizeof port, ":%u", (unsigned)url->port);
    int n = snprintf(out, NH_WS_ASK_MAX_BYTES,
                     "GET %s%.*s HTTP/1.1\r\nHost: %s%s%s%s\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                     "Sec-WebSocket-Version: 13\r\nUser-Agent: nuthatch/" NH_VERSION "\r\n"
                     "%s%s%s\r\n",
                     url->target.len > 0 && url->target.ptr[0] == '/' ? "" : "/",
                     (int)url->target.len, url->target.len ? (const char *)url->target.ptr : "",
                     url->is_v6 ? "[" : "", url->host, url->is_v6 ? "]" : "", port, key,
                     authorization ? "Authorization: " : "", authorization ? authorization : "",
                     authorization ? "\r\n" : "");
    return n < 0 || n >= NH_WS_ASK_MAX_BYTES ? NH_ERR_TOO_LONG : n;
}

// ---- the answer --------------------------------------------------------------------------------

static int error_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return NH_ERR_DENIED;
    case 404:
        return NH_ERR_NOT_FOUND;
    case 429:
    case 503:
        return NH_ERR_BUSY;
    default:
        return NH_ERR_PROTO;
    }
}

static bool is_switch(const struct nh_h1_answer *a, const char *accept)
{
    const char *upgrade = nh_h1_answer_header(a, "upgrade");
    const char *connection = nh_h1_answer_header(a, "connection");
    const char *got = nh_h1_answer_header(a, "sec-websocket-accept");
    // No extension and no protocol was offered, so none may be chosen.
    return upgrade && strcasecmp(upgrade, "websocket") == 0 && connection &&
           nh_h1_list_has(connection, "upgrade") && got && strcmp(got, accept) == 0 &&
           !nh_h1_answer_header(a, "sec-websocket-extensions") &&
           !nh_h1_answer_header(a, "sec-websocket-protocol");
}

int nh_ws_answer_judge(char *head, size_t len, const char *accept, char *why, size_t cap)
{
    struct nh_h1_answer a;
    if (nh_h1_answer_parse(head, len, &a) < 0) {
        snprintf(why, cap, "not an answer of HTTP/1.1");
        return NH_ERR_PROTO;
    }
    if (a.status != 101) {
        snprintf(why, cap, "the server answered %d", a.status);
        return error_of(a.status);
    }
    if (is_switch(&a, accept))
        return NH_OK;
    snprintf(why, cap, "the server's answer is not that of a WebSocket");
    return NH_ERR_PROTO;
}
