#include "components/audio/audio_wav.h"

#include "core/base/bytes.h"

#include <string.h>

#define TAG_PCM 1
#define TAG_FLOAT 3
#define TAG_EXTENSIBLE 0xFFFE // the real tag begins a GUID at the end of the chunk
#define FMT_MIN_BYTES 16
#define FMT_EXTENSIBLE_BYTES 40
#define RATE_MAX_HZ 768000

struct walk {
    nh_audio__bytes_fn bytes;
    void *ctx;
    uint64_t size_bytes, at;
};

// All of `len` bytes, or NH_ERR_CORRUPT.
static int take(const struct walk *w, uint64_t offset, uint8_t *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        int n = w->bytes(w->ctx, offset + got, out + got, len - got);
        if (n <= 0)
            return n < 0 ? n : NH_ERR_CORRUPT;
        got += (size_t)n;
    }
    return 0;
}

static int read_fmt(const struct walk *w, uint32_t len, struct nh_audio_pcm *out)
{
    uint8_t b[FMT_EXTENSIBLE_BYTES] = {0};
    if (len < FMT_MIN_BYTES)
        return NH_ERR_CORRUPT;
    int err = take(w, w->at, b, len < sizeof b ? FMT_MIN_BYTES : sizeof b);
    if (err < 0)
        return err;
    uint16_t tag = nh_get_le16(b), block = nh_get_le16(b + 12);
    if (tag == TAG_EXTENSIBLE && len >= FMT_EXTENSIBLE_BYTES)
        tag = nh_get_le16(b + 24);
    if (tag != TAG_PCM && tag != TAG_FLOAT)
        return NH_ERR_UNSUPPORTED;
    out->is_float = tag == TAG_FLOAT;
    out->channels = nh_get_le16(b + 2);
    out->rate_hz = nh_get_le32(b + 4);
    if (out->channels < 1 || out->channels > 8 || out->rate_hz < 1 || out->rate_hz > RATE_MAX_HZ)
        return NH_ERR_CORRUPT;
    // The room that a sample takes, of which it may use less: 20 bits in 24, 24 in 32.
    out->bits = (uint16_t)(block / out->channels * 8);
    bool fits = out->is_float ? out->bits == 32 || out->bits == 64
                              : out->bits >= 8 && out->bits <= 32 && out->bits % 8 == 0;
    return fits && block % out->channels == 0 ? 0 : NH_ERR_CORRUPT;
}

static void take_data(const struct walk *w, uint32_t len, struct nh_audio_pcm *out)
{
    uint64_t left = w->size_bytes > w->at ? w->size_bytes - w->at : 0;
    out->offset = w->at;
    out->bytes = len == 0 || len == UINT32_MAX || len > left ? left : len;
    out->bytes -= out->bytes % (out->channels * out->bits / 8u); // whole frames
}

int nh_audio__wav_find(nh_audio__bytes_fn bytes, void *ctx, uint64_t size_bytes,
                       struct nh_audio_pcm *out)
{
    struct walk w = {bytes, ctx, size_bytes, 12};
    uint8_t head[12];
    *out = (struct nh_audio_pcm){0};
    int err = take(&w, 0, head, sizeof head);
    if (err < 0)
        return err == NH_ERR_CORRUPT ? NH_ERR_UNSUPPORTED : err;
    if (memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0)
        return NH_ERR_UNSUPPORTED;
    for (int i = 0; i < NH_AUDIO__CHUNK_MAX_COUNT; i++) {
        err = take(&w, w.at, head, 8);
        if (err < 0)
            return err;
        uint32_t len = nh_get_le32(head + 4);
        w.at += 8;
        if (memcmp(head, "fmt ", 4) == 0) {
            err = read_fmt(&w, len, out);
            if (err < 0)
                return err;
        } else if (memcmp(head, "data", 4) == 0) {
            if (out->channels == 0)
                return NH_ERR_CORRUPT; // nobody said what these bytes are
            take_data(&w, len, out);
            return 0;
        }
        w.at += (uint64_t)len + (len & 1); // chunks begin at even places
    }
    return NH_ERR_CORRUPT;
}
