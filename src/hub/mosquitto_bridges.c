// Bridges of mosquitto.conf: the lines of one, and what they come to.

#include "hub/mosquitto_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MAX_BYTES 268435455
#define MACHINE_CAPATH "/etc/ssl/certs"

void nh_mosquitto__bridge_init(struct nh_mosquitto__bridge *b)
{
    memset(b, 0, sizeof *b);
    b->notifications = b->hub.bridge_bit = true;
    b->hub.version = 1; // 3.1.1
    b->hub.keepalive_s = 60;
    b->hub.backoff_min_ms = 5000;
    b->hub.backoff_max_ms = 30000;
}

// ---- lines --------------------------------------------------------------------------------------

static bool is_taken(const struct nh_mosquitto__values *v, const char *name)
{
    for (uint32_t i = 0; i < v->bridge_count; i++)
        if (strcmp(v->bridge[i].hub.name, name) == 0)
            return true;
    return false;
}

void nh_mosquitto__take_connection(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                   void *into, char *rest)
{
    struct nh_mosquitto__values *v = &r->v;
    struct nh_mosquitto__frame *f = &r->frame[r->depth - 1];
    const char *name = nh_mosquitto__word(&rest);
    (void)into;
    f->bridge = 0;
    f->is_skipped = true; // its options are not told of as well
    if (!name) {
        nh_mosquitto__error(r, o->name, "", "", "has no value");
    } else if (is_taken(v, name)) {
        nh_mosquitto__error(r, o->name, name, "a name of its own", "is another bridge's");
    } else if (v->bridge_count == NH_HUB_BRIDGE_MAX_COUNT) {
        nh_mosquitto__error(r, o->name, name, "4 bridges", "is one too many");
    } else {
        struct nh_mosquitto__bridge *b = &v->bridge[v->bridge_count];
        nh_mosquitto__bridge_init(b);
        b->begin = r->at;
        if (!nh_mosquitto__put(r, o->name, b->hub.name, sizeof b->hub.name, name))
            return;
        f->bridge = ++v->bridge_count;
        f->is_skipped = false;
    }
}

// HOST, HOST:PORT, IPV6:PORT. The last colon comes before the port.
void nh_mosquitto__take_address(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                void *into, char *rest)
{
    struct nh_mosquitto__bridge *b = into;
    char text[320];
    const char *word = nh_mosquitto__word(&rest), *more;
    const char *colon = word ? strrchr(word, ':') : NULL;
    if (!word || word[0] == '#') {
        nh_mosquitto__error(r, o->name, "", "", "has no value");
        return;
    }
    if (b->hub.address[0]) {
        nh_mosquitto__error(r, o->name, word, "once", "is given a second time");
        return;
    }
    int len = colon ? (int)(colon - word) : (int)strlen(word);
    bool is_ipv6 = word[0] != '[' && memchr(word, ':', (size_t)len) != NULL;
    snprintf(text, sizeof text, is_ipv6 ? "[%.*s]%s" : "%.*s%s", len > 290 ? 290 : len, word,
             colon ? colon : ":1883");
    nh_mosquitto__put(r, o->name, b->hub.address, sizeof b->hub.address, text);
    more = nh_mosquitto__word(&rest);
    if (more && more[0] != '#')
        nh_mosquitto__warn(r, o->name, more, "has no effect: the first address is the one");
}

void nh_mosquitto__take_bridge_version(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                       void *into, char *rest)
{
    struct nh_mosquitto__bridge *b = into;
    const char *word = nh_mosquitto__word(&rest);
    if (!word)
        nh_mosquitto__error(r, o->name, "", "", "has no value");
    else if (strcmp(word, "mqttv50") == 0)
        b->hub.version = 0;
    else if (strcmp(word, "mqttv311") == 0)
        b->hub.version = 1;
    else
        nh_mosquitto__error(r, o->name, word, "mqttv311, mqttv50",
                            strcmp(word, "mqttv31") == 0 ? "is refused: 3.1 is not spoken"
                                                         : "is no version of MQTT");
}

// BASE CAP, or one number for both, in seconds.
void nh_mosquitto__take_restart(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o,
                                void *into, char *rest)
{
    struct nh_mosquitto__bridge *b = into;
    int32_t base = 0, cap = 0;
    const char *first = nh_mosquitto__word(&rest), *second = nh_mosquitto__word(&rest);
    if (!second || second[0] == '#')
        second = first;
    if (!first)
        nh_mosquitto__error(r, o->name, "", "", "has no value");
    else if (!nh_mosquitto__number(first, &base) || base > 3600)
        nh_mosquitto__error(r, o->name, first, "1 to 3600", "is no time in seconds");
    else if (!nh_mosquitto__number(second, &cap) || cap > 3600)
        nh_mosquitto__error(r, o->name, second, "1 to 3600", "is no time in seconds");
    else if (second != first && cap < base)
        nh_mosquitto__error(r, o->name, second, "at least the first time", "is less");
    if (!first || base > 3600 || cap > 3600)
        return;
    b->hub.backoff_min_ms = (uint32_t)(base < 1 ? 1 : base) * 1000; // less is one, as there
    b->hub.backoff_max_ms = (uint32_t)(cap < 1 ? 1 : cap) * 1000;
}

// ---- topics -------------------------------------------------------------------------------------

// An empty pattern renames one topic: the filter is what both names end in.
static bool split_names(char *filter, size_t cap, char *local, char *remote)
{
    size_t a = strlen(local), b = strlen(remote), same = 0;
    while (same < a && same < b && local[a - 1 - same] == remote[b - 1 - same])
        same++;
    // Not within a character of UTF-8.
    while (same && ((uint8_t)local[a - same] & 0xc0) == 0x80)
        same--;
    if (same == 0 || same >= cap)
        return false;
    memcpy(filter, local + a - same, same + 1);
    local[a - same] = remote[b - same] = '\0';
    return true;
}

static bool read_direction(const char *word, int *out)
{
    static const char *const names[] = {"out", "in", "both"};
    for (int i = 0; i < 3; i++) {
        char lower[5] = "";
        for (size_t k = 0; k < 4 && word[k]; k++)
            lower[k] = (char)(word[k] >= 'A' && word[k] <= 'Z' ? word[k] + 32 : word[k]);
        if (strlen(word) < 5 && strcmp(lower, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

// A prefix; "" stands for none, and '#' begins a comment.
static bool put_prefix(nh_mosquitto_reader_t *r, const char *word, char *out, size_t cap)
{
    if (!word || strcmp(word, "\"\"") == 0 || word[0] == '#')
        return true;
    return nh_mosquitto__put(r, "topic", out, cap, word);
}

static bool read_topic(nh_mosquitto_reader_t *r, struct nh_hub_bridge_rule *rule, char *rest)
{
    const char *pattern = nh_mosquitto__word(&rest), *direction = nh_mosquitto__word(&rest);
    const char *qos = direction ? nh_mosquitto__word(&rest) : NULL, *local = NULL, *remote = NULL;
    int32_t level = 0;
    bool is_empty = pattern && strcmp(pattern, "\"\"") == 0;
    if (qos && qos[0] != '#')
        local = nh_mosquitto__word(&rest);
    if (local && local[0] != '#')
        remote = nh_mosquitto__word(&rest);
    if (!pattern) {
        nh_mosquitto__error(r, "topic", "", "", "has no value");
        return false;
    }
    if (direction && !read_direction(direction, &rule->direction)) {
        nh_mosquitto__error(r, "topic", direction, "out, in or both", "has no such direction");
        return false;
    }
    if (qos && qos[0] != '#' && (!nh_mosquitto__number(qos, &level) || level < 0 || level > 2)) {
        nh_mosquitto__error(r, "topic", qos, "0 to 2", "has no such QoS");
        return false;
    }
    rule->qos = (uint32_t)level;
    if (!put_prefix(r, local, rule->local_prefix, sizeof rule->local_prefix) ||
        !put_prefix(r, remote, rule->remote_prefix, sizeof rule->remote_prefix))
        return false;
    if (!is_empty)
        return nh_mosquitto__put(r, "topic", rule->filter, sizeof rule->filter, pattern);
    if (split_names(rule->filter, sizeof rule->filter, rule->local_prefix, rule->remote_prefix))
        return true;
    nh_mosquitto__error(r, "topic", "\"\"", "two names with the same end",
                        "renames a topic to one that ends otherwise");
    return false;
}

void nh_mosquitto__take_topic(nh_mosquitto_reader_t *r, const nh_mosquitto__option_t *o, void *into,
                              char *rest)
{
    struct nh_mosquitto__bridge *b = into;
    struct nh_hub_bridge_rule rule = {.direction = 0};
    if (!read_topic(r, &rule, rest))
        return;
    if (b->hub.rule_count == NH_HUB_BRIDGE_RULE_MAX_COUNT) {
        nh_mosquitto__error(r, o->name, rule.filter, "24 topics of a bridge", "is one too many");
        return;
    }
    b->topics[b->hub.rule_count] = r->at;
    b->hub.rules[b->hub.rule_count++] = rule;
}

// ---- the end ------------------------------------------------------------------------------------

static void end_tls(nh_mosquitto_reader_t *r, struct nh_mosquitto__bridge *b)
{
    static const char *const needing[] = {"bridge_certfile", "bridge_keyfile", "bridge_insecure"};
    nh_mosquitto__place_t folder = nh_mosquitto__given(b->place, "bridge_capath");
    b->hub.tls = b->hub.tls_ca_file[0] || folder;
    if (folder && !b->hub.tls_ca_file[0] && strncmp(b->capath, MACHINE_CAPATH, 14) != 0)
        nh_mosquitto__tell(r, folder, false, "bridge_capath", b->capath, "bridge_cafile",
                           "is refused: put the certificates into one file");
    for (size_t i = 0; i < NH_ARRAY_LEN(needing) && !b->hub.tls; i++) {
        nh_mosquitto__place_t at = nh_mosquitto__given(b->place, needing[i]);
        if (at && (i < 2 || b->hub.tls_any_name))
            nh_mosquitto__tell(r, at, false, needing[i], "", "bridge_cafile",
                               "would have no use: without bridge_cafile there is no TLS");
    }
}

static void end_bridge(nh_mosquitto_reader_t *r, struct nh_mosquitto__bridge *b)
{
    const char *host = r->cfg.host_name ? r->cfg.host_name : "nuthatch";
    struct nh_hub_bridge *h = &b->hub;
    if (!h->client_id[0])
        snprintf(h->client_id, sizeof h->client_id, "%.95s.%s", host, h->name);
    if (b->notifications && !b->notifications_local_only && b->notification_topic[0])
        memcpy(h->status_topic, b->notification_topic, sizeof h->status_topic);
    else if (b->notifications && !b->notifications_local_only)
        snprintf(h->status_topic, sizeof h->status_topic, "$SYS/broker/connection/%.95s/state",
                 h->client_id);
    // 0 is no limit there.
    h->packet_max_bytes = b->max_packet_size > 0 ? (uint32_t)b->max_packet_size : PACKET_MAX_BYTES;
    if (h->packet_max_bytes < 256)
        h->packet_max_bytes = 256;
    if (h->packet_max_bytes > PACKET_MAX_BYTES)
        h->packet_max_bytes = PACKET_MAX_BYTES;
    if ((int32_t)h->keepalive_s < 5)
        h->keepalive_s = 5; // as there
    if (h->version == 0)
        h->bridge_bit = false; // 5.0 has no local instead
    end_tls(r, b);
}

// Where "/mqtt/bridges/1/rules/2" is: the line of that topic, else of that bridge.
static nh_mosquitto__place_t place_of(const nh_mosquitto_reader_t *r, const char *pointer,
                                      const char **option)
{
    char *end;
    const char *digits = strchr(pointer + 1, '/');
    digits = digits ? strchr(digits + 1, '/') : NULL;
    unsigned long bridge = digits ? strtoul(digits + 1, &end, 10) : 0;
    *option = "connection";
    if (!digits || bridge >= r->v.bridge_count)
        return 0;
    const struct nh_mosquitto__bridge *b = &r->v.bridge[bridge];
    if (strncmp(end, "/rules/", 7) != 0)
        return b->begin;
    unsigned long rule = strtoul(end + 7, NULL, 10);
    *option = "topic";
    return rule < b->hub.rule_count ? b->topics[rule] : b->begin;
}

static void take_finding(void *ctx, const struct nh_finding *f)
{
    nh_mosquitto_reader_t *r = ctx;
    const char *option, *field = strrchr(f->pointer, '/');
    char text[sizeof f->text + sizeof f->pointer];
    nh_mosquitto__place_t at = place_of(r, f->pointer, &option);
    bool is_named = field && field[1] > '9' && strcmp(option, "topic") != 0;
    snprintf(text, sizeof text, "%s%s%s", is_named ? field + 1 : "", is_named ? " " : "", f->text);
    nh_mosquitto__tell(r, at, f->is_warning, option, f->value, f->limit, text);
}

void nh_mosquitto__end_bridges(nh_mosquitto_reader_t *r)
{
    struct nh_hub_bridges *out = &r->out->bridges;
    for (uint32_t i = 0; i < r->v.bridge_count; i++) {
        end_bridge(r, &r->v.bridge[i]);
        out->bridge[out->count++] = r->v.bridge[i].hub;
    }
    NH_IGNORE(nh_hub_bridges_validate(out, take_finding, r)); // its errors are counted
}
