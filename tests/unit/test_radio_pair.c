// What both ends of a pairing compute, and that somebody between them is seen.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "components/lamp_radio/radio_pair.h"
#include "platform/crypto.h"

struct end {
    uint8_t secret[32];
    struct nh_radio_pair_side side;
};

static struct end end_of(uint8_t seed)
{
    struct end e;
    memset(e.secret, seed, sizeof e.secret);
    memset(e.side.nonce, seed ^ 0x55, sizeof e.side.nonce);
    memset(e.side.address.mac, seed, sizeof e.side.address.mac);
    nh_agree_public(e.secret, e.side.public_half);
    return e;
}

static void test_same(void **state)
{
    struct end remote = end_of(1), lamp = end_of(2);
    struct nh_radio_pair_outcome a, b;
    uint8_t up[32], down[32];
    (void)state;
    assert_int_equal(nh_radio_pair_derive(remote.secret, false, &remote.side, &lamp.side, &a), 0);
    assert_int_equal(nh_radio_pair_derive(lamp.secret, true, &remote.side, &lamp.side, &b), 0);
    assert_memory_equal(a.key, b.key, sizeof a.key);
    assert_memory_equal(a.proof, b.proof, sizeof a.proof);
    assert_int_equal(a.code, b.code);
    assert_in_range(a.code, 0, NH_RADIO_CODE_COUNT - 1);
    nh_radio_pair_directions(a.key, up, down);
    assert_memory_not_equal(up, down, sizeof up);
    assert_memory_not_equal(up, a.key, sizeof up);
}

// Somebody pairs with each of the two: they show different digits. Any other word of the exchange
// changes the key as well.
static void test_between(void **state)
{
    struct end remote = end_of(1), lamp = end_of(2), other = end_of(3);
    struct nh_radio_pair_outcome a, b;
    (void)state;
    assert_int_equal(nh_radio_pair_derive(remote.secret, false, &remote.side, &other.side, &a), 0);
    assert_int_equal(nh_radio_pair_derive(lamp.secret, true, &other.side, &lamp.side, &b), 0);
    assert_memory_not_equal(a.key, b.key, sizeof a.key);
    assert_int_not_equal(a.code, b.code);
    assert_int_equal(nh_radio_pair_derive(lamp.secret, true, &remote.side, &lamp.side, &a), 0);
    remote.side.nonce[0] ^= 1;
    assert_int_equal(nh_radio_pair_derive(lamp.secret, true, &remote.side, &lamp.side, &b), 0);
    assert_memory_not_equal(a.key, b.key, sizeof a.key);
}

static void test_commitment(void **state)
{
    struct end remote = end_of(1);
    uint8_t a[32], b[32];
    (void)state;
    nh_radio_pair_commit(&remote.side, a);
    for (size_t i = 0; i < sizeof remote.side; i++) {
        ((uint8_t *)&remote.side)[i] ^= 1;
        nh_radio_pair_commit(&remote.side, b);
        assert_memory_not_equal(a, b, sizeof a);
        ((uint8_t *)&remote.side)[i] ^= 1;
    }
}

// A public half that makes every secret give the same result is refused.
static void test_low_order(void **state)
{
    struct end remote = end_of(1), lamp = end_of(2);
    struct nh_radio_pair_outcome out;
    (void)state;
    memset(remote.side.public_half, 0, 32);
    assert_int_equal(nh_radio_pair_derive(lamp.secret, true, &remote.side, &lamp.side, &out),
                     NH_ERR_INVAL);
    remote.side.public_half[0] = 1;
    assert_int_equal(nh_radio_pair_derive(lamp.secret, true, &remote.side, &lamp.side, &out),
                     NH_ERR_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_commitment),
        cmocka_unit_test(test_low_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
