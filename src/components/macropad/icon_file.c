#include "components/macropad/icon_file.h"

#include "components/macropad/macro_set.h"
#include "core/base/bytes.h"

#include <string.h>

static const char *const fault_texts[NH_ICON_FAULT_COUNT] = {
    [NH_ICON_OK] = "",
    [NH_ICON_INVALID_BLOB] = "Invalid blob",
    [NH_ICON_BAD_MAGIC] = "Bad magic",
    [NH_ICON_UNSUPPORTED_FORMAT] = "Unsupported format",
    [NH_ICON_INVALID_DIMENSIONS] = "Invalid dimensions",
    [NH_ICON_UNEXPECTED_SIZE] = "Unexpected payload size",
    [NH_ICON_LENGTH_MISMATCH] = "Blob length mismatch",
};

const char *nh_icon_fault_text(enum nh_icon_fault f)
{
    return (unsigned)f < NH_ICON_FAULT_COUNT ? fault_texts[f] : "";
}

enum nh_icon_fault nh_icon_head_read(const uint8_t head[NH_ICON_HEAD_BYTES],
                                     struct nh_icon_head *out)
{
    out->width = nh_get_le16(head + 4);
    out->height = nh_get_le16(head + 6);
    out->pixel_bytes = nh_get_le32(head + 12);
    if (memcmp(head, "ICN1", 4) != 0)
        return NH_ICON_BAD_MAGIC;
    if (head[8] != NH_ICON_COLOR)
        return NH_ICON_UNSUPPORTED_FORMAT;
    if (out->width < 1 || out->width > NH_ICON_SIDE_MAX || out->height < 1 ||
        out->height > NH_ICON_SIDE_MAX)
        return NH_ICON_INVALID_DIMENSIONS;
    if (out->pixel_bytes != (uint32_t)out->width * out->height * 3)
        return NH_ICON_UNEXPECTED_SIZE;
    return NH_ICON_OK;
}

void nh_icon_head_write(uint8_t head[NH_ICON_HEAD_BYTES], uint16_t width, uint16_t height,
                        uint8_t form, uint32_t pixel_bytes)
{
    memset(head, 0, NH_ICON_HEAD_BYTES);
    memcpy(head, "ICN1", 4);
    nh_put_le16(head + 4, width);
    nh_put_le16(head + 6, height);
    head[8] = form;
    nh_put_le32(head + 12, pixel_bytes);
}

void nh_icon_reading_init(struct nh_icon_reading *r)
{
    memset(r, 0, sizeof *r);
}

enum nh_icon_fault nh_icon_reading_take(struct nh_icon_reading *r, const uint8_t *bytes, size_t len)
{
    for (; len > 0 && r->count < NH_ICON_HEAD_BYTES; len--)
        r->bytes[r->count++] = *bytes++;
    r->count = len < UINT32_MAX - r->count ? r->count + (uint32_t)len : UINT32_MAX;
    if (r->fault == NH_ICON_OK && r->count >= NH_ICON_HEAD_BYTES)
        r->fault = nh_icon_head_read(r->bytes, &r->head);
    if (r->fault == NH_ICON_OK && r->count > NH_ICON_HEAD_BYTES &&
        r->count - NH_ICON_HEAD_BYTES > r->head.pixel_bytes)
        r->fault = NH_ICON_LENGTH_MISMATCH;
    return r->fault;
}

enum nh_icon_fault nh_icon_reading_end(struct nh_icon_reading *r)
{
    if (r->count < NH_ICON_HEAD_BYTES)
        r->fault = NH_ICON_INVALID_BLOB;
    else if (r->fault == NH_ICON_OK && r->count - NH_ICON_HEAD_BYTES != r->head.pixel_bytes)
        r->fault = NH_ICON_LENGTH_MISMATCH;
    return r->fault;
}

bool nh_icon_id_is_valid(const char *id)
{
    size_t len = 0;
    for (; id[len]; len++) {
        char c = id[len];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') ||
            len + 1 >= NH_MACROPAD_ICON_ID_MAX_BYTES)
            return false;
    }
    return len > 0;
}
