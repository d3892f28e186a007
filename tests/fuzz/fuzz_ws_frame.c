// WebSocket frames: the events do not depend on how the bytes are cut. The first byte is the cut.
// Read as messages, of either side, and as a stream.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/linux/http/ws_frame.h"

#define MESSAGE_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A running hash over all events.
static uint32_t run(const uint8_t *data, size_t size, size_t step, bool is_client)
{
    nh_ws_reader_t r = {.message_max_bytes = MESSAGE_MAX, .is_client = is_client};
    uint32_t hash = 1;
    for (size_t at = 0; at < size;) {
        size_t n = size - at < step ? size - at : step;
        struct nh_ws_result e = nh_ws_read(&r, data + at, n);
        if (e.consumed > n || e.len > MESSAGE_MAX)
            abort();
        at += e.consumed;
        if (e.event == NH_WS_EVENT_NEED_BUFFER) {
            r.message = malloc(MESSAGE_MAX);
            e = nh_ws_read(&r, data + at, 0); // an empty frame ends here
        }
        if (e.event == NH_WS_EVENT_NONE)
            continue;
        hash = hash * 31 + (uint32_t)e.event * 7 + e.code;
        for (size_t i = 0; i < e.len; i++)
            hash = hash * 31 + (uint8_t)e.bytes[i];
        if (e.event == NH_WS_EVENT_MESSAGE) {
            free(r.message);
            r.message = NULL;
        }
        if (e.event == NH_WS_EVENT_BROKEN)
            break;
    }
    free(r.message);
    return hash;
}

// The same over the bytes of the stream, however they come, and what lies between them.
static uint32_t run_stream(const uint8_t *data, size_t size, size_t step)
{
    nh_ws_reader_t r = {.message_max_bytes = MESSAGE_MAX};
    uint32_t hash = 1;
    enum nh_ws_event last = NH_WS_EVENT_NONE;
    for (size_t at = 0; at < size && last != NH_WS_EVENT_BROKEN;) {
        size_t n = size - at < step ? size - at : step, used = 0;
        uint8_t *piece = malloc(n);
        memcpy(piece, data + at, n);
        while (used < n && last != NH_WS_EVENT_BROKEN) {
            struct nh_ws_result e = nh_ws_read_stream(&r, piece + used, n - used);
            if (e.consumed > n - used || e.event == NH_WS_EVENT_MESSAGE)
                abort();
            used += e.consumed;
            last = e.event;
            if (e.event == NH_WS_EVENT_NONE)
                continue; // a pong that was passed over may lie there
            if (e.event != NH_WS_EVENT_DATA)
                hash = hash * 31 + (uint32_t)e.event * 7 + e.code;
            for (size_t i = 0; i < e.len; i++)
                hash = hash * 31 + (uint8_t)e.bytes[i];
        }
        free(piece);
        at += n;
    }
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (run_stream(data + 1, size - 1, size) != run_stream(data + 1, size - 1, 1 + data[0] % 16))
        abort();
    for (int is_client = 0; is_client < 2; is_client++)
        if (run(data + 1, size - 1, size, is_client) !=
            run(data + 1, size - 1, 1 + data[0] % 16, is_client))
            abort();
    return 0;
}
