// display_api.h - what the files with routes share.

#ifndef NH_DISPLAY_API_H
#define NH_DISPLAY_API_H

#include "components/display/display.h"

// {"success":false,"message":"...","error":{...}}: older clients read the first two.
int nh_display__reply_failed(nh_request_t *req, int status, const char *code, const char *fmt, ...)
    NH_PRINTF(4, 5);
// {"success":true ...: more members may follow; NULL: NH_ERR_NOMEM.
nh_json_writer_t *nh_display__reply_success(nh_request_t *req);
int nh_display__reply_success_end(nh_request_t *req, nh_json_writer_t *w);

#define NH_DISPLAY__MEMBER_MAX_BYTES 260
enum nh_display__member {
    NH_DISPLAY__BAD_JSON,
    NH_DISPLAY__MISSING,
    NH_DISPLAY__TEXT_VALUE,
    NH_DISPLAY__NUMBER_VALUE,
    NH_DISPLAY__OTHER_VALUE,
    NH_DISPLAY__TOO_LONG,
};
// A member of the object that the body is; its text goes to `text`, cut at `cap`, and a number also
// to `*number`. Others are left unread: older clients send more.
enum nh_display__member nh_display__member(nh_request_t *req, const char *name, char *text,
                                           size_t cap, double *number);

void nh_display__write_image(nh_display_t *d, nh_json_writer_t *w); // display_image_api.c
int nh_display__get_screenshot(nh_request_t *req);                  // display_shot_api.c

#endif
