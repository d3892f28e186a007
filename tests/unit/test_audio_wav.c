// Where the samples lie, in WAV files of every layout: built chunk by chunk.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "components/audio/audio_wav.h"
#include "core/base/bytes.h"

#define MAX 4096

static struct {
    uint8_t bytes[MAX];
    size_t len, calls;
    size_t cut;      // at most so many bytes a call; 0: all
    int err;         // instead of the call number `err_call`
    size_t err_call; // from 1
} file;

static int read_bytes(void *ctx, uint64_t offset, void *out, size_t cap)
{
    assert_ptr_equal(ctx, &file);
    if (++file.calls == file.err_call)
        return file.err;
    if (offset >= file.len)
        return 0;
    size_t n = file.len - (size_t)offset < cap ? file.len - (size_t)offset : cap;
    if (file.cut && n > file.cut)
        n = file.cut;
    memcpy(out, file.bytes + offset, n);
    return (int)n;
}

static void put(const void *bytes, size_t len)
{
    assert_true(file.len + len <= MAX);
    memcpy(file.bytes + file.len, bytes, len);
    file.len += len;
}

static void put16(uint16_t v)
{
    uint8_t b[2];
    nh_put_le16(b, v);
    put(b, 2);
}

static void put32(uint32_t v)
{
    uint8_t b[4];
    nh_put_le32(b, v);
    put(b, 4);
}

static void begin(void)
{
    memset(&file, 0, sizeof file);
    put("RIFF", 4);
    put32(0);
    put("WAVE", 4);
}

static void chunk(const char *id, uint32_t len, size_t bytes)
{
    static const uint8_t zeros[MAX];
    put(id, 4);
    put32(len);
    put(zeros, bytes + (bytes & 1));
}

// `extra`: bytes of the chunk past the first 16; 24 and with a tag of 0xFFFE: extensible.
static void fmt(uint16_t tag, uint16_t channels, uint16_t bits, size_t extra)
{
    uint16_t block = (uint16_t)(channels * bits / 8);
    static const uint8_t guid_end[14] = {0, 0, 0,    0, 0x10, 0,    0x80,
                                         0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    put("fmt ", 4);
    put32((uint32_t)(16 + extra));
    put16(extra >= 24 ? 0xFFFE : tag);
    put16(channels);
    put32(44100);
    put32(44100u * block);
    put16(block);
    put16(bits);
    if (extra >= 2)
        put16((uint16_t)(extra - 2));
    if (extra < 24)
        return;
    put16(bits);
    put32(3);
    put16(tag);
    put(guid_end, sizeof guid_end);
}

static int find(struct nh_audio_pcm *pcm)
{
    file.calls = 0;
    return nh_audio__wav_find(read_bytes, &file, file.len, pcm);
}

static void test_formats(void **state)
{
    static const struct {
        uint16_t tag, channels, bits;
        size_t extra;
        int err;
    } rows[] = {
        {1, 2, 16, 0, 0},
        {1, 1, 8, 0, 0},
        {1, 2, 24, 2, 0},
        {1, 2, 32, 24, 0},
        {1, 8, 16, 24, 0},
        {3, 2, 32, 2, 0},
        {3, 1, 64, 24, 0},
        {1, 2, 16, 2, 0},
        {2, 2, 4, 2, NH_ERR_UNSUPPORTED},
        {0x55, 2, 16, 12, NH_ERR_UNSUPPORTED},
        {1, 0, 16, 0, NH_ERR_CORRUPT},
        {1, 9, 16, 0, NH_ERR_CORRUPT},
        {3, 2, 16, 0, NH_ERR_CORRUPT},
        {1, 2, 64, 0, NH_ERR_CORRUPT},
        {1, 2, 0, 0, NH_ERR_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_audio_pcm pcm;
        begin();
        fmt(rows[i].tag, rows[i].channels, rows[i].bits, rows[i].extra);
        chunk("data", 960, 960);
        assert_int_equal(find(&pcm), rows[i].err);
        if (rows[i].err < 0)
            continue;
        assert_int_equal(pcm.channels, rows[i].channels);
        assert_int_equal(pcm.bits, rows[i].bits);
        assert_int_equal(pcm.is_float, rows[i].tag == 3);
        assert_int_equal(pcm.rate_hz, 44100);
        assert_int_equal(pcm.offset, file.len - 960);
        assert_int_equal(pcm.bytes, 960);
    }
}

static void test_chunks_around(void **state)
{
    static const struct {
        const char *id;
        uint32_t len;
    } rows[] = {{"LIST", 26}, {"LIST", 27}, {"bext", 602}, {"fact", 4}, {"JUNK", 1}, {"junk", 0}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (int before = 0; before < 2; before++) {
            struct nh_audio_pcm pcm;
            begin();
            if (before)
                chunk(rows[i].id, rows[i].len, rows[i].len);
            fmt(1, 2, 16, 0);
            if (!before)
                chunk(rows[i].id, rows[i].len, rows[i].len);
            size_t at = file.len + 8;
            chunk("data", 400, 400);
            chunk("LIST", 10, 10); // behind the samples: none of them
            assert_int_equal(find(&pcm), 0);
            assert_int_equal(pcm.offset, at);
            assert_int_equal(pcm.bytes, 400);
        }
}

static void test_lengths_of_data(void **state)
{
    static const struct {
        uint32_t len;
        size_t there;
        uint64_t want;
    } rows[] = {{0, 400, 400},   {UINT32_MAX, 400, 400}, {5000, 400, 400},
                {401, 402, 400}, {398, 400, 396},        {3, 4, 0},
                {0, 0, 0},       {UINT32_MAX - 1, 8, 8}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_audio_pcm pcm;
        begin();
        fmt(1, 2, 16, 0);
        chunk("data", rows[i].len, rows[i].there);
        assert_int_equal(find(&pcm), 0);
        assert_int_equal(pcm.bytes, rows[i].want);
    }
}

static void test_broken_heads(void **state)
{
    struct nh_audio_pcm pcm;
    (void)state;
    begin();
    chunk("data", 400, 400); // before anybody said what it is
    assert_int_equal(find(&pcm), NH_ERR_CORRUPT);
    begin();
    fmt(1, 2, 16, 0); // and no data
    assert_int_equal(find(&pcm), NH_ERR_CORRUPT);
    begin();
    put("fmt ", 4);
    put32(10);
    put("0123456789", 10);
    assert_int_equal(find(&pcm), NH_ERR_CORRUPT);
    begin();
    for (int i = 0; i < 300; i++)
        chunk("x   ", 0, 0); // a walk without end
    fmt(1, 2, 16, 0);
    chunk("data", 8, 8);
    assert_int_equal(find(&pcm), NH_ERR_CORRUPT);
    assert_in_range(file.calls, 1, NH_AUDIO__CHUNK_MAX_COUNT + 1);
    begin();
    chunk("x   ", UINT32_MAX, 0); // far past the end
    assert_int_equal(find(&pcm), NH_ERR_CORRUPT);
    begin();
    memcpy(file.bytes, "RIFX", 4);
    assert_int_equal(find(&pcm), NH_ERR_UNSUPPORTED);
    memcpy(file.bytes, "RIFF\0\0\0\0AVI ", 12);
    assert_int_equal(find(&pcm), NH_ERR_UNSUPPORTED);
    file.len = 11;
    assert_int_equal(find(&pcm), NH_ERR_UNSUPPORTED);
    file.len = 0;
    assert_int_equal(find(&pcm), NH_ERR_UNSUPPORTED);
}

// The same answer however few bytes a read gives, at every length of the file, and at every error.
static void test_cuts_and_errors(void **state)
{
    struct nh_audio_pcm whole, pcm;
    (void)state;
    begin();
    chunk("LIST", 27, 27);
    fmt(1, 2, 16, 24);
    chunk("data", 400, 400);
    assert_int_equal(find(&whole), 0);
    size_t calls = file.calls, len = file.len;
    for (file.cut = 1; file.cut < 50; file.cut++) {
        assert_int_equal(find(&pcm), 0);
        assert_memory_equal(&pcm, &whole, sizeof pcm);
    }
    file.cut = 0;
    for (file.len = 0; file.len < len; file.len++) {
        int err = find(&pcm);
        assert_true(file.len >= whole.offset ? err == 0 : err < 0);
        if (err == 0)
            assert_int_equal(pcm.bytes, (file.len - whole.offset) / 4 * 4);
    }
    file.err = NH_ERR_IO;
    for (file.err_call = 1; file.err_call <= calls; file.err_call++)
        assert_int_equal(find(&pcm), NH_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),         cmocka_unit_test(test_chunks_around),
        cmocka_unit_test(test_lengths_of_data), cmocka_unit_test(test_broken_heads),
        cmocka_unit_test(test_cuts_and_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
