// ws_upgrade.h - the request with which a WebSocket begins (RFC 6455 section 4.2), where something
// else than a web page's feed is spoken in it. Sans-IO.

#ifndef NH_PLATFORM_WS_UPGRADE_H
#define NH_PLATFORM_WS_UPGRADE_H

#include "platform/linux/http/h1.h"

#define NH_WS_KEY_BYTES 24    // of Sec-WebSocket-Key
#define NH_WS_ACCEPT_BYTES 28 // of Sec-WebSocket-Accept
#define NH_WS_REPLY_MAX_BYTES 768

// Judges a parsed request. 0, or the status to refuse it with (400, 403, 404, 426) and why, a
// static text.
int nh_ws_upgrade_check(const struct nh_h1_head *head, const struct nh_ws_rules *rules,
                        const char **why);

// Writes the reply that switches; `accept` has NH_WS_ACCEPT_BYTES, `protocol` may be NULL. Returns
// its length.
size_t nh_ws_upgrade_accept(char out[NH_WS_REPLY_MAX_BYTES], const char *accept,
                            const char *protocol);

// Writes a refusal with the JSON error form. Returns its length.
size_t nh_ws_upgrade_refuse(char out[NH_WS_REPLY_MAX_BYTES], int status, const char *why,
                            int64_t unix_ms);

// The text over which Sec-WebSocket-Accept is the SHA-1, in base64: the key and a constant.
#define NH_WS_ACCEPT_INPUT_BYTES 60
void nh_ws_accept_input(const char key[NH_WS_KEY_BYTES], char out[NH_WS_ACCEPT_INPUT_BYTES]);

#endif
