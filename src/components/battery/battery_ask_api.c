// A request that waits for the board.

#include "components/battery/battery_ask_api.h"

#include <string.h>

struct nh_battery__asking *nh_battery_api__asking(nh_request_t *req, nh_battery__answer_fn answer)
{
    struct nh_battery__asking *a = nh_arena_alloc(req->arena, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct nh_battery__asking){.settings = nh_battery__settings_of(req->ctx),
                                     .answer = answer};
    req->state = a;
    return a;
}

// The client has gone, or has everything.
static void cleanup(nh_request_t *req)
{
    struct nh_battery__asking *a = req->state;
    if (a->job)
        nh_battery__job_forget(a->settings, a->job);
    a->job = NULL;
}

static void ended(void *ctx, const nh_battery__job_t *j)
{
    nh_request_t *req = ctx;
    struct nh_battery__asking *a = req->state;
    a->job = NULL;
    nh_request_done(req, a->answer(req, j));
}

static int reply_busy(nh_request_t *req)
{
    return nh_reply_error(req, 503, "busy",
                          "The board is asked for other things at this moment; try again. Nothing "
                          "was changed.");
}

nh_battery__job_t *nh_battery_api__job(nh_request_t *req, enum nh_battery__job_kind kind, int *rc)
{
    struct nh_battery__asking *a = req->state;
    a->job = nh_battery__job_create(a->settings);
    if (!a->job) {
        *rc = reply_busy(req);
        return NULL;
    }
    a->job->kind = (uint8_t)kind;
    a->job->ctx = req;
    a->job->done = ended;
    return a->job;
}

static int reply_err(nh_request_t *req, int err)
{
    if (err == NH_ERR_CLOSED)
        return nh_reply_error(req, 503, "no_board",
                              "There is no board on the line: battery.path names its device. "
                              "Nothing was changed.");
    return err == NH_ERR_FULL ? reply_busy(req) : nh_reply_err(req, err);
}

int nh_battery_api__submit(nh_request_t *req)
{
    struct nh_battery__asking *a = req->state;
    int err = nh_battery__job_submit(a->settings, a->job);
    if (err < 0) {
        a->job = NULL;
        return reply_err(req, err);
    }
    req->cleanup = cleanup;
    nh_request_later(req);
    return NH_OK;
}

// A command went out, or may have.
static int reply_unknown(nh_request_t *req, uint8_t outcome)
{
    bool is_closed = outcome == NH_BATTERY_CANCELLED;
    return nh_reply_error(req, is_closed ? 503 : 504, is_closed ? "no_board" : "no_answer",
                          "%s before it answered: it may have done it.",
                          is_closed ? "The line to the board was closed" : "The time was over");
}

int nh_battery_api__reply_failed(nh_request_t *req, const nh_battery__job_t *j)
{
    bool is_silent = j->outcome == NH_BATTERY_LOST || j->outcome == NH_BATTERY_EXPIRED ||
                     j->outcome == NH_BATTERY_CANCELLED;
    if (j->kind == NH_BATTERY__COMMAND && is_silent)
        return reply_unknown(req, j->outcome);
    switch (j->outcome) {
    case NH_BATTERY_REFUSED:
        return nh_reply_error(req, 502, "refused", "The board refused it, with its code %u.",
                              (unsigned)j->code);
    case NH_BATTERY_LOST:
    case NH_BATTERY_EXPIRED:
        return nh_reply_error(req, 504, "no_answer",
                              "The board does not answer. Nothing was changed.");
    case NH_BATTERY_CANCELLED:
        return reply_err(req, NH_ERR_CLOSED);
    default:
        break;
    }
    if (j->kind != NH_BATTERY__APPLY || j->err == NH_ERR_CLOSED || j->err == NH_ERR_FULL)
        return reply_err(req, j->err);
    return nh_reply_error(req, nh_http_status_of(j->err), "no_backup",
                          "The settings cannot be kept before the change: %s. Nothing was changed.",
                          nh_err_text(j->err));
}

const char *nh_battery_api__outcome_text(uint8_t outcome)
{
    static const char *const texts[] = {"done",    "refused",   "not_taken", "lost",
                                        "expired", "cancelled", "not_sent"};
    return outcome < NH_ARRAY_LEN(texts) ? texts[outcome] : "lost";
}

nh_json_writer_t *nh_battery_api__reply_token(nh_request_t *req, const char *token)
{
    nh_json_writer_t *w = nh_reply_json(req, 409);
    if (!w)
        return NULL;
    nh_json_object_begin(w);
    nh_json_key(w, "error");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "code", "needs_token");
    nh_json_kv_string(w, "message",
                      "This is dangerous. Look at the changes, then send the same again with the "
                      "token. Nothing was changed.");
    nh_json_object_end(w);
    nh_json_kv_string(w, "token", token);
    nh_json_kv_uint(w, "expires_s", NH_BATTERY_TOKEN_S);
    nh_json_key(w, "changes");
    nh_json_array_begin(w);
    return w;
}

int nh_battery_api__reply_token_end(nh_request_t *req, nh_json_writer_t *w)
{
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}
