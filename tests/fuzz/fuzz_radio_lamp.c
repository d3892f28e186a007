// The lamp's end of the radio: frames of anybody, of a remote with a key and of one of version 1,
// while time goes by, the lamp answers and somebody pairs. Whatever comes, what goes out is well
// formed, nobody who is not paired commands, and nothing is left at the end.

#include "radio_seal.h"

#include "components/lamp_radio/radio_lamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const nh_radio_address_t remote = {{2, 0, 0, 0, 0, 2}}, stranger = {{2, 0, 0, 0, 0, 3}};

static struct {
    nh_radio_lamp_t *lamp;
    struct nh_lamp_snapshot state;
    struct nh_lamp_command queue[NH_RADIO_PENDING_MAX_COUNT];
    size_t queue_count;
    uint64_t now_ms, counter;
    bool refuses, knows_stranger;
    uint8_t to_lamp[NH_RADIO_KEY_BYTES], to_remote[NH_RADIO_KEY_BYTES];
} w;

static void get_effect(void *ctx, uint16_t index, struct nh_radio_record *out)
{
    (void)ctx;
    *out = (struct nh_radio_record){(uint16_t)(0xEA01 + index), "EFFECT"};
}

static void send_frame(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes, size_t len)
{
    struct nh_radio_frame f;
    (void)ctx;
    REQUIRE(len <= NH_RADIO_FRAME_MAX_BYTES);
    int err = nh_radio_frame_decode(bytes, len, w.to_remote, &f);
    // Who was paired by this play has a key of its own.
    REQUIRE(err == 0 || (err == NH_ERR_DENIED && bytes[2] == NH_RADIO_V2));
    (void)to;
}

static int command(void *ctx, const struct nh_lamp_command *c)
{
    (void)ctx;
    REQUIRE(c->done && c->origin == NH_ORIGIN_RADIO);
    if (w.refuses || w.queue_count == NH_RADIO_PENDING_MAX_COUNT)
        return NH_ERR_FULL;
    w.queue[w.queue_count++] = *c;
    return 0;
}

static void get_snapshot(void *ctx, struct nh_lamp_snapshot *out)
{
    (void)ctx;
    *out = w.state;
}

static void volume(void *ctx, const uint8_t *set, uint8_t *out, uint32_t *seq)
{
    (void)ctx;
    REQUIRE(!set || *set <= 100);
    *out = set ? *set : 50;
    *seq = 1;
}

static void ota(void *ctx, struct nh_radio_ota *out)
{
    (void)ctx;
    *out = (struct nh_radio_ota){.status = 1};
}

static int keep(void *ctx, const uint8_t *bytes, size_t len)
{
    struct nh_radio_peer_record peers[NH_RADIO_PEER_MAX_COUNT];
    (void)ctx;
    REQUIRE(nh_radio_peers_decode(bytes, len, peers, NH_RADIO_PEER_MAX_COUNT) >= 0);
    return w.refuses ? NH_ERR_IO : 0;
}

static void fill(void *ctx, void *out, size_t len)
{
    (void)ctx;
    memset(out, 0x5A, len);
}

static uint64_t clock_us(void *ctx)
{
    (void)ctx;
    return w.now_ms * 1000;
}

static void start(nh_mem_t *mem)
{
    const struct nh_radio_lamp_config cfg = {.mem = mem,
                                             .address = {{2, 0, 0, 0, 0, 1}},
                                             .node = 111,
                                             .name = "lamp",
                                             .peer_max_count = 3,
                                             .allow_v1 = true,
                                             .effect_count = 23,
                                             .effect = get_effect,
                                             .send = send_frame,
                                             .command = command,
                                             .snapshot = get_snapshot,
                                             .volume = volume,
                                             .ota = ota,
                                             .keep = keep,
                                             .random = fill,
                                             .clock_us = clock_us};
    struct nh_radio_peer_record p = {
        .address = remote, .node = 2, .kind = NH_RADIO_PEER_KEYED, .name = "remote"};
    uint8_t document[NH_RADIO_PEERS_BYTES(1)];
    memcpy(p.key, seal_key, sizeof p.key);
    nh_radio_pair_directions(seal_key, w.to_lamp, w.to_remote);
    REQUIRE(nh_radio_lamp_create(&cfg, &w.lamp) == 0);
    REQUIRE(nh_radio_lamp_load(w.lamp, document, nh_radio_peers_encode(&p, 1, document)) == 0);
}

static void answer(int err)
{
    struct nh_lamp_command c;
    if (w.queue_count == 0)
        return;
    c = w.queue[0];
    w.queue_count--;
    memmove(w.queue, w.queue + 1, w.queue_count * sizeof c);
    w.state.state.seq += err == 0;
    c.done(c.ctx, err, &w.state);
}

static void hear(uint8_t *bytes, size_t len, const nh_radio_address_t *from)
{
    size_t queued = w.queue_count;
    struct nh_radio_lamp_info before, after;
    nh_radio_lamp_info(w.lamp, w.now_ms, &before);
    nh_radio_lamp_input(w.lamp, from, -50, bytes, len, w.now_ms);
    nh_radio_lamp_info(w.lamp, w.now_ms, &after);
    bool is_new = w.queue_count > queued;
    // A frame whose code is not right, of one with a key, never gets through.
    REQUIRE(!(is_new && after.forged_count > before.forged_count));
    REQUIRE(after.peer_count <= after.peer_max);
    free(bytes);
}

static void act(uint8_t what, struct seal_input *in)
{
    size_t len;
    uint8_t *bytes;
    switch (what % 10) {
    case 0:
        bytes = seal_bytes(in, 255, 0, &len);
        hear(bytes, len, &stranger);
        break;
    case 1:
        bytes = seal_frame(in, w.to_lamp, 2, w.counter++, &len);
        hear(bytes, len, &remote);
        break;
    case 2:
        bytes = seal_bytes(in, 255, 0, &len);
        hear(bytes, len, &remote);
        break;
    case 3:
        w.now_ms += seal_byte(in);
        nh_radio_lamp_tick(w.lamp, w.now_ms);
        break;
    case 4:
        answer(what & 16 ? NH_ERR_NOT_FOUND : 0);
        break;
    case 5:
        nh_radio_lamp_pair(w.lamp, seal_byte(in) % 40, what & 16, w.now_ms);
        break;
    case 6:
        w.state.state.power = what & 16;
        nh_radio_lamp_state_changed(w.lamp, w.now_ms);
        break;
    case 7:
        NH_IGNORE(nh_radio_lamp_pair_accept(w.lamp, seal_byte(in), w.now_ms));
        break;
    case 8:
        NH_IGNORE(nh_radio_lamp_remove(w.lamp, what & 16 ? &stranger : &remote));
        break;
    default:
        w.refuses = what & 16;
        w.counter -= seal_byte(in) % 80;
        w.counter = w.counter ? w.counter : 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seal_input in = {data, size};
    nh_mem_t *mem;
    nh_mem_system_t *sys = seal_memory(&mem);
    memset(&w, 0, sizeof w);
    w.now_ms = 1000;
    w.counter = 1;
    w.state.state.power = true;
    start(mem);
    for (int i = 0; i < 200 && in.size > 0; i++)
        act(seal_byte(&in), &in);
    while (w.queue_count > 0)
        answer(NH_ERR_CANCELLED);
    nh_radio_lamp_destroy(w.lamp);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
