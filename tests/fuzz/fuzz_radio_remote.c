// The remote's end of the radio: frames of a lamp with a right code and of anybody, while time goes
// by and its person asks for things. Each command is answered or fails, once; a list that is taken
// has its check sum; nothing is left at the end.

#include "radio_seal.h"

#include "components/lamp_radio/radio_remote.h"
#include "core/base/crc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const nh_radio_address_t lamp = {{2, 0, 0, 0, 0, 1}}, stranger = {{2, 0, 0, 0, 0, 3}};

static struct {
    nh_radio_remote_t *remote;
    uint64_t now_ms, counter;
    uint32_t asked, answered; // commands
    uint8_t channel;
    bool refuses;
    uint32_t seq; // of the last frame: an answer that fits is one byte away
    uint8_t to_lamp[NH_RADIO_KEY_BYTES], to_remote[NH_RADIO_KEY_BYTES];
} w;

static void send_frame(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes, size_t len)
{
    struct nh_radio_frame f;
    (void)ctx;
    (void)to;
    REQUIRE(len <= NH_RADIO_FRAME_MAX_BYTES);
    int err = nh_radio_frame_decode(bytes, len, w.to_lamp, &f);
    REQUIRE(err == 0 || (err == NH_ERR_DENIED && bytes[2] == NH_RADIO_V2));
    w.seq = nh_get_le32(bytes + 8);
}

static void set_channel(void *ctx, uint8_t channel)
{
    (void)ctx;
    REQUIRE(channel >= 1 && channel <= NH_RADIO_CHANNEL_MAX);
    w.channel = channel;
}

static int keep(void *ctx, const uint8_t *bytes, size_t len)
{
    struct nh_radio_peer_record peers[NH_RADIO_REMOTE_LAMP_MAX_COUNT];
    (void)ctx;
    REQUIRE(nh_radio_peers_decode(bytes, len, peers, NH_RADIO_REMOTE_LAMP_MAX_COUNT) >= 0);
    return w.refuses ? NH_ERR_IO : 0;
}

static void keep_list(void *ctx, const uint8_t *records, uint16_t count, uint32_t crc)
{
    (void)ctx;
    REQUIRE(count <= NH_RADIO_REMOTE_LIST_MAX_COUNT);
    REQUIRE(nh_crc32(0, records, (size_t)count * NH_RADIO_RECORD_BYTES) == crc);
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

static void on_event(void *ctx, const struct nh_radio_remote_event *e)
{
    (void)ctx;
    w.answered += e->kind == NH_RADIO_REMOTE_ANSWER;
    REQUIRE(e->kind != NH_RADIO_REMOTE_ANSWER || e->err < 0 || e->state);
    REQUIRE(e->kind != NH_RADIO_REMOTE_CODE || e->code < NH_RADIO_CODE_COUNT);
}

static void start(nh_mem_t *mem)
{
    const struct nh_radio_remote_config cfg = {.mem = mem,
                                               .address = {{2, 0, 0, 0, 0, 2}},
                                               .node = 2,
                                               .name = "remote",
                                               .channel = 1,
                                               .poll_ms = 700,
                                               .send = send_frame,
                                               .channel_set = set_channel,
                                               .keep = keep,
                                               .keep_list = keep_list,
                                               .random = fill,
                                               .clock_us = clock_us,
                                               .event = on_event};
    struct nh_radio_peer_record p = {
        .address = lamp, .node = 111, .kind = NH_RADIO_PEER_KEYED, .name = "lamp"};
    uint8_t document[NH_RADIO_PEERS_BYTES(1)];
    memcpy(p.key, seal_key, sizeof p.key);
    nh_radio_pair_directions(seal_key, w.to_lamp, w.to_remote);
    REQUIRE(nh_radio_remote_create(&cfg, &w.remote) == 0);
    REQUIRE(nh_radio_remote_load(w.remote, document, nh_radio_peers_encode(&p, 1, document)) == 0);
}

static void hear(uint8_t *bytes, size_t len, const nh_radio_address_t *from)
{
    nh_radio_remote_input(w.remote, from, -50, bytes, len, w.now_ms);
    free(bytes);
}

static void hear_lamp(struct seal_input *in, bool fits)
{
    size_t len;
    struct seal_input rest = *in;
    uint8_t *bytes = seal_frame(&rest, w.to_remote, 111, w.counter, &len);
    if (fits && len >= NH_RADIO_HEAD_BYTES + NH_RADIO_TAIL_BYTES) { // the number that is asked for
        nh_put_le32(bytes + 8, w.seq);
        const nh_span_t part = {bytes, len - NH_MAC_BYTES};
        nh_mac_parts(w.to_remote, &part, 1, bytes + len - NH_MAC_BYTES);
    }
    *in = rest;
    w.counter++;
    hear(bytes, len, &lamp);
}

static void pair(uint8_t what)
{
    if (what & 16)
        nh_radio_remote_pair(w.remote, what >> 5, w.now_ms);
    else
        nh_radio_remote_pair_agree(w.remote, what & 32, w.now_ms);
}

static void act(uint8_t what, struct seal_input *in)
{
    size_t len;
    uint8_t *bytes;
    switch (what % 8) {
    case 0:
        bytes = seal_bytes(in, 255, 0, &len);
        hear(bytes, len, what & 16 ? &lamp : &stranger);
        break;
    case 1:
    case 2:
        hear_lamp(in, what & 16);
        break;
    case 3:
        w.now_ms += seal_byte(in) * (what & 16 ? 10u : 1u);
        nh_radio_remote_tick(w.remote, w.now_ms);
        break;
    case 4:
        NH_IGNORE(nh_radio_remote_command(w.remote, seal_byte(in) % 20, what, w.now_ms));
        break;
    case 5:
        NH_IGNORE(nh_radio_remote_sync(w.remote, w.now_ms));
        break;
    case 6:
        pair(what);
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
    struct nh_radio_remote_info info;
    nh_mem_t *mem;
    nh_mem_system_t *sys = seal_memory(&mem);
    memset(&w, 0, sizeof w);
    w.now_ms = 1000;
    w.counter = 1;
    start(mem);
    for (int i = 0; i < 200 && in.size > 0; i++)
        act(seal_byte(&in), &in);
    // What is asked comes to an end.
    for (int i = 0; i < 5000 && !nh_radio_remote_is_idle(w.remote); i++) {
        uint64_t due_ms = nh_radio_remote_next_deadline(w.remote);
        REQUIRE(due_ms != NH_NEVER);
        w.now_ms = due_ms > w.now_ms ? due_ms : w.now_ms;
        nh_radio_remote_tick(w.remote, w.now_ms);
    }
    nh_radio_remote_info(w.remote, &info);
    REQUIRE(nh_radio_remote_effect_count(w.remote) <= NH_RADIO_REMOTE_LIST_MAX_COUNT);
    nh_radio_remote_destroy(w.remote);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
