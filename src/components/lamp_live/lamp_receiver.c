#include "components/lamp_live/lamp_receiver_private.h"

#include "components/lamp_live/lamp_artnet.h"
#include "components/lamp_live/lamp_ddp.h"

#include <stdio.h>
#include <string.h>

const char *const nh_lamp_live_protocol_names[] = {
    [NH_LAMP_LIVE_DDP] = "DDP",           [NH_LAMP_LIVE_E131] = "E1.31",
    [NH_LAMP_LIVE_ARTNET] = "Art-Net",    [NH_LAMP_LIVE_WLED] = "WLED UDP",
    [NH_LAMP_LIVE_HYPERION] = "Hyperion", [NH_LAMP_LIVE_TPM2] = "TPM2.NET",
};

const uint16_t nh_lamp_live_port_numbers[] = {
    [NH_LAMP_LIVE_PORT_DDP] = NH_LAMP__DDP_PORT,
    [NH_LAMP_LIVE_PORT_E131] = NH_LAMP__E131_PORT,
    [NH_LAMP_LIVE_PORT_ARTNET] = NH_LAMP__ARTNET_PORT,
    [NH_LAMP_LIVE_PORT_WLED] = NH_LAMP__WLED_PORT,
    [NH_LAMP_LIVE_PORT_HYPERION] = NH_LAMP__HYPERION_PORT,
    [NH_LAMP_LIVE_PORT_NODES] = NH_LAMP_BEACON_PORT,
};

#define US_PER_MS 1000

// ---- life
// ---------------------------------------------------------------------------------------

static const struct {
    uint8_t pixel_bytes;
    uint16_t universe_bytes;
} modes[] = {
    [NH_LAMP_LIVE_RGB] = {3, 510},
    [NH_LAMP_LIVE_RGBW] = {4, 512},
    [NH_LAMP_LIVE_PACKED] = {3, 512},
};

uint16_t nh_lamp_live_universe_count(uint32_t pixel_count, enum nh_lamp_live_mode mode)
{
    uint32_t bytes = pixel_count * modes[mode].pixel_bytes, part = modes[mode].universe_bytes;
    return (uint16_t)((bytes + part - 1) / part);
}

static void take_defaults(struct nh_lamp_receiver_config *c)
{
    c->timeout_ms = c->timeout_ms ? c->timeout_ms : NH_LAMP_LIVE_TIMEOUT_MS;
    c->frame_ms = c->frame_ms ? c->frame_ms : NH_LAMP_LIVE_FRAME_MS;
    c->idle_ms = c->idle_ms ? c->idle_ms : NH_LAMP_LIVE_IDLE_MS;
    c->e131.universe = c->e131.universe ? c->e131.universe : 1;
}

int nh_lamp_receiver_create(const struct nh_lamp_receiver_config *cfg, nh_lamp_receiver_t **out)
{
    *out = NULL;
    if (cfg->pixel_count < 1 || cfg->pixel_count > NH_FX_SIDE_MAX * NH_FX_SIDE_MAX)
        return NH_ERR_RANGE;
    nh_lamp_receiver_t *r = nh_mem_alloc_zero(cfg->mem, sizeof *r, NH_MEM_BULK);
    uint8_t *rgb = nh_mem_alloc_zero(cfg->mem, (size_t)cfg->pixel_count * 3, NH_MEM_BULK);
    if (!r || !rgb) {
        nh_mem_free(cfg->mem, r);
        nh_mem_free(cfg->mem, rgb);
        return NH_ERR_NOMEM;
    }
    r->cfg = *cfg;
    take_defaults(&r->cfg);
    r->rgb = rgb;
    r->is_enabled = true;
    r->e131_count = nh_lamp_live_universe_count(cfg->pixel_count, cfg->e131.mode);
    r->artnet_count = nh_lamp_live_universe_count(cfg->pixel_count, cfg->artnet.mode);
    if (r->cfg.e131.universe + r->e131_count - 1 > NH_LAMP__E131_UNIVERSE_MAX ||
        r->cfg.artnet.universe + r->artnet_count - 1 > NH_LAMP__ARTNET_ADDRESS_MAX) {
        nh_lamp_receiver_destroy(r);
        return NH_ERR_RANGE;
    }
    *out = r;
    return NH_OK;
}

void nh_lamp_receiver_destroy(nh_lamp_receiver_t *r)
{
    if (!r)
        return;
    if (r->owner)
        r->cfg.end(r->cfg.ctx);
    nh_mem_free(r->cfg.mem, r->rgb);
    nh_mem_free(r->cfg.mem, r);
}

// ---- sources
// ---------------------------------------------------------------------------------------

void nh_lamp__count_other(nh_lamp_receiver_t *r, enum nh_lamp_live_protocol p,
                          enum nh_lamp_live_count what)
{
    r->total[p][what]++;
}

void nh_lamp__count(nh_lamp_receiver_t *r, struct nh_lamp__source *s, enum nh_lamp_live_count what)
{
    s->count[what]++;
    r->total[s->protocol][what]++;
}

// A time-out that a source asks for, which may be never, holds the lamp for it and nothing else:
// one that has not got the lamp keeps no place and no refusal by it.
static uint64_t silence_us(const nh_lamp_receiver_t *r, const struct nh_lamp__source *s)
{
    uint32_t ms =
        s == r->owner || s->timeout_ms < r->cfg.timeout_ms ? s->timeout_ms : r->cfg.timeout_ms;
    return (uint64_t)ms * US_PER_MS;
}

static bool is_silent(const nh_lamp_receiver_t *r, const struct nh_lamp__source *s, uint64_t now_us)
{
    return now_us - s->heard_us > silence_us(r, s);
}

static bool is_of(const struct nh_lamp__source *s, const struct nh_lamp__who *who)
{
    if (!s->is_used || s->protocol != who->protocol)
        return false;
    return who->cid ? memcmp(s->cid, who->cid, sizeof s->cid) == 0
                    : strcmp(s->from, who->from) == 0;
}

static struct nh_lamp__source *find(nh_lamp_receiver_t *r, const struct nh_lamp__who *who)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(r->source); i++)
        if (is_of(&r->source[i], who))
            return &r->source[i];
    return NULL;
}

// A free place, or that of the source which has been silent for longest.
static struct nh_lamp__source *make_room(nh_lamp_receiver_t *r, uint64_t now_us)
{
    struct nh_lamp__source *found = NULL;
    for (size_t i = 0; i < NH_ARRAY_LEN(r->source); i++) {
        struct nh_lamp__source *s = &r->source[i];
        if (!s->is_used)
            return s;
        bool may_go = s != r->owner && is_silent(r, s, now_us);
        if (may_go && (!found || s->heard_us < found->heard_us))
            found = s;
    }
    return found;
}

// What a source sent before a pause says nothing of what it sends after it.
static void begin_anew(struct nh_lamp__source *s)
{
    memset(&s->frame, 0, sizeof s->frame);
    s->jitter.newest_us = 0;
    s->jitter.mean_us = 0;
    s->is_refused = false;
}

struct nh_lamp__source *nh_lamp__source_of(nh_lamp_receiver_t *r, const struct nh_lamp__who *who)
{
    struct nh_lamp__source *s = find(r, who);
    if (!s) {
        s = make_room(r, who->now_us);
        if (!s) {
            r->info.source_full_count++;
            return NULL;
        }
        *s = (struct nh_lamp__source){
            .is_used = true, .protocol = who->protocol, .timeout_ms = r->cfg.timeout_ms};
        snprintf(s->from, sizeof s->from, "%s", who->from);
        if (who->cid)
            memcpy(s->cid, who->cid, sizeof s->cid);
    } else if (is_silent(r, s, who->now_us)) {
        begin_anew(s);
    }
    s->priority = who->priority;
    s->heard_us = who->now_us;
    return s;
}

static void let_go(nh_lamp_receiver_t *r)
{
    if (!r->owner)
        return;
    begin_anew(r->owner);
    r->owner = NULL;
    r->cfg.end(r->cfg.ctx);
}

// Another source's frame begins black: what it does not send is dark.
static void take_over(nh_lamp_receiver_t *r, struct nh_lamp__source *s)
{
    r->owner = s;
    begin_anew(s);
    memset(r->rgb, 0, (size_t)r->cfg.pixel_count * 3);
}

bool nh_lamp__source_owns(nh_lamp_receiver_t *r, struct nh_lamp__source *s, uint64_t now_us)
{
    if (r->owner && r->owner == s)
        return true; // switched off, there is none
    if (r->owner && is_silent(r, r->owner, now_us)) {
        r->info.lost_count++;
        let_go(r);
    }
    bool is_stronger = r->owner && s->priority > r->owner->priority;
    if (!r->is_enabled || s->is_refused || (r->owner && !is_stronger)) {
        nh_lamp__count(r, s, NH_LAMP_LIVE_REFUSED);
        return false;
    }
    r->info.takeover_count += is_stronger;
    if (r->owner)
        begin_anew(r->owner);
    take_over(r, s);
    return true;
}

void nh_lamp__source_leave(nh_lamp_receiver_t *r, struct nh_lamp__source *s)
{
    if (r->owner != s)
        return;
    r->info.ended_count++;
    let_go(r);
}

// ---- frames
// ---------------------------------------------------------------------------------------

void nh_lamp__show(nh_lamp_receiver_t *r, struct nh_lamp__source *s, uint64_t now_us)
{
    struct nh_lamp_live_source live = {.protocol = nh_lamp_live_protocol_names[s->protocol],
                                       .priority = s->priority,
                                       .timeout_ms = s->timeout_ms};
    memcpy(live.from, s->from, sizeof live.from);
    int err = r->cfg.show(r->cfg.ctx, &live, r->rgb, r->cfg.pixel_count, now_us / US_PER_MS);
    if (err < 0) {
        nh_lamp__count(r, s, NH_LAMP_LIVE_REFUSED);
        return;
    }
    nh_lamp__count(r, s, NH_LAMP_LIVE_FRAMES);
    nh_lamp_live_jitter_add(&s->jitter, now_us);
}

bool nh_lamp__frame_before(nh_lamp_receiver_t *r, struct nh_lamp__source *s, unsigned what,
                           uint64_t now_us)
{
    if (what & NH_LAMP__LIVE_INCOMPLETE)
        nh_lamp__count(r, s, NH_LAMP_LIVE_INCOMPLETE);
    if (what & NH_LAMP__LIVE_OUT_OF_ORDER)
        nh_lamp__count(r, s, NH_LAMP_LIVE_OUT_OF_ORDER);
    if (what & NH_LAMP__LIVE_SHOW_BEFORE)
        nh_lamp__show(r, s, now_us);
    if (what & NH_LAMP__LIVE_LATE)
        nh_lamp__count(r, s, NH_LAMP_LIVE_LATE);
    return !(what & NH_LAMP__LIVE_LATE);
}

void nh_lamp__frame_after(nh_lamp_receiver_t *r, struct nh_lamp__source *s, unsigned what,
                          uint64_t now_us)
{
    if (what & NH_LAMP__LIVE_SHOW)
        nh_lamp__show(r, s, now_us);
}

static uint8_t add_white(uint8_t a, uint8_t w)
{
    return (uint8_t)(a + w > 255 ? 255 : a + w);
}

static bool write_rgbw(nh_lamp_receiver_t *r, uint64_t first, nh_span_t data)
{
    size_t count = data.len / 4;
    for (size_t i = 0; i < count && first + i < r->cfg.pixel_count; i++) {
        uint8_t *to = r->rgb + (first + i) * 3;
        const uint8_t *from = data.ptr + i * 4;
        for (size_t k = 0; k < 3; k++)
            to[k] = add_white(from[k], from[3]);
    }
    return first < r->cfg.pixel_count;
}

bool nh_lamp__write(nh_lamp_receiver_t *r, uint64_t offset_bytes, nh_span_t data,
                    uint8_t pixel_bytes)
{
    size_t cap = (size_t)r->cfg.pixel_count * 3;
    if (pixel_bytes == 4)
        return write_rgbw(r, offset_bytes / 4, data);
    if (offset_bytes >= cap)
        return false;
    size_t len = data.len < cap - offset_bytes ? data.len : cap - (size_t)offset_bytes;
    if (len > 0)
        memcpy(r->rgb + offset_bytes, data.ptr, len);
    return true;
}

// ---- time
// ---------------------------------------------------------------------------------------

static bool has_set(const struct nh_lamp__source *s)
{
    return s->protocol == NH_LAMP_LIVE_E131 || s->protocol == NH_LAMP_LIVE_ARTNET;
}

static uint64_t lost_us(const struct nh_lamp__source *s)
{
    return s->heard_us + (uint64_t)s->timeout_ms * US_PER_MS + 1;
}

uint64_t nh_lamp_receiver_next_deadline_us(const nh_lamp_receiver_t *r)
{
    const struct nh_lamp__source *s = r->owner;
    if (!s)
        return NH_NEVER;
    uint64_t frame = has_set(s)
                         ? nh_lamp__set_deadline_us(&s->frame.set, r->cfg.frame_ms * US_PER_MS)
                         : nh_lamp__range_deadline_us(&s->frame.range, r->cfg.idle_ms * US_PER_MS);
    return frame < lost_us(s) ? frame : lost_us(s);
}

void nh_lamp_receiver_tick(nh_lamp_receiver_t *r, uint64_t now_us)
{
    struct nh_lamp__source *s = r->owner;
    if (!s)
        return;
    if (now_us >= lost_us(s)) {
        r->info.lost_count++;
        let_go(r);
        return;
    }
    unsigned what = has_set(s)
                        ? nh_lamp__set_tick(&s->frame.set, now_us, r->cfg.frame_ms * US_PER_MS)
                        : nh_lamp__range_tick(&s->frame.range, now_us, r->cfg.idle_ms * US_PER_MS);
    if (nh_lamp__frame_before(r, s, what, now_us))
        nh_lamp__frame_after(r, s, what, now_us);
}

void nh_lamp_receiver_input(nh_lamp_receiver_t *r, enum nh_lamp_live_port at, const uint8_t *bytes,
                            size_t len, const char *address, uint16_t port, uint64_t now_us)
{
    nh_lamp_receiver_tick(r, now_us); // what was due before it
    nh_lamp__receive(r, at, (nh_span_t){bytes, len}, address, port, now_us);
}

// ---- from outside
// ---------------------------------------------------------------------------------------

void nh_lamp_receiver_enable(nh_lamp_receiver_t *r, bool enabled, uint64_t now_us)
{
    (void)now_us;
    r->is_enabled = enabled;
    if (!enabled)
        let_go(r);
}

bool nh_lamp_receiver_release(nh_lamp_receiver_t *r, uint64_t now_us)
{
    struct nh_lamp__source *s = r->owner;
    if (!s)
        return false;
    let_go(r);
    s->is_refused = !is_silent(r, s, now_us);
    return true;
}

void nh_lamp_receiver_info(const nh_lamp_receiver_t *r, struct nh_lamp_receiver_info *out)
{
    *out = r->info;
    out->is_enabled = r->is_enabled;
    out->live = -1;
    out->source_count = out->node_count = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(r->source); i++) {
        if (!r->source[i].is_used)
            continue;
        if (&r->source[i] == r->owner)
            out->live = (int)out->source_count;
        out->source_count++;
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(r->node); i++)
        out->node_count += r->node[i].heard_us > 0;
}

void nh_lamp_receiver_source(const nh_lamp_receiver_t *r, uint32_t index, uint64_t now_us,
                             struct nh_lamp_live_source_info *out)
{
    const struct nh_lamp__source *s = r->source; // places fill up from the first one, and stay
    s += index;
    *out = (struct nh_lamp_live_source_info){
        .protocol = nh_lamp_live_protocol_names[s->protocol],
        .priority = s->priority,
        .is_live = s == r->owner,
        .is_refused = s->is_refused,
        .idle_ms = (uint32_t)((now_us - s->heard_us) / US_PER_MS),
        .interval_us = s->jitter.mean_us,
        .jitter_us = nh_lamp_live_jitter_mean_us(&s->jitter),
        .jitter_max_us = s->jitter.max_us,
        .jitter_p99_us = nh_lamp_live_jitter_pct_us(&s->jitter, 99),
    };
    memcpy(out->from, s->from, sizeof out->from);
    memcpy(out->name, s->name, sizeof out->name);
    memcpy(out->count, s->count, sizeof out->count);
}

void nh_lamp_receiver_node(const nh_lamp_receiver_t *r, uint32_t index, uint64_t now_us,
                           struct nh_lamp_live_node_info *out)
{
    const struct nh_lamp__node *n = &r->node[index];
    *out = (struct nh_lamp_live_node_info){
        .is_on = n->beacon.is_on, .idle_ms = (uint32_t)((now_us - n->heard_us) / US_PER_MS)};
    memcpy(out->ip, n->beacon.ip, sizeof out->ip);
    memcpy(out->name, n->beacon.name, sizeof out->name);
}

const uint64_t *nh_lamp_receiver_counts(const nh_lamp_receiver_t *r,
                                        enum nh_lamp_live_protocol protocol)
{
    return r->total[protocol];
}
