// Fonts by FreeType, whose memory is the house's and which reads its files in pieces.

#include "core/base/log.h"
#include "platform/linux/painter/painter_private.h"

#include FT_MODULE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- memory and files --------------------------------------------------------------------------

static void *ft_alloc(FT_Memory memory, long size)
{
    return nh_mem_alloc(memory->user, (size_t)size, NH_MEM_BULK);
}

static void ft_free(FT_Memory memory, void *block)
{
    nh_mem_free(memory->user, block);
}

static void *ft_realloc(FT_Memory memory, long cur_size, long new_size, void *block)
{
    (void)cur_size;
    return nh_mem_realloc(memory->user, block, (size_t)new_size, NH_MEM_BULK);
}

// With a count of 0 it is a seek, which says whether it went well; else how much was read.
static unsigned long ft_read(FT_Stream stream, unsigned long offset, unsigned char *buffer,
                             unsigned long count)
{
    if (count == 0)
        return offset > stream->size;
    ssize_t n = pread((int)stream->descriptor.value, buffer, count, (off_t)offset);
    return n < 0 ? 0 : (unsigned long)n;
}

static void ft_close(FT_Stream stream)
{
    close((int)stream->descriptor.value);
}

static int open_stream(struct nh_linux__font *f)
{
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NH_ERR_NOT_FOUND;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return NH_ERR_NOT_FOUND;
    }
    f->stream = (FT_StreamRec){.size = (unsigned long)st.st_size,
                               .descriptor.value = fd,
                               .read = ft_read,
                               .close = ft_close};
    return 0;
}

static void open_font(nh_painter_t *p, struct nh_linux__font *f)
{
    f->is_tried = true;
    int err = open_stream(f);
    if (err == 0) {
        // FreeType closes the stream itself when this fails.
        const FT_Open_Args args = {.flags = FT_OPEN_STREAM, .stream = &f->stream};
        FT_Error ft_err = FT_Open_Face(p->ft, &args, 0, &f->face);
        if (ft_err)
            f->face = NULL;
        err = ft_err == FT_Err_Out_Of_Memory ? NH_ERR_NOMEM : ft_err ? NH_ERR_CORRUPT : 0;
    }
    if (err < 0)
        NH_LOG_W("display", "font %s: %s", f->path, nh_err_text(err));
}

static struct nh_linux__font *font_at(nh_painter_t *p, size_t i)
{
    struct nh_linux__font *f = &p->fonts[i];
    if (f->path[0] && !f->is_tried)
        open_font(p, f);
    return f->face ? f : NULL;
}

static bool has_any_font(nh_painter_t *p)
{
    for (size_t i = 0; i < NH_PAINTER_FONT_MAX_COUNT; i++)
        if (font_at(p, i))
            return true;
    return false;
}

int nh_linux__fonts_open(nh_painter_t *p, const struct nh_painter_config *cfg)
{
    for (size_t i = 0; i < NH_PAINTER_FONT_MAX_COUNT; i++) {
        const char *path = cfg->fonts[i] ? cfg->fonts[i] : "";
        if (strlen(path) >= sizeof p->fonts[i].path)
            return NH_ERR_TOO_LONG;
        memcpy(p->fonts[i].path, path, strlen(path) + 1);
    }
    p->ft_memory = (struct FT_MemoryRec_){
        .user = p->mem, .alloc = ft_alloc, .free = ft_free, .realloc = ft_realloc};
    if (FT_New_Library(&p->ft_memory, &p->ft))
        return NH_ERR_NOMEM;
    FT_Add_Default_Modules(p->ft);
    return has_any_font(p) ? 0 : NH_ERR_NOT_FOUND;
}

void nh_linux__fonts_close(nh_painter_t *p)
{
    for (size_t i = 0; i < NH_PAINTER_FONT_MAX_COUNT; i++)
        if (p->fonts[i].face)
            FT_Done_Face(p->fonts[i].face);
    if (p->ft)
        FT_Done_Library(p->ft);
    p->ft = NULL;
}

// ---- glyphs ------------------------------------------------------------------------------------

// The first font that has the character; none: the box of the first.
static struct nh_linux__font *font_for(nh_painter_t *p, uint32_t code, size_t *at, FT_UInt *index)
{
    struct nh_linux__font *first = NULL;
    for (size_t i = 0; i < NH_PAINTER_FONT_MAX_COUNT; i++) {
        struct nh_linux__font *f = font_at(p, i);
        FT_UInt found = f ? FT_Get_Char_Index(f->face, code) : 0;
        if (found || (f && !first)) {
            first = f;
            *at = i;
            *index = found;
        }
        if (found)
            return f;
    }
    p->missing_count++;
    return first;
}

const struct nh_linux__glyph *nh_linux__glyph_of(nh_painter_t *p, uint32_t code, uint32_t size_px)
{
    const struct nh_linux__glyph *known = nh_linux__glyphs_get(p->glyphs, code, (uint16_t)size_px);
    size_t at = 0;
    FT_UInt index = 0;
    if (known)
        return known;
    struct nh_linux__font *f = font_for(p, code, &at, &index);
    if (!f)
        return NULL;
    if (f->size_px != size_px && FT_Set_Pixel_Sizes(f->face, 0, size_px))
        return NULL;
    f->size_px = size_px;
    if (FT_Load_Glyph(f->face, index, FT_LOAD_RENDER | FT_LOAD_TARGET_LIGHT))
        return NULL;
    const FT_GlyphSlotRec *slot = f->face->glyph;
    bool is_gray = slot->bitmap.pixel_mode == FT_PIXEL_MODE_GRAY && slot->bitmap.pitch >= 0;
    const struct nh_linux__glyph glyph = {
        .code = code,
        .size_px = (uint16_t)size_px,
        .font = (uint8_t)at,
        .index = index,
        .advance_64 = (int32_t)(slot->linearHoriAdvance >> 10), // 16.16 to 26.6
        .left = (int16_t)slot->bitmap_left,
        .top = (int16_t)slot->bitmap_top,
        .width = is_gray ? (uint16_t)slot->bitmap.width : 0,
        .height = is_gray ? (uint16_t)slot->bitmap.rows : 0,
        .coverage = slot->bitmap.buffer,
    };
    return nh_linux__glyphs_put(p->glyphs, &glyph, (size_t)slot->bitmap.pitch);
}

int nh_linux__kerning(nh_painter_t *p, const struct nh_linux__glyph *left,
                      const struct nh_linux__glyph *right, uint32_t size_px)
{
    FT_Vector k;
    const struct nh_linux__font *f = &p->fonts[left->font];
    if (left->font != right->font || !f->face || !FT_HAS_KERNING(f->face) ||
        FT_Get_Kerning(f->face, left->index, right->index, FT_KERNING_UNSCALED, &k))
        return 0;
    return (int)(k.x * (long)size_px * 64 / f->face->units_per_EM);
}
