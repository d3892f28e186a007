// follow_run.c - the lamp of a running hub on this terminal.

#include "core/base/base64.h"
#include "lamp/follow.h"
#include "lamp/lamp_tool.h"
#include "lamp/screen.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FRAME_MS 10000
#define TRY_MAX_COUNT 5
#define ASK_AGAIN (-1) // instead of an exit code

struct run {
    const struct nh_preview_options *o;
    struct nh_follow follow;
    struct nh_screen screen;
    char host[256]; // with its port
    char *out;
    uint32_t shown_count, try_count;
    uint16_t width, height; // that were shown last
    int fd;
};

static int tell(const char *what, const char *why)
{
    fprintf(stderr, "nuthatch lamp preview: %s: %s\n", what, why);
    return 1;
}

// ---- connecting

// http://host[:port][/]; False: it is something else.
static bool url_host(const char *url, char *host, size_t cap)
{
    if (strncmp(url, "http://", 7) != 0)
        return false;
    size_t len = strcspn(url + 7, "/");
    if (len == 0 || len + 4 > cap || (url[7 + len] != 0 && strcmp(url + 7 + len, "/") != 0))
        return false;
    memcpy(host, url + 7, len);
    host[len] = 0;
    if (!strchr(host, ':'))
        memcpy(host + len, ":80", 4);
    return true;
}

static int dial(const char *host)
{
    char name[256];
    struct addrinfo *list, hints = {.ai_socktype = SOCK_STREAM};
    snprintf(name, sizeof name, "%s", host);
    char *port = strrchr(name, ':');
    *port++ = 0;
    int err = getaddrinfo(name, port, &hints, &list), fd = -1;
    if (err) {
        tell(host, gai_strerror(err));
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            int why = errno;
            close(fd);
            fd = -1;
            errno = why;
        }
    }
    if (fd < 0)
        tell(host, strerror(errno));
    freeaddrinfo(list);
    return fd;
}

static bool request(const struct run *r)
{
    char text[2048];
    size_t len = nh_follow_request(text, sizeof text, r->host, r->o->basic), sent = 0;
    while (sent < len) {
        ssize_t n = send(r->fd, text + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        sent += n > 0 ? (size_t)n : 0;
    }
    return len > 0;
}

// ---- frames

// Reads what is there. 0, ASK_AGAIN, or the exit code when it is over.
static int take(struct run *r)
{
    uint8_t bytes[8192];
    ssize_t n = recv(r->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EINTR)
        return 0;
    int err = n > 0 ? nh_follow_input(&r->follow, bytes, (size_t)n) : NH_ERR_CLOSED;
    if (!err)
        return 0;
    nh_screen_close(&r->screen);
    if (err == NH_ERR_AGAIN && ++r->try_count < TRY_MAX_COUNT)
        return ASK_AGAIN;
    const char *hint = err == NH_ERR_DENIED ? "; sign in by --user and --password-file" : "";
    char why[256];
    snprintf(why, sizeof why, "%s%s",
             r->follow.fault[0] ? r->follow.fault : "the connection was closed", hint);
    return tell(r->host, why);
}

static bool show(struct run *r)
{
    const struct nh_follow *f = &r->follow;
    char status[sizeof r->host + 100];
    if (r->o->is_once)
        return nh_screen_write(r->out, nh_term_frame(r->out, &f->canvas, r->o->colors));
    if (f->canvas.width != r->width || f->canvas.height != r->height) {
        nh_screen_close(&r->screen); // a lamp of another size: a clean page
        r->width = f->canvas.width;
        r->height = f->canvas.height;
        if (!nh_screen_fits(r->width, r->height, r->o->colors))
            return false;
        nh_screen_open(&r->screen);
    }
    snprintf(status, sizeof status, "%s  %u x %u  %s%s%s  brightness %u  q", r->host, r->width,
             r->height, f->flags & NH_FOLLOW_ON ? "on" : "off",
             f->flags & NH_FOLLOW_PAUSED ? "  paused" : "",
             f->flags & NH_FOLLOW_LIVE ? "  live" : "", f->brightness);
    return nh_screen_show(r->out, &f->canvas, r->o->colors, status);
}

static int turn(struct run *r)
{
    uint64_t now = nh_screen_now_ms(), first = now + FIRST_FRAME_MS;
    uint64_t end = r->o->seconds > 0 ? now + (uint64_t)(r->o->seconds * 1000) : UINT64_MAX;
    while (!nh_screen_is_stopped() && (now = nh_screen_now_ms()) < end) {
        bool is_ready;
        if (r->follow.frame_count == 0 && now >= first)
            return tell(r->host, "no frame within 10 seconds");
        uint64_t until = r->follow.frame_count == 0 && first < end ? first : end;
        char key = nh_screen_key(&r->screen, until, r->fd, &is_ready);
        if (key == 'q' || key == '\x1b')
            return 0;
        int status = is_ready ? take(r) : 0;
        if (status)
            return status;
        if (r->follow.frame_count == r->shown_count)
            continue;
        r->shown_count = r->follow.frame_count;
        if (!show(r))
            return 1;
        if (r->o->is_once)
            return 0;
    }
    return 0;
}

static int attempt(struct run *r)
{
    nh_follow_init(&r->follow);
    r->fd = dial(r->host);
    if (r->fd < 0)
        return 1;
    int status = request(r) ? turn(r) : tell(r->host, strerror(errno));
    nh_screen_close(&r->screen);
    close(r->fd);
    return status;
}

int nh_lamp_follow(const struct nh_preview_options *o, nh_mem_t *mem)
{
    struct run *r = nh_mem_alloc_zero(mem, sizeof *r, NH_MEM_BULK);
    char *out = nh_mem_alloc(
        mem, nh_term_frame_max_bytes(NH_FX_SIDE_MAX, NH_FX_SIDE_MAX) + NH_SCREEN_MORE_BYTES,
        NH_MEM_BULK);
    int status = 1;
    if (!r || !out) {
        tell(o->url, nh_err_text(NH_ERR_NOMEM));
    } else if (!url_host(o->url, r->host, sizeof r->host)) {
        tell(o->url, "is not http://HOST:PORT");
        status = 2;
    } else {
        r->o = o;
        r->out = out;
        while ((status = attempt(r)) == ASK_AGAIN)
            nh_screen_key(&r->screen, nh_screen_now_ms() + 1000, -1, NULL);
    }
    nh_mem_free(mem, out);
    nh_mem_free(mem, r);
    return status;
}
