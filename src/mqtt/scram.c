#include "mqtt/scram.h"

#include "core/base/base64.h"
#include "core/base/secret.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define KEY_TEXT_BYTES (NH_BASE64_TEXT_BYTES(NH_SHA256_BYTES) - 1)

static nh_span_t span(const void *ptr, size_t len)
{
    return (nh_span_t){ptr, len};
}

static nh_span_t text_span(const char *text)
{
    return span(text, strlen(text));
}

// ---- messages: attributes by commas -------------------------------------------------------------

// Takes what stands up to the next comma, or to the end, off `rest`.
static nh_span_t take_part(nh_span_t *rest)
{
    const uint8_t *comma = rest->len ? memchr(rest->ptr, ',', rest->len) : NULL;
    nh_span_t part = {rest->ptr, comma ? (size_t)(comma - rest->ptr) : rest->len};
    size_t used = part.len + (comma != NULL);
    *rest = span(rest->ptr + used, rest->len - used);
    return part;
}

// The value of the attribute `name` that comes next. False: something else does.
static bool take_value(nh_span_t *rest, char name, nh_span_t *out)
{
    nh_span_t part = take_part(rest);
    if (part.len < 2 || part.ptr[0] != (uint8_t)name || part.ptr[1] != '=')
        return false;
    *out = span(part.ptr + 2, part.len - 2);
    return true;
}

static bool is_nonce(nh_span_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e || s.ptr[i] == ',')
            return false;
    return s.len > 0;
}

static bool take_number(nh_span_t s, uint32_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || i > 9)
            return false;
        v = v * 10 + (s.ptr[i] - '0');
    }
    *out = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
    return s.len > 0 && s.ptr[0] != '0';
}

// Appends to what both sides have said.
static int talk_add(struct nh_scram_talk *t, nh_span_t part)
{
    if (part.len >= sizeof t->text - t->len)
        return NH_ERR_TOO_LONG;
    if (part.len)
        memcpy(t->text + t->len, part.ptr, part.len);
    t->len = (uint16_t)(t->len + part.len);
    return NH_OK;
}

static int talk_add_all(struct nh_scram_talk *t, const nh_span_t *parts, size_t count)
{
    int rc = NH_OK;
    for (size_t i = 0; i < count && rc == NH_OK; i++)
        rc = talk_add(t, parts[i]);
    return rc;
}

static nh_span_t talk_nonce(const struct nh_scram_talk *t)
{
    return span(t->text + t->nonce_at, t->nonce_len);
}

// ---- keys ---------------------------------------------------------------------------------------

static int hmac(const struct nh_scram_crypto *crypto, const uint8_t key[NH_SHA256_BYTES],
                nh_span_t text, uint8_t *out)
{
    return crypto->hmac(NH_SHA256, span(key, NH_SHA256_BYTES), &text, 1, out);
}

// The three keys of a password; `client_key` alone gives the others away.
static int make_keys(const struct nh_scram_crypto *crypto, nh_span_t password,
                     struct nh_scram_secret *s, uint8_t client_key[NH_SHA256_BYTES])
{
    uint8_t salted[NH_SHA256_BYTES];
    nh_span_t key = span(client_key, NH_SHA256_BYTES);
    int rc = crypto->pbkdf2(NH_SHA256, password, span(s->salt, s->salt_len), s->iterations, salted);
    if (rc == NH_OK)
        rc = hmac(crypto, salted, text_span("Client Key"), client_key);
    if (rc == NH_OK)
        rc = crypto->hash(NH_SHA256, &key, 1, s->stored_key);
    if (rc == NH_OK)
        rc = hmac(crypto, salted, text_span("Server Key"), s->server_key);
    crypto->wipe(salted, sizeof salted);
    return rc;
}

int nh_scram_secret_make(const struct nh_scram_crypto *crypto, nh_span_t password, nh_span_t salt,
                         uint32_t iterations, struct nh_scram_secret *out)
{
    uint8_t client_key[NH_SHA256_BYTES];
    if (salt.len == 0 || salt.len > NH_SCRAM_SALT_MAX_BYTES || iterations == 0 ||
        iterations > NH_SCRAM_ITERATIONS_MAX)
        return NH_ERR_RANGE;
    *out = (struct nh_scram_secret){.iterations = iterations, .salt_len = (uint8_t)salt.len};
    memcpy(out->salt, salt.ptr, salt.len);
    int rc = make_keys(crypto, password, out, client_key);
    crypto->wipe(client_key, sizeof client_key);
    return rc;
}

int nh_scram_secret_verify(const struct nh_scram_crypto *crypto, const struct nh_scram_secret *s,
                           nh_span_t password)
{
    struct nh_scram_secret made;
    int rc =
        nh_scram_secret_make(crypto, password, span(s->salt, s->salt_len), s->iterations, &made);
    bool is_right = rc == NH_OK && nh_ct_equal(made.stored_key, s->stored_key, NH_SHA256_BYTES);
    crypto->wipe(&made, sizeof made);
    return rc < 0 ? rc : is_right ? NH_OK : NH_ERR_DENIED;
}

int nh_scram_secret_fake(const struct nh_scram_crypto *crypto, nh_span_t key, nh_span_t user,
                         uint32_t iterations, struct nh_scram_secret *out)
{
    const nh_span_t salt[] = {text_span("salt"), user}, stored[] = {text_span("stored"), user};
    uint8_t digest[NH_SHA256_BYTES];
    *out = (struct nh_scram_secret){.iterations = iterations, .salt_len = NH_SCRAM_SALT_BYTES};
    int rc = crypto->hmac(NH_SHA256, key, salt, 2, digest);
    if (rc == NH_OK)
        rc = crypto->hmac(NH_SHA256, key, stored, 2, out->stored_key);
    memcpy(out->salt, digest, NH_SCRAM_SALT_BYTES);
    memcpy(out->server_key, out->stored_key, NH_SHA256_BYTES);
    return rc;
}

// Takes what stands up to `end`, or to the end, off `rest`.
static nh_span_t take_until(nh_span_t *rest, char end)
{
    const uint8_t *at = rest->len ? memchr(rest->ptr, end, rest->len) : NULL;
    nh_span_t part = {rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len};
    size_t used = part.len + (at != NULL);
    *rest = span(rest->ptr + used, rest->len - used);
    return part;
}

static bool take_key(nh_span_t text, uint8_t out[NH_SHA256_BYTES])
{
    return nh_base64_decode((const char *)text.ptr, text.len, out, NH_SHA256_BYTES) ==
           NH_SHA256_BYTES;
}

int nh_scram_secret_parse(nh_span_t text, struct nh_scram_secret *out)
{
    const size_t name_len = strlen(NH_SCRAM_METHOD "$");
    *out = (struct nh_scram_secret){0};
    if (text.len < name_len || memcmp(text.ptr, NH_SCRAM_METHOD "$", name_len) != 0)
        return NH_ERR_SYNTAX;
    nh_span_t rest = span(text.ptr + name_len, text.len - name_len);
    if (!take_number(take_until(&rest, ':'), &out->iterations))
        return NH_ERR_SYNTAX;
    nh_span_t salt = take_until(&rest, '$');
    int len =
        nh_base64_decode((const char *)salt.ptr, salt.len, out->salt, NH_SCRAM_SALT_MAX_BYTES);
    nh_span_t stored = take_until(&rest, ':');
    if (len <= 0 || !take_key(stored, out->stored_key) || !take_key(rest, out->server_key))
        return NH_ERR_SYNTAX;
    out->salt_len = (uint8_t)len;
    return out->iterations <= NH_SCRAM_ITERATIONS_MAX ? NH_OK : NH_ERR_RANGE;
}

void nh_scram_secret_text(const struct nh_scram_secret *s, char out[NH_SCRAM_SECRET_MAX_BYTES])
{
    char salt[NH_BASE64_TEXT_BYTES(NH_SCRAM_SALT_MAX_BYTES)], stored[KEY_TEXT_BYTES + 1],
        server[KEY_TEXT_BYTES + 1];
    NH_IGNORE(nh_base64_encode(s->salt, s->salt_len, salt, sizeof salt)); // they fit
    NH_IGNORE(nh_base64_encode(s->stored_key, NH_SHA256_BYTES, stored, sizeof stored));
    NH_IGNORE(nh_base64_encode(s->server_key, NH_SHA256_BYTES, server, sizeof server));
    snprintf(out, NH_SCRAM_SECRET_MAX_BYTES, NH_SCRAM_METHOD "$%lu:%s$%s:%s",
             (unsigned long)s->iterations, salt, stored, server);
}

// ---- server -------------------------------------------------------------------------------------

// A name's "=2C" and "=3D" are ',' and '='.
static int unescape(nh_span_t s, char *out, size_t cap, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = (char)s.ptr[i];
        if (c == '=') {
            if (s.len - i < 3)
                return NH_ERR_SYNTAX;
            bool is_comma = memcmp(s.ptr + i, "=2C", 3) == 0;
            if (!is_comma && memcmp(s.ptr + i, "=3D", 3) != 0)
                return NH_ERR_SYNTAX;
            c = is_comma ? ',' : '=';
            i += 2;
        }
        if (*len + 1 >= cap)
            return NH_ERR_TOO_LONG;
        out[(*len)++] = c;
    }
    out[*len] = '\0';
    return *len && nh_utf8_is_valid(out, *len, false) ? NH_OK : NH_ERR_SYNTAX;
}

// The head of the client's first message: whether it binds to a channel, and for whom it acts.
static int take_head(nh_span_t *rest, struct nh_scram_talk *t)
{
    nh_span_t binding = take_part(rest), for_whom = take_part(rest);
    if (binding.len >= 2 && binding.ptr[0] == 'p' && binding.ptr[1] == '=')
        return NH_ERR_UNSUPPORTED;
    if (binding.len != 1 || (binding.ptr[0] != 'n' && binding.ptr[0] != 'y'))
        return NH_ERR_SYNTAX;
    if (for_whom.len)
        return for_whom.ptr[0] == 'a' ? NH_ERR_UNSUPPORTED : NH_ERR_SYNTAX;
    snprintf(t->head, sizeof t->head, "%c,,", binding.ptr[0]);
    return NH_OK;
}

int nh_scram_server_begin(struct nh_scram_server *s, const struct nh_scram_crypto *crypto,
                          nh_span_t client_first)
{
    nh_span_t rest = client_first, user, nonce;
    memset(s, 0, sizeof *s);
    s->crypto = crypto;
    if (client_first.len > NH_SCRAM_MESSAGE_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    int rc = take_head(&rest, &s->talk);
    if (rc < 0)
        return rc;
    nh_span_t bare = rest;
    if (bare.len >= 2 && bare.ptr[0] == 'm' && bare.ptr[1] == '=')
        return NH_ERR_UNSUPPORTED;
    if (!take_value(&rest, 'n', &user) || !take_value(&rest, 'r', &nonce) || !is_nonce(nonce))
        return NH_ERR_SYNTAX;
    if (nonce.len > NH_SCRAM_NONCE_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    rc = unescape(user, s->user, sizeof s->user, &s->user_len);
    if (rc < 0)
        return rc;
    s->talk.nonce_at = (uint16_t)(nonce.ptr - bare.ptr);
    s->talk.nonce_len = (uint16_t)nonce.len;
    const nh_span_t parts[] = {bare, text_span(",")};
    return talk_add_all(&s->talk, parts, 2);
}

int nh_scram_server_challenge(struct nh_scram_server *s, const struct nh_scram_secret *secret,
                              nh_span_t nonce, nh_span_t *out)
{
    char rest[16 + NH_BASE64_TEXT_BYTES(NH_SCRAM_SALT_MAX_BYTES)];
    char salt[NH_BASE64_TEXT_BYTES(NH_SCRAM_SALT_MAX_BYTES)];
    uint16_t from = s->talk.len;
    s->secret = *secret;
    if (nonce.len > NH_SCRAM_NONCE_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    NH_ASSERT(is_nonce(nonce));
    NH_IGNORE(nh_base64_encode(secret->salt, secret->salt_len, salt, sizeof salt)); // it fits
    int n = snprintf(rest, sizeof rest, ",s=%s,i=%lu", salt, (unsigned long)secret->iterations);
    const nh_span_t parts[] = {text_span("r="), talk_nonce(&s->talk), nonce, span(rest, (size_t)n),
                               text_span(",")};
    int rc = talk_add_all(&s->talk, parts, NH_ARRAY_LEN(parts));
    if (rc < 0)
        return rc;
    s->talk.nonce_at = (uint16_t)(from + 2);
    s->talk.nonce_len = (uint16_t)(s->talk.nonce_len + nonce.len);
    *out = span(s->talk.text + from, s->talk.len - from - 1u);
    return NH_OK;
}

// Takes the client's last message apart; `without_proof` is all before the proof.
static int take_final(const struct nh_scram_talk *t, nh_span_t message, nh_span_t *without_proof,
                      uint8_t proof[NH_SHA256_BYTES])
{
    char head[NH_BASE64_TEXT_BYTES(sizeof t->head)];
    nh_span_t rest = message, binding, nonce, value = {0};
    NH_IGNORE(nh_base64_encode(t->head, strlen(t->head), head, sizeof head)); // it fits
    if (!take_value(&rest, 'c', &binding) || !take_value(&rest, 'r', &nonce))
        return NH_ERR_SYNTAX;
    bool has_proof = false;
    while (rest.len && !has_proof) { // extensions may stand between
        *without_proof = span(message.ptr, (size_t)(rest.ptr - message.ptr) - 1);
        has_proof = take_value(&rest, 'p', &value);
    }
    if (!has_proof || rest.len || !take_key(value, proof))
        return NH_ERR_SYNTAX;
    bool is_bound = binding.len == strlen(head) && memcmp(binding.ptr, head, binding.len) == 0;
    bool is_ours =
        nonce.len == t->nonce_len && memcmp(nonce.ptr, t->text + t->nonce_at, t->nonce_len) == 0;
    return is_bound && is_ours ? NH_OK : NH_ERR_DENIED;
}

// HMAC over all that was said: what proof and signature are made of.
static int sign(const struct nh_scram_crypto *crypto, const struct nh_scram_talk *t,
                const uint8_t key[NH_SHA256_BYTES], nh_span_t without_proof, uint8_t *out)
{
    const nh_span_t parts[] = {span(t->text, t->len), without_proof};
    return crypto->hmac(NH_SHA256, span(key, NH_SHA256_BYTES), parts, 2, out);
}

static void xor_key(uint8_t a[NH_SHA256_BYTES], const uint8_t b[NH_SHA256_BYTES])
{
    for (size_t i = 0; i < NH_SHA256_BYTES; i++)
        a[i] ^= b[i];
}

// Whether the proof came from who has the client's key.
static int check_proof(struct nh_scram_server *s, nh_span_t without_proof,
                       uint8_t proof[NH_SHA256_BYTES])
{
    uint8_t signature[NH_SHA256_BYTES], stored_key[NH_SHA256_BYTES];
    nh_span_t key = span(proof, NH_SHA256_BYTES);
    int rc = sign(s->crypto, &s->talk, s->secret.stored_key, without_proof, signature);
    if (rc < 0)
        return rc;
    xor_key(proof, signature);
    rc = s->crypto->hash(NH_SHA256, &key, 1, stored_key);
    if (rc < 0)
        return rc;
    return nh_ct_equal(stored_key, s->secret.stored_key, NH_SHA256_BYTES) ? NH_OK : NH_ERR_DENIED;
}

int nh_scram_server_finish(struct nh_scram_server *s, nh_span_t client_final,
                           char out[NH_SCRAM_FINAL_MAX_BYTES])
{
    uint8_t proof[NH_SHA256_BYTES], signature[NH_SHA256_BYTES];
    nh_span_t without_proof = {0};
    out[0] = '\0';
    int rc = take_final(&s->talk, client_final, &without_proof, proof);
    if (rc == NH_OK)
        rc = check_proof(s, without_proof, proof);
    s->crypto->wipe(proof, sizeof proof);
    if (rc == NH_OK)
        rc = sign(s->crypto, &s->talk, s->secret.server_key, without_proof, signature);
    if (rc < 0)
        return rc;
    memcpy(out, "v=", 2);
    rc = nh_base64_encode(signature, sizeof signature, out + 2, NH_SCRAM_FINAL_MAX_BYTES - 2);
    return rc < 0 ? rc : NH_OK;
}

// ---- client -------------------------------------------------------------------------------------

static int escape(struct nh_scram_talk *t, nh_span_t user)
{
    int rc = NH_OK;
    for (size_t i = 0; i < user.len && rc == NH_OK; i++) {
        uint8_t c = user.ptr[i];
        rc = talk_add(t, c == ',' ? text_span("=2C") : c == '=' ? text_span("=3D") : span(&c, 1));
    }
    return rc;
}

int nh_scram_client_begin(struct nh_scram_client *c, const struct nh_scram_crypto *crypto,
                          nh_span_t user, nh_span_t nonce, nh_span_t *out)
{
    memset(c, 0, sizeof *c);
    c->crypto = crypto;
    struct nh_scram_talk *t = &c->talk;
    if (user.len == 0 || !nh_utf8_is_valid(user.ptr, user.len, false) || !is_nonce(nonce))
        return NH_ERR_INVAL;
    if (user.len > NH_SCRAM_USER_MAX_BYTES || nonce.len > NH_SCRAM_NONCE_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    int rc = talk_add(t, text_span("n="));
    rc = rc < 0 ? rc : escape(t, user);
    rc = rc < 0 ? rc : talk_add(t, text_span(",r="));
    t->nonce_at = t->len;
    t->nonce_len = (uint16_t)nonce.len;
    rc = rc < 0 ? rc : talk_add(t, nonce);
    if (rc < 0 || t->len + 3u >= sizeof c->message)
        return NH_ERR_TOO_LONG;
    memcpy(t->head, "n,,", 4);
    int n = snprintf(c->message, sizeof c->message, "n,,%.*s", (int)t->len, t->text);
    *out = span(c->message, (size_t)n);
    return talk_add(t, text_span(","));
}

// Reads salt and iterations, and takes over the nonce of both.
static int take_challenge(struct nh_scram_client *c, nh_span_t message, struct nh_scram_secret *s)
{
    nh_span_t rest = message, nonce, salt, iterations, own = talk_nonce(&c->talk);
    *s = (struct nh_scram_secret){0};
    if (!take_value(&rest, 'r', &nonce) || !take_value(&rest, 's', &salt) ||
        !take_value(&rest, 'i', &iterations) || !is_nonce(nonce) ||
        !take_number(iterations, &s->iterations))
        return NH_ERR_SYNTAX;
    int len = nh_base64_decode((const char *)salt.ptr, salt.len, s->salt, NH_SCRAM_SALT_MAX_BYTES);
    if (len <= 0)
        return len == NH_ERR_TOO_LONG ? len : NH_ERR_SYNTAX;
    s->salt_len = (uint8_t)len;
    if (nonce.len <= own.len || memcmp(nonce.ptr, own.ptr, own.len) != 0)
        return NH_ERR_DENIED;
    if (nonce.len > 2 * NH_SCRAM_NONCE_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (s->iterations < NH_SCRAM_ITERATIONS || s->iterations > NH_SCRAM_ITERATIONS_MAX)
        return NH_ERR_RANGE;
    c->talk.nonce_at = (uint16_t)(c->talk.len + (size_t)(nonce.ptr - message.ptr));
    c->talk.nonce_len = (uint16_t)nonce.len;
    const nh_span_t parts[] = {message, text_span(",")};
    return talk_add_all(&c->talk, parts, 2);
}

// The last message without its proof, in `message`. Returns its length.
static size_t put_final(struct nh_scram_client *c)
{
    nh_span_t nonce = talk_nonce(&c->talk);
    return (size_t)snprintf(c->message, sizeof c->message, "c=biws,r=%.*s", (int)nonce.len,
                            (const char *)nonce.ptr);
}

// The client's proof, in `key`, and what the server's signature must be.
static int make_proof(struct nh_scram_client *c, const struct nh_scram_secret *s,
                      nh_span_t without_proof, uint8_t key[NH_SHA256_BYTES])
{
    uint8_t signature[NH_SHA256_BYTES];
    int rc = sign(c->crypto, &c->talk, s->server_key, without_proof, c->server_signature);
    if (rc == NH_OK)
        rc = sign(c->crypto, &c->talk, s->stored_key, without_proof, signature);
    if (rc == NH_OK)
        xor_key(key, signature);
    return rc;
}

int nh_scram_client_finish(struct nh_scram_client *c, nh_span_t password, nh_span_t server_first,
                           nh_span_t *out)
{
    struct nh_scram_secret s;
    uint8_t key[NH_SHA256_BYTES];
    int rc = take_challenge(c, server_first, &s);
    if (rc == NH_OK)
        rc = make_keys(c->crypto, password, &s, key);
    if (rc < 0)
        return rc;
    size_t len = put_final(c);
    rc = make_proof(c, &s, span(c->message, len), key);
    memcpy(c->message + len, ",p=", 4);
    if (rc == NH_OK)
        rc = nh_base64_encode(key, sizeof key, c->message + len + 3, sizeof c->message - len - 3);
    c->crypto->wipe(key, sizeof key);
    c->crypto->wipe(&s, sizeof s);
    *out = text_span(c->message);
    return rc < 0 ? rc : NH_OK;
}

int nh_scram_client_verify(struct nh_scram_client *c, nh_span_t server_final)
{
    nh_span_t rest = server_final, value;
    uint8_t signature[NH_SHA256_BYTES];
    if (server_final.len >= 2 && memcmp(server_final.ptr, "e=", 2) == 0)
        return NH_ERR_DENIED;
    if (!take_value(&rest, 'v', &value) || !take_key(value, signature))
        return NH_ERR_SYNTAX;
    return nh_ct_equal(signature, c->server_signature, sizeof signature) ? NH_OK : NH_ERR_DENIED;
}
