// What the table of the configuration cannot say: addresses, boards, names, files in pairs.

#include "components/macropad/macropad.h"
#include "hub/config_bridge.h"
#include "hub/config_private.h"

#include <stdio.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *port)
{
    uint32_t v = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        v = v * 10 + (uint32_t)(*text - '0');
        if (v > 65535)
            return false;
    }
    *port = (uint16_t)v;
    return true;
}

int nh_hub_address_split(const char *text, char *host, size_t cap, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    const char *digits = colon ? colon + 1 : text;
    const char *begin = text;
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (!parse_port(digits, port))
        return NH_ERR_INVAL;
    if (len >= 2 && text[0] == '[') { // an IPv6 address stands in brackets
        if (text[len - 1] != ']')
            return NH_ERR_INVAL;
        begin++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return NH_ERR_INVAL;
    }
    if (len == 0) {
        begin = "127.0.0.1";
        len = 9;
    }
    if (len >= cap)
        return NH_ERR_TOO_LONG;
    if (len == 9 && memcmp(begin, "localhost", 9) == 0)
        begin = "127.0.0.1"; // of the same length; names are not looked up
    memcpy(host, begin, len);
    host[len] = 0;
    return 0;
}

bool nh_hub_address_is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

void nh_hub_config__report(struct nh_hub_counting *c, const char *pointer, const char *value,
                           const char *limit, const char *text)
{
    struct nh_finding f = {.code = NH_ERR_INVAL};
    const struct nh_hub_place *p = nh_hub_place__find(c->places->place, c->places->count, pointer);
    if (p) {
        f.line = p->line;
        f.column = p->column;
    }
    snprintf(f.pointer, sizeof f.pointer, "%s", pointer);
    snprintf(f.value, sizeof f.value, "%.44s", value);
    snprintf(f.limit, sizeof f.limit, "%s", limit);
    snprintf(f.text, sizeof f.text, "%s", text);
    nh_hub_config__count(c, &f);
}

bool nh_hub_config_has_users(const struct nh_hub_config *c)
{
    return c->access.password_hash[0] || c->mqtt.user_count || c->mqtt.password_file[0];
}

bool nh_hub_config__is_open(struct nh_hub_counting *c, const char *pointer, const char *text)
{
    char host[64];
    uint16_t port;
    if (nh_hub_address_split(text, host, sizeof host, &port) == 0)
        return !nh_hub_address_is_loopback(host);
    nh_hub_config__report(c, pointer, text, "ADDRESS:PORT, port 0 to 65535",
                          "is not an address with a port");
    return false;
}

static void check_http_address(struct nh_hub_counting *c, const struct nh_hub_config *cfg,
                               const char *pointer, const char *text)
{
    if (nh_hub_config__is_open(c, pointer, text) && !cfg->access.password_hash[0])
        nh_hub_config__report(
            c, pointer, text, "127.0.0.1 without a password",
            "is open to the network, so access.password_hash must be set (nuthatch passwd)");
}

void nh_hub_config__check_mqtt_address(struct nh_hub_counting *c, const struct nh_hub_config *cfg,
                                       const char *pointer, const char *text)
{
    if (nh_hub_config__is_open(c, pointer, text) && !nh_hub_config_has_users(cfg) &&
        cfg->mqtt.anonymous != NH_HUB_ANONYMOUS_ALWAYS &&
        cfg->mqtt.anonymous != NH_HUB_ANONYMOUS_NEVER)
        nh_hub_config__report(
            c, pointer, text, "127.0.0.1 without users",
            "is open to the network, so there must be users or a password (nuthatch passwd)");
}

static void check_budgets(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    for (uint32_t i = 0; i < cfg->budget_count; i++) {
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/budgets/%u/owner", (unsigned)i);
        if (!nh_hub_is_owner(cfg->budgets[i].owner))
            nh_hub_config__report(c, pointer, cfg->budgets[i].owner, "an owner of the memory page",
                                  "owns no memory");
    }
}

static void check_board(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    char names[64] = "one of";
    const struct nh_mem_board *b;
    if (nh_mem_board_find(cfg->board))
        return;
    for (size_t i = 0; (b = nh_mem_board_at(i)) != NULL; i++) {
        size_t at = strlen(names);
        snprintf(names + at, sizeof names - at, "%s %s", i ? "," : "", b->name);
    }
    nh_hub_config__report(c, "/board", cfg->board, names, "is not a board");
}

struct texts {
    struct nh_hub_counting *c;
    const struct nh_hub_config *cfg;
};

// A line break in a name would forge lines on the console, and the portal's rows count on no
// character that takes six bytes in JSON.
static int check_text(void *ctx, const char *pointer, const nh_json_field_t *f, size_t offset)
{
    struct texts *t = ctx;
    if (f->type != NH_JSON_T_STRING || strchr(pointer, '*'))
        return 0;
    for (const char *p = (const char *)t->cfg + offset; *p; p++) {
        if ((unsigned char)*p >= 0x20 && *p != 0x7f)
            continue;
        nh_hub_config__report(t->c, pointer, "", "no control characters",
                              "has a control character");
        break;
    }
    return 0;
}

// The name is one level of the telemetry's topic, nuthatch/<name>/health.
static void check_names(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    if (!cfg->name[0] || strpbrk(cfg->name, "/+#"))
        nh_hub_config__report(c, "/name", cfg->name, "1 to 32 bytes without / + #",
                              "is no level of a topic, and telemetry is published under it");
    if (cfg->access.password_hash[0] && (!cfg->access.user[0] || strchr(cfg->access.user, ':')))
        nh_hub_config__report(c, "/access/user", cfg->access.user, "1 to 32 bytes without :",
                              "cannot sign in: browsers end the user name at the first colon");
}

static void check_console(struct nh_hub_counting *c, const char *console)
{
    static const char *const names[] = {"stdout", "stderr", "pty", "none"};
    bool is_known = strncmp(console, "pty:", 4) == 0 || strncmp(console, "file:", 5) == 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++)
        is_known |= strcmp(console, names[i]) == 0;
    if (!is_known)
        nh_hub_config__report(c, "/console", console,
                              "one of stdout, stderr, pty, pty:LINK, file:PATH, none",
                              "is not a console");
    if (strcmp(console, "pty:") == 0)
        nh_hub_config__report(c, "/console", console, "pty:LINK, or pty without a colon",
                              "names no link");
    if (strcmp(console, "file:") == 0)
        nh_hub_config__report(c, "/console", console, "file:PATH", "names no file");
}

// Two rings of frames of 4 bytes, with room beside them in the built-in budget.
#define AUDIO_RINGS_MAX_KIB 400

static void check_audio(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    const char *output = cfg->audio.output;
    uint32_t buffer_ms = cfg->audio.buffer_ms ? cfg->audio.buffer_ms : 500;
    if (buffer_ms < 2 * cfg->audio.latency_ms)
        buffer_ms = 2 * cfg->audio.latency_ms;
    uint64_t kib = (uint64_t)cfg->audio.rate_hz * buffer_ms / 1000 * 8 / 1024;
    char value[48], limit[64];
    if (!output[0] || strcmp(output, "file:") == 0)
        nh_hub_config__report(c, "/audio/output", output,
                              "an ALSA device (default, null), file:PATH.wav, none",
                              output[0] ? "names no file" : "is empty");
    if (cfg->audio.latency_ms > 0 && cfg->audio.latency_ms < 20) {
        snprintf(value, sizeof value, "%u", (unsigned)cfg->audio.latency_ms);
        nh_hub_config__report(c, "/audio/latency_ms", value, "0, or 20 to 500 ms",
                              "is too little for a device");
    }
    if (kib <= AUDIO_RINGS_MAX_KIB)
        return;
    snprintf(value, sizeof value, "%u ms at %u Hz: %u KiB", (unsigned)buffer_ms,
             (unsigned)cfg->audio.rate_hz, (unsigned)kib);
    snprintf(limit, sizeof limit, "%d KiB", AUDIO_RINGS_MAX_KIB);
    nh_hub_config__report(c, "/audio/buffer_ms", value, limit, "takes too much memory");
}

static void check_homeassistant(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    const char *broker = cfg->homeassistant.broker, *prefix = cfg->homeassistant.prefix;
    char host[sizeof cfg->homeassistant.broker];
    uint16_t port;
    if (broker[0] && nh_hub_bridge_address_split(broker, host, sizeof host, &port) < 0)
        nh_hub_config__report(c, "/homeassistant/broker", broker, "HOST:PORT, port 1 to 65535",
                              "is no address with a port");
    if (cfg->homeassistant.password_file[0] && !cfg->homeassistant.user[0])
        nh_hub_config__report(c, "/homeassistant/user", "", "a user name",
                              "is missing: MQTT 3.1.1 has no password alone");
    if (!prefix[0] || strpbrk(prefix, "+#$") || prefix[0] == '/')
        nh_hub_config__report(c, "/homeassistant/prefix", prefix, "no + # $, not empty",
                              "is no topic");
    if (cfg->homeassistant.backoff_max_ms < cfg->homeassistant.backoff_min_ms) {
        char value[16];
        snprintf(value, sizeof value, "%u", (unsigned)cfg->homeassistant.backoff_max_ms);
        nh_hub_config__report(c, "/homeassistant/backoff_max_ms", value, "at least backoff_min_ms",
                              "is less");
    }
}

static void check_layout(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    const char *id = cfg->macropad.layout;
    if (nh_key_layout_find((nh_span_t){(const uint8_t *)id, strlen(id)}))
        return;
    char limit[64] = "";
    for (size_t i = 0; nh_key_layout_at(i); i++)
        snprintf(limit + strlen(limit), sizeof limit - strlen(limit), "%s%s", i ? ", " : "one of ",
                 nh_key_layout_id(nh_key_layout_at(i)));
    nh_hub_config__report(c, "/macropad/layout", id, limit, "is not a keyboard layout");
}

static void check_delays(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    char value[16], limit[40];
    if (cfg->access.login_delay_max_ms >= cfg->access.login_delay_min_ms)
        return;
    snprintf(value, sizeof value, "%u", (unsigned)cfg->access.login_delay_max_ms);
    snprintf(limit, sizeof limit, "from login_delay_min_ms, %u",
             (unsigned)cfg->access.login_delay_min_ms);
    nh_hub_config__report(c, "/access/login_delay_max_ms", value, limit,
                          "is shorter than the shortest wait");
}

static void check_ota(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    uint8_t key[32];
    if (cfg->ota.enabled && !nh_hub_config_ota_key(cfg, key))
        nh_hub_config__report(c, "/ota/key", cfg->ota.key, "the line of nuthatch ota keygen",
                              "is not 64 digits of hexadecimal");
    if (cfg->ota.confirm_before_ms < cfg->ota.confirm_after_ms) {
        char value[16];
        snprintf(value, sizeof value, "%u", (unsigned)cfg->ota.confirm_before_ms);
        nh_hub_config__report(c, "/ota/confirm_before_ms", value, "at least confirm_after_ms",
                              "is less");
    }
}

int nh_hub_config_validate(const struct nh_hub_config *cfg, nh_finding_fn finding, void *ctx)
{
    struct nh_hub_counting c = {.places = &cfg->places, .finding = finding, .ctx = ctx};
    struct texts texts = {.c = &c, .cfg = cfg};
    NH_IGNORE(nh_json_field_each(nh_hub_config_fields, check_text, &texts)); // it never stops
    check_names(&c, cfg);
    check_board(&c, cfg);
    check_budgets(&c, cfg);
    if (cfg->http.listen[0])
        check_http_address(&c, cfg, "/http/listen", cfg->http.listen);
    if (cfg->mqtt.listen[0])
        nh_hub_config__check_mqtt_address(&c, cfg, "/mqtt/listen", cfg->mqtt.listen);
    nh_hub_config__check_listeners(&c, cfg);
    if (cfg->http.tls_listen[0]) {
        check_http_address(&c, cfg, "/http/tls_listen", cfg->http.tls_listen);
        if (!cfg->http.tls_cert_file[0] || !cfg->http.tls_key_file[0])
            nh_hub_config__report(&c, "/http/tls_listen", cfg->http.tls_listen, "both files",
                                  "needs tls_cert_file and tls_key_file");
    }
    check_console(&c, cfg->console);
    check_audio(&c, cfg);
    check_delays(&c, cfg);
    check_layout(&c, cfg);
    check_homeassistant(&c, cfg);
    nh_hub_config__check_lamp(&c, cfg);
    nh_hub_config__check_lamp_hw(&c, cfg);
    nh_hub_config__check_lamp_overlay(&c, cfg);
    nh_hub_config__check_lamp_live(&c, cfg);
    check_ota(&c, cfg);
    nh_hub_config__check_lamp_wled(&c, cfg);
    nh_hub_config__check_lamp_radio(&c, cfg);
    nh_hub_config__check_battery(&c, cfg);
    nh_hub_config__check_battery_publish(&c, cfg);
    nh_hub_config__check_battery_remote(&c, cfg);
    nh_hub_config__check_battery_bridge(&c, cfg);
    if (cfg->access.password_hash[0] && strncmp(cfg->access.password_hash, "$argon2id$", 10) != 0)
        nh_hub_config__report(&c, "/access/password_hash", "(hidden)", "a line of nuthatch passwd",
                              "is not an Argon2id hash");
    if (!cfg->data[0])
        nh_hub_config__report(&c, "/data", "", "a folder", "is empty");
    return c.errors > 0 ? NH_ERR_INVAL : 0;
}

bool nh_hub_config_needs_restart(const char *pointer)
{
    static const char *const live[] = {"/name",
                                       "/display/brightness_pct",
                                       "/display/saver",
                                       "/display/saver_timeout_s",
                                       "/display/fade_out_ms",
                                       "/display/fade_in_ms",
                                       "/display/wake_on_touch",
                                       "/health/heartbeat_ms",
                                       "/health/tripwire_bytes",
                                       "/health/publish",
                                       "/health/hotspot_tags",
                                       "/log/level",
                                       "/log/connections",
                                       "/mqtt/anonymous",
                                       "/mqtt/password_file",
                                       "/mqtt/acl_file",
                                       "/mqtt/acl_subscribe",
                                       "/access/user",
                                       "/access/password_hash"};
    for (size_t i = 0; i < NH_ARRAY_LEN(live); i++)
        if (strcmp(live[i], pointer) == 0)
            return false;
    return true;
}
