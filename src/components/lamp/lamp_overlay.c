// lamp_overlay.c - the genie's movements: where it looks, whether it is there, eyes, mouth.

#include "components/lamp/lamp_overlay.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_random.h"
#include "components/lamp/lamp_face.h"

#define ONE 65536u
#define DT_MAX_MS 250u
#define DEGREE 11930464u     // 2^32 / 360
#define AT_REST (DEGREE / 4) // so near, it has arrived
#define LEVEL_GONE_MS 1000u
#define LEVEL_RISE_MS 25u
#define LEVEL_FALL_MS 110u
#define GAZE_MS 140u

const struct nh_lamp_overlay_config nh_lamp_overlay_standard = {
    .deadband_deg = 5,
    .follow_ms = 160,
    .return_ms = 730,
    .hold_ms = 1500,
    .front_deg = 180,
    .step_max_deg = 22,
    .heard_max_ms = 500,
    .fade_ms = 300,
    .blink_min_ms = 3000,
    .blink_max_ms = 6000,
    .blink_ms = 120,
    .base_pct = 35,
    .size_pct = 100,
};

static const struct {
    nh_px_t color, skin;
    uint32_t eye_open, ring, pulse;
} poses[] = {
    [NH_LAMP_OVERLAY_IDLE] = {0x38A0A8, 0x247884, 230, 150, 0},
    [NH_LAMP_OVERLAY_LISTEN] = {0x58FFFF, 0x2CA8B8, 330, 220, 230},
    [NH_LAMP_OVERLAY_SPEAK] = {0xFFC040, 0x2C88A0, 270, 200, 0},
};

// ---- arithmetic

// e^(-dt / tau) in Q16, from 2^-f by a table of f in sixteenths.
static uint32_t decay(uint32_t dt_ms, uint32_t tau_ms)
{
    static const uint32_t table[] = {65536, 62757, 60097, 57549, 55109, 52773, 50535, 48393, 46341,
                                     44376, 42495, 40693, 38968, 37316, 35734, 34219, 32768};
    if (tau_ms == 0)
        return dt_ms ? 0 : ONE;
    uint64_t y = (uint64_t)dt_ms * 94548u / tau_ms; // dt / tau / ln 2
    if (y >= 16 * ONE)
        return 0;
    uint32_t f = (uint32_t)y & 0xFFFFu, i = f >> 12;
    uint32_t v = table[i] - (table[i] - table[i + 1]) * (f & 0xFFFu) / 4096u;
    return v >> (y >> 16);
}

// What is left of a distance after `dt_ms`.
static int32_t approach(int32_t away, uint32_t dt_ms, uint32_t tau_ms)
{
    return (int32_t)((int64_t)away * decay(dt_ms, tau_ms) / (int32_t)ONE);
}

// `v` goes to `to` as if the whole way of Q16 took `over_ms`.
static uint32_t ramp(uint32_t v, uint32_t to, uint32_t dt_ms, uint32_t over_ms)
{
    uint32_t step = over_ms ? dt_ms * ONE / over_ms : ONE;
    if (v < to)
        return to - v > step ? v + step : to;
    return v - to > step ? v - step : to;
}

static uint32_t angle_of(uint32_t deg)
{
    return (uint32_t)((uint64_t)(deg % 360u) * 4294967296u / 360u);
}

static uint16_t degrees_of(uint32_t angle)
{
    return (uint16_t)((((uint64_t)angle * 360u + 0x80000000u) >> 32) % 360u);
}

// ---- what is told

void nh_lamp_overlay_configure(nh_lamp_overlay_t *o, const struct nh_lamp_overlay_config *cfg)
{
    o->cfg = cfg && cfg->size_pct ? *cfg : nh_lamp_overlay_standard;
}

void nh_lamp_overlay_init(nh_lamp_overlay_t *o, const struct nh_lamp_overlay_config *cfg,
                          uint32_t seed)
{
    *o = (nh_lamp_overlay_t){.seed = seed};
    nh_lamp_overlay_configure(o, cfg);
    o->angle = o->target = angle_of(o->cfg.front_deg);
    o->mode[NH_LAMP_OVERLAY_IDLE] = ONE;
}

void nh_lamp_overlay_direction(nh_lamp_overlay_t *o, uint32_t angle_deg, uint64_t now_ms)
{
    o->target = angle_of(angle_deg);
    o->heard_ms = now_ms;
    o->has_heard = true;
}

void nh_lamp_overlay_level(nh_lamp_overlay_t *o, uint8_t level, uint64_t now_ms)
{
    o->level_target = level;
    o->level_at_ms = now_ms;
    o->has_level = true;
}

// ---- movement

static uint64_t age_ms(uint64_t now_ms, uint64_t then_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

static bool is_following(const nh_lamp_overlay_t *o, uint64_t now_ms)
{
    return o->has_heard && age_ms(now_ms, o->heard_ms) <= o->cfg.heard_max_ms;
}

static bool is_holding(const nh_lamp_overlay_t *o, uint64_t now_ms)
{
    return o->has_heard && age_ms(now_ms, o->heard_ms) <= (uint64_t)o->cfg.hold_ms;
}

// The longest way of this frame.
static int32_t step_max(const nh_lamp_overlay_t *o, uint32_t dt_ms)
{
    uint64_t frame = dt_ms < NH_LAMP_OVERLAY_FRAME_MS ? dt_ms : NH_LAMP_OVERLAY_FRAME_MS;
    uint64_t step = (uint64_t)o->cfg.step_max_deg * DEGREE * frame / NH_LAMP_OVERLAY_FRAME_MS;
    return step > INT32_MAX ? INT32_MAX : (int32_t)step;
}

static int32_t turn(nh_lamp_overlay_t *o, uint32_t to, uint32_t tau_ms, uint32_t dt_ms)
{
    int32_t away = (int32_t)(to - o->angle);
    int64_t distance = away < 0 ? -(int64_t)away : away;
    if (!o->is_moving && distance <= (int64_t)o->cfg.deadband_deg * DEGREE + DEGREE / 16)
        return 0;
    o->is_moving = distance > AT_REST;
    int32_t most = step_max(o, dt_ms);
    int32_t move = o->is_moving ? away - approach(away, dt_ms, tau_ms) : 0;
    move = nh_fx_clamp(move, -most, most);
    o->angle += (uint32_t)move;
    return move;
}

static void look_around(nh_lamp_overlay_t *o, uint64_t now_ms, uint32_t dt_ms)
{
    int32_t moved = 0;
    if (is_following(o, now_ms))
        moved = turn(o, o->target, o->cfg.follow_ms, dt_ms);
    else if (is_holding(o, now_ms))
        o->is_moving = false;
    else
        moved = turn(o, angle_of(o->cfg.front_deg), o->cfg.return_ms, dt_ms);
    // The eyes go before the head.
    int32_t to = moved > (int32_t)(DEGREE / 8)    ? (int32_t)ONE
                 : moved < -(int32_t)(DEGREE / 8) ? -(int32_t)ONE
                                                  : 0;
    o->gaze = to + approach(o->gaze - to, dt_ms, GAZE_MS);
}

static void change_mode(nh_lamp_overlay_t *o, const struct nh_lamp_overlay_look *look,
                        uint32_t dt_ms)
{
    o->fade = ramp(o->fade, look->is_enabled ? ONE : 0, dt_ms, o->cfg.fade_ms);
    for (unsigned i = 0; i < NH_ARRAY_LEN(o->mode); i++)
        o->mode[i] = ramp(o->mode[i], i == (unsigned)look->mode ? ONE : 0, dt_ms, o->cfg.fade_ms);
}

// Without a level: four syllables a second.
static void listen_to_self(nh_lamp_overlay_t *o, uint64_t now_ms, uint32_t dt_ms)
{
    uint32_t level = o->level_target;
    if (!o->has_level || age_ms(now_ms, o->level_at_ms) > LEVEL_GONE_MS)
        level = (uint32_t)nh_fx_between(nh_fx_hash(o->seed, 77, (uint32_t)(now_ms / 125)), 20, 255);
    int32_t to = (int32_t)(level * 257u), from = (int32_t)o->level;
    o->level =
        (uint32_t)(to + approach(from - to, dt_ms, to > from ? LEVEL_RISE_MS : LEVEL_FALL_MS));
}

static void blink_plan(nh_lamp_overlay_t *o, uint64_t now_ms)
{
    int32_t low = o->cfg.blink_min_ms, high = nh_fx_max(o->cfg.blink_max_ms, low);
    uint32_t r = nh_fx_hash(o->seed, 78, o->blink_count++);
    o->blink_ms = now_ms + (uint64_t)nh_fx_between(r, low, high);
}

// How far the lids are open, of 256.
static uint32_t blink(nh_lamp_overlay_t *o, uint64_t now_ms)
{
    if (now_ms < o->blink_ms)
        return 256;
    uint64_t in = now_ms - o->blink_ms;
    if (in >= o->cfg.blink_ms) {
        blink_plan(o, now_ms);
        return 256;
    }
    // Shut in a third of the time, open again in two.
    uint32_t part = (uint32_t)(in * 256u / o->cfg.blink_ms);
    return part < 86 ? 256 - part * 3 : part < 128 ? 0 : (part - 128) * 2;
}

// ---- a frame

static uint32_t frame_ms(nh_lamp_overlay_t *o, uint64_t now_ms)
{
    uint64_t dt = o->has_begun ? age_ms(now_ms, o->last_ms) : 0;
    if (!o->has_begun)
        blink_plan(o, now_ms);
    o->has_begun = true;
    o->last_ms = now_ms;
    return (uint32_t)(dt > DT_MAX_MS ? DT_MAX_MS : dt);
}

// Between the poses by their shares.
static struct nh_lamp__face pose_of(const nh_lamp_overlay_t *o)
{
    struct nh_lamp__face f = {.color = poses[0].color, .skin = poses[0].skin};
    uint32_t sum = 0, eye = 0, ring = 0, pulse = 0;
    for (unsigned i = 0; i < NH_ARRAY_LEN(poses); i++) {
        uint32_t w = o->mode[i] >> 8;
        sum += w;
        eye += poses[i].eye_open * w;
        ring += poses[i].ring * w;
        pulse += poses[i].pulse * w;
        uint32_t k = sum ? w * 256u / sum : 0;
        f.color = nh_px_mix(f.color, poses[i].color, k);
        f.skin = nh_px_mix(f.skin, poses[i].skin, k);
    }
    sum = sum ? sum : 1;
    f.eye_open = eye / sum;
    f.ring = ring / sum;
    f.pulse = pulse / sum;
    f.mouth = (o->level >> 8) * (o->mode[NH_LAMP_OVERLAY_SPEAK] >> 8) / sum;
    return f;
}

void nh_lamp_overlay_draw(nh_lamp_overlay_t *o, struct nh_fx_canvas *canvas,
                          const struct nh_lamp_overlay_look *look, uint64_t now_ms)
{
    uint32_t dt_ms = frame_ms(o, now_ms);
    look_around(o, now_ms, dt_ms);
    change_mode(o, look, dt_ms);
    listen_to_self(o, now_ms, dt_ms);
    uint32_t lids = blink(o, now_ms);
    if (o->fade == 0)
        return;
    struct nh_lamp__face f = pose_of(o);
    uint32_t k = o->fade >> 8; // gently in and out
    f.alpha = k * k * (768u - 2u * k) >> 16;
    f.angle = o->angle;
    f.base = o->cfg.base_pct * 256u / 100u;
    f.size_pct = o->cfg.size_pct;
    f.eye_open = f.eye_open * lids / 256u;
    f.pulse_at = nh_fx_turn((uint32_t)(now_ms % 1000u), 1000);
    f.drift = nh_fx_turn((uint32_t)(now_ms % 5200u), 5200);
    f.gaze = o->gaze / 256;
    f.blend = look->blend;
    nh_lamp__face_draw(&f, canvas);
}

void nh_lamp_overlay_info(const nh_lamp_overlay_t *o, uint64_t now_ms,
                          struct nh_lamp_overlay_info *out)
{
    *out = (struct nh_lamp_overlay_info){
        .angle_deg = degrees_of(o->angle),
        .target_deg = is_following(o, now_ms) ? degrees_of(o->target) : o->cfg.front_deg,
        .is_following = is_following(o, now_ms),
        .is_visible = o->fade > 0,
    };
}
