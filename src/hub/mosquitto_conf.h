// mosquitto_conf.h - a mosquitto.conf of Mosquitto 2: lines in, the hub's configuration and bridges
// out. Every option is known by name; what each comes to is in docs/mosquitto-conf.md.
//
// Sans-IO: who reads the files gives the lines. A fault comes with the file and line it is in.

#ifndef NH_HUB_MOSQUITTO_CONF_H
#define NH_HUB_MOSQUITTO_CONF_H

#include "hub/config_bridge.h"
#include "hub/mosquitto_parts.h"
#include "hub/mqtt_rules.h"

// What a file comes to.
struct nh_mosquitto_conf {
    struct nh_hub_config hub;
    struct nh_hub_bridges bridges;
    bool has_conn_limit;      // else mqtt.conn_max_count is as many as the system allows
    char pid_file[256];       // "": none
    bool is_log_timed;        // each line of the log begins with the time
    char log_time_format[64]; // of strftime(); "": seconds since 1970
};

struct nh_mosquitto_config {
    const char *host_name; // of this machine, for the client ids of bridges
    bool has_no_ipv6;      // [::] cannot be listened at: 0.0.0.0 instead
    nh_rules_fault_fn fault;
    void *ctx;
};

// Some 100 KB, embedded by the caller for the time of reading; private.
typedef struct nh_mosquitto_reader {
    struct nh_mosquitto_config cfg;
    struct nh_mosquitto_conf *out;
    struct nh_mosquitto__values v;
    // Files one within the other; what is being set up begins anew in each.
    uint32_t depth;
    struct nh_mosquitto__frame frame[NH_MOSQUITTO_DEPTH_MAX];
    uint32_t file_count;
    char files[NH_MOSQUITTO_FILE_MAX_COUNT][256];
    uint32_t at; // file and line at hand
    uint32_t error_count;
} nh_mosquitto_reader_t;

// Begins with Mosquitto's defaults. `cfg` is copied, `out` borrowed until nh_mosquitto_end().
void nh_mosquitto_init(nh_mosquitto_reader_t *r, const struct nh_mosquitto_config *cfg,
                       struct nh_mosquitto_conf *out);

// A file begins; it ends before the one it was included from goes on. NH_ERR_FULL: too many files,
// or one within the other: told as a fault, and not to be read.
NH_MUST_USE int nh_mosquitto_file_begin(nh_mosquitto_reader_t *r, const char *path);
void nh_mosquitto_file_end(nh_mosquitto_reader_t *r);

// One line without its end; text.ptr NULL: one that is too long. When it includes a folder, its
// name is in `folder`, else that is "": read the folder's files before the next line.
void nh_mosquitto_line(nh_mosquitto_reader_t *r, uint32_t number, nh_span_t text,
                       char folder[NH_MOSQUITTO_PATH_MAX]);

// A fault of the reader's caller at the line at hand: a folder that cannot be read.
void nh_mosquitto_fault(nh_mosquitto_reader_t *r, const char *option, const char *value,
                        const char *text);

// Behind the last line: what lines say together, and fills in `*out`. NH_ERR_INVAL: there was an
// error; then `*out` is to be thrown away.
NH_MUST_USE int nh_mosquitto_end(nh_mosquitto_reader_t *r);

// All of it for a file with the folders that it includes; `mem` is for the time of reading. Results
// as above, or NH_ERR_NOMEM.
NH_MUST_USE int nh_mosquitto_read_file(nh_mem_t *mem, const char *path,
                                       struct nh_mosquitto_conf *out, nh_rules_fault_fn fault,
                                       void *ctx);

// Calls `row` for each option: its name, what becomes of it ("supported", "no effect unless true",
// "refused"), and how or why. All are borrowed for the call.
void nh_mosquitto_options_each(void (*row)(void *ctx, const char *name, const char *support,
                                           const char *text),
                               void *ctx);
// For tests: NULL, or the name of an option whose row is not right.
const char *nh_mosquitto_options_check(void);

#endif
