// url.h - an http or https address taken apart (RFC 3986, what a client needs of it).

#ifndef NH_HTTP_URL_H
#define NH_HTTP_URL_H

#include "core/base/base.h"

#define NH_HTTP_HOST_MAX_BYTES 254 // with the NUL

struct nh_http_url {
    bool is_tls;
    char host[NH_HTTP_HOST_MAX_BYTES]; // without the brackets of an IPv6 address
    bool is_v6;                        // it had brackets
    uint16_t port;
    bool is_default_port; // 80, or 443 with https
    nh_span_t target;     // within `text`: path and query, to be sent as they are; empty: "/"
};

// `text` is borrowed while `out->target` is used. NH_ERR_SYNTAX: another scheme, a user name, a
// blank or control character, a byte over 0x7e, a bad port. NH_ERR_TOO_LONG: the host. A fragment
// ("#...") is left out.
NH_MUST_USE int nh_http_url_parse(const char *text, struct nh_http_url *out);

#endif
