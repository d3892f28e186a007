#include "components/lamp_radio/lamp_radio.h"

#include "components/lamp_radio/lamp_radio_private.h"
#include "core/base/log.h"
#include "platform/crypto.h"

#include <string.h>

#define PEERS_DOC "lamp_radio"
#define ID_DOC "lamp_radio_id"
#define VOLUME_DOC "lamp_volume"
#define VOLUME_DEFAULT 70
#define VOLUME_SAVE_MS 800

// ---- time --------------------------------------------------------------------------------------

void nh_lamp_radio__arm(nh_lamp_radio_t *r)
{
    uint64_t due_ms = nh_radio_lamp_next_deadline(r->engine);
    if (due_ms == NH_NEVER)
        nh_timer_cancel(r->cfg.sched, &r->tick);
    else
        NH_IGNORE(nh_timer_arm(r->cfg.sched, &r->tick, due_ms, 0)); // full: with the next frame
}

static void on_tick(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_lamp_radio_t *r = ctx;
    (void)t;
    nh_radio_lamp_tick(r->engine, now_ms);
    nh_lamp_radio__arm(r);
}

// ---- what the engine asks for ------------------------------------------------------------------

static void get_effect(void *ctx, uint16_t index, struct nh_radio_record *out)
{
    const struct nh_fx_effect *e = nh_fx_visible(index);
    (void)ctx;
    if (!e)
        return;
    out->id = e->id;
    memcpy(out->name, e->name, strnlen(e->name, sizeof out->name - 1));
}

static void send_frame(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes, size_t len)
{
    nh_lamp_radio_t *r = ctx;
    if (nh_radio_send(r->radio, to, bytes, len) < 0)
        r->send_failed_count++; // as if the air had lost it
}

static int post(void *ctx, const struct nh_lamp_command *c)
{
    nh_lamp_radio_t *r = ctx;
    return nh_lamp_post(r->cfg.lamp, c);
}

static void take_snapshot(void *ctx, struct nh_lamp_snapshot *out)
{
    nh_lamp_radio_t *r = ctx;
    nh_lamp_snapshot(r->cfg.lamp, out);
}

static int keep(void *ctx, const uint8_t *bytes, size_t len)
{
    nh_lamp_radio_t *r = ctx;
    int err = r->cfg.store ? nh_store_put(r->cfg.store, PEERS_DOC, bytes, len) : 0;
    if (err < 0)
        NH_LOG_E("lamp", "who is paired by radio cannot be kept: %s", nh_err_text(err));
    return err < 0 ? err : 0;
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

static void ota(void *ctx, struct nh_radio_ota *out)
{
    nh_lamp_radio_t *r = ctx;
    if (r->cfg.ota)
        r->cfg.ota(r->cfg.ctx, out);
}

static void changed(void *ctx)
{
    nh_lamp_radio_t *r = ctx;
    if (r->cfg.changed)
        r->cfg.changed(r->cfg.ctx);
}

// ---- volume ------------------------------------------------------------------------------------

static void on_save_volume(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_lamp_radio_t *r = ctx;
    (void)t;
    (void)now_ms;
    if (r->cfg.store && nh_store_put(r->cfg.store, VOLUME_DOC, &r->volume, 1) < 0)
        NH_LOG_W("lamp", "the volume cannot be kept");
}

static void volume(void *ctx, const uint8_t *set, uint8_t *out, uint32_t *seq)
{
    nh_lamp_radio_t *r = ctx;
    uint8_t now = set ? *set : r->volume;
    if (r->cfg.volume)
        now = r->cfg.volume(r->cfg.ctx, set);
    if (now != r->volume) {
        r->volume = now;
        r->volume_seq++;
        if (!r->cfg.volume)
            NH_IGNORE(nh_timer_arm(r->cfg.sched, &r->save_volume, nh_clock_ms() + VOLUME_SAVE_MS,
                                   0)); // full: it is not kept
    }
    *out = r->volume;
    *seq = r->volume_seq;
}

static void load_volume(nh_lamp_radio_t *r)
{
    uint8_t v;
    r->volume = VOLUME_DEFAULT;
    r->volume_seq = 1;
    if (r->cfg.volume)
        r->volume = r->cfg.volume(r->cfg.ctx, NULL);
    else if (r->cfg.store && nh_store_read(r->cfg.store, VOLUME_DOC, 0, 0, &v, 1) == 1 && v <= 100)
        r->volume = v;
}

// ---- life --------------------------------------------------------------------------------------

static void on_frame(void *ctx, const nh_radio_address_t *from, int8_t rssi_dbm,
                     const uint8_t *bytes, size_t len)
{
    nh_lamp_radio_t *r = ctx;
    nh_radio_lamp_input(r->engine, from, rssi_dbm, bytes, len, nh_clock_ms());
    nh_lamp_radio__arm(r);
    changed(r);
}

static bool is_zero(const nh_radio_address_t *a)
{
    static const nh_radio_address_t zero;
    return memcmp(a, &zero, sizeof zero) == 0;
}

// An address of this lamp alone, one that nobody has bought, the same after each start.
static void find_address(nh_lamp_radio_t *r)
{
    nh_store_t *store = r->cfg.store;
    uint8_t id[3];
    r->address = r->cfg.radio.address;
    if (!is_zero(&r->address))
        return;
    if (!store || nh_store_read(store, ID_DOC, 0, 0, id, sizeof id) != sizeof id) {
        nh_random_bytes(id, sizeof id);
        if (store && nh_store_put(store, ID_DOC, id, sizeof id) < 0)
            NH_LOG_W("lamp", "the radio's address cannot be kept: remotes will not find it again");
    }
    r->address = (nh_radio_address_t){{0x02, 0x4E, 0x48, id[0], id[1], id[2]}};
}

static void load_peers(nh_lamp_radio_t *r)
{
    uint8_t bytes[NH_RADIO_PEERS_BYTES(NH_RADIO_PEER_MAX_COUNT)];
    int len = r->cfg.store ? nh_store_read(r->cfg.store, PEERS_DOC, 0, 0, bytes, sizeof bytes)
                           : NH_ERR_NOT_FOUND;
    int err = len < 0 ? len : nh_radio_lamp_load(r->engine, bytes, (size_t)len);
    nh_wipe(bytes, sizeof bytes); // keys
    if (err == NH_ERR_FULL)
        NH_LOG_W("lamp", "more remotes are kept than peer_max_count: the last are left out");
    else if (err < 0 && err != NH_ERR_NOT_FOUND)
        NH_LOG_E("lamp", "who is paired by radio cannot be read: %s; nobody is", nh_err_text(err));
}

static int make_engine(nh_lamp_radio_t *r)
{
    const struct nh_radio_lamp_config cfg = {.mem = r->cfg.mem,
                                             .address = r->address,
                                             .node = r->cfg.node,
                                             .name = r->cfg.name,
                                             .peer_max_count = r->cfg.peer_max_count,
                                             .allow_v1 = r->cfg.allow_v1,
                                             .effect_count = nh_fx_visible_count(),
                                             .ctx = r,
                                             .effect = get_effect,
                                             .send = send_frame,
                                             .command = post,
                                             .snapshot = take_snapshot,
                                             .volume = volume,
                                             .ota = ota,
                                             .keep = keep,
                                             .random = fill_random,
                                             .clock_us = clock_us,
                                             .changed = changed};
    return nh_radio_lamp_create(&cfg, &r->engine);
}

static int open_radio(nh_lamp_radio_t *r)
{
    struct nh_radio_config cfg = r->cfg.radio;
    // This house's network does not share the radio, so it stays on fallback.
    int err = nh_radio_channel_init(&r->channel, cfg.channel, false, nh_clock_ms());
    cfg.channel = nh_radio_channel_at(&r->channel);
    cfg.loop = r->cfg.loop;
    cfg.mem = r->cfg.mem;
    cfg.address = r->address;
    cfg.ctx = r;
    cfg.input = on_frame;
    return err < 0 ? err : nh_radio_open(&cfg, &r->radio);
}

int nh_lamp_radio_create(const struct nh_lamp_radio_config *cfg, nh_lamp_radio_t **out)
{
    *out = NULL;
    if (cfg->peer_max_count == 0 || cfg->peer_max_count > NH_LAMP_RADIO_PEER_MAX_COUNT)
        return NH_ERR_RANGE;
    nh_lamp_radio_t *r = nh_mem_alloc_zero(cfg->mem, sizeof *r, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->cfg = *cfg;
    r->tick = (nh_timer_t){.fire = on_tick, .ctx = r, .name = "lamp radio"};
    r->save_volume = (nh_timer_t){.fire = on_save_volume, .ctx = r, .name = "lamp volume"};
    find_address(r);
    load_volume(r);
    int err = make_engine(r);
    if (err == 0)
        load_peers(r);
    if (err == 0)
        err = open_radio(r);
    if (err < 0) {
        nh_lamp_radio_destroy(r);
        return err;
    }
    r->cfg.name = NULL; // the engine has a copy
    *out = r;
    return 0;
}

void nh_lamp_radio_destroy(nh_lamp_radio_t *r)
{
    if (!r)
        return;
    if (nh_timer_is_armed(&r->save_volume))
        on_save_volume(r, &r->save_volume, 0);
    nh_timer_cancel(r->cfg.sched, &r->save_volume);
    nh_timer_cancel(r->cfg.sched, &r->tick);
    if (r->engine && r->radio)
        NH_IGNORE(
            nh_radio_lamp_rest(r->engine)); // told by keep(); one frame more at the next start
    nh_radio_close(r->radio);
    nh_radio_lamp_destroy(r->engine);
    nh_mem_free(r->cfg.mem, r);
}

void nh_lamp_radio_state_changed(nh_lamp_radio_t *r)
{
    nh_radio_lamp_state_changed(r->engine, nh_clock_ms());
    nh_lamp_radio__arm(r);
}
