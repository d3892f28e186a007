// GIF: the file is giflib's; which part of a frame has changed is ours to tell.

#include "platform/gif.h"

#include "core/mem/mem.h"

#include <gif_lib.h>
#include <string.h>

struct nh_gif {
    struct nh_gif_config cfg;
    GifFileType *file;
    int write_err;
    bool has_frame;
    uint8_t *last; // the frame before, then one row to send
    uint8_t *row;
};

struct rect {
    int x, y, width, height;
};

static int on_write(GifFileType *file, const GifByteType *bytes, int len)
{
    nh_gif_t *g = file->UserData;
    int err = g->write_err < 0 ? g->write_err : g->cfg.write(g->cfg.ctx, bytes, (size_t)len);
    if (err < 0) {
        g->write_err = err;
        return 0;
    }
    return len;
}

// The code of what giflib could not do: what write() gave, or memory.
static int fault(const nh_gif_t *g)
{
    return g->write_err < 0 ? g->write_err : NH_ERR_NOMEM;
}

// The last number of the palette is for pixels that stay as they are.
static int transparent(const nh_gif_t *g)
{
    return (1 << GifBitSize(g->cfg.color_count + 1)) - 1;
}

// A palette of a power of two, as the format wants it.
static ColorMapObject *color_map(const nh_gif_t *g)
{
    ColorMapObject *map = GifMakeMapObject(transparent(g) + 1, NULL);
    for (int i = 0; map && i < g->cfg.color_count; i++) {
        uint32_t c = g->cfg.colors[i];
        map->Colors[i] =
            (GifColorType){(GifByteType)(c >> 16), (GifByteType)(c >> 8), (GifByteType)c};
    }
    return map;
}

// "Again and again", as the first browser had it and all read it.
static bool put_loop(GifFileType *file)
{
    return EGifPutExtensionLeader(file, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
           EGifPutExtensionBlock(file, 11, "NETSCAPE2.0") == GIF_OK &&
           EGifPutExtensionBlock(file, 3, "\x01\x00\x00") == GIF_OK &&
           EGifPutExtensionTrailer(file) == GIF_OK;
}

static int put_head(nh_gif_t *g)
{
    ColorMapObject *map = color_map(g);
    if (!map)
        return NH_ERR_NOMEM;
    EGifSetGifVersion(g->file, true);
    bool is_put = EGifPutScreenDesc(g->file, g->cfg.width, g->cfg.height, 8, 0, map) == GIF_OK &&
                  put_loop(g->file);
    GifFreeMapObject(map);
    return is_put ? 0 : fault(g);
}

int nh_gif_create(const struct nh_gif_config *cfg, nh_gif_t **out)
{
    *out = NULL;
    if (cfg->width == 0 || cfg->height == 0 || cfg->color_count == 0 ||
        cfg->color_count > NH_GIF_COLOR_MAX_COUNT)
        return NH_ERR_RANGE;
    size_t frame_bytes = (size_t)cfg->width * cfg->height;
    nh_gif_t *g = nh_mem_alloc_zero(cfg->mem, sizeof *g + frame_bytes + cfg->width, NH_MEM_BULK);
    if (!g)
        return NH_ERR_NOMEM;
    g->cfg = *cfg;
    g->last = (uint8_t *)(g + 1);
    g->row = g->last + frame_bytes;
    int code = 0;
    g->file = EGifOpen(g, on_write, &code);
    int err = g->file ? put_head(g) : NH_ERR_NOMEM;
    if (err) {
        nh_gif_destroy(g);
        return err;
    }
    *out = g;
    return 0;
}

void nh_gif_destroy(nh_gif_t *g)
{
    if (!g)
        return;
    if (g->file) { // closing writes the trailer: not any more
        g->write_err = NH_ERR_CANCELLED;
        EGifCloseFile(g->file, NULL);
    }
    nh_mem_free(g->cfg.mem, g);
}

// ---- frames ------------------------------------------------------------------------------------

// The smallest part that holds every change; one pixel when nothing has changed.
static struct rect changed(const nh_gif_t *g, const uint8_t *pixel)
{
    int w = g->cfg.width, h = g->cfg.height, left = w, right = -1, top = h, bottom = -1;
    if (!g->has_frame)
        return (struct rect){0, 0, w, h};
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            if (pixel[y * w + x] == g->last[y * w + x])
                continue;
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y;
        }
    if (right < 0)
        return (struct rect){0, 0, 1, 1};
    return (struct rect){left, top, right - left + 1, bottom - top + 1};
}

static int put_control(nh_gif_t *g, uint16_t delay_cs)
{
    const GraphicsControlBlock block = {
        .DisposalMode = DISPOSE_DO_NOT, .DelayTime = delay_cs, .TransparentColor = transparent(g)};
    GifByteType bytes[4];
    size_t len = EGifGCBToExtension(&block, bytes);
    return EGifPutExtension(g->file, GRAPHICS_EXT_FUNC_CODE, (int)len, bytes) == GIF_OK ? 0
                                                                                        : fault(g);
}

int nh_gif_frame(nh_gif_t *g, const uint8_t *pixel, uint16_t delay_cs)
{
    struct rect r = changed(g, pixel);
    int width = g->cfg.width, err = put_control(g, delay_cs);
    if (!err && EGifPutImageDesc(g->file, r.x, r.y, r.width, r.height, false, NULL) != GIF_OK)
        err = fault(g);
    for (int y = r.y; !err && y < r.y + r.height; y++) {
        const uint8_t *now = &pixel[y * width + r.x], *last = &g->last[y * width + r.x];
        for (int x = 0; x < r.width; x++)
            g->row[x] = g->has_frame && now[x] == last[x] ? (uint8_t)transparent(g) : now[x];
        if (EGifPutLine(g->file, g->row, r.width) != GIF_OK)
            err = fault(g);
    }
    memcpy(g->last, pixel, (size_t)width * g->cfg.height);
    g->has_frame = true;
    return err;
}

int nh_gif_finish(nh_gif_t *g)
{
    GifFileType *file = g->file;
    g->file = NULL; // freed in any case; whether its last byte was written it does not tell
    return EGifCloseFile(file, NULL) == GIF_OK && g->write_err >= 0 ? 0 : fault(g);
}
