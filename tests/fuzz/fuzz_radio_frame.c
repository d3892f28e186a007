// Frames of the lamp's radio, and the peers' document. What is read can be written, and read again
// as the same. The first byte: 0 a frame as it is, 1 with a right code, else a document.

#include "radio_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frame(const uint8_t *bytes, size_t len)
{
    uint8_t out[NH_RADIO_FRAME_MAX_BYTES], again[NH_RADIO_FRAME_MAX_BYTES];
    struct nh_radio_frame f, back;
    struct nh_radio_record r;
    if (nh_radio_frame_decode(bytes, len, seal_key, &f) < 0)
        return;
    int n = nh_radio_frame_encode(&f, seal_key, out);
    REQUIRE(n > 0 && n <= NH_RADIO_FRAME_MAX_BYTES);
    REQUIRE(nh_radio_frame_decode(out, (size_t)n, seal_key, &back) == 0);
    REQUIRE(nh_radio_frame_encode(&back, seal_key, again) == n);
    REQUIRE(memcmp(out, again, (size_t)n) == 0);
    if (f.head.type != NH_RADIO_HELLO || f.u.hello.sub != NH_RADIO_CHUNK_RSP)
        return;
    for (uint16_t i = 0; i < f.u.hello.count; i++) {
        nh_radio_record_decode(f.u.hello.records + (size_t)i * NH_RADIO_RECORD_BYTES, &r);
        REQUIRE(memchr(r.name, 0, sizeof r.name));
    }
}

static void document(const uint8_t *bytes, size_t len)
{
    struct nh_radio_peer_record peers[4];
    uint8_t out[NH_RADIO_PEERS_BYTES(4)];
    int count = nh_radio_peers_decode(bytes, len, peers, 4);
    if (count < 0 || count > 4)
        return;
    REQUIRE(nh_radio_peers_encode(peers, (size_t)count, out) == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seal_input in = {data, size};
    uint8_t kind = seal_byte(&in);
    uint8_t *bytes = malloc(in.size ? in.size : 1);
    memcpy(bytes, in.data, in.size);
    if (kind == 0)
        frame(bytes, in.size);
    else if (kind > 1)
        document(bytes, in.size);
    free(bytes);
    if (kind == 1) {
        size_t len;
        bytes = seal_frame(&in, seal_key, 2, 7, &len);
        frame(bytes, len);
        free(bytes);
    }
    return 0;
}
