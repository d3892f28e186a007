// lamp_packets.h - what tests of datagrams share: bytes from hex, and a copy of exact size, so that
// a read too far is seen. Include after cmocka.h.

#ifndef NH_TEST_LAMP_PACKETS_H
#define NH_TEST_LAMP_PACKETS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

// "40 01 0B": blanks are passed over. Returns the bytes written.
static size_t from_hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; *text; text++) {
        if (*text == ' ')
            continue;
        out[n++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text++;
    }
    return n;
}

// Owned: free().
static uint8_t *exact_copy(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

#endif
