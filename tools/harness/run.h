// run.h - one run of a scenario: what its files share.
//
// Two tasks: `serial` reads the line, writes serial.log and takes each line into the figures; the
// main one does the steps of the scenario. `lock` guards figures and artifacts; marks go from the
// one to the other through a queue, so a wait sees what came before it, and drops what it passes.

#ifndef NH_HARNESS_RUN_H
#define NH_HARNESS_RUN_H

#include "core/json/json.h"
#include "harness/figures.h"
#include "platform/http_client.h"
#include "platform/platform.h"

#include <stdio.h>

#define NH_HARNESS_LIMITS_MAX_COUNT 8
#define NH_HARNESS_REASONS_MAX_COUNT 64
#define NH_HARNESS_REQUESTS_MAX_COUNT 32 // of one burst
#define NH_HARNESS_BODY_MAX_BYTES NH_MIB(4)

// ---- what was asked for ------------------------------------------------------------------------

struct nh_harness_limit {
    const char *name; // of nh_harness_limit_names
    uint64_t value;
};

struct nh_harness_options {
    const char *scenario; // as typed
    char host[256];       // "": none
    uint16_t http_port;
    const char *serial; // "auto", "none", or a path
    uint32_t baud;
    const char *out;
    bool no_reboot, non_interactive, no_health, no_pages, echo_serial, json;
    const char *auth; // "user:password"; NULL: none
    uint32_t timeout_s;
    const char *pause; // a list; "": none
    uint32_t browser_parallel, browser_health_count;
    uint32_t image_count; // S3: rounds
    struct nh_harness_limit limits[NH_HARNESS_LIMITS_MAX_COUNT];
    size_t limit_count;
    const char *expect; // NULL: those of the scenario; "none"; else a list of tags
    uint32_t repeat_count;
    const char *junit; // a file; NULL: none
};

// ---- a request ---------------------------------------------------------------------------------

struct nh_harness_request {
    const char *method; // NULL: "GET"
    const char *path;
    const char *content_type;
    const void *body;
    size_t body_bytes;
    uint32_t timeout_ms;
    bool no_reply;              // closes once it is sent
    bool head_only;             // closes once the reply's head is there
    bool keep_body;             // into `reply`
    int min_status, max_status; // what counts as good; both 0: 200
    // The outcome.
    int status; // 0: no reply; `reason` says why
    int err;
    char reason[96];
    char content_type_got[64], content_encoding[32];
    char headers[2048]; // "name\0value\0...\0" of the reply; keep_body only
    size_t headers_len;
    int64_t content_length; // -1: not told
    uint8_t *reply;         // keep_body; of the run's memory: nh_harness_request_free()
    size_t reply_bytes, reply_cap;
    uint32_t took_ms;
    // Private while it runs.
    struct nh_harness_run *run;
    nh_http_request_t *handle; // NULL: it has ended, or did not begin
    uint64_t begin_ms;
};

// ---- the run -----------------------------------------------------------------------------------

struct nh_harness_run;

struct nh_harness_scenario {
    const char *key, *name, *alias; // "s1", "s1_boot_idle", "boot"
    const char *title, *text;
    int (*run)(struct nh_harness_run *r);   // the exit status by the old rules
    const char *const *expect;              // tags, NULL-terminated; beside boot, setup and hb
    const char *const *expect_after_reboot; // once per boot
};

struct nh_harness_files {
    FILE *serial, *mem, *tasks, *health, *events;
};

// A line of a table in the summary: requests by route.
#define NH_HARNESS_ROUTES_MAX_COUNT 48
struct nh_harness_route {
    char method[8], path[64]; // without the query
    uint32_t count, failed_count, max_ms;
};

struct nh_harness_run {
    const struct nh_harness_options *o;
    const struct nh_harness_scenario *scenario;
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    char dir[512];
    int64_t begin_us, end_us;
    nh_lock_t lock; // guards `files` and `figures`
    struct nh_harness_files files;
    struct nh_harness_figures figures;

    // Serial; none: `serial_task` is NULL.
    char serial_path[256];
    nh_serial_t *serial;
    nh_task_t *serial_task;
    nh_queue_t *marks;    // uint32_t: enum nh_harness_mark of a line that has some
    uint32_t stop_serial; // atomic

    // HTTP; main task.
    nh_loop_t *loop;
    nh_http_client_t *client;
    char authorization[400]; // of the header; "": none
    uint32_t requests_open;
    struct nh_harness_request *burst; // of nh_harness_requests(), while it runs
    size_t burst_count;
    uint64_t look_ms; // when the progress was last shown
    struct nh_harness_route routes[NH_HARNESS_ROUTES_MAX_COUNT];
    uint32_t route_count, request_count, failed_count;
    int64_t last_uptime_s; // by /api/health; -1: not known
    bool has_rebooted;     // it was told to, or it did

    // Why it is no good.
    char reasons[NH_HARNESS_REASONS_MAX_COUNT][160];
    const char *reason_check[NH_HARNESS_REASONS_MAX_COUNT]; // of nh_harness_checks
    uint32_t reason_count;
};

// files.c: artifacts. Each locks by itself.
NH_MUST_USE int nh_harness_files_open(struct nh_harness_run *r);
void nh_harness_files_close(struct nh_harness_run *r);
int64_t nh_harness_now_us(void); // since 1970
#define NH_HARNESS_TIME_MAX_BYTES 40
const char *nh_harness_time(int64_t ts_us, char out[NH_HARNESS_TIME_MAX_BYTES]);
int64_t nh_harness_time_parse(const char *text); // -1: not one of ours
int nh_harness_file_sink(void *file, const char *bytes, size_t len);
void nh_harness_write_line(struct nh_harness_run *r, int64_t ts_us, const char *text,
                           const struct nh_harness_line *line);
void nh_harness_write_row(struct nh_harness_run *r, int64_t ts_us, const struct nh_harness_mem *m);
void nh_harness_write_request(struct nh_harness_run *r, const struct nh_harness_request *q);
void nh_harness_write_health(struct nh_harness_run *r, const char *label,
                             const struct nh_harness_request *q, const char *parse_error);
void nh_harness_note(struct nh_harness_run *r, const char *fmt, ...) NH_PRINTF(2, 3);

// serial_line.c
NH_MUST_USE int nh_harness_serial_start(struct nh_harness_run *r);
void nh_harness_serial_stop(struct nh_harness_run *r);
// Waits for a line with one of `marks`; drops those before it. Returns which; 0: none in time, or
// interrupted.
uint32_t nh_harness_wait(struct nh_harness_run *r, uint32_t marks, uint32_t timeout_ms);

// web.c
NH_MUST_USE int nh_harness_web_start(struct nh_harness_run *r);
void nh_harness_web_stop(struct nh_harness_run *r);
// Does `count` requests, `parallel` at a time, and writes down how they went.
void nh_harness_requests(struct nh_harness_run *r, struct nh_harness_request *q, size_t count,
                         size_t parallel);
// One of them; true when its status counts as good.
bool nh_harness_request(struct nh_harness_run *r, struct nh_harness_request *q);
void nh_harness_request_free(struct nh_harness_run *r, struct nh_harness_request *q);
// The device's address, without the port. False: none is known.
bool nh_harness_host(struct nh_harness_run *r, char *out, size_t cap);
void nh_harness_url(struct nh_harness_run *r, const char *path, char *out, size_t cap);

// steps.c: what scenarios are made of
void nh_harness_sleep(struct nh_harness_run *r, uint32_t ms);
bool nh_harness_is_interrupted(void);
void nh_harness_interrupt_watch(void);
bool nh_harness_enter(struct nh_harness_run *r); // waits a little for Enter; true: it came
void nh_harness_pause(struct nh_harness_run *r, const char *point);
void nh_harness_begin(struct nh_harness_run *r); // reboot, and until it is ready
void nh_harness_quiet_health(struct nh_harness_run *r, const char *name);
void nh_harness_heartbeat(struct nh_harness_run *r);
bool nh_harness_has_host(struct nh_harness_run *r); // notes it when there is none

// scenarios.c, browser.c, images.c
extern const struct nh_harness_scenario nh_harness_scenarios[];
extern const size_t nh_harness_scenario_count;
// GET /api/macros and post it back. False: a reply was not as it must be.
bool nh_harness_macros_round(struct nh_harness_run *r, uint32_t get_ms, uint32_t post_ms);
void nh_harness_config_look(struct nh_harness_run *r); // notes when no broker is configured
int nh_harness_browser(struct nh_harness_run *r);
int nh_harness_images(struct nh_harness_run *r);

// verdict.c
// `check`: of nh_harness_checks.
void nh_harness_fail(struct nh_harness_run *r, const char *check, const char *fmt, ...)
    NH_PRINTF(3, 4);
extern const char *const nh_harness_checks[]; // NULL-terminated
// Looks at everything and adds reasons. 0: good.
uint32_t nh_harness_judge(struct nh_harness_run *r);
extern const char *const nh_harness_limit_names[]; // NULL-terminated
// The figure that a limit is about; false: there is none, since nothing told it.
bool nh_harness_limit_figure(const struct nh_harness_run *r, const char *name, uint64_t *out);
bool nh_harness_limit_is_max(const char *name);

// junit.c: one suite a run, one case a check. NH_ERR_IO.
NH_MUST_USE int nh_harness_junit_write(const struct nh_harness_run *const *runs, size_t count,
                                       const char *path);

// run.c: a whole run. An exit status; 2: it could not begin, and why was said. Free it with
// nh_harness_run_free() whatever it was.
int nh_harness_run_one(struct nh_harness_run *r, FILE *json_copy);
void nh_harness_run_free(struct nh_harness_run *r);

// progress.c: a line that changes on a terminal, lines in a pipe
void nh_harness_say(struct nh_harness_run *r, const char *fmt, ...) NH_PRINTF(2, 3);
void nh_harness_tick(struct nh_harness_run *r); // now and then while waiting
void nh_harness_say_end(void);                  // clears the changing line

#endif
