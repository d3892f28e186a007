// health.h - memory telemetry: tagged snapshots, heartbeat, tripwire, history, log lines.
//
// The loop task owns a health component. nh_health_snapshot() and nh_health_log() may be called
// from any task; all else only from the loop. Line formats: README.md.

#ifndef NH_HEALTH_H
#define NH_HEALTH_H

#include "core/base/log.h"
#include "core/bus/bus.h"
#include "core/http/http.h"
#include "core/mem/mem.h"
#include "core/sched/sched.h"

typedef struct nh_health nh_health_t;

#define NH_HEALTH_LINE_MAX_BYTES 192 // one console line, with the NUL
#define NH_HEALTH_FEED_COUNT 3       // "mem", "snap", "log"
#define NH_HEALTH_LOG_TEXT_MAX_BYTES 160
#define NH_HEALTH_ONCE_MAX_COUNT 24 // tags of nh_health_hotspot_once()

// What health reports but does not know itself; negative: not known (null in the reply).
struct nh_health_facts {
    int64_t fs_used_bytes, fs_total_bytes;
    int64_t program_bytes, rss_bytes, private_bytes, host_libc_bytes, host_tls_bytes;
    int cpu_usage_pct, cpu_temperature_c, cpu_freq_mhz;
    int display_fps, display_pass_us, display_present_us;
    int64_t lamp_fps, lamp_ma, lamp_late_count, lamp_refused_count, lamp_show_failures;
    const char *reset_reason, *hostname, *address; // borrowed for the call; address may be NULL
    uint32_t mqtt_clients;
    int64_t mqtt_store_commits, mqtt_store_errors, mqtt_store_bytes, mqtt_paged_messages;
    bool is_published; // telemetry on MQTT is on
    // Home Assistant's broker, where there is one besides; then it is what is told of MQTT.
    bool has_link, is_link_up, has_link_interval;
    uint64_t link_published_ms; // the last time figures went there; 0: never
    uint64_t console_dropped;
};

struct nh_health_config {
    nh_mem_t *mem;     // borrowed, like all pointers here; outlive the component
    nh_lock_t lock;    // guards history and log against other tasks
    nh_bus_t *bus;     // NH_EVENT_MEM_SNAPSHOT, NH_EVENT_MEM_TRIPWIRE
    nh_sched_t *sched; // the loop's
    const struct nh_mem_board *board;
    uint32_t heartbeat_ms;             // 0: 60000. 1000 to 3600000.
    uint32_t tripwire_bytes;           // 0: off. Internal minimum below it fires once.
    uint32_t history_max_count;        // 0: 1000 rows, or 64 without PSRAM
    uint32_t log_max_count;            // 0: 200 lines, or 32 without PSRAM
    uint32_t internal_min_limit_bytes; // 0: 100 KiB: the line drawn in the plot, not enforced
    uint32_t frag_limit_pct;           // 0: 40
    bool hotspot_tags;                 // snapshots by nh_health_hotspot()
    void *ctx;
    uint64_t (*clock_ms)(void); // monotonic
    int64_t (*clock_unix_ms)(void);
    void (*line)(void *ctx, const char *line); // a console line; any task; may be NULL
    void (*facts)(void *ctx, struct nh_health_facts *out);
    // Telemetry as one JSON object, at each heartbeat; `suffix` "health". False: it was not
    // published. May be NULL.
    bool (*publish)(void *ctx, const char *suffix, const char *json, size_t len);
};

// NH_ERR_NOMEM; NH_ERR_RANGE: heartbeat_ms. Nothing was made then.
NH_MUST_USE int nh_health_create(const struct nh_health_config *cfg, nh_health_t **out);
void nh_health_destroy(nh_health_t *h);

// Arms the heartbeat: the first comes one interval from now.
NH_MUST_USE int nh_health_start(nh_health_t *h);
void nh_health_stop(nh_health_t *h);
NH_MUST_USE int nh_health_heartbeat_set(nh_health_t *h, uint32_t heartbeat_ms);
void nh_health_tripwire_set(nh_health_t *h, uint32_t bytes);
void nh_health_hotspot_tags_set(nh_health_t *h, bool on);

// Takes a snapshot and sends it everywhere: console line, history, event; and when it fired the
// tripwire, that line and the dump of every task. `tag` is one token without blanks; blanks in it
// become '_'. Any task. `out` may be NULL.
void nh_health_snapshot(nh_health_t *h, const char *tag, struct nh_mem_snapshot *out);

// As nh_health_snapshot(), at a place that is known to take memory, and only while hotspot tags are
// on: a harness asks for them, a hub in use is spared the lines. Any task. `h` NULL: nothing.
void nh_health_hotspot(nh_health_t *h, const char *tag);

// The same, only the first time since create; with the tags off it does not count. Any task.
// Of more than NH_HEALTH_ONCE_MAX_COUNT different tags the later ones take no snapshot.
void nh_health_hotspot_once(nh_health_t *h, const char *tag);

// Once since create: the line with the stack margin of the task `task` that serves requests, in the
// form that harnesses know for a network task. No such task: no line, and the next call asks again.
// The loop.
void nh_health_server_watermark(nh_health_t *h, const char *task);

// Writes the figures as one object, as /api/health has them, without those that are of no use to
// who keeps them: sizes that never change, addresses, extremes of a window. About 1.1 KB. The loop.
void nh_health_write_state(nh_health_t *h, nh_json_writer_t *w);

// Keeps a log line for the portal and writes it to the console. Any task.
void nh_health_log(nh_health_t *h, enum nh_log_level level, const char *module, const char *text);

// Families of another part of the hub at /metrics, behind health's own.
#define NH_HEALTH_FAMILIES_MAX_COUNT 4 // parts
#define NH_HEALTH_SAMPLE_MAX_BYTES 160 // a line, with its end and a NUL
struct nh_health_family {
    const char *name, *type, *help; // static; type: "gauge", "counter", "histogram"
};
struct nh_health_families {
    void *ctx;
    size_t count;
    void (*head)(void *ctx, size_t family, struct nh_health_family *out);
    // Writes line `i` of a family, with its end. Returns the length; 0: there is no more. A family
    // without a line is left out whole.
    size_t (*sample)(void *ctx, size_t family, size_t i, char *out, size_t cap);
};
// The loop. NH_ERR_FULL.
NH_MUST_USE int nh_health_families_add(nh_health_t *h, const struct nh_health_families *f);
void nh_health_families_remove(nh_health_t *h, const void *ctx);

// The component's routes (ctx: the component) and its parts of the feed.
struct nh_route_table nh_health_routes(nh_health_t *h);
void nh_health_feed_parts(nh_health_t *h, nh_feed_part_t out[NH_HEALTH_FEED_COUNT]);

#endif
