#include "components/lamp_live/lamp_live_range.h"

#include "components/lamp_live/lamp_ddp.h"

#define OLD_MAX 5 // further behind than this is no late packet but a sender that began anew
#define LESS_MAX 8
// So many frames in a row that are not whole, and no packet missing by its number: whatever the
// sender does, it is better seen than not.
#define BAD_MAX 8

static void frame_reset(struct nh_lamp__range *r)
{
    r->packet_count = 0;
    r->lo = r->hi = r->sum = 0;
    r->is_pushed = false;
    r->missing = 0;
    r->step_count = 0;
}

static uint64_t first_of_frame(const struct nh_lamp__range *r)
{
    return r->has_full ? r->full_lo : 0;
}

// Whether what is there covers what a frame of this sender does.
static bool is_covered(const struct nh_lamp__range *r)
{
    bool has_hole = r->sum < r->hi - r->lo;
    if (has_hole)
        return false;
    if (!r->has_full)
        return r->lo == 0;
    return r->full_packets == 1 || (r->lo <= r->full_lo && r->hi >= r->full_hi);
}

// A frame that covers less than the one before is one of a sender that has come to send less when
// it is not the only one.
static bool is_less_again(struct nh_lamp__range *r)
{
    bool is_same = r->less_count > 0 && r->less_lo == r->lo && r->less_hi == r->hi;
    r->less_lo = r->lo;
    r->less_hi = r->hi;
    r->less_count = is_same ? (uint8_t)(r->less_count + 1) : 1;
    return r->less_count >= LESS_MAX && r->sum >= r->hi - r->lo;
}

// Numbers that never made a frame do not mean what they seem to.
static void count_bad(struct nh_lamp__range *r)
{
    r->bad_count = (uint8_t)(r->bad_count < BAD_MAX ? r->bad_count + 1 : BAD_MAX);
    if (r->bad_count >= BAD_MAX && r->missing > 0 && !r->has_counted)
        r->counting = NH_LAMP__COUNTS_UNKNOWN;
}

static void full_set(struct nh_lamp__range *r)
{
    r->has_full = true;
    r->full_lo = r->lo;
    r->full_hi = r->hi;
    r->full_packets = r->packet_count;
    r->less_count = 0;
}

static bool is_taken(struct nh_lamp__range *r)
{
    if (r->missing > 0)
        return false;
    if (is_covered(r) || is_less_again(r)) {
        full_set(r);
        r->has_counted =
            r->has_counted || (r->counting == NH_LAMP__COUNTS_PACKETS && r->packet_count > 1);
        return true;
    }
    // A part, every packet of it accounted for, says nothing of how large a frame is.
    return (r->counting == NH_LAMP__COUNTS_PACKETS && r->has_full) || r->bad_count >= BAD_MAX;
}

// Ends the frame under way: as one to show or not.
static unsigned frame_end(struct nh_lamp__range *r, unsigned show)
{
    bool is_good = is_taken(r);
    if (!is_good)
        count_bad(r);
    else if (r->less_count == 0)
        r->bad_count = 0;
    frame_reset(r);
    return is_good ? show : NH_LAMP__LIVE_INCOMPLETE;
}

static void frame_add(struct nh_lamp__range *r, const struct nh_lamp__range_packet *p,
                      uint64_t now_us)
{
    uint64_t end = p->offset + p->len;
    if (p->len > 0) {
        r->lo = r->sum == 0 || p->offset < r->lo ? p->offset : r->lo;
        r->hi = r->sum == 0 || end > r->hi ? end : r->hi;
    }
    r->sum += p->len;
    r->packet_count++;
    r->last_us = now_us;
    r->last_offset = p->offset;
}

static bool overlaps(const struct nh_lamp__range *r, const struct nh_lamp__range_packet *p)
{
    return r->packet_count > 0 && p->len > 0 && p->offset < r->hi && p->offset + p->len > r->lo;
}

// Whether a packet with another number than the one before, `ahead` of it, is of another frame.
static bool is_of_next(const struct nh_lamp__range *r, uint8_t ahead)
{
    if (r->is_pushed && ahead > 0)
        return true;
    return r->counting == NH_LAMP__COUNTS_FRAMES && ahead > 0;
}

// What the sequence number says. LATE: the packet is not to be used.
struct judged {
    unsigned what;
    bool is_next, is_fill;
    uint8_t ahead;
};

static struct judged judge_old(struct nh_lamp__range *r, uint8_t behind)
{
    // Of the frame under way, and one that was missed.
    bool is_fill = r->counting == NH_LAMP__COUNTS_PACKETS && r->packet_count > 0 &&
                   r->missing > 0 && behind <= r->step_count;
    return (struct judged){.what = is_fill ? NH_LAMP__LIVE_OUT_OF_ORDER : NH_LAMP__LIVE_LATE,
                           .is_fill = is_fill};
}

static struct judged judge(struct nh_lamp__range *r, const struct nh_lamp__range_packet *p)
{
    struct judged j = {0};
    if (p->sequence == 0 || r->sequence == 0)
        return j;
    j.ahead = nh_lamp__ddp_distance(p->sequence, r->sequence);
    uint8_t behind = (uint8_t)(NH_LAMP__DDP_SEQUENCE_MAX - j.ahead);
    if (j.ahead > 0 && behind <= OLD_MAX)
        return judge_old(r, behind);
    if (j.ahead == 0 && p->offset == r->last_offset && r->counting != NH_LAMP__COUNTS_UNKNOWN) {
        j.what = NH_LAMP__LIVE_LATE; // the same packet twice
        return j;
    }
    if (j.ahead == 0 && r->has_counted)
        j.ahead = NH_LAMP__DDP_SEQUENCE_MAX; // all around: so many were lost
    else if (j.ahead == 0 && p->offset != r->last_offset)
        r->counting = NH_LAMP__COUNTS_FRAMES;
    else if (j.ahead == 1 && r->packet_count > 0 && !r->is_pushed && !overlaps(r, p) &&
             r->counting == NH_LAMP__COUNTS_UNKNOWN)
        r->counting = NH_LAMP__COUNTS_PACKETS;
    j.is_next = is_of_next(r, j.ahead);
    return j;
}

// How many packets are missing before this one, by their numbers.
static void count_missing(struct nh_lamp__range *r, const struct nh_lamp__range_packet *p,
                          const struct judged *j)
{
    if (j->is_fill) {
        r->missing--;
        return;
    }
    if (p->sequence)
        r->sequence = p->sequence;
    if (r->counting != NH_LAMP__COUNTS_PACKETS || j->ahead == 0)
        return;
    // What begins at the beginning has nothing missing before it.
    if (r->packet_count == 0 && p->offset <= first_of_frame(r))
        return;
    r->step_count = (uint16_t)(r->step_count + j->ahead - (r->packet_count == 0));
    r->missing = (uint16_t)(r->missing + j->ahead - 1);
}

// The push, or the packet that the pushed frame waited for.
static unsigned pushed(struct nh_lamp__range *r)
{
    bool waits = r->sequence != 0 && r->missing > 0;
    r->is_pushed = true;
    return waits ? 0 : frame_end(r, NH_LAMP__LIVE_SHOW);
}

// A sender that does not push has sent as much as it did the last time.
static bool is_at_end(const struct nh_lamp__range *r)
{
    return !r->pushes && r->has_full && r->sum >= r->hi - r->lo && r->lo <= r->full_lo &&
           r->hi >= r->full_hi;
}

// More behind what was taken for the end of a frame: frames are longer than it seemed.
static bool is_longer(const struct nh_lamp__range *r, const struct nh_lamp__range_packet *p)
{
    return !r->pushes && r->packet_count == 0 && r->has_full && r->full_packets > 0 &&
           p->offset == r->full_hi;
}

// A packet of the next frame ends the one under way.
static unsigned begin_next(struct nh_lamp__range *r)
{
    if (!r->pushes)
        return frame_end(r, NH_LAMP__LIVE_SHOW_BEFORE);
    count_bad(r); // its push, or what it waited for, did not come
    frame_reset(r);
    return NH_LAMP__LIVE_INCOMPLETE;
}

static unsigned add_longer(struct nh_lamp__range *r, const struct nh_lamp__range_packet *p)
{
    if (p->sequence)
        r->sequence = p->sequence;
    r->full_hi += p->len;
    r->full_packets++;
    r->last_offset = p->offset;
    return NH_LAMP__LIVE_SHOW;
}

unsigned nh_lamp__range_input(struct nh_lamp__range *r, const struct nh_lamp__range_packet *p,
                              uint64_t now_us)
{
    struct judged j = judge(r, p);
    unsigned what = j.what;
    if (what & NH_LAMP__LIVE_LATE)
        return what;
    if (!j.is_fill && r->packet_count > 0 && (j.is_next || overlaps(r, p)))
        what |= begin_next(r);
    if (is_longer(r, p))
        return what | add_longer(r, p);
    count_missing(r, p, &j);
    r->pushes = r->pushes || p->is_push;
    if (p->len == 0 && r->packet_count == 0)
        return what; // a push of nothing
    frame_add(r, p, now_us);
    if (p->is_push || r->is_pushed)
        return what | pushed(r);
    return is_at_end(r) ? what | frame_end(r, NH_LAMP__LIVE_SHOW) : what;
}

// Who counts and pushes needs no clock: its numbers tell what belongs together.
uint64_t nh_lamp__range_deadline_us(const struct nh_lamp__range *r, uint64_t idle_us)
{
    bool needs_clock = !r->pushes || r->sequence == 0;
    return r->packet_count > 0 && needs_clock ? r->last_us + idle_us : NH_NEVER;
}

unsigned nh_lamp__range_tick(struct nh_lamp__range *r, uint64_t now_us, uint64_t idle_us)
{
    if (now_us < nh_lamp__range_deadline_us(r, idle_us))
        return 0;
    return r->pushes ? begin_next(r) : frame_end(r, NH_LAMP__LIVE_SHOW);
}
