// display_image.h - images from outside: one at a time, on its way from a request or an address to
// the panel. The loop's task owns it; the task `ui` decodes what it is given.

#ifndef NH_DISPLAY_IMAGE_H
#define NH_DISPLAY_IMAGE_H

#include "components/display/display.h"
#include "core/http/multipart.h"
#include "platform/http_client.h"

// What `ui` is given to show: bytes that stay until it says that it is done.
struct nh_display__job {
    const uint8_t *bytes;
    size_t len;
    struct nh_rect at; // where it goes; all of the panel for a whole image
    uint64_t show_ms;  // how long it stays; 0: until it is dismissed
    bool is_strip, is_first, is_last;
    int err; // what came of it; NH_OK: it is shown
};

enum nh_display__image_state {
    NH_DISPLAY__IMAGE_IDLE,
    NH_DISPLAY__IMAGE_RECEIVING, // a request's body
    NH_DISPLAY__IMAGE_FETCHING,  // from an address
    NH_DISPLAY__IMAGE_SHOWING,   // `ui` has it
};

struct nh_display__strips { // of which some have been shown
    bool is_open;
    uint32_t count, next, width, height, y;
    uint64_t give_up_ms; // the next one has to begin before
    char peer[64];       // whose they are
};

struct nh_display__image_info {
    uint64_t shown, failed, busy, refused, timeouts; // refused: no memory
    char last_error[120];
};

struct nh_display__images {
    nh_display_t *d;
    enum nh_display__image_state state;
    nh_request_t *owner; // whose reply waits; NULL: nobody's, or it has gone
    uint64_t give_up_ms; // while receiving
    uint8_t *bytes;
    size_t len, cap;
    struct nh_display__strips strips;
    struct nh_display__job job;
    nh_loop_post_t done;
    nh_http_request_t *fetch;
    uint64_t fetch_show_ms;
    struct nh_display__image_info info;
};

// One request's way through; in its arena.
struct nh_display__upload {
    struct nh_display__images *images;
    nh_multipart_t form;
    bool is_form, is_strip, has_begun;
    uint32_t index, count, width, height;
    uint64_t show_ms;
};

void nh_display__images_init(nh_display_t *d);
void nh_display__images_deinit(nh_display_t *d);

// display_image.c. 0: the request has it, for `bytes` at most. NH_ERR_AGAIN: the reply is set, and
// says when to try again.
NH_MUST_USE int nh_display__image_begin(nh_request_t *req, struct nh_display__images *m,
                                        bool is_strip, size_t bytes);
// 0: there is internal memory to decode an image with. NH_ERR_AGAIN: the reply is set.
NH_MUST_USE int nh_display__image_headroom(nh_request_t *req, struct nh_display__images *m);
// NH_ERR_RANGE: more than begin() was told.
NH_MUST_USE int nh_display__image_add(struct nh_display__images *m, const uint8_t *bytes,
                                      size_t len);
// Gives the bytes to `ui`; the owner's reply follows when it is shown.
void nh_display__image_show(struct nh_display__images *m, const struct nh_display__job *job);
void nh_display__image_drop(struct nh_display__images *m); // forgets what was received
// Whether `peer` may begin; gives up what takes too long.
bool nh_display__image_is_free(struct nh_display__images *m, const char *peer, uint64_t now_ms);
// display_image_fetch.c. As nh_http_request_start().
NH_MUST_USE int nh_display__image_fetch(struct nh_display__images *m, const char *url,
                                        uint64_t show_ms);
// Why an image of that size is none for the panel; NULL: it is one.
const char *nh_display__image_fault(struct nh_display__images *m, uint32_t width, uint32_t height,
                                    bool any_height);
uint32_t nh_display__image_height(const struct nh_display__images *m); // as its head says
void nh_display__image_failed(struct nh_display__images *m, const char *why);

// display_image_api.c: the reply to what became of the job.
void nh_display__image_reply(nh_request_t *req, const struct nh_display__job *job);

#endif
