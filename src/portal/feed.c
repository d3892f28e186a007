// feed.c - what the WebSocket pushes: of each part that a socket watches the newest state, no
// more often than the part allows, and only when it has changed. A slow socket gets fewer and newer
// messages: nothing is queued but one bit a part.

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "portal/portal_private.h"

static struct nh_portal__socket *socket_of(nh_portal_t *p, nh_http_conn_t *c)
{
    for (uint32_t i = 0; i < p->cfg.ws_max_count; i++)
        if (p->sockets[i].conn == c)
            return &p->sockets[i];
    return NULL;
}

static void wake_guest(void *socket)
{
    const struct nh_portal__socket *s = socket;
    nh_http_wake(s->conn);
}

int nh_portal__feed_open(nh_portal_t *p, nh_http_conn_t *c, const struct nh_auth_who *who,
                         const struct nh_ws_guest *host)
{
    struct nh_portal__socket *s = socket_of(p, NULL);
    if (!s)
        return 503;
    memset(s, 0, sizeof *s);
    s->conn = c;
    s->is_nobody = !who;
    if (who)
        s->who = *who;
    if (!host)
        return 0;
    s->host = host;
    s->is_for_good = !who || host != &p->cfg.guest;
    s->guest = host->open(host->ctx, s, wake_guest);
    if (s->guest)
        return 0;
    memset(s, 0, sizeof *s);
    return 503;
}

static void leave_guest(struct nh_portal__socket *s)
{
    if (s->guest)
        s->host->closed(s->host->ctx, s->guest);
    s->guest = NULL;
}

static void tell_gone(nh_portal_t *p, uint32_t parts)
{
    for (size_t i = 0; i < p->cfg.part_count; i++)
        if ((parts & 1u << i) && p->parts[i].input)
            p->parts[i].input(p->parts[i].ctx, NULL, 0);
}

void nh_portal__feed_close(nh_portal_t *p, nh_http_conn_t *c)
{
    struct nh_portal__socket *s = socket_of(p, c);
    if (!s)
        return;
    tell_gone(p, s->subscribed);
    leave_guest(s);
    memset(s, 0, sizeof *s);
}

static int part_index(const nh_portal_t *p, const char *name)
{
    for (size_t i = 0; i < p->cfg.part_count; i++)
        if (strcmp(p->parts[i].name, name) == 0)
            return (int)i;
    return -1;
}

// ---- when --------------------------------------------------------------------------------------

// Marks the parts of a socket that have something new and are due; asks for the socket then.
static void look(nh_portal_t *p, struct nh_portal__socket *s, uint64_t now_ms)
{
    for (size_t i = 0; i < p->cfg.part_count; i++) {
        uint32_t bit = 1u << i;
        if (!(s->subscribed & bit) || (s->ready & bit) || s->next_ms[i] > now_ms)
            continue;
        const nh_feed_part_t *part = &p->parts[i];
        if (part->version(part->ctx) != s->sent_version[i])
            s->ready |= bit;
        else
            s->next_ms[i] = part->is_pushed ? NH_NEVER : now_ms + part->min_interval_ms;
    }
    if (s->ready)
        nh_http_wake(s->conn);
}

uint64_t nh_portal__feed_next(const nh_portal_t *p)
{
    uint64_t next = NH_NEVER;
    for (uint32_t k = 0; k < p->cfg.ws_max_count; k++) {
        const struct nh_portal__socket *s = &p->sockets[k];
        uint32_t waiting = s->subscribed & ~s->ready;
        for (size_t i = 0; s->conn && i < p->cfg.part_count; i++)
            if ((waiting & 1u << i) && s->next_ms[i] < next)
                next = s->next_ms[i];
    }
    return next;
}

// Closes a socket whose session or account has ended; one whose role is another comes back with it.
static bool may_listen(nh_portal_t *p, struct nh_portal__socket *s, uint64_t now_ms)
{
    if (s->is_closing || s->is_nobody || nh_auth_role_now(p->auth, &s->who, now_ms) == s->who.role)
        return !s->is_closing;
    s->is_closing = true;
    tell_gone(p, s->subscribed);
    leave_guest(s);
    s->subscribed = s->ready = 0;
    nh_http_close(s->conn);
    return false;
}

void nh_portal__feed_check(nh_portal_t *p, uint64_t now_ms)
{
    for (uint32_t k = 0; k < p->cfg.ws_max_count; k++)
        if (p->sockets[k].conn)
            (void)may_listen(p, &p->sockets[k], now_ms);
}

void nh_portal__feed_run(nh_portal_t *p, uint64_t now_ms)
{
    for (uint32_t k = 0; k < p->cfg.ws_max_count; k++)
        if (p->sockets[k].conn && may_listen(p, &p->sockets[k], now_ms))
            look(p, &p->sockets[k], now_ms);
}

void nh_portal_feed_changed(nh_portal_t *p, const char *part)
{
    int i = part_index(p, part);
    uint64_t now = nh_clock_ms();
    for (uint32_t k = 0; i >= 0 && k < p->cfg.ws_max_count; k++) {
        struct nh_portal__socket *s = &p->sockets[k];
        if (!s->conn || !(s->subscribed & 1u << i))
            continue;
        s->next_ms[i] = s->sent_ms[i] + p->parts[i].min_interval_ms;
        look(p, s, now);
    }
}

uint32_t nh_portal_feed_watchers(const nh_portal_t *p, const char *part)
{
    int i = part_index(p, part);
    uint32_t count = 0;
    for (uint32_t k = 0; i >= 0 && k < p->cfg.ws_max_count; k++)
        count += p->sockets[k].conn && (p->sockets[k].subscribed & 1u << i);
    return count;
}

// ---- what the client says ----------------------------------------------------------------------

static const struct nh_portal__feed_error
    no_such_part = {"bad_request", "There is no such part of the feed."},
    forbidden = {"forbidden", "This part of the feed is for admins."},
    not_understood = {"bad_request", "Not understood. Send {\\\"subscribe\\\":[...]}, unsubscribe "
                                     "or ping."};

enum verb { VERB_NONE, VERB_SUBSCRIBE, VERB_UNSUBSCRIBE, VERB_PING, VERB_UNKNOWN };

static void subscribe(nh_portal_t *p, struct nh_portal__socket *s, const char *name, bool on)
{
    int i = part_index(p, name);
    if (i < 0 || (on && s->who.role != NH_ROLE_ADMIN && !p->parts[i].is_for_operators)) {
        s->error = i < 0 ? &no_such_part : &forbidden;
        return;
    }
    uint32_t bit = 1u << i;
    if (on && !(s->subscribed & bit)) {
        s->sent_version[i] = 0; // the first message is whole
        s->next_ms[i] = 0;
        s->ready |= bit;
    }
    if (!on)
        tell_gone(p, s->subscribed & bit);
    s->subscribed = on ? s->subscribed | bit : s->subscribed & ~bit;
    s->ready &= s->subscribed;
}

static const char *text_of(const nh_json_reader_t *r)
{
    size_t len; // no name that is known here has a NUL in it
    return nh_json_text(r, &len);
}

static enum verb verb_of(const char *key)
{
    if (strcmp(key, "subscribe") == 0)
        return VERB_SUBSCRIBE;
    if (strcmp(key, "unsubscribe") == 0)
        return VERB_UNSUBSCRIBE;
    return strcmp(key, "ping") == 0 ? VERB_PING : VERB_UNKNOWN;
}

static int apply(nh_portal_t *p, struct nh_portal__socket *s, nh_json_reader_t *r)
{
    enum verb verb = VERB_NONE;
    for (;;) {
        int event = nh_json_next(r);
        if (event < 0 || event == NH_JSON_DONE)
            return event < 0 ? event : 0;
        uint32_t depth = nh_json_depth(r);
        if (event == NH_JSON_KEY && depth == 1) {
            verb = verb_of(text_of(r));
            if (verb == VERB_PING && s->pongs < UINT8_MAX)
                s->pongs++;
        } else if (event == NH_JSON_STRING && depth == 2 &&
                   (verb == VERB_SUBSCRIBE || verb == VERB_UNSUBSCRIBE)) {
            subscribe(p, s, text_of(r), verb == VERB_SUBSCRIBE);
        }
        if (verb == VERB_UNKNOWN)
            return NH_ERR_SYNTAX;
    }
}

static void begin(nh_json_reader_t *r, char text[64], const char *bytes, size_t len)
{
    nh_json_reader_init(
        r, &(struct nh_json_reader_config){.text = text, .text_max_bytes = 64, .depth_max = 3});
    nh_json_feed(r, bytes, len, true);
}

// By its first key a message is the feed's or the guest's.
static bool is_of_feed(const char *bytes, size_t len)
{
    char text[64];
    nh_json_reader_t r;
    begin(&r, text, bytes, len);
    if (nh_json_next(&r) != NH_JSON_OBJECT_BEGIN)
        return false;
    int key = nh_json_next(&r);
    return key == NH_JSON_KEY && verb_of(text_of(&r)) != VERB_UNKNOWN;
}

// False: the guest has had it.
static bool take_from_guest(struct nh_portal__socket *s, const char *bytes, size_t len,
                            bool is_text)
{
    if (s->guest && !s->is_for_good && is_text && is_of_feed(bytes, len))
        leave_guest(s);
    if (s->guest)
        s->host->message(s->host->ctx, s->guest, bytes, len, is_text);
    return !s->guest;
}

void nh_portal__feed_message(nh_portal_t *p, nh_http_conn_t *c, const char *bytes, size_t len)
{
    struct nh_portal__socket *s = socket_of(p, c);
    char text[64];
    nh_json_reader_t r;
    if (!s || !may_listen(p, s, nh_clock_ms()) || !take_from_guest(s, bytes, len, true))
        return;
    begin(&r, text, bytes, len);
    if (apply(p, s, &r) < 0)
        s->error = &not_understood;
    nh_http_wake(c);
}

static int part_of_channel(const nh_portal_t *p, uint8_t channel)
{
    for (size_t i = 0; channel && i < p->cfg.part_count; i++)
        if (p->parts[i].channel == channel)
            return (int)i;
    return -1;
}

void nh_portal__feed_bytes(nh_portal_t *p, nh_http_conn_t *c, const uint8_t *bytes, size_t len)
{
    struct nh_portal__socket *s = socket_of(p, c);
    int i = len > 1 ? part_of_channel(p, bytes[0]) : -1;
    if (!s || !may_listen(p, s, nh_clock_ms()) ||
        !take_from_guest(s, (const char *)bytes, len, false))
        return;
    if (i >= 0 && (s->subscribed & 1u << i) && p->parts[i].input) {
        p->parts[i].input(p->parts[i].ctx, bytes + 1, len - 1);
        return;
    }
    s->error = &not_understood;
    nh_http_wake(c);
}

// ---- what it is told ---------------------------------------------------------------------------

static void sent(struct nh_portal__socket *s, size_t i, uint64_t version, uint32_t interval_ms)
{
    s->sent_version[i] = version;
    s->sent_ms[i] = nh_clock_ms();
    s->next_ms[i] = s->sent_ms[i] + interval_ms;
}

// What does not fit comes with the next message, at once.
static int write_bytes(nh_portal_t *p, struct nh_portal__socket *s, size_t i, char *buf, size_t cap)
{
    const nh_feed_part_t *part = &p->parts[i];
    uint64_t version = s->sent_version[i];
    size_t len = part->write_bytes(part->ctx, (uint8_t *)buf + 1, cap - 1, version, &version);
    sent(s, i, version, part->min_interval_ms);
    if (len == 0)
        return 0;
    if (part->version(part->ctx) != version)
        s->ready |= 1u << i;
    buf[0] = (char)part->channel;
    p->info.feed_messages++;
    p->info.feed_bytes += len + 1;
    return (int)len + 1;
}

static int write_part(nh_portal_t *p, struct nh_portal__socket *s, size_t i, char *buf, size_t cap)
{
    const nh_feed_part_t *part = &p->parts[i];
    struct nh_json_buf sink = {buf, cap, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &sink);
    nh_json_object_begin(&w);
    nh_json_kv_string(&w, "part", part->name);
    nh_json_key(&w, "data");
    uint64_t version = part->write(part->ctx, &w, s->sent_version[i]);
    nh_json_kv_uint(&w, "version", version);
    nh_json_object_end(&w);
    sent(s, i, version, part->min_interval_ms);
    int err = nh_json_writer_end(&w);
    if (err) {
        p->info.feed_too_long_count++;
        NH_LOG_W("http", "feed: part %s left out: %s", part->name, nh_err_text(err));
        return 0;
    }
    p->info.feed_messages++;
    p->info.feed_bytes += sink.len;
    return (int)sink.len;
}

static int write_error(const struct nh_portal__feed_error *e, char *buf, size_t cap)
{
    return snprintf(buf, cap, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"details\":[]}}",
                    e->code, e->message);
}

int nh_portal__feed_output(nh_portal_t *p, nh_http_conn_t *c, char *buf, size_t cap, bool *is_text)
{
    *is_text = true;
    struct nh_portal__socket *s = socket_of(p, c);
    if (!s || cap < 256 || !may_listen(p, s, nh_clock_ms()))
        return 0;
    if (s->guest)
        return s->host->output(s->host->ctx, s->guest, buf, cap, is_text);
    if (s->error) {
        const struct nh_portal__feed_error *e = s->error;
        s->error = NULL;
        return write_error(e, buf, cap); // shorter than the 256 bytes
    }
    if (s->pongs) {
        s->pongs--;
        return snprintf(buf, cap, "{\"pong\":1}");
    }
    for (size_t n = 0; s->ready && n < p->cfg.part_count; n++) {
        size_t i = s->turn++ % p->cfg.part_count;
        if (!(s->ready & 1u << i))
            continue;
        s->ready &= ~(1u << i);
        bool is_binary = p->parts[i].channel != 0;
        int len = is_binary ? write_bytes(p, s, i, buf, cap) : write_part(p, s, i, buf, cap);
        *is_text = !is_binary;
        if (len)
            return len;
    }
    return 0;
}
