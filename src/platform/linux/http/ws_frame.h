// ws_frame.h - WebSocket frames of a server or a client (RFC 6455). Sans-IO: bytes in; whole
// messages, or bytes as they come, and control frames out.

#ifndef NH_PLATFORM_WS_FRAME_H
#define NH_PLATFORM_WS_FRAME_H

#include "core/base/base.h"

enum nh_ws_opcode {
    NH_WS_CONTINUE = 0x0,
    NH_WS_TEXT = 0x1,
    NH_WS_BINARY = 0x2,
    NH_WS_CLOSE = 0x8,
    NH_WS_PING = 0x9,
    NH_WS_PONG = 0xA,
};

#define NH_WS_CONTROL_MAX_BYTES 125
#define NH_WS_HEADER_MAX_BYTES 10 // of a frame from the server; no mask
#define NH_WS_MASKED_HEADER_MAX_BYTES (NH_WS_HEADER_MAX_BYTES + 4)

// Reads frames. Embedded by its user; private. Zeroed but for message_max_bytes and is_client:
// ready.
typedef struct nh_ws_reader {
    uint32_t message_max_bytes; // as a stream: of a frame
    bool is_client;             // frames come from a server: without a mask (section 5.1)
    char *message;  // message_max_bytes; lent by the user while it gathers, see need_buffer
    size_t have;    // bytes in `message`
    uint8_t opcode; // of the message that is gathered; 0: none
    uint8_t frame_opcode;
    bool final;
    uint8_t header[14];
    uint8_t header_have, header_need;
    uint8_t mask[4];
    uint64_t frame_bytes, frame_have;
    uint8_t control[NH_WS_CONTROL_MAX_BYTES];
} nh_ws_reader_t;

enum nh_ws_event {
    NH_WS_EVENT_NONE,        // all bytes are consumed
    NH_WS_EVENT_NEED_BUFFER, // set reader->message (message_max_bytes), then call again
    NH_WS_EVENT_MESSAGE,     // a whole message; the buffer may be taken back after it
    NH_WS_EVENT_PING,        // answer with a pong of the same bytes
    NH_WS_EVENT_CLOSE,       // answer with a close of the same code, then close
    NH_WS_EVENT_BROKEN,      // close with `code`
    NH_WS_EVENT_DATA,        // as a stream: payload, in place
};

struct nh_ws_result {
    enum nh_ws_event event;
    size_t consumed; // of the bytes given
    const char *bytes;
    size_t len;
    bool is_text;
    uint16_t code; // CLOSE (1005: none was given), BROKEN: 1002, 1003, 1007 or 1009
};

// Consumes bytes up to the next event.
struct nh_ws_result nh_ws_read(nh_ws_reader_t *r, const uint8_t *bytes, size_t len);

// The same for who takes binary frames as one stream of bytes: payload is unmasked where it lies
// and given piece by piece; no message is gathered, and where a frame ends is not told. A text
// frame is BROKEN with 1003. A reader is used one way only.
struct nh_ws_result nh_ws_read_stream(nh_ws_reader_t *r, uint8_t *bytes, size_t len);

// Writes the header of a whole, unmasked frame; returns its length.
size_t nh_ws_write_header(uint8_t out[NH_WS_HEADER_MAX_BYTES], uint8_t opcode, size_t len);

// The same of a client's frame, which is masked: nh_ws_mask() what follows it.
size_t nh_ws_write_masked_header(uint8_t out[NH_WS_MASKED_HEADER_MAX_BYTES], uint8_t opcode,
                                 size_t len, const uint8_t mask[4]);
void nh_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4]);

// Whether a code may stand in a close frame from a peer.
bool nh_ws_close_code_is_valid(uint16_t code);

#endif
