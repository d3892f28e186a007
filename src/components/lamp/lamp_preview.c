// The picture for pages: the composed canvas in binary messages of the feed, docs/lamp.md.
//
// The render task gives a frame when somebody asked lately and it is another one. A frame that does
// not fit into a message goes in rows; until its last watcher has them, or has had its time, the
// next frame is not taken, so that no picture is put together from two.

#include "components/lamp/lamp_private.h"

#include <string.h>

#define HEAD_BYTES 15 // without the channel, which the feed puts before it
#define LAYOUT 1
#define PIN_MAX_MS 200
#define RATE_MAX_FPS 60u
_Static_assert(HEAD_BYTES + NH_FX_SIDE_MAX * 3 <= NH_FEED_BYTES_MIN, "a row fits");

// A version: the number of the frame, and how many of its rows are sent.
static uint64_t version_of(uint32_t number, uint32_t rows)
{
    return (uint64_t)number << 16 | rows;
}

static uint64_t preview_version(void *ctx)
{
    nh_lamp_t *l = ctx;
    uint64_t now_ms = l->clock_ms();
    nh_lock_acquire(&l->lock);
    struct nh_lamp__preview *p = &l->preview;
    p->asked_ms = now_ms;
    if (p->is_pinned && now_ms - p->pinned_ms > PIN_MAX_MS)
        p->is_pinned = false; // who reads so slowly begins anew
    uint64_t version = version_of(p->number, l->cfg.height);
    nh_lock_release(&l->lock);
    return version;
}

static uint8_t *put_u16(uint8_t *out, uint32_t v)
{
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
    return out + 2;
}

static void put_head(const nh_lamp_t *l, uint8_t *out, uint32_t first, uint32_t rows)
{
    const struct nh_lamp__preview *p = &l->preview;
    bool is_last = first + rows == l->cfg.height;
    out[0] = LAYOUT;
    out[1] = (uint8_t)(p->flags | (is_last ? NH_LAMP__PREVIEW_LAST : 0));
    out[2] = p->brightness;
    out = put_u16(out + 3, l->cfg.width);
    out = put_u16(out, l->cfg.height);
    out = put_u16(out, p->number & 0xFFFF);
    out = put_u16(out, p->number >> 16);
    out = put_u16(out, first);
    put_u16(out, rows);
}

static void put_pixels(const nh_px_t *px, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++, out += 3) {
        out[0] = (uint8_t)(px[i] >> 16);
        out[1] = (uint8_t)(px[i] >> 8);
        out[2] = (uint8_t)px[i];
    }
}

static size_t preview_write(void *ctx, uint8_t *buf, size_t cap, uint64_t since, uint64_t *version)
{
    nh_lamp_t *l = ctx;
    uint32_t width = l->cfg.width, height = l->cfg.height;
    nh_lock_acquire(&l->lock);
    struct nh_lamp__preview *p = &l->preview;
    bool goes_on = since >> 16 == p->number && (since & 0xFFFF) < height;
    uint32_t first = goes_on ? (uint32_t)(since & 0xFFFF) : 0;
    uint32_t rows = (uint32_t)((cap - HEAD_BYTES) / (width * 3));
    rows = rows < height - first ? rows : height - first;
    put_head(l, buf, first, rows);
    put_pixels(p->px + (size_t)first * width, (size_t)rows * width, buf + HEAD_BYTES);
    *version = version_of(p->number, first + rows);
    bool was_pinned = p->is_pinned;
    p->is_pinned = first + rows < height;
    if (p->is_pinned && !was_pinned)
        p->pinned_ms = l->clock_ms();
    nh_lock_release(&l->lock);
    return HEAD_BYTES + (size_t)rows * width * 3;
}

nh_feed_part_t nh_lamp__preview_part(nh_lamp_t *l)
{
    uint32_t fps = l->cfg.fps < RATE_MAX_FPS ? l->cfg.fps : RATE_MAX_FPS;
    return (nh_feed_part_t){.name = "lamp_preview",
                            .min_interval_ms = 1000 / fps,
                            .version = preview_version,
                            .ctx = l,
                            .is_for_operators = true,
                            .channel = NH_LAMP_PREVIEW_CHANNEL,
                            .write_bytes = preview_write};
}
