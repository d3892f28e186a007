#include "components/lamp_radio/radio_guard.h"

void nh_radio_guard_init(nh_radio_guard_t *g, uint64_t kept_sent, uint64_t kept_received)
{
    *g = (nh_radio_guard_t){.next = kept_sent ? kept_sent : 1,
                            .high = kept_received,
                            .seen = UINT64_MAX,
                            .kept_sent = kept_sent,
                            .kept_received = kept_received};
}

bool nh_radio_guard_reserve_send(nh_radio_guard_t *g)
{
    if (g->next < g->kept_sent)
        return false;
    g->kept_sent = g->next + NH_RADIO_SEND_STEP;
    return true;
}

bool nh_radio_guard_reserve_receive(nh_radio_guard_t *g, uint64_t counter)
{
    if (counter <= g->kept_received)
        return false;
    g->kept_received =
        counter < UINT64_MAX - NH_RADIO_RECEIVE_STEP ? counter + NH_RADIO_RECEIVE_STEP : UINT64_MAX;
    return true;
}

uint64_t nh_radio_guard_send(nh_radio_guard_t *g)
{
    return g->next++;
}

enum nh_radio_guard_answer nh_radio_guard_check(const nh_radio_guard_t *g, uint64_t counter)
{
    if (counter > g->high)
        return NH_RADIO_FRESH;
    uint64_t behind = g->high - counter;
    if (behind >= NH_RADIO_WINDOW)
        return NH_RADIO_TOO_OLD;
    return g->seen >> behind & 1 ? NH_RADIO_SEEN : NH_RADIO_FRESH;
}

uint32_t nh_radio_guard_take(nh_radio_guard_t *g, uint64_t counter)
{
    if (counter <= g->high) {
        g->seen |= (uint64_t)1 << (g->high - counter);
        return 0;
    }
    uint64_t ahead = counter - g->high;
    g->seen = ahead < NH_RADIO_WINDOW ? g->seen << ahead | 1 : 1;
    g->high = counter;
    return ahead - 1 < UINT32_MAX ? (uint32_t)(ahead - 1) : UINT32_MAX;
}

void nh_radio_guard_rest(nh_radio_guard_t *g)
{
    g->kept_sent = g->next;
    g->kept_received = g->high;
}

void nh_radio_guard_skip(nh_radio_guard_t *g, uint64_t counter)
{
    if (counter >= g->next && counter < UINT64_MAX)
        g->next = counter + 1;
}
