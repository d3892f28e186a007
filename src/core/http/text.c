#include "core/http/text.h"

#include <string.h>

#include "core/base/base64.h"

// ---- characters --------------------------------------------------------------------------------

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static nh_span_t span(const char *s, size_t len)
{
    return (nh_span_t){(const uint8_t *)s, len};
}

static bool equal_nocase(const char *a, size_t len, const char *b)
{
    if (strlen(b) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

// ---- percent and query -------------------------------------------------------------------------

int nh_http_percent_decode(nh_span_t in, bool plus, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        int c = in.ptr[i];
        if (c == '+' && plus)
            c = ' ';
        if (c == '%') {
            if (in.len - i < 3)
                return NH_ERR_SYNTAX;
            int high = hex_value((char)in.ptr[i + 1]), low = hex_value((char)in.ptr[i + 2]);
            c = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (c == 0)
            return NH_ERR_SYNTAX;
        if (n + 1 >= cap)
            return NH_ERR_TOO_LONG;
        out[n++] = (char)c;
    }
    if (n >= cap)
        return NH_ERR_TOO_LONG;
    out[n] = '\0';
    return (int)n;
}

// Whether an encoded name stands for `name`.
static bool name_is(const char *raw, size_t len, const char *name)
{
    char decoded[64];
    if (strlen(name) >= sizeof decoded)
        return false;
    return nh_http_percent_decode(span(raw, len), true, decoded, sizeof decoded) >= 0 &&
           strcmp(decoded, name) == 0;
}

bool nh_http_query_find(const char *query, const char *name, nh_span_t *value)
{
    while (query && *query) {
        size_t len = strcspn(query, "&");
        size_t name_len = strcspn(query, "=&");
        if (name_is(query, name_len, name)) {
            size_t skip = name_len < len ? name_len + 1 : len;
            *value = span(query + skip, len - skip);
            return true;
        }
        query += len;
        query += *query == '&';
    }
    return false;
}

static bool is_among(const char *query, size_t len, const char *names)
{
    char name[64];
    for (size_t n; *names; names += n + (names[n] == ' ')) {
        n = strcspn(names, " ");
        if (n >= sizeof name)
            continue;
        memcpy(name, names, n);
        name[n] = '\0';
        if (name_is(query, len, name))
            return true;
    }
    return false;
}

bool nh_http_query_find_other(const char *query, const char *names, nh_span_t *name)
{
    while (query && *query) {
        size_t len = strcspn(query, "&");
        size_t name_len = strcspn(query, "=&");
        if (len > 0 && !is_among(query, name_len, names)) {
            *name = span(query, name_len);
            return true;
        }
        query += len;
        query += *query == '&';
    }
    return false;
}

// ---- cookie, credentials -----------------------------------------------------------------------

bool nh_http_cookie_find(const char *header, const char *name, nh_span_t *value)
{
    size_t name_len = strlen(name);
    while (header && *header) {
        header += strspn(header, " \t;");
        size_t len = strcspn(header, ";");
        if (len > name_len && header[name_len] == '=' && strncmp(header, name, name_len) == 0) {
            const char *v = header + name_len + 1;
            size_t n = len - name_len - 1;
            while (n && (v[n - 1] == ' ' || v[n - 1] == '\t'))
                n--;
            if (n >= 2 && v[0] == '"' && v[n - 1] == '"') {
                v++;
                n -= 2;
            }
            *value = span(v, n);
            return true;
        }
        header += len;
    }
    return false;
}

int nh_http_basic_decode(const char *header, char *out, size_t cap)
{
    if (!header || !equal_nocase(header, strnlen(header, 5), "basic") || header[5] != ' ')
        return NH_ERR_SYNTAX;
    const char *text = skip_blanks(header + 5);
    size_t len = strcspn(text, " \t");
    if (*skip_blanks(text + len))
        return NH_ERR_SYNTAX;
    if (cap == 0)
        return NH_ERR_TOO_LONG;
    int n = nh_base64_decode(text, len, out, cap - 1);
    if (n < 0)
        return n == NH_ERR_TOO_LONG ? n : NH_ERR_SYNTAX;
    out[n] = '\0';
    char *colon = memchr(out, ':', (size_t)n);
    if (!colon || memchr(out, '\0', (size_t)n))
        return NH_ERR_SYNTAX;
    *colon = '\0';
    return (int)(colon + 1 - out);
}

// ---- lists in headers --------------------------------------------------------------------------

bool nh_http_etag_matches(const char *header, const char *etag)
{
    size_t tag_len = strlen(etag);
    while (header && *header) {
        header += strspn(header, " \t,");
        if (*header == '*')
            return true;
        if (strncmp(header, "W/", 2) == 0)
            header += 2;
        size_t len = strcspn(header, ",");
        size_t trimmed = len;
        while (trimmed && (header[trimmed - 1] == ' ' || header[trimmed - 1] == '\t'))
            trimmed--;
        if (trimmed == tag_len && memcmp(header, etag, tag_len) == 0)
            return true;
        header += len;
    }
    return false;
}

// ";q=0", ";q=0.000": refused.
static bool is_refused(const char *params, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (lower(params[i]) != 'q' || params[i + 1] != '=')
            continue;
        for (size_t k = i + 2; k < len && (is_digit(params[k]) || params[k] == '.'); k++)
            if (params[k] >= '1' && params[k] <= '9')
                return false;
        return true;
    }
    return false;
}

bool nh_http_accepts(const char *header, const char *coding)
{
    bool any = false;
    while (header && *header) {
        header += strspn(header, " \t,");
        size_t len = strcspn(header, ",");
        size_t name_len = strcspn(header, " \t;,");
        bool refused = is_refused(header + name_len, len - name_len);
        if (equal_nocase(header, name_len, coding))
            return !refused;
        if (name_len == 1 && *header == '*')
            any = !refused;
        header += len;
    }
    return any;
}

// ---- hosts -------------------------------------------------------------------------------------

static bool is_name_char(char c)
{
    c = lower(c);
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
}

static bool split_port(const char *text, nh_span_t *port)
{
    *port = span(text, 0);
    if (!*text)
        return true;
    size_t len = strlen(text + 1);
    if (*text != ':' || len > 5)
        return false;
    for (size_t i = 1; i <= len; i++)
        if (!is_digit(text[i]))
            return false;
    *port = span(text + 1, len);
    return true;
}

bool nh_http_host_split(const char *text, nh_span_t *host, nh_span_t *port)
{
    if (!text)
        return false;
    size_t len;
    if (*text == '[') {
        len = strspn(text + 1, "0123456789abcdefABCDEF:.");
        if (len < 2 || text[1 + len] != ']')
            return false;
        *host = span(text + 1, len);
        return split_port(text + len + 2, port);
    }
    for (len = 0; is_name_char(text[len]); len++)
        continue;
    if (len == 0 || len > 255)
        return false;
    *host = span(text, len);
    return split_port(text + len, port);
}

static uint32_t port_number(nh_span_t port, uint32_t def)
{
    uint32_t n = 0;
    for (size_t i = 0; i < port.len; i++)
        n = n * 10 + (uint32_t)(port.ptr[i] - '0');
    return port.len ? n : def;
}

bool nh_http_origin_is_host(const char *origin, const char *host)
{
    static const struct {
        const char *text;
        uint32_t port;
    } schemes[] = {{"http://", 80}, {"https://", 443}};
    for (size_t i = 0; origin && i < NH_ARRAY_LEN(schemes); i++) {
        size_t skip = strlen(schemes[i].text);
        if (strncmp(origin, schemes[i].text, skip) != 0)
            continue;
        nh_span_t a, a_port, b, b_port;
        if (!nh_http_host_split(origin + skip, &a, &a_port) ||
            !nh_http_host_split(host, &b, &b_port) || a.len != b.len)
            return false;
        for (size_t k = 0; k < a.len; k++)
            if (lower((char)a.ptr[k]) != lower((char)b.ptr[k]))
                return false;
        return port_number(a_port, schemes[i].port) == port_number(b_port, schemes[i].port);
    }
    return false; // also "null", which a sandboxed frame sends
}

bool nh_http_referer_is_host(const char *referer, const char *host)
{
    char origin[288]; // "https://", a host of 255 bytes, a port
    const char *slashes = referer ? strstr(referer, "://") : NULL;
    if (!slashes)
        return false;
    size_t len = (size_t)(slashes - referer) + 3;
    len += strcspn(referer + len, "/?#");
    if (len >= sizeof origin)
        return false;
    memcpy(origin, referer, len);
    origin[len] = '\0';
    return nh_http_origin_is_host(origin, host);
}

bool nh_http_host_is_literal(nh_span_t host)
{
    static const char local[] = "localhost";
    const size_t n = sizeof local - 1;
    const char *s = (const char *)host.ptr;
    bool digits_and_dots = host.len > 0;
    for (size_t i = 0; i < host.len; i++) {
        if (s[i] == ':')
            return true; // only an address in brackets has one
        digits_and_dots = digits_and_dots && (is_digit(s[i]) || s[i] == '.');
    }
    if (digits_and_dots)
        return true; // no top-level domain is a number
    if (host.len < n || !equal_nocase(s + host.len - n, n, local))
        return false;
    return host.len == n || s[host.len - n - 1] == '.';
}
