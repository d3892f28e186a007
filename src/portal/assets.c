#include <string.h>

#include "core/http/text.h"
#include "portal/portal_private.h"

static const struct nh_asset *find(const nh_portal_t *p, const char *path)
{
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    for (size_t i = 0; i < p->cfg.asset_count; i++)
        if (strcmp(p->cfg.assets[i].path, path) == 0)
            return &p->cfg.assets[i];
    return NULL;
}

// The bytes go from the program's constants to the socket's buffer; nothing is unpacked here. A
// client that does not take gzip is told so: every browser does.
static int reply(nh_request_t *req, const struct nh_asset *a)
{
    int err = nh_reply_header(req, "ETag", a->etag);
    if (!err)
        err = nh_reply_header(req, "Vary", "Accept-Encoding");
    if (!err)
        err = nh_reply_header(req, "Cache-Control",
                              a->is_for_good ? "public, max-age=31536000, immutable"
                                             : "no-cache"); // ask again, mostly 304
    if (err)
        return err;
    if (nh_http_etag_matches(req->if_none_match, a->etag))
        return nh_reply_empty(req, 304);
    if (req->accept_encoding && !nh_http_accepts(req->accept_encoding, "gzip"))
        return nh_reply_error(req, 406, NULL, "The web UI's files are sent with gzip only.");
    err = nh_reply_header(req, "Content-Encoding", "gzip");
    return err ? err : nh_reply_bytes(req, 200, a->content_type, a->bytes, a->len);
}

bool nh_portal__asset(struct nh_portal__request *r, bool is_get)
{
    nh_request_t *req = &r->x.req;
    const struct nh_asset *a = find(r->portal, req->path);
    if (!a)
        return false;
    int err = 0;
    if (is_get) {
        err = reply(req, a);
    } else {
        err = nh_reply_header(req, "Allow", "GET, HEAD");
        if (!err)
            err = nh_reply_error(req, 405, NULL, "%s is a file: GET or HEAD.", req->path);
    }
    if (err)
        nh_reply_err(req, err);
    return true;
}
