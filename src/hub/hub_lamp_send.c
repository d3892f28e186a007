// The lamp's frames to other controllers as a part of the hub: sockets, and the way from the task
// `render` to the loop.

#include "hub/hub_lamp_live.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

static int send(void *ctx, const char *address, uint16_t port, const uint8_t *bytes, size_t len)
{
    struct nh_hub_send *s = ctx;
    nh_datagram_t *socket = s->socket[strchr(address, ':') != NULL];
    return socket ? nh_datagram_send(socket, address, port, bytes, len) : NH_ERR_INVAL;
}

// By the task `render`.
static void wake(void *ctx)
{
    struct nh_hub_send *s = ctx;
    nh_loop_post(s->hub->loop, &s->post);
}

static void frame(void *ctx, const uint8_t *rgb, uint32_t count)
{
    struct nh_hub_send *s = ctx;
    nh_lamp_sender_frame(s->sender, rgb, count);
}

static void pump(void *ctx)
{
    struct nh_hub_send *s = ctx;
    nh_lamp_sender_pump(s->sender, nh_clock_us());
}

static uint64_t next(void *ctx)
{
    struct nh_hub_send *s = ctx;
    uint64_t us = nh_lamp_sender_next_deadline_us(s->sender);
    return us == NH_NEVER ? NH_NEVER : us / 1000 + 1;
}

static void fire(void *ctx, uint64_t now_ms)
{
    struct nh_hub_send *s = ctx;
    (void)now_ms;
    nh_lamp_sender_tick(s->sender, nh_clock_us());
}

static void no_input(void *ctx, const uint8_t *bytes, size_t len, const char *address,
                     uint16_t port)
{
    (void)ctx; // controllers have nothing to say
    (void)bytes;
    (void)len;
    (void)address;
    (void)port;
}

static int open_sockets(struct nh_hub_send *s)
{
    static const char *const any[] = {"0.0.0.0", "::"};
    const struct nh_hub_config *c = &s->hub->cfg;
    bool is_needed[2] = {false, false};
    int err = 0;
    for (uint32_t i = 0; i < c->lamp_send_count; i++)
        is_needed[strchr(c->lamp_send[i].address, ':') != NULL] = true;
    for (size_t i = 0; i < 2 && err == 0; i++)
        if (is_needed[i])
            err = nh_datagram_open(s->hub->loop, s->mem, any[i], 0, no_input, s, &s->socket[i]);
    return err;
}

static int make_sender(struct nh_hub_send *s)
{
    const struct nh_hub_config *c = &s->hub->cfg;
    struct nh_lamp_send_target targets[NH_HUB_LAMP_SEND_MAX_COUNT];
    struct nh_lamp_sender_config cfg = {.mem = s->mem,
                                        .lock = s->lock,
                                        .targets = targets,
                                        .target_count = c->lamp_send_count,
                                        .pixel_count = c->lamp.width * c->lamp.height,
                                        .name = c->name,
                                        .ctx = s,
                                        .send = send,
                                        .wake = wake};
    uint32_t bad;
    for (uint32_t i = 0; i < c->lamp_send_count; i++) {
        const struct nh_hub_lamp_send *t = &c->lamp_send[i];
        targets[i] = (struct nh_lamp_send_target){.protocol = t->protocol,
                                                  .port = t->port,
                                                  .start = t->start,
                                                  .count = t->count,
                                                  .universe = t->universe,
                                                  .fps_max = t->fps_max,
                                                  .priority = t->priority};
        memcpy(targets[i].address, t->address, sizeof targets[i].address);
    }
    nh_random_bytes(cfg.cid, sizeof cfg.cid);
    return nh_lamp_sender_create(&cfg, &bad, &s->sender);
}

static int make(struct nh_hub *hub)
{
    nh_mem_t *mem;
    int err = nh_hub__owner(hub, "lamp", &mem);
    struct nh_hub_send *s = err < 0 ? NULL : nh_mem_alloc_zero(mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return err < 0 ? err : NH_ERR_NOMEM;
    hub->lamp_send = s;
    s->hub = hub;
    s->mem = mem;
    s->post = (nh_loop_post_t){.fn = pump, .ctx = s};
    s->deadline = (struct nh_loop_deadline){.next = next, .fire = fire, .ctx = s};
    const struct nh_lamp_output output = {.ctx = s, .frame = frame};
    err = nh_lock_create(&s->lock);
    if (err == 0)
        err = make_sender(s);
    if (err == 0)
        err = open_sockets(s);
    if (err == 0)
        err = nh_loop_deadline_add(hub->loop, &s->deadline);
    return err < 0 ? err : nh_lamp_output_add(hub->lamp, &output);
}

// Between the lamp's creation and its start: there it takes its outputs.
void nh_hub__start_lamp_send(struct nh_hub *hub)
{
    if (hub->cfg.lamp_send_count == 0)
        return;
    int err = make(hub);
    if (err == 0)
        return;
    NH_LOG_E("lamp", "no frames to other controllers: %s", nh_err_text(err));
    nh_hub__stop_lamp_send(hub);
}

// After the lamp's end: nobody gives frames any more. Those who were lit are told that it is dark.
void nh_hub__stop_lamp_send(struct nh_hub *hub)
{
    struct nh_hub_send *s = hub->lamp_send;
    if (!s)
        return;
    nh_loop_post_cancel(hub->loop, &s->post);
    nh_loop_deadline_remove(hub->loop, &s->deadline);
    if (s->sender)
        nh_lamp_sender_tick(s->sender, NH_NEVER - 1);
    nh_lamp_sender_destroy(s->sender);
    nh_datagram_close(s->socket[0]);
    nh_datagram_close(s->socket[1]);
    nh_lock_destroy(&s->lock);
    nh_mem_free(s->mem, s);
    hub->lamp_send = NULL;
}
