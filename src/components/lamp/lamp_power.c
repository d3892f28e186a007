#include "components/lamp/lamp_power.h"

void nh_lamp__power_init(nh_lamp__power_t *p)
{
    *p = (nh_lamp__power_t){.step = NH_LAMP__IS_OFF, .due_ms = NH_NEVER};
}

static void go(nh_lamp__power_t *p, enum nh_lamp__step step)
{
    p->step = step;
    p->due_ms = NH_NEVER;
}

static void wait(nh_lamp__power_t *p, enum nh_lamp__step step, uint64_t now_ms, uint64_t ms)
{
    p->step = step;
    p->due_ms = nh_ms_after(now_ms, ms);
}

static void fail(nh_lamp__power_t *p, int error, const char *why)
{
    p->has_failed = true;
    p->error = error;
    p->why = why;
}

static void begin_switch(nh_lamp__power_t *p, enum nh_lamp__step step)
{
    p->tries = 0;
    go(p, step);
}

void nh_lamp__power_want(nh_lamp__power_t *p, bool on, uint64_t now_ms)
{
    (void)now_ms;
    p->wanted = on;
    p->has_failed = false;
}

// ---- waiting

// Where nothing is left to do but what is wanted is another.
static void follow_wish(nh_lamp__power_t *p)
{
    if (p->has_failed)
        return;
    if (p->step == NH_LAMP__IS_OFF && p->wanted)
        go(p, NH_LAMP__ON_DATA);
    else if (p->step == NH_LAMP__IS_OFF && p->may_be_lit)
        go(p, NH_LAMP__OFF_DATA);
    else if (p->step == NH_LAMP__IS_ON && !p->wanted)
        go(p, NH_LAMP__OFF_STOP);
}

static void pass_time(nh_lamp__power_t *p)
{
    switch (p->step) {
    case NH_LAMP__ON_RETRY:
        go(p, NH_LAMP__ON_SWITCH);
        break;
    case NH_LAMP__ON_SETTLE:
        go(p, NH_LAMP__ON_OPEN);
        break;
    case NH_LAMP__OFF_WAIT:
        go(p, NH_LAMP__OFF_WITHDRAW);
        break;
    case NH_LAMP__OFF_RETRY:
        go(p, NH_LAMP__OFF_SWITCH);
        break;
    case NH_LAMP__OFF_SETTLE:
        go(p, NH_LAMP__IS_OFF);
        break;
    default:
        p->due_ms = NH_NEVER;
    }
}

enum nh_lamp__deed nh_lamp__power_next(nh_lamp__power_t *p, uint64_t now_ms)
{
    static const uint8_t deeds[] = {
        [NH_LAMP__ON_DATA] = NH_LAMP__DO_DATA_LOW,   [NH_LAMP__ON_SWITCH] = NH_LAMP__DO_SWITCH_ON,
        [NH_LAMP__ON_OPEN] = NH_LAMP__DO_OPEN,       [NH_LAMP__ON_START] = NH_LAMP__DO_START,
        [NH_LAMP__OFF_STOP] = NH_LAMP__DO_STOP,      [NH_LAMP__OFF_WITHDRAW] = NH_LAMP__DO_WITHDRAW,
        [NH_LAMP__OFF_JOIN] = NH_LAMP__DO_JOIN,      [NH_LAMP__OFF_CLOSE] = NH_LAMP__DO_CLOSE,
        [NH_LAMP__OFF_DATA] = NH_LAMP__DO_DATA_LOW,  [NH_LAMP__OFF_SWITCH] = NH_LAMP__DO_SWITCH_OFF,
        [NH_LAMP__OFF_SETTLE] = NH_LAMP__DO_NOTHING,
    };
    if (now_ms >= p->due_ms)
        pass_time(p);
    follow_wish(p);
    return (enum nh_lamp__deed)deeds[p->step];
}

// ---- what came of a deed

static void switched_on(nh_lamp__power_t *p, int result, uint64_t now_ms)
{
    p->tries++;
    p->may_be_lit = true; // also where it says that it failed
    if (result >= 0) {
        wait(p, NH_LAMP__ON_SETTLE, now_ms, NH_LAMP__SETTLE_ON_MS);
    } else if (p->tries < NH_LAMP__SWITCH_TRIES) {
        wait(p, NH_LAMP__ON_RETRY, now_ms, NH_LAMP__SWITCH_RETRY_MS);
    } else {
        fail(p, result, "the panels' switch does not go on");
        begin_switch(p, NH_LAMP__OFF_SWITCH); // whatever state it is in: the line is low already
    }
}

static void switched_off(nh_lamp__power_t *p, int result, uint64_t now_ms)
{
    p->tries++;
    if (result < 0 && p->tries < NH_LAMP__SWITCH_TRIES) {
        wait(p, NH_LAMP__OFF_RETRY, now_ms, NH_LAMP__SWITCH_RETRY_MS);
        return;
    }
    p->may_be_lit = result < 0;
    if (result < 0 && !p->has_failed)
        fail(p, result, "the panels' switch does not go off");
    wait(p, NH_LAMP__OFF_SETTLE, now_ms, NH_LAMP__SETTLE_OFF_MS);
}

static void opened(nh_lamp__power_t *p, int result)
{
    if (result >= 0) {
        go(p, NH_LAMP__ON_START);
        return;
    }
    fail(p, result, "the driver of the chain cannot be had");
    go(p, NH_LAMP__OFF_DATA);
}

static void started(nh_lamp__power_t *p, int result)
{
    if (result >= 0) {
        p->has_started = true;
        go(p, NH_LAMP__IS_ON);
        return;
    }
    fail(p, result, "the render task cannot be started");
    go(p, NH_LAMP__OFF_CLOSE);
}

static void put_low(nh_lamp__power_t *p, int result)
{
    bool on = p->step == NH_LAMP__ON_DATA;
    if (result < 0)
        fail(p, result, "the data line cannot be driven low");
    // Without a low line nothing is switched on; off it goes all the same, that is the safer half.
    if (on && result < 0)
        go(p, NH_LAMP__IS_OFF);
    else
        begin_switch(p, on ? NH_LAMP__ON_SWITCH : NH_LAMP__OFF_SWITCH);
}

void nh_lamp__power_done(nh_lamp__power_t *p, int result, uint64_t now_ms)
{
    switch (p->step) {
    case NH_LAMP__ON_DATA:
    case NH_LAMP__OFF_DATA:
        put_low(p, result);
        break;
    case NH_LAMP__ON_SWITCH:
        switched_on(p, result, now_ms);
        break;
    case NH_LAMP__OFF_SWITCH:
        switched_off(p, result, now_ms);
        break;
    case NH_LAMP__ON_OPEN:
        opened(p, result);
        break;
    case NH_LAMP__ON_START:
        started(p, result);
        break;
    case NH_LAMP__OFF_STOP:
        wait(p, NH_LAMP__OFF_WAIT, now_ms, NH_LAMP__STOP_MS);
        break;
    case NH_LAMP__OFF_WITHDRAW:
        fail(p, NH_ERR_TIMEOUT, "the render task does not stop");
        go(p, NH_LAMP__IS_ON);
        break;
    case NH_LAMP__OFF_JOIN:
        p->has_started = false;
        go(p, NH_LAMP__OFF_CLOSE);
        break;
    case NH_LAMP__OFF_CLOSE:
        go(p, NH_LAMP__OFF_DATA);
        break;
    default:
        break; // nothing was asked for
    }
}

void nh_lamp__power_ended(nh_lamp__power_t *p, uint64_t now_ms)
{
    (void)now_ms;
    // Told to stop, it may end after it was given up: then the panels are switched all the same,
    // and on again if that is wanted by now.
    if (p->has_started && (p->step == NH_LAMP__IS_ON || p->step == NH_LAMP__OFF_STOP ||
                           p->step == NH_LAMP__OFF_WAIT || p->step == NH_LAMP__OFF_WITHDRAW)) {
        if (p->error == NH_ERR_TIMEOUT)
            p->has_failed = false;
        go(p, NH_LAMP__OFF_JOIN);
    }
}

uint64_t nh_lamp__power_deadline(const nh_lamp__power_t *p)
{
    return p->due_ms;
}

bool nh_lamp__power_is_dark(const nh_lamp__power_t *p)
{
    return p->step == NH_LAMP__IS_OFF && (p->has_failed || !(p->wanted || p->may_be_lit));
}

static enum nh_lamp_power idle_state(const nh_lamp__power_t *p)
{
    if (p->has_failed)
        return NH_LAMP_FAILED;
    if (p->wanted)
        return NH_LAMP_SWITCHING_ON;
    return p->may_be_lit ? NH_LAMP_SWITCHING_OFF : NH_LAMP_OFF;
}

enum nh_lamp_power nh_lamp__power_state(const nh_lamp__power_t *p)
{
    if (p->step == NH_LAMP__IS_OFF)
        return idle_state(p);
    if (p->step == NH_LAMP__IS_ON)
        return p->has_failed ? NH_LAMP_FAILED : NH_LAMP_ON;
    return p->step < NH_LAMP__IS_ON ? NH_LAMP_SWITCHING_ON : NH_LAMP_SWITCHING_OFF;
}
