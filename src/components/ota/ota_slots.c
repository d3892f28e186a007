#include "components/ota/ota_slots.h"

#include "core/json/decode.h"

#include <string.h>

#define DOCUMENT "slots"
#define DOCUMENT_MAX_BYTES 1024
#define TRIES_MAX 1

static const char *const names[NH_OTA_PLACE_COUNT] = {"program", "a", "b"};
static const char *const files[NH_OTA_PLACE_COUNT] = {NULL, NH_OTA_DIR "/a.bin",
                                                      NH_OTA_DIR "/b.bin"};

const char *nh_ota_place_name(enum nh_ota_place p)
{
    return names[p];
}

const char *nh_ota_place_file(enum nh_ota_place p)
{
    return files[p];
}

static const nh_json_field_t slot_fields[] = {
    {.name = "whole", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct nh_ota_slot, is_whole)},
    {.name = "size_bytes", .type = NH_JSON_T_INT, NH_JSON_AT(struct nh_ota_slot, size_bytes)},
    {.name = "version", .type = NH_JSON_T_STRING, NH_JSON_AT(struct nh_ota_slot, version)},
    NH_JSON_FIELDS_END};

#define PLACE(n, f)                                                                                \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_INT, NH_JSON_AT(struct nh_ota_record, f),                   \
        .max = NH_OTA_PLACE_COUNT - 1                                                              \
    }
static const nh_json_field_t record_fields[] = {
    PLACE("active", active),
    PLACE("fallback", fallback),
    {.name = "pending", .type = NH_JSON_T_BOOL, NH_JSON_AT(struct nh_ota_record, is_pending)},
    {.name = "tries", .type = NH_JSON_T_INT, NH_JSON_AT(struct nh_ota_record, tries)},
    {.name = "taken_back", .type = NH_JSON_T_STRING, NH_JSON_AT(struct nh_ota_record, taken_back)},
    {.name = "a",
     .type = NH_JSON_T_OBJECT,
     .fields = slot_fields,
     NH_JSON_AT(struct nh_ota_record, slot[0])},
    {.name = "b",
     .type = NH_JSON_T_OBJECT,
     .fields = slot_fields,
     NH_JSON_AT(struct nh_ota_record, slot[1])},
    NH_JSON_FIELDS_END};

int nh_ota_record_read(nh_store_t *store, struct nh_ota_record *out)
{
    char text[DOCUMENT_MAX_BYTES];
    *out = (struct nh_ota_record){0};
    int n = nh_store_read(store, DOCUMENT, 0, 0, text, sizeof text);
    if (n == NH_ERR_NOT_FOUND)
        return 0;
    int err = n < 0 ? n : nh_json_decode(text, (size_t)n, record_fields, out, NULL, NULL, 0);
    if (err < 0)
        *out = (struct nh_ota_record){0};
    return err;
}

int nh_ota_record_write(nh_store_t *store, const struct nh_ota_record *r)
{
    char text[DOCUMENT_MAX_BYTES];
    struct nh_json_buf buf = {.ptr = text, .cap = sizeof text};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_encode_struct(&w, record_fields, r, 0);
    int err = nh_json_writer_end(&w);
    if (err == 0)
        err = nh_store_put(store, DOCUMENT, text, buf.len);
    return err < 0 ? err : 0;
}

// A slot whose file is not as it was left is none.
static bool can_start(const struct nh_ota_record *r, struct nh_fs fs, uint32_t place)
{
    struct nh_file_info info;
    if (place == NH_OTA_PROGRAM)
        return true;
    const struct nh_ota_slot *s = &r->slot[place - NH_OTA_SLOT_A];
    return s->is_whole && fs.ops->stat(fs.ctx, files[place], &info) == 0 && !info.is_dir &&
           info.size_bytes == s->size_bytes;
}

static void take_back(struct nh_ota_record *r)
{
    if (r->active != NH_OTA_PROGRAM)
        memcpy(r->taken_back, r->slot[r->active - NH_OTA_SLOT_A].version, sizeof r->taken_back);
    r->active = r->fallback;
    r->is_pending = false;
    r->tries = 0;
}

enum nh_ota_place nh_ota_slots_boot(nh_store_t *store, struct nh_fs fs)
{
    struct nh_ota_record r;
    if (nh_ota_record_read(store, &r) < 0)
        return NH_OTA_PROGRAM;
    bool is_changed = r.is_pending;
    if ((r.is_pending && r.tries >= TRIES_MAX) || !can_start(&r, fs, r.active)) {
        take_back(&r);
        is_changed = true;
    }
    if (!can_start(&r, fs, r.active)) {
        r.fallback = NH_OTA_PROGRAM; // the way back is gone as well
        take_back(&r);
    }
    r.tries += r.is_pending;
    if (is_changed && nh_ota_record_write(store, &r) < 0 && r.is_pending)
        return can_start(&r, fs, r.fallback) ? (enum nh_ota_place)r.fallback : NH_OTA_PROGRAM;
    return (enum nh_ota_place)r.active;
}
