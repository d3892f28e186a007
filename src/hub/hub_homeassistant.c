// Home Assistant as a part of the hub: which broker it listens to, the connection to that one, and
// what is said of the hub there.

#include "core/base/log.h"
#include "hub/hub_parts.h"
#include "platform/crypto.h"
#include "platform/tls.h"

#include <stdio.h>
#include <string.h>

#define READ_BUFFER_BYTES 512 // a broker answers a publisher in a few bytes

// The connection to a broker elsewhere.
struct nh_hub_link {
    struct nh_hub *hub;
    nh_mem_t *mem;
    nh_stream_set_t *set;
    nh_stream_t *stream; // NULL: none
    nh_tls_t *tls;       // NULL: plain
    const char *failed;  // it could not even dial: said at the next deadline; NULL: nothing
    bool is_watched;     // its deadline is the loop's
    uint16_t port;
    char host[128];
};

// Where and as whom: of /api/config where that names a broker, else of hub.yaml.
struct target {
    char address[160], user[NH_MQTT_PUBLISHER_TEXT_MAX + 1],
        password[NH_MQTT_PUBLISHER_TEXT_MAX + 1];
    uint32_t interval_s;
};

// ---- the stream's handler -----------------------------------------------------------------------

static nh_mqtt_publisher_t *publisher(const struct nh_hub_link *l)
{
    return nh_homeassistant_publisher(l->hub->homeassistant);
}

static int on_open(void *ctx, nh_stream_t *s)
{
    (void)s;
    nh_mqtt_publisher_opened(publisher(ctx), nh_clock_ms());
    return NH_OK;
}

static int on_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    (void)s;
    nh_mqtt_publisher_input(publisher(ctx), bytes, len, nh_clock_ms());
    return NH_OK;
}

static size_t on_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    nh_span_t out = nh_mqtt_publisher_output(publisher(ctx));
    (void)s;
    if (!out.len || !max)
        return 0;
    iov[0] = (struct nh_iov){out.ptr, out.len};
    return 1;
}

static void on_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    (void)s;
    nh_mqtt_publisher_sent(publisher(ctx), bytes, nh_clock_ms());
}

static void on_turn_end(void *ctx)
{
    (void)ctx; // what was not sent stands in the publisher's own buffer
}

static void on_closed(void *ctx, nh_stream_t *s, int err)
{
    struct nh_hub_link *l = ctx;
    (void)err;
    l->stream = NULL;
    nh_mqtt_publisher_closed(publisher(l), nh_stream_reason(s), nh_clock_ms());
}

// ---- what the publisher wishes ------------------------------------------------------------------

static void on_dial(void *ctx)
{
    struct nh_hub *hub = ctx;
    struct nh_hub_link *l = hub->link;
    const struct nh_stream_connect_config cfg = {.host = l->host, .port = l->port, .tls = l->tls};
    int err = nh_stream_connect(l->set, &cfg, &l->stream);
    l->failed = err < 0 ? nh_err_text(err) : NULL;
}

static void on_hang_up(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (hub->link->stream)
        nh_stream_close(hub->link->stream, true);
}

static void on_dirty(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (hub->link->stream)
        nh_stream_dirty(hub->link->stream);
}

static uint64_t next(void *ctx)
{
    const struct nh_hub_link *l = ctx;
    return l->failed ? 0 : nh_homeassistant_next_deadline(l->hub->homeassistant);
}

static void fire(void *ctx, uint64_t now_ms)
{
    struct nh_hub_link *l = ctx;
    const char *failed = l->failed;
    l->failed = NULL;
    if (failed)
        nh_mqtt_publisher_closed(publisher(l), failed, now_ms);
    else
        nh_homeassistant_tick(l->hub->homeassistant, now_ms);
}

static struct nh_loop_deadline deadline(struct nh_hub_link *l)
{
    return (struct nh_loop_deadline){.next = next, .fire = fire, .ctx = l};
}

// ---- what is said of the hub --------------------------------------------------------------------

static void health(void *ctx, nh_json_writer_t *w)
{
    struct nh_hub *hub = ctx;
    nh_health_write_state(hub->health, w);
}

static void hotspot_once(void *ctx, const char *tag)
{
    struct nh_hub *hub = ctx;
    nh_health_hotspot_once(hub->health, tag);
}

void nh_hub__homeassistant_facts(const struct nh_hub *hub, struct nh_health_facts *out)
{
    struct nh_homeassistant_info i;
    if (!hub->homeassistant)
        return;
    nh_homeassistant_info(hub->homeassistant, &i);
    out->has_link = true;
    out->is_link_up = i.is_online;
    out->has_link_interval = i.has_interval;
    out->link_published_ms = i.last_state_ms;
}

// ---- start --------------------------------------------------------------------------------------

// The first line of the file. NH_ERR_IO, NH_ERR_TOO_LONG.
static int read_password(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "re");
    bool is_read = f && fgets(out, (int)cap, f);
    if (f)
        fclose(f);
    if (!is_read)
        return NH_ERR_IO;
    size_t len = strcspn(out, "\r\n");
    bool is_cut = !out[len] && len == cap - 1;
    out[len] = '\0';
    return is_cut ? NH_ERR_TOO_LONG : NH_OK;
}

static int find_target(const struct nh_hub *hub, struct target *t)
{
    const struct nh_device_config *d = nh_device_get(hub->device);
    *t = (struct target){.interval_s = hub->cfg.homeassistant.interval_s};
    if (d->mqtt_host[0]) {
        bool is_ipv6 = strchr(d->mqtt_host, ':') && d->mqtt_host[0] != '[';
        snprintf(t->address, sizeof t->address, is_ipv6 ? "[%s]:%u" : "%s:%u", d->mqtt_host,
                 d->mqtt_port ? (unsigned)d->mqtt_port : 1883u);
        snprintf(t->user, sizeof t->user, "%s", d->mqtt_username);
        if (d->mqtt_username[0]) // MQTT 3.1.1 has no password alone
            snprintf(t->password, sizeof t->password, "%s", d->mqtt_password);
        t->interval_s = d->mqtt_interval_seconds;
        return NH_OK;
    }
    snprintf(t->address, sizeof t->address, "%s", hub->cfg.homeassistant.broker);
    snprintf(t->user, sizeof t->user, "%s", hub->cfg.homeassistant.user);
    const char *file = hub->cfg.homeassistant.password_file;
    int err = file[0] ? read_password(file, t->password, sizeof t->password) : NH_OK;
    if (err < 0)
        NH_LOG_E("homeassistant", "%s: %s", file, nh_err_text(err));
    return err;
}

static int make_tls(const struct nh_hub *hub, struct nh_hub_link *l)
{
    char why[160];
    const char *ca_file = hub->cfg.homeassistant.tls_ca_file;
    const struct nh_tls_config tls = {.mem = l->mem,
                                      .is_client = true,
                                      .ca_file = ca_file[0] ? ca_file : NULL,
                                      .any_name = hub->cfg.homeassistant.tls_any_name};
    if (!hub->cfg.homeassistant.tls)
        return NH_OK;
    int err = nh_tls_create(&tls, why, sizeof why, &l->tls);
    if (err < 0)
        NH_LOG_E("homeassistant", "%s", why);
    return err;
}

static int make_link(struct nh_hub *hub, nh_mem_t *mem, const char *address)
{
    struct nh_hub_link *l = nh_mem_alloc_zero(mem, sizeof *l, NH_MEM_BULK);
    if (!l)
        return NH_ERR_NOMEM;
    hub->link = l;
    l->hub = hub;
    l->mem = mem;
    const struct nh_stream_set_config set = {.loop = hub->loop,
                                             .mem = mem,
                                             .conn_max_count = 1,
                                             .read_buffer_bytes = READ_BUFFER_BYTES,
                                             .handshake_max_count = 1,
                                             .handler = {.ctx = l,
                                                         .open = on_open,
                                                         .input = on_input,
                                                         .output = on_output,
                                                         .sent = on_sent,
                                                         .turn_end = on_turn_end,
                                                         .closed = on_closed}};
    int err = nh_hub_bridge_address_split(address, l->host, sizeof l->host, &l->port);
    if (err == 0)
        err = make_tls(hub, l);
    return err < 0 ? err : nh_stream_set_create(&set, &l->set);
}

static size_t fill_parts(struct nh_hub *hub,
                         struct nh_homeassistant_part out[NH_HOMEASSISTANT_PART_MAX_COUNT])
{
    size_t count = 0;
    if (hub->lamp_mqtt)
        out[count++] = nh_lamp_mqtt_part(hub->lamp_mqtt);
    count += nh_hub__battery_part(hub, &out[count]);
    return count;
}

static int make_component(struct nh_hub *hub, nh_mem_t *mem, const struct target *t)
{
    char name[NH_DEVICE_NAME_MAX_BYTES];
    struct nh_homeassistant_part parts[NH_HOMEASSISTANT_PART_MAX_COUNT];
    nh_device_name_sanitize(nh_device_get(hub->device)->device_name, name);
    const struct nh_homeassistant_config cfg = {
        .mem = mem,
        .sched = hub->sched,
        .broker = hub->broker,
        .address = t->address[0] ? t->address : NULL,
        .user = t->user,
        .password = t->password,
        .name = name[0] ? name : "nuthatch",
        .device_name = nh_device_get(hub->device)->device_name,
        .model = "nuthatch",
        .version = NH_VERSION,
        .prefix = hub->cfg.homeassistant.prefix,
        .interval_s = t->interval_s,
        .keepalive_s = (uint16_t)hub->cfg.homeassistant.keepalive_s,
        .backoff_min_ms = hub->cfg.homeassistant.backoff_min_ms,
        .backoff_max_ms = hub->cfg.homeassistant.backoff_max_ms,
        .has_buttons = hub->cfg.macropad.enabled && hub->board->psram_bytes > 0,
        .parts = parts,
        .part_count = fill_parts(hub, parts),
        .seed = nh_random_u32(),
        .ctx = hub,
        .clock_ms = nh_clock_ms,
        .health = health,
        .hotspot_once = hotspot_once,
        .dial = on_dial,
        .hang_up = on_hang_up,
        .dirty = on_dirty,
    };
    return nh_homeassistant_create(&cfg, &hub->homeassistant);
}

static int start(struct nh_hub *hub, const struct target *t)
{
    nh_mem_t *mem;
    int err = nh_hub__owner(hub, "homeassistant", &mem);
    if (err == 0 && t->address[0])
        err = make_link(hub, mem, t->address);
    if (err == 0)
        err = make_component(hub, mem, t);
    if (err == 0 && hub->link) {
        const struct nh_loop_deadline d = deadline(hub->link);
        err = nh_loop_deadline_add(hub->loop, &d);
        hub->link->is_watched = err == 0;
    }
    return err < 0 ? err : nh_homeassistant_start(hub->homeassistant);
}

// A broker alone is no device. A hub that cannot have one runs on without it.
int nh_hub__start_homeassistant(struct nh_hub *hub)
{
    struct target t;
    if (hub->options.mosquitto)
        return NH_OK;
    if (!hub->cfg.homeassistant.enabled && !nh_device_get(hub->device)->mqtt_host[0])
        return NH_OK;
    int err = find_target(hub, &t);
    if (err == 0)
        err = start(hub, &t);
    nh_wipe(&t, sizeof t);
    if (err == 0)
        return NH_OK;
    NH_LOG_E("homeassistant", "it cannot be told of this hub: %s", nh_err_text(err));
    nh_hub__stop_homeassistant(hub);
    return NH_OK;
}

void nh_hub__stop_homeassistant(struct nh_hub *hub)
{
    struct nh_hub_link *l = hub->link;
    nh_homeassistant_stop(hub->homeassistant); // the set sends what it says now at its end
    if (l) {
        const struct nh_loop_deadline d = deadline(l);
        if (l->is_watched)
            nh_loop_deadline_remove(hub->loop, &d);
        nh_stream_set_destroy(l->set);
    }
    nh_homeassistant_destroy(hub->homeassistant);
    hub->homeassistant = NULL;
    hub->link = NULL;
    if (l) {
        nh_tls_destroy(l->tls);
        nh_mem_free(l->mem, l);
    }
}
