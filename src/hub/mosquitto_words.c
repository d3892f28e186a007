// Options whose value is more than a number or a text: what each takes.

#include "hub/mosquitto_conf.h"

#include <stdio.h>
#include <string.h>

// The next word, told when there is none.
static const char *need_word(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, char **rest)
{
    const char *word = nh_mosquitto__word(rest);
    if (!word)
        nh_mosquitto__error(r, o->name, "", "", "has no value");
    return word;
}

// ---- one of a few words -------------------------------------------------------------------------

struct choice {
    const char *option, *word;
    size_t offset;       // of an int in the scope's struct
    int value;           // for it; -1: nothing is kept
    const char *refused; // why it is
};

#define L(f) offsetof(struct nh_mosquitto__listener, f)

static const struct choice choices[] = {
    {"protocol", "mqtt", L(protocol), NH_MOSQUITTO_MQTT, NULL},
    {"protocol", "websockets", L(protocol), NH_MOSQUITTO_WEBSOCKETS, NULL},
    {"protocol", "quic", 0, -1, "is refused: there is no QUIC"},
    {"socket_domain", "ipv4", L(domain), NH_MOSQUITTO_IPV4, NULL},
    {"socket_domain", "ipv6", L(domain), NH_MOSQUITTO_IPV6, NULL},
    {"tls_keyform", "pem", 0, -1, NULL},
    {"tls_keyform", "engine", 0, -1, "is refused: keys are files in PEM"},
    {"start_type", "automatic", 0, -1, NULL},
    {"start_type", "lazy", 0, -1, "is refused: a bridge is always connected"},
    {"start_type", "once", 0, -1, "is refused: a bridge is always connected"},
    {"bridge_reload_type", "lazy", 0, -1, NULL},
    {"bridge_reload_type", "immediate", 0, -1, "is refused: bridges change at a restart"},
};

static void tell_choices(nh_mosquitto_reader_t *r, const char *option, const char *word)
{
    char limit[64] = "one of";
    for (size_t i = 0; i < NH_ARRAY_LEN(choices); i++) {
        size_t at = strlen(limit);
        if (strcmp(choices[i].option, option) == 0 && !choices[i].refused)
            snprintf(limit + at, sizeof limit - at, "%s %s", at > 6 ? "," : "", choices[i].word);
    }
    nh_mosquitto__error(r, option, word, limit, "is no such value");
}

void nh_mosquitto__take_choice(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                               void *into, char *rest)
{
    const char *word = need_word(r, o, &rest);
    for (size_t i = 0; i < NH_ARRAY_LEN(choices) && word; i++) {
        const struct choice *c = &choices[i];
        if (strcmp(c->option, o->name) != 0 || strcmp(c->word, word) != 0)
            continue;
        if (c->refused)
            nh_mosquitto__error(r, o->name, word, "", c->refused);
        else if (c->value >= 0)
            memcpy((uint8_t *)into + c->offset, &c->value, sizeof c->value);
        return;
    }
    if (word)
        tell_choices(r, o->name, word);
}

// The lowest version of a listener, the one of a bridge. Here it is 1.2 and 1.3 for both.
void nh_mosquitto__take_tls_version(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                    void *into, char *rest)
{
    const char *word = need_word(r, o, &rest);
    (void)into;
    if (!word || strcmp(word, "tlsv1.2") == 0)
        return;
    if (strcmp(word, "tlsv1.1") == 0)
        nh_mosquitto__warn(r, o->name, word,
                           "has no effect: 1.2 and 1.3 are spoken, nothing older");
    else if (strcmp(word, "tlsv1.3") == 0 && o->scope == NH_MOSQUITTO_BRIDGE)
        nh_mosquitto__warn(r, o->name, word, "has no effect: 1.3 is taken if the other one can");
    else if (strcmp(word, "tlsv1.3") == 0)
        nh_mosquitto__error(r, o->name, word, "tlsv1.2", "is refused: 1.2 would be spoken too");
    else
        nh_mosquitto__error(r, o->name, word, "tlsv1.2, tlsv1.3", "is no version of TLS");
}

// ---- listeners ----------------------------------------------------------------------------------

static bool read_port(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, const char *word,
                      int32_t min, int32_t *port)
{
    if (nh_mosquitto__number(word, port) && *port >= min && *port <= 65535)
        return true;
    nh_mosquitto__error(r, o->name, word, min ? "1 to 65535" : "1 to 65535; 0 with a path",
                        "is no port");
    return false;
}

// `listener PORT [ADDRESS]`, `listener 0 PATH`.
void nh_mosquitto__take_listener(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                 void *into, char *rest)
{
    struct nh_mosquitto__values *v = &r->v;
    const char *word = need_word(r, o, &rest);
    int32_t port;
    (void)into;
    v->has_listener_line = true;
    if (!word || !read_port(r, o, word, 0, &port))
        return;
    const char *host = nh_mosquitto__word(&rest);
    if (host && host[0] == '#') // a comment, as there
        host = NULL;
    if (port == 0 && !host) {
        nh_mosquitto__error(r, o->name, "0", "", "needs the path of a Unix socket behind port 0");
        return;
    }
    if (v->listener_count == NH_MOSQUITTO_LISTENER_MAX_COUNT) {
        nh_mosquitto__error(r, o->name, word, "8 listeners", "is one too many");
        return;
    }
    struct nh_mosquitto__listener *l = &v->listener[v->listener_count];
    nh_mosquitto__listener_init(l);
    l->begin = r->at;
    l->port = port;
    if (host && !nh_mosquitto__put(r, o->name, l->host, sizeof l->host, host))
        return;
    r->frame[r->depth - 1].listener = v->listener_count++;
}

void nh_mosquitto__take_port(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, void *into,
                             char *rest)
{
    const char *word = need_word(r, o, &rest);
    int32_t port;
    (void)into;
    r->v.has_listener_line = true;
    if (word && read_port(r, o, word, 1, &port))
        r->v.listener[0].port = port;
}

void nh_mosquitto__take_bind(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, void *into,
                             char *rest)
{
    const char *word = need_word(r, o, &rest);
    (void)into;
    r->v.has_listener_line = true;
    if (word)
        nh_mosquitto__put(r, o->name, r->v.listener[0].host, sizeof r->v.listener[0].host, word);
}

void nh_mosquitto__take_origin(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                               void *into, char *rest)
{
    struct nh_mosquitto__listener *l = into;
    char text[sizeof l->websockets_origin + 256];
    const char *word = need_word(r, o, &rest);
    if (!word)
        return;
    snprintf(text, sizeof text, "%s%s%.200s", l->websockets_origin,
             l->websockets_origin[0] ? ", " : "", word);
    nh_mosquitto__put(r, o->name, l->websockets_origin, sizeof l->websockets_origin, text);
}

void nh_mosquitto__take_per_listener(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                     void *into, char *rest)
{
    struct nh_mosquitto__globals *g = into;
    const char *word = need_word(r, o, &rest);
    bool yes = word && (strcmp(word, "true") == 0 || strcmp(word, "1") == 0);
    if (!word || g->per_listener_settings) // it stays on, as there
        return;
    if (!yes && strcmp(word, "false") != 0 && strcmp(word, "0") != 0)
        nh_mosquitto__error(r, o->name, word, "true or false", "is neither true nor false");
    else if (yes && g->has_security)
        nh_mosquitto__error(r, o->name, word, "", "must stand before the settings it is about");
    else
        g->per_listener_settings = yes;
}

// ---- the rest -----------------------------------------------------------------------------------

static int64_t seconds_of(char unit)
{
    switch (unit) {
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 7 * 86400;
    case 'm':
        return 30 * 86400;
    case 'y':
        return 365 * 86400;
    default:
        return 0;
    }
}

void nh_mosquitto__take_expiration(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                   void *into, char *rest)
{
    struct nh_mosquitto__globals *g = into;
    char number[16];
    const char *word = need_word(r, o, &rest);
    size_t len = word ? strlen(word) : 0;
    int32_t count = 0;
    if (len == 0)
        return;
    snprintf(number, sizeof number, "%.*s", (int)(len - 1), word);
    int64_t unit_s = seconds_of(word[len - 1]);
    bool is_good = unit_s && len < sizeof number && nh_mosquitto__number(number, &count);
    if (!is_good || count < 1)
        nh_mosquitto__error(r, o->name, word, "a number and h, d, w, m or y", "is no duration");
    else if (unit_s * count >= UINT32_MAX)
        g->expiration_s = UINT32_MAX - 1; // 136 years
    else
        g->expiration_s = (uint32_t)(unit_s * count);
}

static void take_log_file(nh_mosquitto_reader_t *r, struct nh_mosquitto__globals *g, char *rest)
{
    const char *path = rest + strspn(rest, " \t");
    if (g->log_file[0])
        nh_mosquitto__error(r, "log_dest", path, "one file", "file is given a second time");
    else if (!*path)
        nh_mosquitto__error(r, "log_dest", "file", "", "names no file");
    else if (nh_mosquitto__put(r, "log_dest", g->log_file, sizeof g->log_file, path))
        g->log_dests |= NH_MOSQUITTO_TO_FILE;
}

static void take_log_elsewhere(nh_mosquitto_reader_t *r, struct nh_mosquitto__globals *g,
                               const char *word)
{
    g->log_dests |= NH_MOSQUITTO_TO_OTHER;
    nh_mosquitto__warn(r, "log_dest", word,
                       "has no effect: the log goes to stderr, stdout or a file");
}

void nh_mosquitto__take_log_dest(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                 void *into, char *rest)
{
    struct nh_mosquitto__globals *g = into;
    const char *word = need_word(r, o, &rest);
    if (!word)
        return;
    if (strcmp(word, "none") == 0)
        g->log_dests = 0;
    else if (strcmp(word, "stderr") == 0)
        g->log_dests |= NH_MOSQUITTO_TO_STDERR;
    else if (strcmp(word, "stdout") == 0)
        g->log_dests |= NH_MOSQUITTO_TO_STDOUT;
    else if (strcmp(word, "file") == 0)
        take_log_file(r, g, rest);
    else if (strcmp(word, "syslog") == 0 || strcmp(word, "topic") == 0 || strcmp(word, "dlt") == 0)
        take_log_elsewhere(r, g, word);
    else
        nh_mosquitto__error(r, o->name, word, "stderr, stdout, file PATH, none",
                            "is no place for the log");
}

struct log_type {
    const char *word;
    uint32_t bits;
};

void nh_mosquitto__take_log_type(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                 void *into, char *rest)
{
    static const struct log_type types[] = {
        {"error", NH_MOSQUITTO_ERRORS},       {"warning", NH_MOSQUITTO_WARNINGS},
        {"notice", NH_MOSQUITTO_NOTICES},     {"information", NH_MOSQUITTO_NOTICES},
        {"subscribe", NH_MOSQUITTO_DEBUG},    {"unsubscribe", NH_MOSQUITTO_DEBUG},
        {"debug", NH_MOSQUITTO_DEBUG},        {"internal", 0},
        {"websockets", NH_MOSQUITTO_NOTICES}, {"all", NH_MOSQUITTO_DEBUG},
    };
    struct nh_mosquitto__globals *g = into;
    const char *word = need_word(r, o, &rest);
    if (word && strcmp(word, "none") == 0)
        g->log_types = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(types) && word; i++) {
        if (strcmp(types[i].word, word) != 0)
            continue;
        g->log_types |= types[i].bits;
        return;
    }
    if (word && strcmp(word, "none") != 0)
        nh_mosquitto__error(r, o->name, word, "error, warning, notice, information, debug, all",
                            "is no kind of message");
}
