// sim_home.c - the demo home: a handful of MQTT clients that behave like real devices.

#include "sim_mqtt.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 2000

struct device {
    const char *id, *topic, *form; // the payload's format takes one double
    double mean, swing, noise;
    uint32_t period_ms, phase_s;
    bool retain;
    uint32_t online_s, offline_s; // 0: stays connected; else comes and goes
    int64_t next_ms, toggle_ms;
    struct nh_sim_client client;
    char status_topic[64], filter[64];
};

static const struct device home[] = {
    {"greenhouse-1", "greenhouse/air/temperature", "%.1f", 22, 5, 0.1, 2000, 0, true},
    {"greenhouse-2", "greenhouse/air/humidity", "%.0f", 61, 12, 1, 3000, 300, true},
    {"bed-1", "garden/bed-1/moisture", "{\"moisture_pct\":%.1f,\"type\":\"smt100\"}", 34, 4, 0.2,
     4000, 60, true},
    {"tank", "garden/tank/level", "{\"level_pct\":%.0f}", 72, 20, 0.5, 5000, 900, true},
    {"meter", "house/meter/power", "%.0f", 480, 300, 40, 500, 30, false},
    {"phone", "house/presence/phone", "%.0f", 1, 0, 0, 10000, 0, false, 40, 20},
    {"robot", "house/robot/battery", "%.0f", 55, 40, 0.5, 6000, 200, true, 90, 30},
};

static void measure(struct device *d, int64_t now)
{
    char payload[128];
    double t = (double)now / 1000 + d->phase_s;
    double noise = d->noise * ((double)(rand() % 2001) / 1000 - 1);
    double value = d->mean + d->swing * sin(t / 180) + noise;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int len = snprintf(payload, sizeof payload, d->form, value); // the formats stand in the table
#pragma GCC diagnostic pop
    nh_sim_publish(&d->client, d->topic, (nh_span_t){(const uint8_t *)payload, (size_t)len},
                   d->retain);
}

static void turn(struct nh_sim *sim, struct device *d, int64_t now)
{
    struct nh_sim_client *c = &d->client;
    bool comes_and_goes = d->online_s > 0;
    if (c->fd < 0 && now >= d->toggle_ms) {
        bool is_there = nh_sim_come(sim, c);
        d->toggle_ms = now + (is_there ? (int64_t)d->online_s * 1000 : RETRY_MS);
    } else if (c->fd >= 0 && comes_and_goes && now >= d->toggle_ms) {
        nh_sim_leave(c, false);
        d->toggle_ms = now + (int64_t)d->offline_s * 1000;
    }
    if (c->fd >= 0 && now >= d->next_ms) {
        measure(d, now);
        d->next_ms = now + d->period_ms;
    }
    nh_sim_keep_alive(c, now);
}

static void prepare(struct device *d)
{
    snprintf(d->status_topic, sizeof d->status_topic, "devices/%s/status", d->id);
    snprintf(d->filter, sizeof d->filter, "devices/%s/command", d->id);
    d->client.id = d->id;
    d->client.status_topic = d->status_topic;
    d->client.filters[0] = d->filter;
    d->client.fd = -1;
}

int nh_sim_home(struct nh_sim *sim)
{
    struct device devices[NH_ARRAY_LEN(home)]; // not static: that would be memory of the hub
    memcpy(devices, home, sizeof devices);
    for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++)
        prepare(&devices[i]);
    while (nh_sim_goes_on(sim)) {
        struct pollfd fds[NH_ARRAY_LEN(devices)];
        for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++) {
            turn(sim, &devices[i], nh_sim_now_ms());
            fds[i] = (struct pollfd){.fd = devices[i].client.fd, .events = POLLIN};
        }
        if (poll(fds, NH_ARRAY_LEN(devices), 100) <= 0)
            continue;
        for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++)
            if (fds[i].revents && devices[i].client.fd == fds[i].fd &&
                !nh_sim_listen(sim, &devices[i].client))
                devices[i].toggle_ms = nh_sim_now_ms() + RETRY_MS;
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++)
        nh_sim_leave(&devices[i].client, false);
    return 0;
}
