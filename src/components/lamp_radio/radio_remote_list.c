// The effect list: fetched in pieces, checked as a whole, and only then taken in place of the old.

#include "components/lamp_radio/radio_remote_state.h"
#include "core/base/crc.h"

#include <string.h>

#define RESTART_MAX_COUNT 8

int nh_radio_remote_sync(nh_radio_remote_t *r, uint64_t now_ms)
{
    if (r->lamp_count == 0)
        return NH_ERR_NOT_FOUND;
    if (r->pair.phase != NH_RADIO__PAIR_OFF)
        return NH_ERR_BUSY;
    if (r->sync.is_on)
        return 0;
    r->sync = (struct nh_radio__sync){.is_on = true};
    nh_radio_remote__go_on(r, now_ms);
    return 0;
}

void nh_radio_remote__sync_end(nh_radio_remote_t *r, int err)
{
    const struct nh_radio_remote_event e = {.kind = NH_RADIO_REMOTE_LIST, .err = err};
    if (!r->sync.is_on)
        return;
    r->sync.is_on = false;
    r->info.sync_count += err == 0;
    nh_radio_remote__event(r, &e);
}

// Ends the exchange that `f` answers. False: it answers none.
static bool answers(nh_radio_remote_t *r, enum nh_radio__ask ask, const struct nh_radio_frame *f)
{
    if (r->exchange.ask != ask || r->exchange.seq != f->head.seq)
        return false;
    r->exchange.ask = NH_RADIO__NOTHING;
    nh_radio_remote__answered(r);
    return true;
}

// From the start, with what the lamp says then; the old list stays.
static void restart(nh_radio_remote_t *r)
{
    r->sync.count = r->sync.next = 0;
    r->info.sync_restart_count++;
    if (r->sync.restart_count++ == RESTART_MAX_COUNT)
        nh_radio_remote__sync_end(r, NH_ERR_CORRUPT);
}

static void take_list(nh_radio_remote_t *r)
{
    uint8_t *list = r->staged;
    r->staged = r->list;
    r->list = list;
    r->list_count = r->sync.count;
    r->info.list_crc = r->sync.crc;
    r->has_list = true;
    if (r->cfg.keep_list)
        r->cfg.keep_list(r->cfg.ctx, list, r->list_count, r->sync.crc);
    nh_radio_remote__sync_end(r, 0);
}

static void check_list(nh_radio_remote_t *r)
{
    size_t bytes = (size_t)r->sync.count * NH_RADIO_RECORD_BYTES;
    if (nh_crc32(0, r->staged, bytes) == r->sync.crc)
        take_list(r);
    else
        restart(r);
}

void nh_radio_remote__meta(nh_radio_remote_t *r, const struct nh_radio_frame *f, uint64_t now_ms)
{
    const struct nh_radio_hello *h = &f->u.hello;
    (void)now_ms;
    if (!answers(r, NH_RADIO__META, f))
        return;
    bool is_same = r->has_list && r->list_count == h->count && r->info.list_crc == h->crc;
    r->sync.count = h->count;
    r->sync.crc = h->crc;
    r->sync.next = 0;
    if (is_same)
        nh_radio_remote__sync_end(r, 0);
    else if (h->count > NH_RADIO_REMOTE_LIST_MAX_COUNT)
        nh_radio_remote__sync_end(r, NH_ERR_FULL);
    else if (h->count == 0)
        check_list(r);
}

void nh_radio_remote__chunk(nh_radio_remote_t *r, const struct nh_radio_frame *f, uint64_t now_ms)
{
    const struct nh_radio_hello *h = &f->u.hello;
    (void)now_ms;
    if (!answers(r, NH_RADIO__CHUNK, f))
        return;
    bool is_next =
        h->start == r->sync.next && h->count > 0 && (uint32_t)h->start + h->count <= r->sync.count;
    if (h->crc != r->sync.crc || !is_next) { // the lamp has another list by now
        restart(r);
        return;
    }
    memcpy(r->staged + (size_t)h->start * NH_RADIO_RECORD_BYTES, h->records,
           (size_t)h->count * NH_RADIO_RECORD_BYTES);
    r->sync.next = (uint16_t)(h->start + h->count);
    if (r->sync.next == r->sync.count)
        check_list(r);
}
