#include "components/lamp_radio/radio_pair.h"

#include "core/base/bytes.h"
#include "platform/crypto.h"

#include <string.h>

_Static_assert(NH_RADIO_KEY_BYTES == NH_KEYED_HASH_BYTES, "a key of the hash");
_Static_assert(NH_AGREE_BYTES == 32, "a public half");

// The hash's key where there is no secret: what is hashed here is nothing else's.
static const uint8_t domain[NH_KEYED_HASH_BYTES] = "nuthatch lamp radio pairing 2";

static size_t put_side(uint8_t *out, const struct nh_radio_pair_side *s)
{
    memcpy(out, s->address.mac, 6);
    memcpy(out + 6, s->public_half, 32);
    memcpy(out + 38, s->nonce, NH_RADIO_NONCE_BYTES);
    return 38 + NH_RADIO_NONCE_BYTES;
}

void nh_radio_pair_commit(const struct nh_radio_pair_side *remote,
                          uint8_t out[NH_RADIO_COMMITMENT_BYTES])
{
    uint8_t text[38 + NH_RADIO_NONCE_BYTES];
    size_t len = put_side(text, remote);
    nh_keyed_hash(domain, text, len, out);
}

static void labelled(const uint8_t key[NH_RADIO_KEY_BYTES], const char *label,
                     uint8_t out[NH_RADIO_KEY_BYTES])
{
    nh_keyed_hash(key, label, strlen(label), out);
}

int nh_radio_pair_derive(const uint8_t secret[32], bool is_lamp,
                         const struct nh_radio_pair_side *remote,
                         const struct nh_radio_pair_side *lamp, struct nh_radio_pair_outcome *out)
{
    uint8_t shared[32], hash[32], text[sizeof domain + 2 * (38 + NH_RADIO_NONCE_BYTES)];
    size_t len = sizeof domain;
    int err = nh_agree_shared(secret, is_lamp ? remote->public_half : lamp->public_half, shared);
    if (err < 0)
        return err;
    memcpy(text, domain, len);
    len += put_side(text + len, remote);
    len += put_side(text + len, lamp);
    nh_keyed_hash(shared, text, len, out->key);
    labelled(out->key, "code", hash);
    out->code = (uint32_t)(nh_get_le64(hash) % NH_RADIO_CODE_COUNT);
    labelled(out->key, "proof", hash);
    memcpy(out->proof, hash, sizeof out->proof);
    nh_wipe(shared, sizeof shared);
    return 0;
}

void nh_radio_pair_directions(const uint8_t key[NH_RADIO_KEY_BYTES],
                              uint8_t to_lamp[NH_RADIO_KEY_BYTES],
                              uint8_t to_remote[NH_RADIO_KEY_BYTES])
{
    labelled(key, "to the lamp", to_lamp);
    labelled(key, "to the remote", to_remote);
}
