// record.c - frames to files. All is drawn twice for a GIF: first to choose its colours, then to
// write it; a frame is the same both times.

#include "lamp/colors.h"
#include "lamp/lamp_tool.h"
#include "platform/gif.h"
#include "platform/png.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct record {
    const struct nh_record_options *o;
    struct nh_stage stage;
    nh_mem_t *mem;
    uint16_t width, height; // of the picture
    uint32_t frame_count;
    char path[4096], part[4096 + 8]; // what is being written, under a name that is not yet its own
    FILE *file;
    uint64_t bytes;
    uint8_t *picture; // GIF: a frame as numbers of colours; PNG: one row of R, G, B
};

// ---- names

// A number and nothing else may stand between % and d: %d, %4d, %04d; once.
static bool is_pattern(const char *file)
{
    const char *at = strchr(file, '%');
    if (!at)
        return false;
    size_t digits = strspn(at + 1, "0123456789");
    return digits <= 2 && at[1 + digits] == 'd' && !strchr(at + 1, '%');
}

static bool ends_with(const char *file, const char *end)
{
    size_t len = strlen(file), n = strlen(end);
    return len > n && strcmp(file + len - n, end) == 0;
}

const char *nh_lamp_record_fault(const struct nh_record_options *o)
{
    if (!o->file)
        return "-o FILE is missing: lamp.gif, lamp.png, or lamp-%04d.png for one a frame";
    if (!ends_with(o->file, ".gif") && !ends_with(o->file, ".png"))
        return "the file's name ends neither in .gif nor in .png";
    if (strlen(o->file) > 4000)
        return "the file's name has over 4000 bytes";
    if (strchr(o->file, '%') && (ends_with(o->file, ".gif") || !is_pattern(o->file)))
        return "a % stands in .png names alone, once, as %d or %04d";
    if (ends_with(o->file, ".gif") && o->stage.fps > NH_RECORD_GIF_FPS_MAX)
        return "a .gif has at most 50 frames a second: viewers slow down what is quicker";
    if (o->seconds * o->stage.fps > NH_RECORD_FRAME_MAX_COUNT)
        return "these are over 6000 frames";
    if (o->gap >= o->scale && o->gap > 0)
        return "--gap leaves nothing of a pixel: it must be under --scale";
    return NULL;
}

// ---- files

static int file_write(void *ctx, const void *bytes, size_t len)
{
    struct record *r = ctx;
    if (fwrite(bytes, 1, len, r->file) != len)
        return NH_ERR_IO;
    r->bytes += len;
    return 0;
}

static int file_open(struct record *r)
{
    snprintf(r->part, sizeof r->part, "%s.part", r->path);
    r->file = fopen(r->part, "wb");
    if (r->file)
        return 0;
    fprintf(stderr, "nuthatch lamp record: %s: %s\n", r->part, strerror(errno));
    return NH_ERR_IO;
}

// Gives it its name when all went well, so that a file of that name is always whole.
static int file_close(struct record *r, int err)
{
    if (fclose(r->file) != 0 && !err)
        err = NH_ERR_IO;
    if (!err && rename(r->part, r->path) != 0)
        err = NH_ERR_IO;
    if (err) {
        fprintf(stderr, "nuthatch lamp record: %s: %s\n", r->path,
                err == NH_ERR_IO ? strerror(errno) : nh_err_text(err));
        unlink(r->part);
    }
    return err;
}

static void progress(uint32_t n, uint32_t of, const char *what)
{
    static bool is_told;
    if (!isatty(STDERR_FILENO))
        return;
    if (n < of && (n % 8 == 0 || !is_told))
        fprintf(stderr, "\r%s frame %u of %u  ", what, n + 1, of);
    if (n >= of && is_told)
        fprintf(stderr, "\r\x1b[K");
    is_told = n < of;
}

static void draw(struct record *r, uint32_t n)
{
    const struct nh_stage_options *s = &r->o->stage;
    uint32_t start = (uint32_t)(r->o->start_s * 10 * s->speed_pct);
    nh_stage_draw(&r->stage, start + nh_stage_time_ms(s, n));
}

// The pixel of the lamp under column `x`, row `y` (from above) of the picture; dark in a gap.
static nh_px_t pixel_at(const struct record *r, uint32_t x, uint32_t y)
{
    uint32_t scale = r->o->scale, rest = scale - r->o->gap;
    if (x % scale >= rest || y % scale >= rest)
        return 0;
    const struct nh_fx_canvas *c = &r->stage.canvas;
    return c->px[(c->height - 1 - y / scale) * c->width + x / scale];
}

// ---- GIF

static uint16_t delay_cs(const struct nh_stage_options *o, uint32_t n)
{
    return (uint16_t)((n + 1) * 100 / o->fps - n * 100 / o->fps);
}

static uint16_t choose_colors(struct record *r, nh_colors_t *colors)
{
    const struct nh_fx_canvas *c = &r->stage.canvas;
    for (uint32_t n = 0; n < r->frame_count; n++) {
        progress(n, r->frame_count * 2, "choosing colours,");
        draw(r, n);
        nh_colors_add(colors, c->px, (size_t)c->width * c->height);
    }
    if (r->o->gap > 0)
        nh_colors_add(colors, &(nh_px_t){0}, 1);
    nh_stage_effect_set(&r->stage, r->stage.o.effect); // from the beginning
    return nh_colors_choose(colors, r->o->color_count);
}

static int gif_frames(struct record *r, nh_gif_t *g, const nh_colors_t *colors)
{
    int err = 0;
    for (uint32_t n = 0; !err && n < r->frame_count; n++) {
        progress(r->frame_count + n, r->frame_count * 2, "writing,");
        draw(r, n);
        for (uint32_t y = 0; y < r->height; y++)
            for (uint32_t x = 0; x < r->width; x++)
                r->picture[y * r->width + x] = nh_colors_index(colors, pixel_at(r, x, y));
        err = nh_gif_frame(g, r->picture, delay_cs(&r->o->stage, n));
    }
    return err ? err : nh_gif_finish(g);
}

static int record_gif(struct record *r)
{
    nh_colors_t *colors;
    nh_gif_t *g = NULL;
    int err = nh_colors_create(r->mem, &colors);
    if (err)
        return err;
    struct nh_gif_config cfg = {.mem = r->mem, .width = r->width, .height = r->height};
    cfg.color_count = choose_colors(r, colors);
    cfg.colors = nh_colors_list(colors);
    cfg.write = file_write;
    cfg.ctx = r;
    snprintf(r->path, sizeof r->path, "%s", r->o->file);
    err = file_open(r);
    if (!err) {
        err = nh_gif_create(&cfg, &g);
        err = err ? err : gif_frames(r, g, colors);
        err = file_close(r, err);
    }
    nh_gif_destroy(g);
    nh_colors_destroy(colors);
    return err;
}

// ---- PNG

static const uint8_t *png_row(void *ctx, uint16_t y)
{
    struct record *r = ctx;
    for (uint32_t x = 0; x < r->width; x++) {
        nh_px_t p = pixel_at(r, x, y);
        r->picture[3 * x] = (uint8_t)(p >> 16);
        r->picture[3 * x + 1] = (uint8_t)(p >> 8);
        r->picture[3 * x + 2] = (uint8_t)p;
    }
    return r->picture;
}

static int png_file(struct record *r, nh_png_t *png)
{
    uint8_t bytes[4096];
    size_t len;
    int err = file_open(r);
    if (err)
        return err;
    while (!err && (len = nh_png_read(png, bytes, sizeof bytes)) > 0)
        err = file_write(r, bytes, len);
    return file_close(r, err);
}

static int record_png(struct record *r)
{
    const struct nh_png_config cfg = {
        .mem = r->mem, .width = r->width, .height = r->height, .row_rgb = png_row, .ctx = r};
    int err = 0;
    for (uint32_t n = 0; !err && n < r->frame_count; n++) {
        nh_png_t *png;
        progress(n, r->frame_count, "writing,");
        draw(r, n);
        // nh_lamp_record_fault() has seen that the name has one %d at most.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(r->path, sizeof r->path, r->o->file, (int)n);
#pragma GCC diagnostic pop
        err = nh_png_create(&cfg, &png);
        if (err)
            return err;
        err = png_file(r, png);
        nh_png_destroy(png);
    }
    return err;
}

// ---- both

static void tell(const struct record *r)
{
    printf("%s: %s, %u frame%s of %u x %u, %llu bytes\n", r->o->file, r->stage.o.effect->name,
           r->frame_count, r->frame_count == 1 ? "" : "s", r->width, r->height,
           (unsigned long long)r->bytes);
}

int nh_lamp_record(const struct nh_record_options *o, nh_mem_t *mem)
{
    bool is_gif = ends_with(o->file, ".gif");
    struct record *r = nh_mem_alloc_zero(mem, sizeof *r, NH_MEM_BULK);
    int err = r ? nh_stage_open(&r->stage, &o->stage, mem) : NH_ERR_NOMEM;
    if (!err) {
        r->o = o;
        r->mem = mem;
        r->width = (uint16_t)(o->stage.width * o->scale);
        r->height = (uint16_t)(o->stage.height * o->scale);
        bool is_one = !is_gif && !is_pattern(o->file);
        r->frame_count = is_one ? 1 : (uint32_t)(o->seconds * o->stage.fps + 0.5);
        r->frame_count = r->frame_count ? r->frame_count : 1;
        r->picture = nh_mem_alloc(mem, is_gif ? (size_t)r->width * r->height : (size_t)r->width * 3,
                                  NH_MEM_BULK);
        err = !r->picture ? NH_ERR_NOMEM : is_gif ? record_gif(r) : record_png(r);
        progress(r->frame_count, r->frame_count, "");
        if (!err)
            tell(r);
        nh_mem_free(mem, r->picture);
        nh_stage_close(&r->stage);
    }
    if (err == NH_ERR_NOMEM)
        fprintf(stderr, "nuthatch lamp record: out of memory: a smaller --size or --scale\n");
    if (r)
        nh_mem_free(mem, r);
    return err ? 1 : 0;
}
