#include "platform/linux/http/h1.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// ---- characters --------------------------------------------------------------------------------

static bool is_token_char(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c && strchr("!#$%&'*+-.^_`|~", c);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool nh_h1_percent_decode(char *s)
{
    char *out = s;
    for (; *s; s++) {
        int c = (unsigned char)*s;
        if (c == '%') {
            int high = hex_value(s[1]);
            int low = high < 0 ? -1 : hex_value(s[2]);
            if (low < 0)
                return false;
            c = high * 16 + low;
            s += 2;
        }
        if (c < 0x20 || c == 0x7f)
            return false;
        *out++ = (char)c;
    }
    *out = '\0';
    return true;
}

bool nh_h1_has_dot_segment(const char *path)
{
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        size_t len = strcspn(p + 1, "/");
        if ((len == 1 && p[1] == '.') || (len == 2 && p[1] == '.' && p[2] == '.'))
            return true;
    }
    return false;
}

// ---- the end of a head -------------------------------------------------------------------------

int nh_h1_find_end(const char *buf, size_t len, size_t *scanned)
{
    for (size_t i = *scanned; i < len; i++) {
        if (buf[i] == '\0')
            return NH_ERR_PROTO;
        if (buf[i] != '\n')
            continue;
        if (i == 0 || buf[i - 1] != '\r')
            return NH_ERR_PROTO; // a bare line feed: two parsers could see two different heads
        if (i >= 3 && buf[i - 2] == '\n')
            return (int)(i + 1);
    }
    *scanned = len;
    return 0;
}

// ---- the request line --------------------------------------------------------------------------

// Cuts the next word at `sep` off *rest; NULL if `sep` is not there.
static char *cut(char **rest, char sep)
{
    char *word = *rest;
    char *end = strchr(word, sep);
    if (!end)
        return NULL;
    *end = '\0';
    *rest = end + 1;
    return word;
}

static int parse_version(const char *v, struct nh_h1_head *out)
{
    if (strncmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' || v[6] != '.' || v[7] < '0' ||
        v[7] > '9' || v[8])
        return 400;
    if (v[5] != '1' || v[7] > '1')
        return 505;
    out->minor_version = v[7] - '0';
    return 0;
}

// "http://host/path" of a proxy's request is taken apart; its host must then be that of the Host
// header, which parse_fields() checks by `authority`.
static char *strip_authority(char *target, const char **authority)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    if (!scheme)
        return target;
    char *host = target + scheme;
    size_t len = strcspn(host, "/?");
    if (host[len] != '/')
        return NULL;
    memmove(target, host, len); // makes room for the NUL before the path
    target[len] = '\0';
    *authority = target;
    return host + len;
}

static int parse_target(char *target, struct nh_h1_head *out, const char **authority)
{
    target = strip_authority(target, authority);
    if (!target || target[0] != '/' || strchr(target, '#'))
        return 400;
    out->query = "";
    char *mark = strchr(target, '?');
    if (mark) {
        *mark = '\0';
        out->query = mark + 1;
        for (const char *q = out->query; *q; q++)
            if ((unsigned char)*q <= ' ' || *q == 0x7f)
                return 400;
    }
    out->path = target;
    if (!nh_h1_percent_decode(target) || nh_h1_has_dot_segment(target))
        return 400;
    return 0;
}

static int parse_request_line(char *line, struct nh_h1_head *out, const char **authority)
{
    char *method = cut(&line, ' ');
    char *target = method ? cut(&line, ' ') : NULL;
    if (!target || !*method || strlen(method) > NH_H1_METHOD_MAX_BYTES)
        return 400;
    for (const char *m = method; *m; m++)
        if (!is_token_char(*m))
            return 400;
    out->method = method;
    int status = parse_version(line, out);
    return status ? status : parse_target(target, out, authority);
}

// ---- the header fields -------------------------------------------------------------------------

static int parse_field(char *line, struct nh_h1_head *out)
{
    if (out->header_count == NH_H1_HEADER_MAX_COUNT)
        return 431;
    char *value = line;
    char *name = cut(&value, ':');
    if (!name || !*name)
        return 400; // also a line that continues the one before it, which RFC 9112 forbids
    for (char *c = name; *c; c++) {
        if (!is_token_char(*c))
            return 400;
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        value[--len] = '\0';
    for (const char *c = value; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
            return 400;
    out->header[out->header_count++] = (struct nh_http_header){name, value};
    return 0;
}

const char *nh_h1_header(const struct nh_h1_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (strcmp(head->header[i].name, name) == 0)
            return head->header[i].value;
    return NULL;
}

static size_t count_of(const struct nh_h1_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++)
        count += strcmp(head->header[i].name, name) == 0;
    return count;
}

bool nh_h1_list_has(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (list && *list) {
        list += strspn(list, " \t,");
        size_t n = strcspn(list, ",");
        size_t trimmed = n;
        while (trimmed && (list[trimmed - 1] == ' ' || list[trimmed - 1] == '\t'))
            trimmed--;
        if (trimmed == len && strncasecmp(list, word, len) == 0)
            return true;
        list += n;
    }
    return false;
}

// Both a length and a transfer coding, or two lengths, are how requests are smuggled: 400.
static int check_body(struct nh_h1_head *out)
{
    const char *length = nh_h1_header(out, "content-length");
    const char *coding = nh_h1_header(out, "transfer-encoding");
    out->content_length = -1;
    if (count_of(out, "content-length") > 1 || (length && coding))
        return 400;
    if (coding) {
        out->is_chunked = true;
        return out->minor_version == 0 ? 400 : 0;
    }
    if (!length)
        return 0;
    size_t digits = strspn(length, "0123456789");
    if (!digits || length[digits] || digits > 15)
        return 400;
    out->content_length = 0;
    for (const char *d = length; *d; d++)
        out->content_length = out->content_length * 10 + (*d - '0');
    return 0;
}

static void check_upgrade(struct nh_h1_head *out)
{
    const char *key = nh_h1_header(out, "sec-websocket-key");
    const char *version = nh_h1_header(out, "sec-websocket-version");
    if (strcmp(out->method, "GET") != 0 || out->minor_version == 0 || !key || strlen(key) != 24 ||
        !nh_h1_list_has(nh_h1_header(out, "upgrade"), "websocket") ||
        !nh_h1_list_has(nh_h1_header(out, "connection"), "upgrade"))
        return;
    if (version && strcmp(version, "13") == 0)
        out->ws_key = key;
    else
        out->ws_bad_version = true;
}

static int check_fields(struct nh_h1_head *out, const char *authority)
{
    const char *host = nh_h1_header(out, "host");
    size_t hosts = count_of(out, "host");
    if (hosts > 1 || (hosts == 0 && out->minor_version > 0))
        return 400;
    if (authority && host && strcasecmp(authority, host) != 0)
        return 400;
    int status = check_body(out);
    if (status)
        return status;
    const char *expect = nh_h1_header(out, "expect");
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return 417;
    out->expect_continue = expect && out->minor_version > 0;
    const char *connection = nh_h1_header(out, "connection");
    out->keep_alive = out->minor_version > 0 ? !nh_h1_list_has(connection, "close")
                                             : nh_h1_list_has(connection, "keep-alive");
    check_upgrade(out);
    return 0;
}

int nh_h1_parse(char *buf, size_t len, struct nh_h1_head *out)
{
    memset(out, 0, sizeof *out);
    if (len < 4)
        return 400;
    buf[len - 2] = '\0'; // the blank line
    const char *authority = NULL;
    bool first = true;
    for (char *line = buf; *line; first = false) {
        char *end = strstr(line, "\r\n");
        if (!end)
            return 400;
        *end = '\0';
        if (strchr(line, '\r'))
            return 400;
        int status = first ? parse_request_line(line, out, &authority) : parse_field(line, out);
        if (status)
            return status;
        line = end + 2;
    }
    return first ? 400 : check_fields(out, authority);
}

// ---- replies -----------------------------------------------------------------------------------

const char *nh_h1_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return status < 400 ? "OK" : "Error";
}

static int add(char *buf, size_t cap, size_t *len, const char *fmt, ...) NH_PRINTF(4, 5);

static int add(char *buf, size_t cap, size_t *len, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(buf + *len, cap - *len, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= cap - *len)
        return NH_ERR_TOO_LONG;
    *len += (size_t)n;
    return 0;
}

static int add_framing(char *buf, size_t cap, size_t *len, const struct nh_h1_reply *r)
{
    int err = 0;
    if (r->framing == NH_H1_LENGTH)
        err = add(buf, cap, len, "Content-Length: %lld\r\n", (long long)r->content_length);
    else if (r->framing == NH_H1_CHUNKED)
        err = add(buf, cap, len, "Transfer-Encoding: chunked\r\n");
    if (!err && r->close)
        err = add(buf, cap, len, "Connection: close\r\n");
    return err;
}

int nh_h1_write_head(char *buf, size_t cap, const struct nh_h1_reply *r)
{
    size_t len = 0;
    struct tm tm;
    time_t seconds = (time_t)(r->unix_ms / 1000);
    char date[40];
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    int err = add(buf, cap, &len, "HTTP/1.1 %d %s\r\nDate: %s\r\n", r->status,
                  nh_h1_status_text(r->status), date);
    for (size_t i = 0; i < r->header_count && !err; i++)
        err = add(buf, cap, &len, "%s: %s\r\n", r->headers[i].name, r->headers[i].value);
    if (!err)
        err = add_framing(buf, cap, &len, r);
    if (!err)
        err = add(buf, cap, &len, "\r\n");
    return err ? err : (int)len;
}

int nh_h1_error_body(char *buf, size_t cap, int status, const char *message)
{
    const char *code = status == 431   ? "head_too_large"
                       : status == 408 ? "timeout"
                       : status == 503 ? "busy"
                       : status == 403 ? "denied"
                       : status == 401 ? "sign_in_needed"
                                       : "bad_request";
    int n = snprintf(buf, cap, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, message);
    return n < (int)cap ? n : (int)cap - 1;
}
