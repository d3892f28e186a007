// display_fixture.h - a panel that is memory, and macros that a test writes. After linux_fixture.h.

#ifndef NH_TEST_DISPLAY_FIXTURE_H
#define NH_TEST_DISPLAY_FIXTURE_H

#include "components/display/display_state.h"

#define GLASS_W 360
#define GLASS_H 360
#define GLASS_FONT "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"

static uint16_t glass[GLASS_W * GLASS_H];
static unsigned glass_flushes, glass_pct;
static struct nh_rect glass_flushed; // all of it since it was emptied
static char glass_tags[2048];        // those that came, with a blank behind each

static inline void glass_flush(void *ctx, struct nh_rect at, const uint16_t *pixels, size_t stride)
{
    (void)ctx;
    assert_true(at.x >= 0 && at.y >= 0 && at.x + at.w <= GLASS_W && at.y + at.h <= GLASS_H);
    for (int y = 0; y < at.h; y++)
        memcpy(glass + (at.y + y) * GLASS_W + at.x, pixels + (size_t)y * stride,
               (size_t)at.w * sizeof *pixels);
    glass_flushes++;
    glass_flushed = nh_rect_join(glass_flushed, at);
}

static inline void glass_brightness(void *ctx, uint32_t pct)
{
    (void)ctx;
    glass_pct = pct;
}

static inline void glass_tag(void *ctx, const char *tag, bool is_hotspot)
{
    size_t len = strlen(glass_tags);
    (void)ctx;
    (void)is_hotspot;
    snprintf(glass_tags + len, sizeof glass_tags - len, "%s ", tag);
}

static inline void glass_facts(void *ctx, struct nh_display_facts *out)
{
    (void)ctx;
    *out = (struct nh_display_facts){.version = "1.2.3",
                                     .uptime_s = 3723,
                                     .internal_free_bytes = NH_KIB(150),
                                     .internal_min_bytes = NH_KIB(120),
                                     .internal_bytes = NH_KIB(320),
                                     .psram_free_bytes = NH_MIB(7),
                                     .psram_bytes = NH_MIB(8),
                                     .internal_frag_pct = 7};
}

static inline struct nh_display_config glass_config(nh_mem_t *mem, nh_mem_system_t *sys)
{
    glass_flushes = 0;
    glass_flushed = (struct nh_rect){0};
    glass_tags[0] = 0;
    glass_pct = 999;
    memset(glass, 0xAA, sizeof glass);
    return (struct nh_display_config){
        .mem = mem,
        .sys = sys,
        .panel = {.width = GLASS_W,
                  .height = GLASS_H,
                  .is_round = true,
                  .flush = glass_flush,
                  .brightness = glass_brightness},
        .fonts = {GLASS_FONT},
        .splash_ms = 2000,
        .settings = {.brightness_pct = 100,
                     .saver_timeout_s = 300,
                     .fade_out_ms = 800,
                     .fade_in_ms = 400,
                     .wakes_on_touch = true},
        .tag = glass_tag,
        .facts = glass_facts,
    };
}

// ---- macros ------------------------------------------------------------------------------------

struct fake_macros {
    uint32_t revision;
    struct nh_macro_screen screens[NH_MACRO_SCREENS];
    struct nh_macro_button buttons[NH_MACRO_SCREENS][NH_MACRO_SLOTS];
    uint8_t mask[64 * 64];
    unsigned icons_out; // asked for and not given back
    char told[256];     // presses and releases
};
static struct fake_macros fake_macros;

static inline uint32_t fake_revision(void *ctx)
{
    return ((struct fake_macros *)ctx)->revision;
}

static inline bool fake_screen(void *ctx, unsigned screen, struct nh_macro_screen *out)
{
    *out = ((struct fake_macros *)ctx)->screens[screen];
    return true;
}

static inline bool fake_button(void *ctx, unsigned screen, unsigned slot,
                               struct nh_macro_button *out)
{
    *out = ((struct fake_macros *)ctx)->buttons[screen][slot];
    return true;
}

static inline bool fake_icon(void *ctx, const char *id, struct nh_macro_icon *out)
{
    struct fake_macros *m = ctx;
    if (strcmp(id, "mask") != 0)
        return false;
    m->icons_out++;
    *out = (struct nh_macro_icon){64, 64, NH_MACRO_ICON_MASK, m->mask, m};
    return true;
}

static inline void fake_icon_release(void *ctx, const struct nh_macro_icon *icon)
{
    assert_ptr_equal(icon->handle, ctx);
    ((struct fake_macros *)ctx)->icons_out--;
}

static inline void fake_told(struct fake_macros *m, const char *what, unsigned screen,
                             unsigned slot)
{
    size_t len = strlen(m->told);
    snprintf(m->told + len, sizeof m->told - len, "%s%u.%u ", what, screen, slot);
}

static inline void fake_press(void *ctx, unsigned screen, unsigned slot)
{
    fake_told(ctx, "+", screen, slot);
}

static inline void fake_release(void *ctx, unsigned screen, unsigned slot)
{
    fake_told(ctx, "-", screen, slot);
}

static const struct nh_macro_view fake_view = {.ctx = &fake_macros,
                                               .revision = fake_revision,
                                               .screen = fake_screen,
                                               .button = fake_button,
                                               .icon = fake_icon,
                                               .icon_release = fake_icon_release,
                                               .press = fake_press,
                                               .release = fake_release};

static inline void fake_macros_init(void)
{
    memset(&fake_macros, 0, sizeof fake_macros);
    for (unsigned s = 0; s < NH_MACRO_SCREENS; s++) {
        fake_macros.screens[s] = (struct nh_macro_screen){NH_MACRO_RING_9, 0x000000, s != 0};
        for (unsigned b = 0; b < NH_MACRO_SLOTS; b++)
            fake_macros.buttons[s][b] = (struct nh_macro_button){.background = 0x1E1E1E,
                                                                 .icon_color = 0xFFFFFF,
                                                                 .label_color = 0xFFFFFF,
                                                                 .is_used = s == 0 && b < 9,
                                                                 .action = NH_MACRO_KEYS};
    }
    // A ring, so that it can be told from a box.
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 64; x++) {
            int dx = 2 * x - 63, dy = 2 * y - 63, way = dx * dx + dy * dy;
            fake_macros.mask[y * 64 + x] = way < 60 * 60 && way > 36 * 36 ? 255 : 0;
        }
}

#endif
