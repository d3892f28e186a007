// cmd_remote_link.c - the remote's engine with a radio, a loop and its files.

#include "cmd_remote.h"

#include "core/base/bytes.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LAMPS_FILE "lamps"
#define LIST_HEAD_BYTES 6
#define NODE 2 // as remotes have it; a lamp knows them by address and node

// ---- what the engine asks for ------------------------------------------------------------------

static void send_frame(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes, size_t len)
{
    struct nh_remote_link *l = ctx;
    NH_IGNORE(nh_radio_send(l->radio, to, bytes, len)); // as if the air had lost it
}

static void set_channel(void *ctx, uint8_t channel)
{
    struct nh_remote_link *l = ctx;
    if (l->radio)
        NH_IGNORE(nh_radio_channel_set(l->radio, channel)); // the engine knows the range
}

static int keep(void *ctx, const uint8_t *bytes, size_t len)
{
    struct nh_remote_link *l = ctx;
    return nh_remote_files_write(&l->files, LAMPS_FILE, bytes, len);
}

static void list_name(const struct nh_remote_link *l, char *out, size_t cap)
{
    const struct nh_radio_peer_record *p = nh_radio_remote_lamp_at(l->engine, 0);
    const uint8_t *m = p->address.mac;
    snprintf(out, cap, "list-%02x%02x%02x%02x%02x%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void keep_list(void *ctx, const uint8_t *records, uint16_t count, uint32_t crc)
{
    struct nh_remote_link *l = ctx;
    uint8_t bytes[LIST_HEAD_BYTES + NH_RADIO_REMOTE_LIST_MAX_COUNT * NH_RADIO_RECORD_BYTES];
    char name[32];
    size_t len = (size_t)count * NH_RADIO_RECORD_BYTES;
    nh_put_le32(bytes, crc);
    nh_put_le16(bytes + 4, count);
    memcpy(bytes + LIST_HEAD_BYTES, records, len);
    list_name(l, name, sizeof name);
    NH_IGNORE(nh_remote_files_write(&l->files, name, bytes, LIST_HEAD_BYTES + len)); // asked again
}

static void load_list(struct nh_remote_link *l)
{
    uint8_t bytes[LIST_HEAD_BYTES + NH_RADIO_REMOTE_LIST_MAX_COUNT * NH_RADIO_RECORD_BYTES];
    char name[32];
    list_name(l, name, sizeof name);
    size_t len = nh_remote_files_read(&l->files, name, bytes, sizeof bytes);
    if (len < LIST_HEAD_BYTES ||
        len != LIST_HEAD_BYTES + (size_t)nh_get_le16(bytes + 4) * NH_RADIO_RECORD_BYTES)
        return;
    NH_IGNORE(nh_radio_remote_load_list(l->engine, bytes + LIST_HEAD_BYTES, nh_get_le16(bytes + 4),
                                        nh_get_le32(bytes))); // damaged: it is fetched
}

static void fill_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    nh_random_bytes(out, len);
}

static uint64_t clock_us(void *ctx)
{
    (void)ctx;
    return nh_clock_us();
}

static void on_event(void *ctx, const struct nh_radio_remote_event *e)
{
    struct nh_remote_link *l = ctx;
    l->event(l->ctx, e);
}

// ---- the loop ----------------------------------------------------------------------------------

static void on_frame(void *ctx, const nh_radio_address_t *from, int8_t rssi_dbm,
                     const uint8_t *bytes, size_t len)
{
    struct nh_remote_link *l = ctx;
    if (l->engine)
        nh_radio_remote_input(l->engine, from, rssi_dbm, bytes, len, nh_clock_ms());
}

static uint64_t next_deadline(void *ctx)
{
    struct nh_remote_link *l = ctx;
    return nh_radio_remote_next_deadline(l->engine);
}

static void on_deadline(void *ctx, uint64_t now_ms)
{
    struct nh_remote_link *l = ctx;
    nh_radio_remote_tick(l->engine, now_ms);
}

// ---- life --------------------------------------------------------------------------------------

static int open_radio(struct nh_remote_link *l)
{
    const struct nh_remote_options *o = l->options;
    const struct nh_radio_config cfg = {.loop = l->loop,
                                        .mem = l->memory.mem,
                                        .address = l->files.address,
                                        .channel = o->channel ? o->channel : 1,
                                        .group = o->group,
                                        .port = o->port,
                                        .interface = o->interface,
                                        .loss_pct = o->loss_pct,
                                        .duplicate_pct = o->duplicate_pct,
                                        .delay_max_ms = o->delay_ms,
                                        .seed = nh_random_u32(),
                                        .ctx = l,
                                        .input = on_frame};
    return nh_radio_open(&cfg, &l->radio);
}

static int make_engine(struct nh_remote_link *l, uint32_t poll_ms)
{
    char host[64] = "remote";
    const struct nh_remote_options *o = l->options;
    gethostname(host, sizeof host - 1);
    const struct nh_radio_remote_config cfg = {.mem = l->memory.mem,
                                               .address = l->files.address,
                                               .node = NODE,
                                               .name = o->name ? o->name : host,
                                               .channel = o->channel ? o->channel : 1,
                                               .command_timeout_ms = o->timeout_s * 1000,
                                               .poll_ms = poll_ms,
                                               .ctx = l,
                                               .send = send_frame,
                                               .channel_set = set_channel,
                                               .keep = keep,
                                               .keep_list = keep_list,
                                               .random = fill_random,
                                               .clock_us = clock_us,
                                               .event = on_event};
    return nh_radio_remote_create(&cfg, &l->engine);
}

// By name or address. NH_ERR_NOT_FOUND.
static int select_lamp(struct nh_remote_link *l, const char *lamp)
{
    const struct nh_radio_peer_record *p;
    char text[NH_RADIO_ADDRESS_TEXT_BYTES];
    for (size_t i = 0; (p = nh_radio_remote_lamp_at(l->engine, i)); i++)
        if (strcmp(p->name, lamp) == 0 ||
            strcasecmp(nh_radio_address_text(&p->address, text), lamp) == 0)
            return nh_radio_remote_select(l->engine, i);
    return NH_ERR_NOT_FOUND;
}

static int load(struct nh_remote_link *l)
{
    uint8_t bytes[NH_RADIO_PEERS_BYTES(NH_RADIO_PEER_MAX_COUNT)];
    size_t len = nh_remote_files_read(&l->files, LAMPS_FILE, bytes, sizeof bytes);
    int err = len > 0 ? nh_radio_remote_load(l->engine, bytes, len) : 0;
    nh_wipe(bytes, sizeof bytes);
    if (err == NH_ERR_CORRUPT)
        fprintf(stderr, "nuthatch remote: %s/%s is damaged; pair again\n", l->files.dir,
                LAMPS_FILE);
    if (err == 0 && l->options->lamp) {
        err = select_lamp(l, l->options->lamp);
        if (err == NH_ERR_NOT_FOUND)
            fprintf(stderr,
                    "nuthatch remote: there is no lamp \"%s\"; nuthatch remote lamps lists "
                    "them\n",
                    l->options->lamp);
    }
    if (err == 0 && nh_radio_remote_lamp_count(l->engine) > 0)
        load_list(l);
    return err;
}

static int start(struct nh_remote_link *l, uint32_t poll_ms)
{
    nh_mem_t *uv_mem;
    int err = nh_mem_owner_add(l->memory.sys, "libuv", NULL, &uv_mem);
    if (err == 0)
        err = nh_loop_create(l->memory.mem, &l->loop);
    if (err == 0)
        err = open_radio(l);
    if (err < 0) {
        fprintf(stderr, "nuthatch remote: the radio cannot be opened: %s\n", nh_err_text(err));
        return err;
    }
    err = make_engine(l, poll_ms);
    l->deadline = (struct nh_loop_deadline){.next = next_deadline, .fire = on_deadline, .ctx = l};
    if (err == 0)
        err = nh_loop_deadline_add(l->loop, &l->deadline);
    l->has_deadline = err == 0;
    if (err < 0)
        fprintf(stderr, "nuthatch remote: %s\n", nh_err_text(err));
    return err == 0 ? load(l) : err;
}

bool nh_remote_link_open(struct nh_remote_link *l, const struct nh_remote_options *o,
                         uint32_t poll_ms,
                         void (*event)(void *ctx, const struct nh_radio_remote_event *e), void *ctx)
{
    *l =
        (struct nh_remote_link){.options = o, .event = event, .ctx = ctx, .files = {.lock_fd = -1}};
    if (!nh_cli_memory_open(&l->memory))
        return false;
    if (nh_remote_files_open(&l->files, o->state_dir) && start(l, poll_ms) == 0)
        return true;
    nh_remote_link_close(l);
    return false;
}

void nh_remote_link_close(struct nh_remote_link *l)
{
    if (l->has_deadline)
        nh_loop_deadline_remove(l->loop, &l->deadline);
    if (l->engine && nh_radio_remote_lamp_count(l->engine) > 0)
        NH_IGNORE(nh_radio_remote_rest(l->engine)); // else the next start takes a word more
    nh_radio_close(l->radio);
    nh_radio_remote_destroy(l->engine);
    nh_loop_destroy(l->loop);
    nh_remote_files_close(&l->files);
    nh_cli_memory_close(&l->memory);
}

void nh_remote_link_sync(struct nh_remote_link *l)
{
    if (nh_radio_remote_lamp_count(l->engine) == 0)
        return;
    if (nh_radio_remote_effect_count(l->engine) == 0)
        load_list(l);
    NH_IGNORE(nh_radio_remote_sync(l->engine, nh_clock_ms())); // pairing: it comes with the lamp
}

const char *nh_remote_effect_name(const nh_radio_remote_t *r, uint16_t id, char *out, size_t cap)
{
    struct nh_radio_record e;
    snprintf(out, cap, "0x%04X", id);
    for (uint16_t i = 0; nh_radio_remote_effect_at(r, i, &e); i++)
        if (e.id == id)
            snprintf(out, cap, "%s", e.name);
    return out;
}
