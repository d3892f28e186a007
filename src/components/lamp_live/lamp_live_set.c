#include "components/lamp_live/lamp_live_set.h"

#include <string.h>

// Frames that are cut in a row until the sender is believed to send less. Without numbers packets
// that were lost cannot be told from those that were not sent: then it takes more.
#define BAD_MAX 8
#define BAD_UNNUMBERED_MAX 12
#define GOOD_MAX 16
#define OLD_MAX 20 // a packet that is further behind is of a sender that began anew
#define SYNC_US 4000000

static bool has(const uint32_t *b, uint16_t i)
{
    return b[i / 32] >> i % 32 & 1;
}

static void put(uint32_t *b, uint16_t i)
{
    b[i / 32] |= 1U << i % 32;
}

static bool is_none(const uint32_t *b)
{
    uint32_t any = 0;
    for (size_t i = 0; i < NH_LAMP__SET_WORDS; i++)
        any |= b[i];
    return any == 0;
}

static bool covers(const uint32_t *b, const uint32_t *of)
{
    for (size_t i = 0; i < NH_LAMP__SET_WORDS; i++)
        if (of[i] & ~b[i])
            return false;
    return true;
}

// How far a number is from another one, around the end.
static int ahead_of(const struct nh_lamp__set_packet *p, uint8_t before)
{
    int mod = p->sequence_mod, d = (p->sequence - before) % mod;
    d = d < 0 ? d + mod : d;
    return d > mod / 2 ? d - mod : d;
}

static uint8_t step_of(const struct nh_lamp__set *s, const struct nh_lamp__set_packet *p)
{
    return (uint8_t)((p->sequence - s->whole[p->index] + p->sequence_mod) % p->sequence_mod);
}

// ---- the frame under way
// ---------------------------------------------------------------------------------------

static void frame_reset(struct nh_lamp__set *s)
{
    memset(s->got, 0, sizeof s->got);
    s->has_step = false;
}

static void learn(struct nh_lamp__set *s)
{
    memcpy(s->expect, s->got, sizeof s->expect);
    s->has_expect = true;
}

// As learn(), once it was seen twice: of a first frame nobody knows whether all of it came.
static bool learn_twice(struct nh_lamp__set *s)
{
    bool is_same = memcmp(s->got, s->seen_once, sizeof s->got) == 0;
    memcpy(s->seen_once, s->got, sizeof s->got);
    if (is_same)
        learn(s);
    return is_same;
}

// It is whole: from its numbers those of later frames are counted.
static unsigned frame_whole(struct nh_lamp__set *s)
{
    for (size_t i = 0; i < NH_LAMP__SET_WORDS; i++)
        s->known[i] = s->got[i] & s->seen[i];
    memcpy(s->whole, s->last, sizeof s->whole);
    s->is_ordered = s->is_ordered || !s->is_loose;
    s->bad_count = 0;
    s->has_gap = false;
    s->good_count = (uint8_t)(s->good_count < GOOD_MAX ? s->good_count + 1 : GOOD_MAX);
    if (s->good_count >= GOOD_MAX)
        s->is_loose = false;
    frame_reset(s);
    return NH_LAMP__LIVE_SHOW;
}

static void become_loose(struct nh_lamp__set *s)
{
    s->is_loose = true;
    s->is_unordered = !s->is_ordered;
    s->bad_count = 0;
    memset(s->known, 0, sizeof s->known);
    learn(s);
}

// It ends without being whole. A number that was left out says that packets were lost, and nothing
// of what the sender sends.
static unsigned frame_cut(struct nh_lamp__set *s, unsigned show)
{
    int bad_max = is_none(s->seen) ? BAD_UNNUMBERED_MAX : BAD_MAX;
    s->good_count = 0;
    s->bad_count = s->has_gap ? 1 : (uint8_t)(s->bad_count + 1);
    if (s->has_gap && s->is_loose) {
        s->is_loose = false;
        s->has_expect = false;
    }
    s->has_gap = false;
    if (!s->is_loose && s->bad_count >= bad_max)
        become_loose(s);
    frame_reset(s);
    return s->is_loose ? show : NH_LAMP__LIVE_INCOMPLETE;
}

// ---- packets
// ---------------------------------------------------------------------------------------

enum belongs { BELONGS_HERE, BELONGS_NEXT, BELONGS_BEFORE };

static enum belongs by_number(struct nh_lamp__set *s, const struct nh_lamp__set_packet *p)
{
    uint8_t step = step_of(s, p);
    if (!s->has_step) {
        s->has_step = true;
        s->step = step;
        return BELONGS_HERE;
    }
    if (step == s->step)
        return BELONGS_HERE;
    int d = (step - s->step + p->sequence_mod) % p->sequence_mod;
    return d > p->sequence_mod / 2 ? BELONGS_BEFORE : BELONGS_NEXT;
}

static enum belongs frame_of(struct nh_lamp__set *s, const struct nh_lamp__set_packet *p)
{
    if (has(s->got, p->index))
        return BELONGS_NEXT;
    if (s->is_loose)
        return BELONGS_HERE;
    if (p->has_sequence && has(s->known, p->index))
        return by_number(s, p);
    bool is_back = p->index < s->newest && !is_none(s->got) && !s->is_unordered;
    return is_back ? BELONGS_NEXT : BELONGS_HERE;
}

static bool is_old(const struct nh_lamp__set *s, const struct nh_lamp__set_packet *p)
{
    if (!p->has_sequence || !has(s->seen, p->index))
        return false;
    int ahead = ahead_of(p, s->last[p->index]);
    return ahead <= 0 && ahead > -OLD_MAX;
}

static void note(struct nh_lamp__set *s, const struct nh_lamp__set_packet *p)
{
    s->newest = p->index;
    if (!p->has_sequence)
        return;
    int ahead = has(s->seen, p->index) ? ahead_of(p, s->last[p->index]) : 0;
    if (ahead > 0 && (s->usual_step == 0 || ahead < s->usual_step))
        s->usual_step = (uint8_t)ahead;
    s->has_gap = s->has_gap || ahead > s->usual_step;
    put(s->seen, p->index);
    s->last[p->index] = p->sequence;
}

// One more universe than the sender was believed to send, right behind a whole frame: it belongs to
// that.
static bool is_rest(struct nh_lamp__set *s, const struct nh_lamp__set_packet *p)
{
    bool is_new = s->has_expect && !has(s->expect, p->index);
    bool is_rest = is_new && is_none(s->got) && !s->is_loose && p->index > s->newest;
    if (is_new)
        put(s->expect, p->index);
    if (is_rest && p->has_sequence) {
        put(s->known, p->index);
        s->whole[p->index] = p->sequence;
    }
    return is_rest;
}

static bool is_all(const struct nh_lamp__set *s, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        if (!has(s->got, i))
            return false;
    return true;
}

static unsigned begin_next(struct nh_lamp__set *s, const struct nh_lamp__set_packet *p)
{
    // All that came until a universe comes again is what a sender sends.
    if (!s->has_expect && has(s->got, p->index))
        NH_IGNORE(learn_twice(s)); // this one is not shown either way
    unsigned what = frame_cut(s, NH_LAMP__LIVE_SHOW_BEFORE);
    NH_IGNORE(frame_of(s, p)); // for its step
    return what;
}

unsigned nh_lamp__set_input(struct nh_lamp__set *s, const struct nh_lamp__set_packet *p,
                            uint64_t now_us)
{
    enum belongs belongs = is_old(s, p) ? BELONGS_BEFORE : frame_of(s, p);
    if (belongs == BELONGS_BEFORE)
        return NH_LAMP__LIVE_LATE;
    unsigned what = belongs == BELONGS_NEXT ? begin_next(s, p) : 0;
    bool is_shown = is_rest(s, p);
    note(s, p);
    if (is_shown)
        return what | NH_LAMP__LIVE_SHOW;
    if (is_none(s->got))
        s->began_us = now_us;
    put(s->got, p->index);
    bool is_whole = s->has_expect ? covers(s->got, s->expect) : is_all(s, p->count);
    if (!is_whole || now_us < s->synced_us)
        return what;
    learn(s);
    return what | frame_whole(s);
}

unsigned nh_lamp__set_sync(struct nh_lamp__set *s, uint64_t now_us)
{
    s->synced_us = now_us + SYNC_US;
    if (is_none(s->got))
        return 0;
    bool is_whole = s->has_expect ? covers(s->got, s->expect) : learn_twice(s);
    return is_whole ? frame_whole(s) : frame_cut(s, NH_LAMP__LIVE_SHOW);
}

uint64_t nh_lamp__set_deadline_us(const struct nh_lamp__set *s, uint64_t frame_us)
{
    uint64_t at = s->began_us + frame_us;
    if (is_none(s->got))
        return NH_NEVER;
    return at > s->synced_us ? at : s->synced_us;
}

unsigned nh_lamp__set_tick(struct nh_lamp__set *s, uint64_t now_us, uint64_t frame_us)
{
    if (now_us < nh_lamp__set_deadline_us(s, frame_us))
        return 0;
    if (!s->has_expect && learn_twice(s))
        return frame_whole(s);
    return frame_cut(s, NH_LAMP__LIVE_SHOW);
}
