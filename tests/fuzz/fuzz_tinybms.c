// Bytes from the board. The first byte is the command that was sent, the second how the rest is
// cut. Whole and in pieces give the same frames and counters; each frame decodes or says why not;
// no byte is lost count of.

#include "components/battery/tinybms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct seen {
    nh_tinybms_parser_t parser;
    uint32_t crc; // of all frames in their order
    size_t frame_bytes;
};

static void decode(const struct nh_tinybms_frame *f)
{
    uint16_t words[NH_TINYBMS_READ_MAX_COUNT], addresses[NH_TINYBMS_LIST_MAX_COUNT];
    struct nh_tinybms_event events[NH_TINYBMS_EVENT_MAX_COUNT];
    struct nh_tinybms_version version;
    uint32_t clock_s;
    int n = nh_tinybms_decode_words(f, words, NH_ARRAY_LEN(words));
    int pairs = nh_tinybms_decode_list(f, addresses, words, NH_ARRAY_LEN(addresses));
    int count = nh_tinybms_decode_events(f, &clock_s, events, NH_ARRAY_LEN(events));
    int is_version = nh_tinybms_decode_version(f, &version);
    if (f->answer != NH_TINYBMS_DATA) {
        REQUIRE(n < 0 && pairs < 0 && count < 0 && is_version < 0);
        return;
    }
    REQUIRE((n > 0) + (pairs > 0) + (count >= 0) + (is_version == 0) == 1);
    if (n > 1)
        nh_tinybms_events_of_words(words, (size_t)n, 0, events, NH_ARRAY_LEN(events));
}

static void take(struct seen *s, const struct nh_tinybms_frame *f)
{
    REQUIRE(f->payload.len <= NH_TINYBMS_FRAME_MAX_BYTES);
    s->crc =
        s->crc * 31 + nh_tinybms_crc(f->payload.ptr, f->payload.len) + f->answer * 7u + f->code;
    s->frame_bytes += s->parser.taken;
    decode(f);
}

// Everything through the parser in pieces of 1 to `piece` bytes; 0: as much as it takes.
static void run(struct seen *s, uint8_t command, const uint8_t *bytes, size_t len, size_t piece)
{
    struct nh_tinybms_frame f;
    size_t at = 0;
    while (at < len) {
        size_t n = piece && piece < len - at ? piece : len - at;
        size_t taken = nh_tinybms_parser_feed(&s->parser, bytes + at, n);
        REQUIRE(taken > 0);
        at += taken;
        while (nh_tinybms_parser_next(&s->parser, command, &f))
            take(s, &f);
    }
    while (nh_tinybms_parser_finish(&s->parser, command, &f))
        take(s, &f);
    REQUIRE(!nh_tinybms_parser_is_inside(&s->parser));
    REQUIRE(s->parser.dropped_bytes + s->frame_bytes <= len);
    if (!s->parser.strays)
        REQUIRE(s->parser.dropped_bytes + s->frame_bytes == len);
}

// The bytes as a request: what can be made has a right CRC and no more bytes than it says.
static void encode(const uint8_t *bytes, size_t len)
{
    uint16_t words[NH_TINYBMS_WRITE_MAX_COUNT] = {0};
    uint8_t out[NH_TINYBMS_FRAME_MAX_BYTES];
    if (len < 6)
        return;
    memcpy(words, bytes, len < sizeof words ? len : sizeof words);
    struct nh_tinybms_request r = {.command = bytes[0],
                                   .option = bytes[1],
                                   .address = (uint16_t)(bytes[2] << 8 | bytes[3]),
                                   .count = bytes[4],
                                   .addresses = bytes[5] & 1 ? words : NULL,
                                   .values = bytes[5] & 2 ? words : NULL};
    int n = nh_tinybms_encode(&r, out, sizeof out);
    if (n < 0)
        return;
    REQUIRE(n >= 4 && nh_tinybms_crc(out, (size_t)n) == 0);
    uint8_t *exact = malloc((size_t)n);
    REQUIRE(nh_tinybms_encode(&r, exact, (size_t)n) == n);
    REQUIRE(nh_tinybms_encode(&r, exact, (size_t)n - 1) == NH_ERR_TOO_LONG);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct seen whole = {0}, cut = {0};
    run(&whole, data[0], data + 2, size - 2, 0);
    run(&cut, data[0], data + 2, size - 2, 1 + data[1] % 64u);
    REQUIRE(whole.crc == cut.crc && whole.frame_bytes == cut.frame_bytes);
    REQUIRE(whole.parser.frames == cut.parser.frames);
    REQUIRE(whole.parser.strays == cut.parser.strays);
    REQUIRE(whole.parser.crc_errors == cut.parser.crc_errors);
    REQUIRE(whole.parser.dropped_bytes == cut.parser.dropped_bytes);
    REQUIRE(whole.parser.multi_packets == cut.parser.multi_packets);
    encode(data, size);
    return 0;
}
