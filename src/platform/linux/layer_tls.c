// layer_tls.c - TLS of one connection, between its socket and the rest of the layer.
//
// The library reads the socket through a BIO of ours, and what it writes goes straight to the
// socket or, if that is full, to the layer's pending bytes. So it never has to be asked again with
// the same bytes, which the handler may no longer have.

#include "platform/linux/layer.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

// ---- the socket, as the library sees it --------------------------------------------------------

static int bio_read(BIO *bio, char *out, int cap)
{
    nh_stream_t *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    errno = EAGAIN;
    ssize_t n = s->flags & NH_STREAM_DRY ? -1 : recv(s->fd, out, (size_t)cap, MSG_DONTWAIT);
    // As on a plain socket: a short read empties it, until the next edge; not so behind the end.
    if (n > 0 && n < cap && !(s->flags & NH_STREAM_HANGUP))
        s->flags |= NH_STREAM_DRY;
    if (n < 0 && errno == EAGAIN)
        s->flags |= NH_STREAM_DRY;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    return (int)n;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    const struct nh_iov iov = {bytes, (size_t)len};
    BIO_clear_retry_flags(bio);
    return nh_layer__put(BIO_get_data(bio), &iov, 1) < 0 ? -1 : len;
}

static long bio_ctrl(BIO *bio, int cmd, long number, void *ptr)
{
    (void)bio;
    (void)number;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

// One for the process; the library wants it made, not declared.
static BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *method;
    if (method)
        return method;
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (method) {
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_ctrl(method, bio_ctrl);
    }
    return method;
}

// ---- life --------------------------------------------------------------------------------------

int nh_layer_tls__start(nh_stream_t *s, const nh_tls_t *tls, const char *name)
{
    BIO *bio = bio_method() ? BIO_new(bio_method()) : NULL;
    SSL *ssl = bio ? nh_tls__session(tls, name) : NULL;
    ERR_clear_error();
    if (!ssl) {
        BIO_free(bio);
        return NH_ERR_NOMEM;
    }
    BIO_set_data(bio, s); // streams do not move
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    nh_layer__of(s)->ssl = ssl;
    return NH_OK;
}

void nh_layer_tls__free(SSL *ssl)
{
    SSL_free(ssl);
}

// ---- what went wrong ---------------------------------------------------------------------------

static const char *reason_text(const SSL *ssl, unsigned long code)
{
    long verdict = SSL_get_verify_result(ssl);
    if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    const char *text = ERR_reason_error_string(code);
    return text ? text : "TLS failed";
}

// The error for a call that gave `rc`; 0: it wants more input, which is not there.
static int failure(nh_stream_t *s, int rc)
{
    struct nh_layer *layer = nh_layer__of(s);
    int errnum = errno;
    unsigned long code = ERR_peek_last_error();
    int err = NH_ERR_PROTO;
    switch (SSL_get_error(layer->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        if (s->flags & NH_STREAM_DRY)
            s->flags &= (uint16_t)~NH_STREAM_READABLE;
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        layer->reason = "the peer ended the connection";
        return NH_ERR_CLOSED; // its half: ours may still be written to
    case SSL_ERROR_SYSCALL:
        layer->reason = "the connection was cut";
        err = code == 0 && rc != 0 && errnum ? nh_linux__err(errnum) : NH_ERR_CLOSED;
        break;
    default:
        layer->reason = reason_text(layer->ssl, code);
        if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
            err = NH_ERR_DENIED;
        if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
            err = NH_ERR_NOMEM;
    }
    layer->is_broken = true;
    ERR_clear_error();
    return err;
}

// ---- the handshake -----------------------------------------------------------------------------

void nh_layer_tls__handshake(nh_stream_t *s)
{
    struct nh_layer *layer = nh_layer__of(s);
    ERR_clear_error();
    int rc = SSL_do_handshake(layer->ssl);
    int err = rc == 1 ? 0 : failure(s, rc);
    if (err < 0)
        nh_layer__fail(s, err, layer->reason);
    else if (rc == 1)
        nh_layer__advance(s);
}

// ---- bytes -------------------------------------------------------------------------------------

size_t nh_layer_tls__read(nh_stream_t *s, uint8_t *at, size_t cap, int *end)
{
    SSL *ssl = nh_layer__of(s)->ssl;
    size_t got = 0;
    *end = 0;
    if (cap > INT_MAX)
        cap = INT_MAX;
    ERR_clear_error();
    while (got < cap) {
        int n = SSL_read(ssl, at + got, (int)(cap - got));
        if (n <= 0) {
            *end = failure(s, n);
            break;
        }
        got += (size_t)n;
    }
    return got;
}

int nh_layer_tls__write(nh_stream_t *s, const void *bytes, size_t len)
{
    ERR_clear_error();
    int n = SSL_write(nh_layer__of(s)->ssl, bytes, (int)len);
    if (n == (int)len)
        return NH_OK;
    nh_layer__of(s)->is_broken = true;
    ERR_clear_error();
    return NH_ERR_NOMEM; // nothing else fails: the socket is not asked
}

void nh_layer_tls__say_end(nh_stream_t *s)
{
    SSL_shutdown(nh_layer__of(s)->ssl);
    ERR_clear_error();
}
