// Options of the whole broker in mosquitto.conf: what they come to.

#include "hub/mosquitto_conf.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define PACKET_MAX_BYTES 268435455u
#define QUEUE_MAX_BYTES 1073741824
#define QUEUE_MAX_MESSAGES 1000000
#define PAYLOAD_HEAD_BYTES 1024 // of a packet, its topic and properties

static void warn(nh_mosquitto_reader_t *r, const char *option, const char *text)
{
    nh_mosquitto__tell(r, nh_mosquitto__given(r->v.globals.place, option), true, option, "", "",
                       text);
}

static bool is_given(const nh_mosquitto_reader_t *r, const char *option)
{
    return nh_mosquitto__given(r->v.globals.place, option) != 0;
}

// A number of which nothing and 0 are no limit there.
static uint32_t up_to(int32_t value, uint32_t max)
{
    return value <= 0 || (uint32_t)value > max ? max : (uint32_t)value;
}

static uint32_t at_least(uint32_t value, uint32_t min)
{
    return value < min ? min : value;
}

// ---- limits -------------------------------------------------------------------------------------

static uint32_t packet_max(const struct nh_mosquitto__globals *g)
{
    uint32_t max = up_to(g->max_packet_size, PACKET_MAX_BYTES);
    uint32_t payload = up_to(g->message_size_limit, PACKET_MAX_BYTES - PAYLOAD_HEAD_BYTES);
    max = payload + PAYLOAD_HEAD_BYTES < max ? payload + PAYLOAD_HEAD_BYTES : max;
    return at_least(max, 256);
}

static void end_limits(nh_mosquitto_reader_t *r)
{
    const struct nh_mosquitto__globals *g = &r->v.globals;
    struct nh_hub_config *c = &r->out->hub;
    c->mqtt.packet_max_bytes = packet_max(g);
    c->mqtt.topic_max_bytes = 65535;
    c->mqtt.topic_level_max = 128;
    c->mqtt.session_max_count = 1000000;
    c->mqtt.subscription_max_count = 10000;
    c->mqtt.retained_max_bytes = 1073741824;
    c->mqtt.retained_max_count = 10000000;
    c->mqtt.inflight_max = up_to(g->max_inflight_messages, 65534);
    c->mqtt.queue_max_messages = up_to(g->max_queued_messages, QUEUE_MAX_MESSAGES);
    c->mqtt.queue_max_bytes = at_least(up_to(g->max_queued_bytes, QUEUE_MAX_BYTES), 1024);
    c->mqtt.keepalive_max_s = g->max_keepalive == 65535 ? 0 : (uint32_t)g->max_keepalive;
    c->mqtt.session_expiry_max_s = g->expiration_s;
    c->mqtt.retain_available = g->retain_available;
    c->mqtt.sys_interval_ms = (uint32_t)g->sys_interval * 1000;
    if (g->message_size_limit > 0)
        warn(r, "message_size_limit", "is of the packet here: a larger one closes its connection");
    if (is_given(r, "max_packet_size") && g->max_packet_size < 256)
        warn(r, "max_packet_size", "is 256 bytes here, the least there is");
    if (g->sys_interval == 0 || g->sys_interval > 3600) {
        c->mqtt.sys_interval_ms = 3600000;
        warn(r, "sys_interval", "is an hour here: the longest there is, and never off");
    }
    if (g->websockets_headers_size > 0)
        c->http.head_max_bytes = at_least(up_to(g->websockets_headers_size, 16384), 1024);
}

// ---- persistence --------------------------------------------------------------------------------

static void end_persistence(nh_mosquitto_reader_t *r)
{
    const struct nh_mosquitto__globals *g = &r->v.globals;
    struct nh_hub_config *c = &r->out->hub;
    c->mqtt.durability = g->persistence ? NH_HUB_DURABLE : NH_HUB_MEMORY;
    c->mqtt.store_max_bytes = UINT32_MAX;
    // A second's batch costs as little as that of half an hour, and loses less.
    if (g->persistence && is_given(r, "autosave_interval")) {
        c->mqtt.durability = NH_HUB_INTERVAL;
        warn(r, "autosave_interval",
             "is each second here; without it what is acknowledged is on disk first");
    }
    memcpy(c->data, g->persistence_location, sizeof c->data);
    if (!c->data[0])
        memcpy(c->data, ".", 2);
}

// ---- log ----------------------------------------------------------------------------------------

static void end_log(nh_mosquitto_reader_t *r)
{
    const struct nh_mosquitto__globals *g = &r->v.globals;
    struct nh_hub_config *c = &r->out->hub;
    uint32_t types = is_given(r, "log_type") ? g->log_types : NH_MOSQUITTO_NOTICES;
    uint32_t dests = is_given(r, "log_dest") ? g->log_dests : NH_MOSQUITTO_TO_STDERR;
    uint32_t here = dests & ~(uint32_t)NH_MOSQUITTO_TO_OTHER;
    c->log.level = types & NH_MOSQUITTO_DEBUG      ? NH_LOG_DEBUG
                   : types & NH_MOSQUITTO_NOTICES  ? NH_LOG_INFO
                   : types & NH_MOSQUITTO_WARNINGS ? NH_LOG_WARN
                                                   : NH_LOG_ERROR;
    if (types == 0 || dests == 0)
        snprintf(c->console, sizeof c->console, "none");
    else if (here & NH_MOSQUITTO_TO_FILE)
        snprintf(c->console, sizeof c->console, "file:%s", g->log_file);
    else
        snprintf(c->console, sizeof c->console, "%s",
                 here & NH_MOSQUITTO_TO_STDOUT ? "stdout" : "stderr");
    if (here & (here - 1))
        warn(r, "log_dest", "is one place here: a file before stdout before stderr");
    c->log.connections = g->connection_messages;
    r->out->is_log_timed = g->log_timestamp;
    memcpy(r->out->log_time_format, g->log_timestamp_format, sizeof r->out->log_time_format);
}

void nh_mosquitto__end_globals(nh_mosquitto_reader_t *r)
{
    struct nh_hub_config *c = &r->out->hub;
    snprintf(c->board, sizeof c->board, "linux");
    c->http.listen[0] = '\0'; // the broker alone
    c->health.publish = false;
    memcpy(r->out->pid_file, r->v.globals.pid_file, sizeof r->out->pid_file);
    end_limits(r);
    end_persistence(r);
    end_log(r);
}
