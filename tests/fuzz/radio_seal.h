// radio_seal.h - what two fuzz targets of the radio share: frames with a right code, so that an
// input gets past it.

#ifndef NH_FUZZ_RADIO_SEAL_H
#define NH_FUZZ_RADIO_SEAL_H

#include <stdlib.h>
#include <string.h>

#include "components/lamp_radio/radio_pair.h"
#include "components/lamp_radio/radio_peers.h"
#include "core/base/bytes.h"
#include "core/mem/mem.h"
#include "platform/crypto.h"

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

static const uint8_t seal_key[NH_RADIO_KEY_BYTES] = "a key of thirty-two bytes, right";

struct seal_input { // what is left of the fuzzer's bytes
    const uint8_t *data;
    size_t size;
};

static inline uint8_t seal_byte(struct seal_input *in)
{
    uint8_t b = in->size > 0 ? in->data[0] : 0;
    in->data += in->size > 0;
    in->size -= in->size > 0;
    return b;
}

// A block of exact size with the next bytes, at most `max`; the length is told by the first one.
static inline uint8_t *seal_bytes(struct seal_input *in, size_t max, size_t extra, size_t *len)
{
    size_t n = seal_byte(in);
    n = n < in->size ? n : in->size;
    n = n < max ? n : max;
    uint8_t *block = malloc(n + extra ? n + extra : 1);
    memcpy(block, in->data, n);
    in->data += n;
    in->size -= n;
    *len = n;
    return block;
}

// The same, as a frame of version 2 from `src` whose code is right.
static inline uint8_t *seal_frame(struct seal_input *in, const uint8_t *key, uint16_t src,
                                  uint64_t counter, size_t *len)
{
    uint8_t *b =
        seal_bytes(in, NH_RADIO_FRAME_MAX_BYTES - NH_RADIO_TAIL_BYTES, NH_RADIO_TAIL_BYTES, len);
    if (*len >= NH_RADIO_HEAD_BYTES) {
        nh_put_le16(b, 0x4A4E);
        b[2] = NH_RADIO_V2;
        nh_put_le16(b + 4, src);
        nh_put_le16(b + 6, NH_RADIO_NODE_ANY);
    }
    nh_put_le64(b + *len, counter);
    const nh_span_t part = {b, *len + 8};
    nh_mac_parts(key, &part, 1, b + *len + 8);
    *len += NH_RADIO_TAIL_BYTES;
    return b;
}

static _Alignas(16) uint8_t seal_internal[24 * 1024], seal_psram[64 * 1024];

static inline nh_mem_system_t *seal_memory(nh_mem_t **mem)
{
    nh_mem_system_t *sys;
    const struct nh_mem_system_config cfg = {
        .region = {{seal_internal, sizeof seal_internal}, {seal_psram, sizeof seal_psram}}};
    REQUIRE(nh_mem_system_create(&cfg, &sys) == 0);
    REQUIRE(nh_mem_owner_add(sys, "radio", NULL, mem) == 0);
    return sys;
}

#endif
