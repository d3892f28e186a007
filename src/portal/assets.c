#include <string.h>

#include "core/http/text.h"
#include "portal/portal_private.h"

// The pages of the older firmware by their names: bookmarks and test programs ask for them.
static const struct old_name {
    const char *path, *now, *cache_control;
} old_names[] = {
    {"/home.html", "/index.html", "no-store"},
    {"/network.html", "/index.html", "no-store"},
    {"/firmware.html", "/index.html", "no-store"},
    {"/portal.css", "/app.css", "public, max-age=600"},
    {"/portal.js", "/app.js", "public, max-age=600"},
};

static const struct old_name *find_old(const char *path)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(old_names); i++)
        if (strcmp(old_names[i].path, path) == 0)
            return &old_names[i];
    return NULL;
}

static const struct nh_asset *find(const nh_portal_t *p, const char *path)
{
    const struct old_name *old = find_old(path);
    if (old)
        path = old->now;
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    for (size_t i = 0; i < p->cfg.asset_count; i++)
        if (strcmp(p->cfg.assets[i].path, path) == 0)
            return &p->cfg.assets[i];
    return NULL;
}

static const char *cache_control(const char *path, const struct nh_asset *a)
{
    const struct old_name *old = find_old(path);
    if (old)
        return old->cache_control;
    return a->is_for_good ? "public, max-age=31536000, immutable"
                          : "no-cache"; // ask again, mostly 304
}

// The bytes go from the program's constants to the socket's buffer; nothing is unpacked here. A
// client that does not ask for gzip gets it too, as the older firmware had it: there is no other
// form, every browser takes this one, and a client that reads no page need not say so.
static int reply(nh_request_t *req, const struct nh_asset *a)
{
    int err = nh_reply_header(req, "ETag", a->etag);
    if (!err)
        err = nh_reply_header(req, "Vary", "Accept-Encoding");
    if (!err)
        err = nh_reply_header(req, "Cache-Control", cache_control(req->path, a));
    if (err)
        return err;
    if (nh_http_etag_matches(req->if_none_match, a->etag))
        return nh_reply_empty(req, 304);
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
