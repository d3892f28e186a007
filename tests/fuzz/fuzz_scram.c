// SCRAM messages from a peer: the first byte says which, then the text. Nothing that was made up
// may pass; and a name and nonces of the input must make an exchange that succeeds.

#include "mqtt/scram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s (line %d)\n", #cond, __LINE__);                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const struct nh_scram_crypto crypto = {nh_hash_parts, nh_hmac_parts, nh_pbkdf2, nh_wipe};
static struct nh_scram_secret secret; // of "pw"; few iterations, for speed

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static void to_server(nh_span_t text)
{
    struct nh_scram_server s;
    char last[NH_SCRAM_FINAL_MAX_BYTES];
    nh_span_t out;
    if (nh_scram_server_begin(&s, &crypto, text) == NH_OK) {
        REQUIRE(s.user_len == strlen(s.user) && s.user_len > 0);
        REQUIRE(nh_scram_server_challenge(&s, &secret, span("more"), &out) == NH_OK);
        REQUIRE(out.len > 6 && memcmp(out.ptr, "r=", 2) == 0);
        REQUIRE(nh_scram_server_finish(&s, text, last) < 0);
    }
    REQUIRE(nh_scram_server_begin(&s, &crypto, span("n,,n=u,r=ours")) == NH_OK);
    REQUIRE(nh_scram_server_challenge(&s, &secret, span("more"), &out) == NH_OK);
    REQUIRE(nh_scram_server_finish(&s, text, last) < 0 && last[0] == '\0');
}

// Iterations cost time; a message that asks for many of them is another test's.
static void to_client(nh_span_t text)
{
    struct nh_scram_client c;
    nh_span_t out;
    REQUIRE(nh_scram_client_begin(&c, &crypto, span("u"), span("ours"), &out) == NH_OK);
    if (memmem(text.ptr, text.len, "i=4096", 6) || !memmem(text.ptr, text.len, "i=", 2))
        (void)!nh_scram_client_finish(&c, span("pw"), text, &out);
    REQUIRE(nh_scram_client_verify(&c, text) < 0 || text.len == 46);
}

static void exchange(nh_span_t text)
{
    struct nh_scram_client c;
    struct nh_scram_server s;
    struct nh_scram_secret own;
    char last[NH_SCRAM_FINAL_MAX_BYTES];
    nh_span_t out, half = {text.ptr, text.len / 2},
                   rest = {text.ptr + text.len / 2, text.len - text.len / 2};
    if (nh_scram_client_begin(&c, &crypto, half, rest, &out) < 0)
        return;
    REQUIRE(nh_scram_secret_make(&crypto, half, span("salt"), 4096, &own) == NH_OK);
    REQUIRE(nh_scram_server_begin(&s, &crypto, out) == NH_OK);
    REQUIRE(s.user_len == half.len && memcmp(s.user, half.ptr, half.len) == 0);
    REQUIRE(nh_scram_server_challenge(&s, &own, span("more"), &out) == NH_OK);
    REQUIRE(nh_scram_client_finish(&c, half, out, &out) == NH_OK);
    REQUIRE(nh_scram_server_finish(&s, out, last) == NH_OK);
    REQUIRE(nh_scram_client_verify(&c, span(last)) == NH_OK);
}

static void stored(nh_span_t text)
{
    struct nh_scram_secret s, again;
    char out[NH_SCRAM_SECRET_MAX_BYTES];
    if (nh_scram_secret_parse(text, &s) < 0)
        return;
    nh_scram_secret_text(&s, out);
    REQUIRE(text.len == strlen(out) && memcmp(out, text.ptr, text.len) == 0);
    REQUIRE(nh_scram_secret_parse(span(out), &again) == NH_OK);
    REQUIRE(again.iterations == s.iterations && again.salt_len == s.salt_len &&
            memcmp(again.salt, s.salt, s.salt_len) == 0 &&
            memcmp(again.stored_key, s.stored_key, sizeof s.stored_key) == 0 &&
            memcmp(again.server_key, s.server_key, sizeof s.server_key) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const what[])(nh_span_t text) = {to_server, to_client, exchange, stored};
    if (size < 1)
        return 0;
    if (secret.iterations == 0 &&
        nh_scram_secret_make(&crypto, span("pw"), span("salt"), 1, &secret) < 0)
        abort();
    uint8_t *copy = malloc(size); // of its exact size
    memcpy(copy, data + 1, size - 1);
    what[data[0] & 3]((nh_span_t){copy, size - 1});
    free(copy);
    return 0;
}
