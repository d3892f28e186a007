// What strangers give the audio player: the path of a request, and a file that says it is WAV. The
// first byte chooses.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/audio/audio_path.h"
#include "components/audio/audio_wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), out[NH_AUDIO__ON_CARD_MAX_BYTES];
    memcpy(text, data, size);
    text[size] = '\0';
    if (nh_audio__path(text, out) == 0) {
        // Relative, in its shortest form, without a step up: and so again the same.
        char shown[NH_AUDIO_PATH_MAX_BYTES], again[NH_AUDIO__ON_CARD_MAX_BYTES];
        if (out[0] == '/' || strstr(out, "//") || strcmp(out, "..") == 0 ||
            strncmp(out, "../", 3) == 0 || strstr(out, "/../") || strchr(out, '\\') ||
            (strlen(out) >= 3 && strcmp(out + strlen(out) - 3, "/..") == 0))
            abort();
        nh_audio__path_shown(out, shown);
        if (nh_audio__path(shown, again) != 0 || strcmp(out, again) != 0)
            abort();
    }
    free(text);
}

struct bytes {
    const uint8_t *data;
    size_t size;
    unsigned calls;
};

static int read_bytes(void *ctx, uint64_t offset, void *out, size_t cap)
{
    struct bytes *b = ctx;
    if (++b->calls > 4 * NH_AUDIO__CHUNK_MAX_COUNT)
        abort();
    if (offset >= b->size)
        return 0;
    size_t n = b->size - (size_t)offset < cap ? b->size - (size_t)offset : cap;
    memcpy(out, b->data + offset, n);
    return (int)n;
}

static void check_wav(const uint8_t *data, size_t size)
{
    struct bytes b = {data, size, 0};
    struct nh_audio_pcm pcm;
    if (nh_audio__wav_find(read_bytes, &b, size, &pcm) < 0)
        return;
    uint32_t frame = pcm.channels * pcm.bits / 8u;
    if (pcm.offset + pcm.bytes > size || frame == 0 || pcm.bytes % frame != 0 || pcm.rate_hz == 0 ||
        pcm.channels > 8)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        check_path(data + 1, size - 1);
    else
        check_wav(data + 1, size - 1);
    return 0;
}
