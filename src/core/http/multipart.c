#include "core/http/multipart.h"

#include <string.h>

enum { PREAMBLE, BEHIND_DELIMITER, HEAD, DATA, END };

static bool same_word(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i];
        if (c != b[i])
            return false;
    }
    return true;
}

// The value of a parameter ("; boundary=abc", also quoted); its length, or 0.
static size_t param_of(const char *text, const char *name, char *out, size_t cap)
{
    size_t name_len = strlen(name), n = 0;
    for (const char *p = strchr(text, ';'); p; p = strchr(p, ';')) {
        for (p++; *p == ' ' || *p == '\t';)
            p++;
        if (strlen(p) <= name_len || !same_word(p, name, name_len) || p[name_len] != '=')
            continue;
        p += name_len + 1;
        bool is_quoted = *p == '"';
        for (p += is_quoted; *p && *p != (is_quoted ? '"' : ';'); p++)
            if (n + 1 < cap && (is_quoted || (*p != ' ' && *p != '\t')))
                out[n++] = *p;
        break;
    }
    out[n] = '\0';
    return n;
}

int nh_multipart_init(nh_multipart_t *m, const char *content_type,
                      const struct nh_multipart_handler *handler)
{
    static const char form[] = "multipart/form-data";
    memset(m, 0, sizeof *m);
    m->handler = *handler;
    if (!content_type || strlen(content_type) < sizeof form - 1 ||
        !same_word(content_type, form, sizeof form - 1))
        return NH_ERR_SYNTAX;
    memcpy(m->delimiter, "\r\n--", 4);
    size_t len = param_of(content_type, "boundary", m->delimiter + 4, sizeof m->delimiter - 4);
    if (len == 0 || strchr(m->delimiter + 4, '\r'))
        return NH_ERR_SYNTAX;
    m->delimiter_len = len + 4;
    m->matched = 2; // the first one need not stand behind a line
    m->state = PREAMBLE;
    return 0;
}

static int give(nh_multipart_t *m, const void *bytes, size_t len)
{
    bool is_wanted = m->state == DATA && m->is_file && len > 0;
    return is_wanted ? m->handler.data(m->handler.ctx, bytes, len) : 0;
}

static const char *behind_colon(const char *line)
{
    const char *p = strchr(line, ':');
    return p ? p + 1 : "";
}

// A line of the part's head, without its end. Only Content-Disposition says what it is.
static int take_line(nh_multipart_t *m)
{
    static const char disposition[] = "content-disposition:";
    char name[NH_MULTIPART_LINE_MAX_BYTES];
    m->line[m->line_len] = '\0';
    bool is_it = m->line_len > sizeof disposition - 1 &&
                 same_word(m->line, disposition, sizeof disposition - 1);
    m->line_len = 0;
    if (!is_it)
        return 0;
    const char *params = behind_colon(m->line);
    size_t len = param_of(params, "filename", name, sizeof name);
    m->is_file = len > 0 || strstr(params, "filename=") != NULL;
    if (!m->is_file)
        return 0;
    m->file_count++;
    return m->handler.file ? m->handler.file(m->handler.ctx, name) : 0;
}

static int take_head(nh_multipart_t *m, uint8_t b)
{
    if (b == '\n') {
        bool is_empty = m->line_len == 0;
        int err = is_empty ? 0 : take_line(m);
        if (is_empty) {
            m->state = DATA;
            m->matched = 0;
        }
        return err;
    }
    if (b != '\r' && m->line_len + 1 < sizeof m->line)
        m->line[m->line_len++] = (char)b;
    return 0;
}

// Behind a delimiter: "--" ends the form, blanks and a line's end begin a part.
static int behind_delimiter(nh_multipart_t *m, uint8_t b)
{
    if (b == '-' && m->line_len < 2)
        m->state = ++m->line_len == 2 ? END : BEHIND_DELIMITER;
    else if (b == '\n' && m->line_len == 0)
        m->state = HEAD;
    else if (m->line_len > 0 || (b != '\r' && b != ' ' && b != '\t'))
        return NH_ERR_SYNTAX;
    m->is_file = false;
    if (m->state == END || m->state == HEAD)
        m->line_len = 0;
    return 0;
}

// Looks for the delimiter; its first byte occurs in it nowhere else, so what did not match is data
// and the search begins anew.
static int scan(nh_multipart_t *m, const uint8_t *bytes, size_t len, size_t *at)
{
    size_t begin = *at;
    for (; *at < len; (*at)++) {
        if (bytes[*at] == (uint8_t)m->delimiter[m->matched]) {
            if (++m->matched < m->delimiter_len)
                continue;
            // What stands in this piece before the delimiter; of it nothing was given yet.
            size_t end = *at + 1 >= m->delimiter_len ? *at + 1 - m->delimiter_len : 0;
            int err = end > begin ? give(m, bytes + begin, end - begin) : 0;
            m->state = BEHIND_DELIMITER;
            m->line_len = m->matched = 0;
            (*at)++;
            return err;
        }
        size_t matched = m->matched;
        m->matched = 0;
        if (matched == 0)
            continue;
        if (matched > *at - begin) { // it had begun in a piece before
            int err = give(m, m->delimiter, matched - (*at - begin));
            if (err)
                return err;
        }
        (*at)--; // the byte may begin another one
    }
    size_t held = m->matched < len - begin ? m->matched : len - begin;
    return give(m, bytes + begin, len - begin - held);
}

int nh_multipart_feed(nh_multipart_t *m, const uint8_t *bytes, size_t len)
{
    int err = 0;
    for (size_t at = 0; at < len && err == 0;) {
        if (m->state == END)
            return 0; // what follows is no part of the form
        if (m->state == HEAD)
            err = take_head(m, bytes[at++]);
        else if (m->state == BEHIND_DELIMITER)
            err = behind_delimiter(m, bytes[at++]);
        else
            err = scan(m, bytes, len, &at);
    }
    return err;
}

bool nh_multipart_is_whole(const nh_multipart_t *m)
{
    return m->state == END;
}
