// compile_texts.c - the compiler's memory: records that grow, and each different text once.

#include "components/devices/compile_private.h"

#include "core/base/hash.h"

#include <string.h>

#define GROW_FIRST_BYTES 1024u

// ---- memory -------------------------------------------------------------------------------------

void nh_compile__fail(nh_device_compiler_t *c, int err)
{
    if (c->err == 0)
        c->err = err;
}

static bool reserve(nh_device_compiler_t *c, struct nh_compile__buffer *b, uint32_t more)
{
    if (c->err || c->is_full)
        return false;
    if (c->records.len + c->texts.len + c->devices.len + c->scenarios.len + more >
        c->cfg.limits->compiled_max_bytes) {
        c->is_full = true;
        return false;
    }
    if (more <= b->cap - b->len)
        return true;
    uint32_t cap = b->cap ? b->cap + b->cap / 2 : GROW_FIRST_BYTES;
    if (cap < b->len + more)
        cap = b->len + more;
    uint8_t *ptr = nh_mem_alloc(c->cfg.mem, cap, NH_MEM_BULK);
    if (!ptr) {
        nh_compile__fail(c, NH_ERR_NOMEM);
        return false;
    }
    if (b->ptr)
        memcpy(ptr, b->ptr, b->len);
    nh_mem_free(c->cfg.mem, b->ptr);
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

void nh_compile__append(nh_device_compiler_t *c, struct nh_compile__buffer *b, const void *bytes,
                        uint32_t len)
{
    if (!reserve(c, b, len))
        return;
    memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
}

void nh_compile__put_byte(nh_device_compiler_t *c, uint8_t byte)
{
    nh_compile__append(c, &c->records, &byte, 1);
}

void nh_compile__put_number(nh_device_compiler_t *c, uint64_t v)
{
    uint8_t bytes[10];
    nh_compile__append(c, &c->records, bytes, (uint32_t)nh_varint__put(bytes, v));
}

// ---- texts: each different one once ------------------------------------------------------------

static nh_span_t text_at(const nh_device_compiler_t *c, uint32_t offset)
{
    const uint8_t *at = c->texts.ptr + offset;
    size_t len = (size_t)nh_varint__get(&at);
    return (nh_span_t){at, len};
}

static bool slots_grow(nh_device_compiler_t *c)
{
    uint32_t count = c->slot_count ? 2 * c->slot_count : 64;
    uint32_t *slot = nh_mem_alloc_zero(c->cfg.mem, count * sizeof *slot, NH_MEM_BULK);
    if (!slot) {
        nh_compile__fail(c, NH_ERR_NOMEM);
        return false;
    }
    for (uint32_t i = 0; i < c->slot_count; i++) {
        if (!c->slot[i])
            continue;
        nh_span_t t = text_at(c, c->slot[i] - 1);
        uint32_t at = nh_hash32(t.ptr, t.len, 0) & (count - 1);
        while (slot[at])
            at = (at + 1) & (count - 1);
        slot[at] = c->slot[i];
    }
    nh_mem_free(c->cfg.mem, c->slot);
    c->slot = slot;
    c->slot_count = count;
    return true;
}

uint32_t nh_compile__add_text(nh_device_compiler_t *c, nh_span_t text)
{
    uint8_t head[10];
    if (c->err || c->is_full || (2 * (c->text_count + 1) > c->slot_count && !slots_grow(c)))
        return 0;
    uint32_t at = nh_hash32(text.ptr, text.len, 0) & (c->slot_count - 1);
    for (; c->slot[at]; at = (at + 1) & (c->slot_count - 1)) {
        nh_span_t t = text_at(c, c->slot[at] - 1);
        if (t.len == text.len && memcmp(t.ptr, text.ptr, t.len) == 0)
            return c->slot[at] - 1;
    }
    uint32_t offset = c->texts.len;
    nh_compile__append(c, &c->texts, head, (uint32_t)nh_varint__put(head, text.len));
    nh_compile__append(c, &c->texts, text.ptr, (uint32_t)text.len);
    nh_compile__append(c, &c->texts, "", 1);
    if (c->err || c->is_full)
        return 0;
    c->slot[at] = offset + 1;
    c->text_count++;
    return offset;
}
