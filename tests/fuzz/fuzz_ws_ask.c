// A client's WebSocket handshake: any address, and any answer in a block of exact size.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/linux/http/ws_ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), out[NH_WS_ASK_MAX_BYTES];
    struct nh_http_url u;
    memcpy(text, data, size);
    text[size] = 0;
    if (nh_ws_url_parse(text, &u) == NH_OK) {
        int n = nh_ws_ask_write(out, &u, "dGhlIHNhbXBsZSBub25jZQ==", text);
        if (n >= NH_WS_ASK_MAX_BYTES || (n > 0 && strstr(out, "\r\n\r\n") != out + n - 4))
            abort(); // one head, and nothing behind it
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t scanned = 0;
    char why[96];
    check_url(data, size);
    int end = nh_h1_find_end((const char *)data, size, &scanned);
    if (end <= 0)
        return 0;
    char *buf = malloc((size_t)end);
    memcpy(buf, data, (size_t)end);
    why[0] = 0;
    int err = nh_ws_answer_judge(buf, (size_t)end, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", why, sizeof why);
    if (err < 0 && strlen(why) == 0)
        abort();
    free(buf);
    return 0;
}
