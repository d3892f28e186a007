#include "harness/health_reply.h"
#include "harness/run.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REBOOT_WAIT_MS 20000 // for the mark of a reboot, at most
#define READY_WAIT_MS 30000  // for the end of the setup, at most
#define HEARTBEAT_WAIT_MS 90000
#define HEALTH_TIMEOUT_MS 5000
#define QUIET_MS 30000 // a heap that does not come to rest is taken as it is after that
#define QUIET_PAUSE_MS 2000
#define QUIET_INTERNAL_BYTES 2048
#define QUIET_PSRAM_BYTES 8192
#define POLL_COUNT 5 // without a serial line: samples a second apart instead of a heartbeat
#define SLICE_MS 100

// ---- interruption, sleep, people ---------------------------------------------------------------

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    interrupted = sig;
}

void nh_harness_interrupt_watch(void)
{
    struct sigaction act = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &act, NULL); // a second one ends the program as ever
    sigaction(SIGTERM, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool nh_harness_is_interrupted(void)
{
    return interrupted != 0;
}

void nh_harness_sleep(struct nh_harness_run *r, uint32_t ms)
{
    const uint64_t until = nh_clock_ms() + ms;
    for (uint64_t now; (now = nh_clock_ms()) < until && !interrupted;) {
        uint64_t left = until - now < SLICE_MS ? until - now : SLICE_MS;
        struct timespec ts = {.tv_nsec = (long)left * 1000000};
        nanosleep(&ts, NULL);
        nh_harness_tick(r);
    }
}

bool nh_harness_enter(struct nh_harness_run *r)
{
    char typed[128];
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    int n = poll(&p, 1, SLICE_MS);
    nh_harness_tick(r);
    if (n <= 0)
        return false;
    ssize_t len = read(STDIN_FILENO, typed, sizeof typed);
    return len <= 0 || memchr(typed, '\n', (size_t)len);
}

// Waits for Enter where somebody can press it.
static void ask(struct nh_harness_run *r, const char *text)
{
    if (r->o->non_interactive)
        return;
    nh_harness_say(r, "%s; press Enter to go on", text);
    while (!interrupted && !nh_harness_enter(r))
        continue;
}

static bool list_has(const char *list, const char *word)
{
    const size_t len = strlen(word);
    while (*list) {
        size_t n = strcspn(list, ",");
        if ((n == len && memcmp(list, word, len) == 0) || (n == 3 && memcmp(list, "all", 3) == 0))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

void nh_harness_pause(struct nh_harness_run *r, const char *point)
{
    char text[128];
    if (!list_has(r->o->pause, point))
        return;
    nh_harness_note(r, "paused at %s", point);
    snprintf(text, sizeof text, "paused at %s", point);
    ask(r, text);
}

bool nh_harness_has_host(struct nh_harness_run *r)
{
    char host[256];
    if (nh_harness_host(r, host, sizeof host))
        return true;
    nh_harness_note(r, "no address: none was given, and the device told none");
    nh_harness_fail(r, "steps", "no address of the device");
    return false;
}

// ---- health ------------------------------------------------------------------------------------

// Without a serial line a reply to /api/health is all that is known.
static void take_health(struct nh_harness_run *r, const struct nh_harness_health *h,
                        const char *tag)
{
    struct nh_harness_mem m = h->mem;
    if (!r->serial_task) {
        snprintf(m.tag, sizeof m.tag, "%s", tag);
        nh_harness_write_row(r, nh_harness_now_us(), &m);
    }
    if (h->uptime_s >= 0 && r->last_uptime_s > h->uptime_s && !r->has_rebooted)
        nh_harness_fail(r, "steps", "the device started anew during the run: %s", h->reset_reason);
    r->last_uptime_s = h->uptime_s;
}

// One GET. False: no 200 with an object.
static bool get_health(struct nh_harness_run *r, const char *label, struct nh_harness_health *out)
{
    struct nh_harness_request q = {
        .path = "/api/health", .timeout_ms = HEALTH_TIMEOUT_MS, .keep_body = true};
    const char *wrong = "no 200";
    if (nh_harness_request(r, &q))
        wrong = nh_harness_health_parse(q.reply, q.reply_bytes, out);
    nh_harness_write_health(r, label, &q, wrong);
    nh_harness_request_free(r, &q);
    if (!wrong)
        take_health(r, out, label);
    return !wrong;
}

static bool is_near(uint64_t a, uint64_t b, uint64_t bytes)
{
    return a > b ? a - b <= bytes : b - a <= bytes;
}

static bool is_quiet(const struct nh_harness_health *a, const struct nh_harness_health *b)
{
    return a->has_null || b->has_null ||
           (is_near(a->mem.hi, b->mem.hi, QUIET_INTERNAL_BYTES) &&
            is_near(a->mem.pf, b->mem.pf, QUIET_PSRAM_BYTES));
}

void nh_harness_quiet_health(struct nh_harness_run *r, const char *name)
{
    char first[64], second[64];
    const uint64_t until = nh_clock_ms() + QUIET_MS;
    struct nh_harness_health a, b;
    snprintf(first, sizeof first, "%s_a", name);
    snprintf(second, sizeof second, "%s_b", name);
    if (r->o->no_health) {
        nh_harness_write_health(r, name, NULL, NULL);
        return;
    }
    nh_harness_say(r, "health %s", name);
    if (!nh_harness_has_host(r) || !get_health(r, first, &a))
        return;
    while (!nh_harness_is_interrupted()) {
        nh_harness_sleep(r, QUIET_PAUSE_MS);
        if (!get_health(r, second, &b) || is_quiet(&a, &b) || nh_clock_ms() >= until)
            return;
        a = b;
    }
}

void nh_harness_heartbeat(struct nh_harness_run *r)
{
    if (r->serial_task) {
        nh_harness_say(r, "waiting for a heartbeat");
        if (!nh_harness_wait(r, NH_MARK_HEARTBEAT, HEARTBEAT_WAIT_MS) && !interrupted)
            nh_harness_note(r, "no heartbeat within %d s", HEARTBEAT_WAIT_MS / 1000);
        return;
    }
    nh_harness_say(r, "sampling the steady state");
    for (int i = 0; i < POLL_COUNT && !nh_harness_is_interrupted(); i++) {
        struct nh_harness_health h;
        nh_harness_sleep(r, 1000);
        if (!r->o->no_health && !get_health(r, "poll", &h))
            return;
    }
}

// ---- from the reboot until it is ready ---------------------------------------------------------

static void post_reboot(struct nh_harness_run *r)
{
    struct nh_harness_request q = {
        .method = "POST", .path = "/api/reboot", .timeout_ms = 500, .no_reply = true};
    nh_harness_say(r, "reboot");
    nh_harness_requests(r, &q, 1, 1);
    r->has_rebooted = true;
}

// Asks until an answer shows that it has started anew, or only until it answers.
static void wait_by_health(struct nh_harness_run *r, bool after_reboot)
{
    const uint64_t until = nh_clock_ms() + (uint64_t)r->o->timeout_s * 1000;
    const int64_t before_s = r->last_uptime_s;
    bool was_away = false;
    nh_harness_say(r, "waiting until it answers");
    while (nh_clock_ms() < until && !nh_harness_is_interrupted()) {
        struct nh_harness_request q = {.path = "/api/health",
                                       .timeout_ms = 1000,
                                       .keep_body = true,
                                       .min_status = 1,
                                       .max_status = 999};
        struct nh_harness_health h;
        const uint32_t reasons = r->reason_count, failed = r->failed_count;
        bool is_up = nh_harness_request(r, &q) && q.status == 200 &&
                     !nh_harness_health_parse(q.reply, q.reply_bytes, &h);
        nh_harness_request_free(r, &q);
        r->reason_count = reasons; // a device that is starting need not answer
        r->failed_count = failed;
        was_away |= !is_up;
        if (is_up && (!after_reboot || was_away || (before_s >= 0 && h.uptime_s < before_s))) {
            r->last_uptime_s = h.uptime_s;
            return;
        }
        nh_harness_sleep(r, 200);
    }
    nh_harness_note(r, "it did not answer within %u s", (unsigned)r->o->timeout_s);
}

static uint32_t at_most(uint32_t ms, uint32_t most_ms)
{
    return ms < most_ms ? ms : most_ms;
}

// A device that is ready without an address tells none: it may listen at another port than 80.
static void wait_until_ready(struct nh_harness_run *r, uint32_t patience_ms)
{
    const uint32_t ready_ms = at_most(patience_ms, READY_WAIT_MS);
    nh_harness_say(r, "waiting for its address");
    uint32_t got = nh_harness_wait(r, NH_MARK_ADDRESS | NH_MARK_READY, patience_ms);
    if (got == 0)
        nh_harness_note(r, "no \"Got IP:\" within %u s", (unsigned)r->o->timeout_s);
    if (got == NH_MARK_READY) {
        nh_harness_note(r, "ready without a \"Got IP:\"");
        return;
    }
    nh_harness_say(r, "waiting until it is ready");
    if (!nh_harness_wait(r, NH_MARK_READY, ready_ms))
        nh_harness_note(r, "no \"[Main] Setup complete\" within %u s", (unsigned)ready_ms / 1000);
}

// By the marks on the line, in their order.
static void wait_by_line(struct nh_harness_run *r, bool after_reboot)
{
    const uint32_t patience_ms = r->o->timeout_s * 1000;
    bool has_mark = false;
    if (after_reboot) {
        nh_harness_say(r, "waiting for the reboot");
        has_mark = nh_harness_wait(r, NH_MARK_REBOOT, at_most(patience_ms, REBOOT_WAIT_MS));
        if (!has_mark) {
            nh_harness_note(r, "no mark of a reboot on the line");
            ask(r, "no reboot was seen: reset the device by hand");
        }
    }
    nh_harness_pause(r, "after_reboot");
    if (!has_mark && !nh_harness_wait(r, NH_MARK_BOOT, patience_ms))
        nh_harness_note(r, "no \"System Boot\" within %u s", (unsigned)r->o->timeout_s);
    wait_until_ready(r, patience_ms);
}

void nh_harness_begin(struct nh_harness_run *r)
{
    struct nh_harness_health h;
    const bool reboots = !r->o->no_reboot && r->o->host[0];
    nh_harness_pause(r, "serial_connected");
    if (!r->serial_task && reboots && !r->o->no_health)
        NH_IGNORE(get_health(r, "before_reboot", &h)); // its uptime; it may be away just now
    if (reboots)
        post_reboot(r);
    else if (!r->o->no_reboot)
        nh_harness_note(r, "no address to send the reboot to");
    if (r->serial_task)
        wait_by_line(r, !r->o->no_reboot);
    else
        wait_by_health(r, reboots);
    if (!r->serial_task)
        nh_harness_pause(r, "after_reboot");
    r->has_rebooted = false;
    nh_harness_pause(r, "after_ip");
}
