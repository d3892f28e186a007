#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/ring.h"
#include "support/rng.h"

static void an_empty_ring_gives_nothing(void **state)
{
    (void)state;
    uint8_t out[4];
    nh_ring_t r;
    nh_ring_init(&r, NULL, 0); // no memory at all
    assert_int_equal(nh_ring_write(&r, "x", 1), 0);
    assert_int_equal(nh_ring_read(&r, out, 4), 0);
    assert_int_equal(nh_ring_skip(&r, 4), 0);
    assert_int_equal(nh_ring_peek(&r).len, 0);
    assert_int_equal(nh_ring_space(&r), 0);
}

static void a_full_ring_takes_what_fits(void **state)
{
    (void)state;
    uint8_t mem[5], out[8];
    nh_ring_t r;
    nh_ring_init(&r, mem, sizeof mem);
    assert_int_equal(nh_ring_write(&r, "abcdefg", 7), 5);
    assert_int_equal(nh_ring_write(&r, "h", 1), 0);
    assert_int_equal(nh_ring_skip(&r, 3), 3);
    assert_int_equal(nh_ring_write(&r, "hij", 3), 3);
    assert_int_equal(nh_ring_peek(&r).len, 2);
    assert_int_equal(nh_ring_read(&r, out, sizeof out), 5);
    assert_memory_equal(out, "dehij", 5);
    assert_int_equal(nh_ring_len(&r), 0);
}

// Random operations against a plain queue that moves its bytes.
static void same_as_a_plain_queue(void **state)
{
    (void)state;
    struct rng rng = {11};
    for (size_t cap = 1; cap <= 9; cap++) {
        uint8_t mem[9], model[9], bytes[12], out[12];
        size_t len = 0;
        nh_ring_t r;
        nh_ring_init(&r, mem, cap);
        for (int n = 0; n < 2000; n++) {
            size_t want = rng_below(&rng, sizeof bytes + 1);
            size_t fit = want < cap - len ? want : cap - len, have = want < len ? want : len;
            rng_bytes(&rng, bytes, sizeof bytes);
            switch (rng_below(&rng, 20)) {
            default:
                assert_int_equal(nh_ring_write(&r, bytes, want), fit);
                memcpy(model + len, bytes, fit);
                len += fit;
                break;
            case 0 ... 6:
                assert_int_equal(nh_ring_read(&r, out, want), have);
                assert_memory_equal(out, model, have);
                memmove(model, model + have, len -= have);
                break;
            case 7:
                assert_int_equal(nh_ring_skip(&r, want), have);
                memmove(model, model + have, len -= have);
                break;
            case 8:
                nh_ring_clear(&r);
                len = 0;
                break;
            }
            nh_span_t piece = nh_ring_peek(&r);
            assert_true(piece.len <= len && (piece.len > 0) == (len > 0));
            assert_memory_equal(piece.len ? piece.ptr : model, model, piece.len);
            assert_int_equal(nh_ring_len(&r), len);
            assert_int_equal(nh_ring_space(&r), cap - len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ring_gives_nothing),
        cmocka_unit_test(a_full_ring_takes_what_fits),
        cmocka_unit_test(same_as_a_plain_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
