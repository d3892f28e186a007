// What a hub's feed sends becomes frames, in whatever pieces it comes; what is no feed is told.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lamp/follow.h"
#include "support/rng.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"

static struct nh_follow follow;

struct bytes {
    uint8_t at[65536];
    size_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
    memcpy(b->at + b->len, data, len);
    b->len += len;
}

static void put_message(struct bytes *b, uint8_t opcode, const void *data, size_t len)
{
    uint8_t head[4] = {(uint8_t)(0x80 | opcode), (uint8_t)len};
    if (len > 125) {
        head[1] = 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
    }
    put(b, head, len > 125 ? 4 : 2);
    put(b, data, len);
}

// Rows `first` to `first + rows - 1` of frame `n` of a lamp of w x h: each pixel's colour tells
// frame and place.
static void put_rows(struct bytes *b, uint16_t w, uint16_t h, uint32_t n, uint16_t first,
                     uint16_t rows)
{
    uint8_t m[NH_FOLLOW_MESSAGE_MAX_BYTES] = {
        2, 1, first + rows == h ? 1 | 128 : 1, 77, (uint8_t)w, 0, (uint8_t)h, 0, (uint8_t)n};
    m[12] = (uint8_t)first;
    m[14] = (uint8_t)rows;
    for (uint32_t i = 0; i < (uint32_t)rows * w; i++) {
        m[16 + 3 * i] = (uint8_t)n;
        m[17 + 3 * i] = (uint8_t)(first + i / w);
        m[18 + 3 * i] = (uint8_t)(i % w);
    }
    put_message(b, 2, m, 16 + (size_t)rows * w * 3);
}

static void check_frame(uint16_t w, uint16_t h, uint32_t n)
{
    assert_non_null(follow.canvas.px);
    assert_int_equal(follow.canvas.width, w);
    assert_int_equal(follow.canvas.height, h);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            assert_int_equal(follow.canvas.px[y * w + x], NH_PX(n & 255, y, x));
}

enum { WHOLE, BYTEWISE, CUTS };

static int feed(const struct bytes *b, int how, uint32_t seed)
{
    struct rng rng = {seed};
    nh_follow_init(&follow);
    for (size_t at = 0; at < b->len;) {
        size_t n = how == WHOLE ? b->len : how == BYTEWISE ? 1 : 1 + rng_below(&rng, 700);
        n = n < b->len - at ? n : b->len - at;
        uint8_t *exact = malloc(n);
        memcpy(exact, b->at + at, n);
        int err = nh_follow_input(&follow, exact, n);
        free(exact);
        if (err)
            return err;
        at += n;
    }
    return 0;
}

static void frames_come_in_any_pieces(void **state)
{
    (void)state;
    static struct bytes b;
    put(&b, HEAD, sizeof HEAD - 1);
    put_message(&b, 1, "{\"state\":{}}", 12); // what WLED's clients hear first
    put_message(&b, 9, "", 0);
    put_rows(&b, 16, 48, 5, 0, 48);
    put_rows(&b, 100, 39, 6, 0, 13); // in three messages
    put_rows(&b, 100, 39, 6, 13, 13);
    put_rows(&b, 100, 39, 6, 26, 13);
    for (uint32_t seed = 0; seed < 40; seed++) {
        assert_int_equal(feed(&b, seed == 0 ? WHOLE : seed == 1 ? BYTEWISE : CUTS, seed), 0);
        assert_int_equal(follow.frame_count, 2);
        check_frame(100, 39, 6);
        assert_int_equal(follow.brightness, 77);
        assert_true(follow.flags & NH_FOLLOW_ON);
    }
}

// A frame of which a part was left out is not shown; the one before stays.
static void a_torn_frame_is_not_shown(void **state)
{
    (void)state;
    static struct bytes b;
    put(&b, HEAD, sizeof HEAD - 1);
    put_rows(&b, 100, 39, 6, 26, 13); // the end of one that was not seen from its begin
    put_rows(&b, 100, 39, 7, 0, 13);
    put_rows(&b, 100, 39, 7, 13, 13);
    put_rows(&b, 100, 39, 7, 26, 13);
    put_rows(&b, 100, 39, 8, 0, 13);
    put_rows(&b, 100, 39, 8, 26, 13); // the middle is missing
    put_rows(&b, 100, 39, 9, 0, 13);
    put_rows(&b, 100, 39, 10, 13, 13); // of another frame
    put_rows(&b, 100, 39, 10, 26, 13);
    assert_int_equal(feed(&b, WHOLE, 1), 0);
    assert_int_equal(follow.frame_count, 1);
    check_frame(100, 39, 7);
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    static const uint8_t other_layout[] = {2, 2, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3};
    static const uint8_t wide[] = {2, 1, 1, 1, 129, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t beyond[] = {2, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 2, 3};
    static const uint8_t brief[] = {2, 1, 1, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3};
    static const char none[] =
        "{\"error\":{\"code\":\"bad_request\",\"message\":\"There is no such part.\"}}";
    static const struct {
        const char *head;
        uint8_t opcode;
        const void *message;
        size_t len;
        int err;
        const char *text;
    } rows[] = {
        {"HTTP/1.1 401 Unauthorized\r\n\r\n", 0, NULL, 0, NH_ERR_DENIED, "401 Unauthorized"},
        {"HTTP/1.1 503 Service Unavailable\r\n\r\n", 0, NULL, 0, NH_ERR_AGAIN, "answers 503"},
        {"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n", 0, NULL, 0, NH_ERR_NOT_FOUND, "404 Not Found"},
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, NULL, 0, NH_ERR_PROTO, "no HTTP"},
        {HEAD, 2, other_layout, sizeof other_layout, NH_ERR_PROTO, "another layout"},
        {HEAD, 2, wide, sizeof wide, NH_ERR_PROTO, "not whole"},
        {HEAD, 2, beyond, sizeof beyond, NH_ERR_PROTO, "not whole"},
        {HEAD, 2, brief, sizeof brief, NH_ERR_PROTO, "not whole"},
        {HEAD, 2, "\2\1", 2, NH_ERR_PROTO, "another layout"},
        {HEAD, 2, "\1zz", 3, 0, ""}, // another part's channel
        {HEAD, 1, none, sizeof none - 1, NH_ERR_NOT_FOUND, "the hub says: There is no such part."},
        {HEAD, 8, "\3\xE9", 2, NH_ERR_CLOSED, "ends the feed"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (int how = WHOLE; how <= CUTS; how++) {
            static struct bytes b;
            b.len = 0;
            put(&b, rows[i].head, strlen(rows[i].head));
            if (rows[i].opcode)
                put_message(&b, rows[i].opcode, rows[i].message, rows[i].len);
            assert_int_equal(feed(&b, how, 3), rows[i].err);
            assert_non_null(strstr(follow.fault, rows[i].text));
        }
}

static void frames_of_a_kind_that_is_not_sent_are_refused(void **state)
{
    (void)state;
    static const uint8_t heads[][4] = {
        {0x02, 1},               // not the last of its message
        {0xC2, 1},               // a reserved bit
        {0x82, 0x81},            // masked
        {0x82, 127},             // 64-bit length
        {0x82, 126, 0x10, 0x68}, // 4200: one over
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(heads); i++) {
        static struct bytes b;
        b.len = 0;
        put(&b, HEAD, sizeof HEAD - 1);
        put(&b, heads[i], 4);
        assert_int_equal(feed(&b, WHOLE, 1), NH_ERR_PROTO);
    }
    static struct bytes endless = {.len = 5000};
    memset(endless.at, 'a', endless.len);
    assert_int_equal(feed(&endless, CUTS, 1), NH_ERR_PROTO);
}

static void the_request_subscribes(void **state)
{
    (void)state;
    char out[1024];
    size_t len = nh_follow_request(out, sizeof out, "hub:80", "dTpw");
    const char *end = memmem(out, len, "\r\n\r\n", 4);
    assert_non_null(end);
    assert_non_null(strstr(out, "GET /ws HTTP/1.1\r\nHost: hub:80\r\nOrigin: http://hub:80\r\n"));
    assert_non_null(strstr(out, "\r\nAuthorization: Basic dTpw\r\n"));
    const uint8_t *frame = (const uint8_t *)end + 4;
    size_t n = frame[1] & 0x7F;
    assert_int_equal(frame[0], 0x81);
    assert_int_equal(frame[1] & 0x80, 0x80);
    assert_ptr_equal(frame + 6 + n, out + len);
    char said[64] = "";
    for (size_t i = 0; i < n; i++)
        said[i] = (char)(frame[6 + i] ^ frame[2 + i % 4]);
    assert_string_equal(said, "{\"subscribe\":[\"lamp_preview\"]}");
    for (size_t cap = 0; cap < len; cap++) {
        char *exact = malloc(cap ? cap : 1);
        assert_int_equal(nh_follow_request(exact, cap, "hub:80", "dTpw"), 0);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_in_any_pieces),
        cmocka_unit_test(a_torn_frame_is_not_shown),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(frames_of_a_kind_that_is_not_sent_are_refused),
        cmocka_unit_test(the_request_subscribes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
