// ws_ask.h - a client's side of the request with which a WebSocket begins (RFC 6455 section 4.1).
// Sans-IO.

#ifndef NH_PLATFORM_WS_ASK_H
#define NH_PLATFORM_WS_ASK_H

#include "core/http/url.h"
#include "platform/linux/http/ws_upgrade.h"

#define NH_WS_ASK_MAX_BYTES 1536

// "ws://..." and "wss://..." taken apart; `out->target` is within `url`. Errors as
// nh_http_url_parse().
NH_MUST_USE int nh_ws_url_parse(const char *url, struct nh_http_url *out);

// Writes the request. `authorization` NULL: none. Returns its length. NH_ERR_TOO_LONG: target and
// authorization together. NH_ERR_INVAL: a control character in `authorization`.
NH_MUST_USE int nh_ws_ask_write(char out[NH_WS_ASK_MAX_BYTES], const struct nh_http_url *url,
                                const char *key, const char *authorization);

// Judges the head of the answer, `len` bytes, which it changes. `accept`: the answer to our key.
// NH_OK: frames follow. Else the error of platform/ws_client.h, and in `why` (`cap` bytes) the
// reason for people.
NH_MUST_USE int nh_ws_answer_judge(char *head, size_t len, const char *accept, char *why,
                                   size_t cap);

#endif
