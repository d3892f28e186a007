// foreign.c - what keeps a page of another site in the user's browser from using the hub. Browsers
// say with every request from where it comes: by Sec-Fetch-Site, Origin or Referer, none of which a
// page can forge. A client that says nothing is no browser, and has no cookie that is not its own.

#include <string.h>
#include <strings.h>

#include "core/http/text.h"
#include "portal/portal_private.h"

static bool host_is_ours(const nh_portal_t *p, const char *host_header)
{
    nh_span_t host, port;
    if (!nh_http_host_split(host_header, &host, &port))
        return false;
    if (nh_http_host_is_literal(host))
        return true;
    for (const char *const *n = p->cfg.host_names; n && *n; n++)
        if (strlen(*n) == host.len && strncasecmp(*n, (const char *)host.ptr, host.len) == 0)
            return true;
    return false;
}

// "same-site" is another port or a name beside ours: another program may answer there.
static bool is_cross_site(nh_http_conn_t *c, const char *host)
{
    const char *site = nh_http_header(c, "sec-fetch-site");
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return true;
    const char *origin = nh_http_header(c, "origin");
    if (origin)
        return !nh_http_origin_is_host(origin, host);
    const char *referer = nh_http_header(c, "referer");
    return referer && !nh_http_referer_is_host(referer, host);
}

const char *nh_portal__foreign(const nh_portal_t *p, nh_http_conn_t *c, bool changes, bool is_open)
{
    const char *host = nh_http_header(c, "host");
    if (changes && is_cross_site(c, host))
        return "csrf";
    return is_open && !host_is_ours(p, host) ? "wrong_host" : NULL;
}

int nh_portal__reply_foreign(nh_request_t *req, const char *code)
{
    if (strcmp(code, "csrf") == 0)
        return nh_reply_error(req, 403, code,
                              "The page that asked is of another site. Nothing was changed.");
    return nh_reply_error(req, 403, code,
                          "The hub is not called by this name while it has no password. Use its "
                          "address or its own name, or set a password (nuthatch passwd).");
}

int nh_portal__stream_check(const nh_portal_t *p, nh_http_conn_t *c)
{
    bool is_open = !nh_auth_is_required(p->auth) ||
                   (p->cfg.stream_is_open && p->cfg.stream_is_open(p->cfg.auth.ctx));
    // Who is no browser says nothing of a page, and cannot be led here by one.
    if (!nh_http_header(c, "origin"))
        return 0;
    return nh_portal__foreign(p, c, true, is_open) ? 403 : 0;
}
