// proxy2.h - the header that a proxy puts before the bytes of a connection: PROXY protocol, version
// 2 (haproxy.org, proxy-protocol.txt, section 2.2). Sans-IO.
//
//   12  signature | 1 version, command | 1 family, transport | 2 length of what follows
//   addresses by family | TLVs: 1 type, 2 length, value
//
// Only the binary form: the text form of version 1 cannot carry who a certificate names, and has no
// end that could be found without searching.

#ifndef NH_LINUX_PROXY2_H
#define NH_LINUX_PROXY2_H

#include "core/base/base.h"

#define NH_PROXY2_HEAD_BYTES 16
#define NH_PROXY2_MAX_BYTES 2048 // with its head; a longer one is refused
#define NH_PROXY2_NAME_MAX_BYTES 255

enum nh_proxy2_family {
    NH_PROXY2_UNKNOWN, // it does not say for whom, or speaks for itself: see is_relayed
    NH_PROXY2_IPV4,
    NH_PROXY2_IPV6,
    NH_PROXY2_UNIX,
};
struct nh_proxy2 {
    enum nh_proxy2_family family;
    uint8_t address[16]; // the peer's: 4 or 16 bytes, in network order
    uint16_t port;
    bool is_relayed;                         // else the proxy's own: a health check
    bool is_tls;                             // the peer speaks TLS with the proxy
    char name[NH_PROXY2_NAME_MAX_BYTES + 1]; // common name of its verified certificate, or ""
};

// How many bytes the header has by its first NH_PROXY2_HEAD_BYTES. NH_ERR_PROTO: it is none.
// NH_ERR_TOO_LONG: over NH_PROXY2_MAX_BYTES.
NH_MUST_USE int nh_proxy2_length(const uint8_t head[NH_PROXY2_HEAD_BYTES]);

// Parses a whole header of `len` bytes. NH_ERR_PROTO: not well formed, a transport that is no
// stream, or a wrong check sum.
NH_MUST_USE int nh_proxy2_parse(const uint8_t *bytes, size_t len, struct nh_proxy2 *out);

#endif
