// text.h - the small grammars inside of requests: queries, cookies, credentials, tags, hosts.
// Everything here comes from strangers: bounded, no allocation, never reads past what is given.

#ifndef NH_HTTP_TEXT_H
#define NH_HTTP_TEXT_H

#include "core/base/base.h"

// Percent-decodes `in` to `out` (with a NUL); `plus`: '+' is a blank, as forms send it. Returns the
// length without the NUL. NH_ERR_SYNTAX: a bad escape or %00. NH_ERR_TOO_LONG: over `cap`.
NH_MUST_USE int nh_http_percent_decode(nh_span_t in, bool plus, char *out, size_t cap);

// The raw value of the first parameter called `name` ("a=1&b=2"); false: there is none. A
// parameter without '=' has an empty value.
bool nh_http_query_find(const char *query, const char *name, nh_span_t *value);

// The name of the first parameter that is not one of `names`, which have blanks between ("first
// count"). false: all are.
bool nh_http_query_find_other(const char *query, const char *names, nh_span_t *name);

// The value of a cookie in a Cookie header (RFC 6265); quotes around it are left out.
bool nh_http_cookie_find(const char *header, const char *name, nh_span_t *value);

// Takes "Basic dXNlcjpwYXNz" apart: the user and, behind its NUL, the password stand in `out`.
// Returns where the password begins. NH_ERR_SYNTAX: other scheme, bad base64, no ':' or a NUL.
NH_MUST_USE int nh_http_basic_decode(const char *header, char *out, size_t cap);

// Whether an If-None-Match header (a list, or *) has `etag` (with its quotes); weak tags match.
bool nh_http_etag_matches(const char *header, const char *etag);

// Whether an Accept-Encoding header allows `coding`. NULL (no header): false, to be careful.
bool nh_http_accepts(const char *header, const char *coding);

// Splits "host:port", "[::1]:80", "host" into its host (without brackets). false: not well formed.
bool nh_http_host_split(const char *text, nh_span_t *host, nh_span_t *port);

// Whether an Origin header ("http://hub:8080") names the same host and port as a Host header. A
// port that is left out is 80, or 443 with https.
bool nh_http_origin_is_host(const char *origin, const char *host);

// The same for a Referer header, an address with a path.
bool nh_http_referer_is_host(const char *referer, const char *host);

// Whether a host is "localhost", a name below it, or an IPv4 or IPv6 address: names that no
// stranger's DNS server can point at us.
bool nh_http_host_is_literal(nh_span_t host);

#endif
