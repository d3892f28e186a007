#include "core/http/url.h"

#include "core/http/text.h"

#include <string.h>

static bool has_prefix(const char *text, const char *prefix)
{
    for (; *prefix; text++, prefix++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (c != *prefix)
            return false;
    }
    return true;
}

// What would end a header line, or a host that reads as another.
static bool is_clean(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return true;
}

static int take_port(nh_span_t port, struct nh_http_url *out)
{
    uint32_t n = 0;
    out->port = out->is_tls ? 443 : 80;
    out->is_default_port = true;
    if (port.len == 0)
        return NH_OK;
    if (port.len > 5)
        return NH_ERR_SYNTAX;
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return NH_ERR_SYNTAX;
        n = n * 10 + (uint32_t)(port.ptr[i] - '0');
    }
    if (n == 0 || n > 65535)
        return NH_ERR_SYNTAX;
    out->is_default_port = n == out->port;
    out->port = (uint16_t)n;
    return NH_OK;
}

static int take_authority(const char *text, size_t len, struct nh_http_url *out)
{
    char copy[NH_HTTP_HOST_MAX_BYTES + 8];
    nh_span_t host, port;
    if (len >= sizeof copy)
        return NH_ERR_TOO_LONG;
    memcpy(copy, text, len);
    copy[len] = 0;
    if (!nh_http_host_split(copy, &host, &port) || host.len == 0) // a user name is no host
        return NH_ERR_SYNTAX;
    if (host.len >= sizeof out->host)
        return NH_ERR_TOO_LONG;
    memcpy(out->host, host.ptr, host.len);
    out->host[host.len] = 0;
    out->is_v6 = copy[0] == '[';
    return take_port(port, out);
}

int nh_http_url_parse(const char *text, struct nh_http_url *out)
{
    memset(out, 0, sizeof *out);
    out->is_tls = has_prefix(text, "https://");
    if (!is_clean(text) || (!out->is_tls && !has_prefix(text, "http://")))
        return NH_ERR_SYNTAX;
    const char *authority = text + (out->is_tls ? 8 : 7);
    size_t len = strcspn(authority, "/?#");
    int err = take_authority(authority, len, out);
    if (err)
        return err;
    const char *target = authority + len;
    out->target = (nh_span_t){(const uint8_t *)target, strcspn(target, "#")};
    return NH_OK;
}
