#include "mqtt/reader.h"

#include <string.h>

#define BUFFER_MIN_BYTES 256u
#define BUFFER_KEPT_BYTES 4096u // a larger one is given back after its packet

// The fixed header at `bytes`, judged. As nh_mqtt__head_decode().
static int read_head(const struct nh_mqtt__reader *r, const uint8_t *bytes, size_t len,
                     struct nh_mqtt__head *head)
{
    int n = nh_mqtt__head_decode(bytes, len, r->from, head);
    if (n <= 0)
        return n;
    if (r->version >= 5 && !head->is_minimal) // [MQTT5-1.5.5-1]
        return NH_ERR_SYNTAX;
    if ((uint64_t)head->body_len + (uint64_t)n > r->packet_max_bytes)
        return NH_ERR_TOO_LONG;
    return n;
}

static void give(const uint8_t *packet, const struct nh_mqtt__head *head,
                 struct nh_mqtt__packet *out)
{
    out->head = *head;
    out->body = (nh_span_t){packet + head->head_len, head->body_len};
}

// The buffer grows with what came, not with what was announced.
static int append(struct nh_mqtt__reader *r, const uint8_t *bytes, size_t len)
{
    size_t want = r->len + len;
    if (want > r->cap) {
        size_t cap = want > 2 * (size_t)r->cap ? want : 2 * (size_t)r->cap;
        cap = cap < BUFFER_MIN_BYTES ? BUFFER_MIN_BYTES : cap;
        uint8_t *buf = r->buf ? nh_mem_realloc(r->mem, r->buf, cap, NH_MEM_BULK)
                              : nh_mem_alloc(r->mem, cap, NH_MEM_BULK);
        if (!buf)
            return NH_ERR_NOMEM;
        r->buf = buf;
        r->cap = (uint32_t)cap;
    }
    memcpy(r->buf + r->len, bytes, len);
    r->len = (uint32_t)want;
    return NH_OK;
}

// Moves up to `max` bytes from `in` to the buffer.
static int gather(struct nh_mqtt__reader *r, nh_span_t *in, size_t max)
{
    size_t len = in->len < max ? in->len : max;
    int rc = append(r, in->ptr, len);
    if (rc < 0)
        return rc;
    in->ptr += len;
    in->len -= len;
    return NH_OK;
}

static void forget_given(struct nh_mqtt__reader *r)
{
    if (!r->is_given)
        return;
    r->is_given = false;
    r->len = 0;
    if (r->cap > BUFFER_KEPT_BYTES)
        nh_mqtt__reader_clear(r);
}

// The packet at the front of `in`, whole. 0: it is cut.
static int next_in_place(const struct nh_mqtt__reader *r, nh_span_t *in,
                         struct nh_mqtt__packet *out)
{
    struct nh_mqtt__head head;
    int n = read_head(r, in->ptr, in->len, &head);
    if (n <= 0)
        return n;
    size_t total = (size_t)n + head.body_len;
    if (total > in->len)
        return 0;
    give(in->ptr, &head, out);
    in->ptr += total;
    in->len -= total;
    return 1;
}

int nh_mqtt__reader_next(struct nh_mqtt__reader *r, nh_span_t *in, struct nh_mqtt__packet *out)
{
    forget_given(r);
    if (r->len == 0) {
        int rc = next_in_place(r, in, out);
        if (rc != 0)
            return rc;
    }
    while (in->len) {
        struct nh_mqtt__head head;
        int n = read_head(r, r->buf, r->len, &head);
        // Byte by byte until the header is whole, then the rest at once.
        size_t missing = n > 0 ? (size_t)n + head.body_len - r->len : 1;
        if (n >= 0)
            n = gather(r, in, missing);
        if (n >= 0)
            n = read_head(r, r->buf, r->len, &head);
        if (n < 0)
            return n;
        if (n > 0 && r->len == (size_t)n + head.body_len) {
            give(r->buf, &head, out);
            r->is_given = true;
            return 1;
        }
    }
    return 0;
}

void nh_mqtt__reader_clear(struct nh_mqtt__reader *r)
{
    nh_mem_free(r->mem, r->buf);
    r->buf = NULL;
    r->len = r->cap = 0;
    r->is_given = false;
}
