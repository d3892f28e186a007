// The settings as they were before a write.

#include "components/battery/battery_backup.h"

#include "core/base/bytes.h"

#include <string.h>

#define MAGIC "NHBB"
#define VERSION 1u
#define HEAD_BYTES 16u

void nh_battery__backup_encode(const struct nh_battery__backup *b,
                               uint8_t out[NH_BATTERY_BACKUP_BYTES])
{
    memcpy(out, MAGIC, 4);
    out[4] = VERSION;
    out[5] = 0;
    nh_put_le16(out + 6, NH_TINYBMS_SETTINGS_COUNT);
    nh_put_le64(out + 8, (uint64_t)b->unix_ms);
    uint8_t *at = out + HEAD_BYTES;
    for (size_t i = 0; i < NH_ARRAY_LEN(b->version); i++, at += 2)
        nh_put_le16(at, b->version[i]);
    for (size_t i = 0; i < NH_ARRAY_LEN(b->words); i++, at += 2)
        nh_put_le16(at, b->words[i]);
}

int nh_battery__backup_decode(const uint8_t *bytes, size_t len, struct nh_battery__backup *out)
{
    if (len < HEAD_BYTES || memcmp(bytes, MAGIC, 4) != 0)
        return NH_ERR_CORRUPT;
    if (bytes[4] != VERSION)
        return NH_ERR_UNSUPPORTED;
    if (len != NH_BATTERY_BACKUP_BYTES || nh_get_le16(bytes + 6) != NH_TINYBMS_SETTINGS_COUNT)
        return NH_ERR_CORRUPT;
    out->unix_ms = (int64_t)nh_get_le64(bytes + 8);
    bytes += HEAD_BYTES;
    for (size_t i = 0; i < NH_ARRAY_LEN(out->version); i++, bytes += 2)
        out->version[i] = nh_get_le16(bytes);
    for (size_t i = 0; i < NH_ARRAY_LEN(out->words); i++, bytes += 2)
        out->words[i] = nh_get_le16(bytes);
    return NH_OK;
}

int nh_battery__backup_keep(nh_store_t *store, const struct nh_battery__backup *b)
{
    uint8_t bytes[NH_BATTERY_BACKUP_BYTES];
    nh_battery__backup_encode(b, bytes);
    return nh_store_put(store, NH_BATTERY_BACKUP_DOC, bytes, sizeof bytes);
}

int nh_battery__backup_read(nh_store_t *store, uint32_t generation, struct nh_battery__backup *out)
{
    uint8_t bytes[NH_BATTERY_BACKUP_BYTES + 1]; // one more: a longer document is none of ours
    int n = nh_store_read(store, NH_BATTERY_BACKUP_DOC, generation, 0, bytes, sizeof bytes);
    return n < 0 ? n : nh_battery__backup_decode(bytes, (size_t)n, out);
}
