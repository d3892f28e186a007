// battery_ask_api.h - what the handlers share that wait for the board: a request and its job.
//
// Shared in this folder only; the loop's task.

#ifndef NH_BATTERY_ASK_API_H
#define NH_BATTERY_ASK_API_H

#include "components/battery/battery_settings.h"
#include "core/http/http.h"

typedef int (*nh_battery__answer_fn)(nh_request_t *req, const nh_battery__job_t *j);
// The state of a request, in its arena.
struct nh_battery__asking {
    nh_battery__settings_t *settings;
    nh_battery__job_t *job; // while it is made or under way
    nh_battery__answer_fn answer;
    void *reply; // of the handler, for what it streams
};
// NULL: no memory.
struct nh_battery__asking *nh_battery_api__asking(nh_request_t *req, nh_battery__answer_fn answer);
// Makes a job to be filled in and submitted. NULL: return `*rc`, a reply is set or the code makes
// one.
NH_MUST_USE nh_battery__job_t *nh_battery_api__job(nh_request_t *req,
                                                   enum nh_battery__job_kind kind, int *rc);
// Submits it: `answer` sets the reply when it has ended. Return what this returns.
NH_MUST_USE int nh_battery_api__submit(nh_request_t *req);

// The reply to a job that has failed.
int nh_battery_api__reply_failed(nh_request_t *req, const nh_battery__job_t *j);
// "done", "refused", "not_taken", "lost", "expired", "cancelled", "not_sent".
const char *nh_battery_api__outcome_text(uint8_t outcome);

// 409 with a token; the writer stands in the open "changes" array. NULL: no memory.
nh_json_writer_t *nh_battery_api__reply_token(nh_request_t *req, const char *token);
int nh_battery_api__reply_token_end(nh_request_t *req, nh_json_writer_t *w);

#endif
