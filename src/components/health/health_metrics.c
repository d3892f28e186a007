// GET /metrics in the Prometheus text exposition format, one family after another.

#include "components/health/health_state.h"

#include <inttypes.h>
#include <stdio.h>

enum family_kind { TIER, OWNER, TASK, SCALAR };

struct family {
    const char *name, *type, *help;
    enum family_kind kind;
    uint64_t (*tier)(const struct nh_mem_tier_info *t);
    uint64_t (*owner)(const struct nh_mem_owner_info *o, int tier);
    uint64_t (*task)(const struct nh_mem_task_info *t);
    int64_t (*scalar)(const nh_health_t *h, const struct nh_health_facts *f); // < 0: left out
};

#define TIER_FIGURE(fn, field)                                                                     \
    static uint64_t fn(const struct nh_mem_tier_info *t)                                           \
    {                                                                                              \
        return t->field;                                                                           \
    }
TIER_FIGURE(tier_size, size_bytes)
TIER_FIGURE(tier_free, free_bytes)
TIER_FIGURE(tier_min, min_free_bytes)
TIER_FIGURE(tier_largest, largest_free_bytes)
TIER_FIGURE(tier_frag, frag_pct)
TIER_FIGURE(tier_blocks, used_blocks)

#define OWNER_FIGURE(fn, field)                                                                    \
    static uint64_t fn(const struct nh_mem_owner_info *o, int tier)                                \
    {                                                                                              \
        return o->tier[tier].field;                                                                \
    }
OWNER_FIGURE(owner_current, current_bytes)
OWNER_FIGURE(owner_peak, peak_bytes)
OWNER_FIGURE(owner_budget, budget_bytes)
OWNER_FIGURE(owner_blocks, current_blocks)
OWNER_FIGURE(owner_allocs, alloc_count)
OWNER_FIGURE(owner_failed, failed_count)

static uint64_t task_stack(const struct nh_mem_task_info *t)
{
    return t->stack_bytes;
}
static uint64_t task_margin(const struct nh_mem_task_info *t)
{
    return t->stack_margin_bytes;
}
static uint64_t task_chip(const struct nh_mem_task_info *t)
{
    return t->chip_stack_bytes;
}

static int64_t uptime(const nh_health_t *h, const struct nh_health_facts *f)
{
    (void)f;
    return (int64_t)((h->cfg.clock_ms() - h->started_ms) / 1000);
}
static int64_t failed(const nh_health_t *h, const struct nh_health_facts *f)
{
    struct nh_mem_snapshot s;
    (void)f;
    nh_mem_figures(h->sys, &s);
    return s.failed_count;
}
static int64_t tripped(const nh_health_t *h, const struct nh_health_facts *f)
{
    (void)f;
    return nh_health__tripped(h, NULL);
}
#define FACT(fn, field)                                                                            \
    static int64_t fn(const nh_health_t *h, const struct nh_health_facts *f)                       \
    {                                                                                              \
        (void)h;                                                                                   \
        return (int64_t)f->field;                                                                  \
    }
FACT(host_rss, rss_bytes)
FACT(host_private, private_bytes)
FACT(host_libc, host_libc_bytes)
FACT(host_tls, host_tls_bytes)
FACT(host_cpu, cpu_usage_pct)
FACT(mqtt_clients, mqtt_clients)
FACT(mqtt_store_commits, mqtt_store_commits)
FACT(mqtt_store_errors, mqtt_store_errors)
FACT(mqtt_store_bytes, mqtt_store_bytes)
FACT(mqtt_paged_messages, mqtt_paged_messages)
FACT(lamp_fps, lamp_fps)
FACT(lamp_ma, lamp_ma)
FACT(lamp_late, lamp_late_count)
FACT(lamp_refused, lamp_refused_count)
FACT(lamp_show_failures, lamp_show_failures)
FACT(console_dropped, console_dropped)

static const struct family families[] = {
    {"nuthatch_uptime_seconds", "counter", "Seconds since start", SCALAR, .scalar = uptime},
    {"nuthatch_memory_size_bytes", "gauge", "Size of the tier", TIER, .tier = tier_size},
    {"nuthatch_memory_free_bytes", "gauge", "Free bytes of the tier", TIER, .tier = tier_free},
    {"nuthatch_memory_min_free_bytes", "gauge", "Low water of free bytes", TIER, .tier = tier_min},
    {"nuthatch_memory_largest_free_bytes", "gauge", "Largest free block", TIER,
     .tier = tier_largest},
    {"nuthatch_memory_fragmentation_percent", "gauge", "100 - 100 x largest / free", TIER,
     .tier = tier_frag},
    {"nuthatch_memory_blocks", "gauge", "Blocks in use", TIER, .tier = tier_blocks},
    {"nuthatch_memory_failed_total", "counter", "Allocations refused", SCALAR, .scalar = failed},
    {"nuthatch_memory_tripwire_fired", "gauge", "1 once the tripwire has fired", SCALAR,
     .scalar = tripped},
    {"nuthatch_owner_bytes", "gauge", "Bytes an owner holds", OWNER, .owner = owner_current},
    {"nuthatch_owner_peak_bytes", "gauge", "Most an owner held", OWNER, .owner = owner_peak},
    {"nuthatch_owner_budget_bytes", "gauge", "Budget, 0 for none", OWNER, .owner = owner_budget},
    {"nuthatch_owner_blocks", "gauge", "Blocks an owner holds", OWNER, .owner = owner_blocks},
    {"nuthatch_owner_allocations_total", "counter", "Allocations made", OWNER,
     .owner = owner_allocs},
    {"nuthatch_owner_failed_total", "counter", "Allocations refused", OWNER, .owner = owner_failed},
    {"nuthatch_task_stack_bytes", "gauge", "Stack of the task here", TASK, .task = task_stack},
    {"nuthatch_task_stack_margin_bytes", "gauge", "Least stack ever left", TASK,
     .task = task_margin},
    {"nuthatch_task_chip_stack_bytes", "gauge", "Stack declared for the chip", TASK,
     .task = task_chip},
    {"nuthatch_host_rss_bytes", "gauge", "Resident memory of the process", SCALAR,
     .scalar = host_rss},
    {"nuthatch_host_private_bytes", "gauge", "Private memory of the process", SCALAR,
     .scalar = host_private},
    {"nuthatch_host_libc_bytes", "gauge", "Held by libraries without an allocator hook", SCALAR,
     .scalar = host_libc},
    {"nuthatch_host_tls_bytes", "gauge", "Part of host_libc_bytes that TLS holds", SCALAR,
     .scalar = host_tls},
    {"nuthatch_host_cpu_percent", "gauge", "Processor use since the last reading", SCALAR,
     .scalar = host_cpu},
    {"nuthatch_mqtt_clients", "gauge", "Connected MQTT clients", SCALAR, .scalar = mqtt_clients},
    {"nuthatch_mqtt_store_commits_total", "counter", "Batches of the broker on disk", SCALAR,
     .scalar = mqtt_store_commits},
    {"nuthatch_mqtt_store_errors_total", "counter", "Commits of the broker that failed", SCALAR,
     .scalar = mqtt_store_errors},
    {"nuthatch_mqtt_store_bytes_total", "counter", "Bytes of records written", SCALAR,
     .scalar = mqtt_store_bytes},
    {"nuthatch_mqtt_paged_messages", "gauge", "Messages of queues on disk only", SCALAR,
     .scalar = mqtt_paged_messages},
    {"nuthatch_lamp_fps", "gauge", "Frames of the lamp in the last second", SCALAR,
     .scalar = lamp_fps},
    {"nuthatch_lamp_current_milliamperes", "gauge", "What its LEDs draw, by the model", SCALAR,
     .scalar = lamp_ma},
    {"nuthatch_lamp_late_frames_total", "counter", "Frames that missed their slot", SCALAR,
     .scalar = lamp_late},
    {"nuthatch_lamp_refused_commands_total", "counter", "Commands that found the queue full",
     SCALAR, .scalar = lamp_refused},
    {"nuthatch_lamp_show_failures_total", "counter", "Frames that could not be sent", SCALAR,
     .scalar = lamp_show_failures},
    {"nuthatch_console_dropped_lines_total", "counter", "Console lines dropped", SCALAR,
     .scalar = console_dropped},
};

// One line is at most the name, two labels of 16 bytes and 20 digits.
#define LINE_MAX_BYTES NH_HEALTH_SAMPLE_MAX_BYTES

static void add(struct nh_json_buf *b, const char *text, int len)
{
    // The caller left room for a whole line, so this cannot refuse.
    (void)nh_json_buf_sink(b, text, (size_t)len);
}

static void tier_line(nh_health_t *h, const struct family *f, int tier, struct nh_json_buf *b)
{
    struct nh_mem_snapshot s;
    char line[LINE_MAX_BYTES];
    nh_mem_figures(h->sys, &s);
    add(b, line,
        snprintf(line, sizeof line, "%s{tier=\"%s\"} %" PRIu64 "\n", f->name,
                 nh_health__tier_name[tier], f->tier(&s.tier[tier])));
}

static bool owner_line(nh_health_t *h, const struct family *f, size_t i, struct nh_json_buf *b)
{
    struct nh_mem_owner_info o;
    char line[LINE_MAX_BYTES];
    int tier = (int)(i % NH_MEM_TIER_COUNT);
    if (nh_mem_owner_info(h->sys, i / NH_MEM_TIER_COUNT, &o) != 0)
        return false;
    add(b, line,
        snprintf(line, sizeof line, "%s{owner=\"%s\",tier=\"%s\"} %" PRIu64 "\n", f->name, o.name,
                 nh_health__tier_name[tier], f->owner(&o, tier)));
    return true;
}

static bool task_line(nh_health_t *h, const struct family *f, size_t i, struct nh_json_buf *b)
{
    struct nh_mem_task_info tasks[NH_MEM_TASK_MAX_COUNT];
    char line[LINE_MAX_BYTES];
    if (i >= nh_mem_task_list(h->sys, tasks, NH_ARRAY_LEN(tasks)))
        return false;
    add(b, line,
        snprintf(line, sizeof line, "%s{task=\"%s\"} %" PRIu64 "\n", f->name, tasks[i].name,
                 f->task(&tasks[i])));
    return true;
}

static bool scalar_line(nh_health_t *h, const struct family *f, struct nh_json_buf *b)
{
    struct nh_health_facts facts;
    char line[LINE_MAX_BYTES];
    nh_health__facts(h, &facts);
    int64_t v = f->scalar(h, &facts);
    if (v >= 0)
        add(b, line, snprintf(line, sizeof line, "%s %" PRId64 "\n", f->name, v));
    return true;
}

// Writes sample `i` of a family; false when it has no more.
static bool sample(nh_health_t *h, const struct family *f, size_t i, struct nh_json_buf *b)
{
    if (f->kind == TIER) {
        if (i < NH_MEM_TIER_COUNT)
            tier_line(h, f, (int)i, b);
        return i < NH_MEM_TIER_COUNT;
    }
    if (f->kind == OWNER)
        return owner_line(h, f, i, b);
    if (f->kind == TASK)
        return task_line(h, f, i, b);
    return i == 0 && scalar_line(h, f, b);
}

static void add_head(struct nh_json_buf *b, const char *name, const char *type, const char *help)
{
    char head[2 * LINE_MAX_BYTES];
    add(b, head,
        snprintf(head, sizeof head, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type));
}

// The part that has family `*at` of all that others added; then an index within it. NULL: none.
static const struct nh_health_families *part_of(const nh_health_t *h, size_t *at)
{
    for (size_t i = 0; i < h->families_count; i++) {
        if (*at < h->families[i].count)
            return &h->families[i];
        *at -= h->families[i].count;
    }
    return NULL;
}

// The next line of a family of another part, with the head before the first. False: there is none.
static bool other_sample(const struct nh_health_families *part, size_t family, size_t i,
                         struct nh_json_buf *b)
{
    char line[NH_HEALTH_SAMPLE_MAX_BYTES];
    struct nh_health_family f;
    size_t len = part->sample(part->ctx, family, i, line, sizeof line);
    if (!len)
        return false;
    if (i == 0) {
        part->head(part->ctx, family, &f);
        add_head(b, f.name, f.type, f.help);
    }
    add(b, line, (int)len);
    return true;
}

// False: there is nothing more at all.
static bool step(nh_health_t *h, struct nh_health__stream *st, struct nh_json_buf *b)
{
    size_t at = st->step, i = (size_t)st->next++;
    bool is_there;
    if (at < NH_ARRAY_LEN(families)) {
        const struct family *f = &families[at];
        if (i == 0)
            add_head(b, f->name, f->type, f->help);
        is_there = sample(h, f, i, b);
    } else {
        at -= NH_ARRAY_LEN(families);
        const struct nh_health_families *part = part_of(h, &at);
        if (!part)
            return false;
        is_there = other_sample(part, at, i, b);
    }
    if (!is_there) {
        st->step++;
        st->next = 0;
    }
    return true;
}

static int produce(nh_request_t *req, char *out, size_t cap)
{
    struct nh_json_buf b = {.ptr = out, .cap = cap};
    while (b.cap - b.len >= 3 * LINE_MAX_BYTES && step(req->ctx, req->state, &b))
        continue;
    return (int)b.len;
}

int nh_health_families_add(nh_health_t *h, const struct nh_health_families *f)
{
    if (h->families_count == NH_HEALTH_FAMILIES_MAX_COUNT)
        return NH_ERR_FULL;
    h->families[h->families_count++] = *f;
    return NH_OK;
}

void nh_health_families_remove(nh_health_t *h, const void *ctx)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->families_count; i++)
        if (h->families[i].ctx != ctx)
            h->families[kept++] = h->families[i];
    h->families_count = kept;
}

int nh_health__metrics(nh_request_t *req)
{
    if (!nh_health__stream_new(req))
        return NH_ERR_NOMEM;
    return nh_reply_stream(req, 200, "text/plain; version=0.0.4; charset=utf-8", produce);
}
