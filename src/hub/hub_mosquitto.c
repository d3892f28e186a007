// The hub as a broker alone, from a mosquitto.conf: its log, and its file read again.

#include "hub/hub_parts.h"
#include "hub/mosquitto_conf.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static size_t write_time(const struct nh_mosquitto_conf *m, char *out, size_t cap)
{
    time_t now = (time_t)(nh_clock_unix_ms() / 1000);
    struct tm parts;
    size_t len = 0;
    if (!m->is_log_timed)
        return 0;
    if (m->log_time_format[0] && localtime_r(&now, &parts))
        len = strftime(out, cap - 2, m->log_time_format, &parts);
    if (len == 0)
        len = (size_t)snprintf(out, cap, "%lld", (long long)now);
    return len + (size_t)snprintf(out + len, cap - len, ": ");
}

void nh_hub__log_line(struct nh_hub *hub, enum nh_log_level level, const char *module,
                      const char *message)
{
    static const char *const names[] = {
        [NH_LOG_ERROR] = "Error: ", [NH_LOG_WARN] = "Warning: ", [NH_LOG_INFO] = ""};
    char line[512];
    const char *name = level <= NH_LOG_INFO ? names[level] : "";
    size_t at = write_time(hub->options.mosquitto, line, 160);
    snprintf(line + at, sizeof line - at, "%s%s: %s", name, module, message);
    if (hub->console)
        nh_console_line(hub->console, line);
}

static void print_fault(void *ctx, const char *file, const struct nh_finding *f)
{
    (void)ctx;
    if (!f->is_warning) // those were told at the start
        NH_LOG_W("config", "%s:%u: %s %s", file, (unsigned)f->line, f->pointer, f->text);
}

int nh_hub__read_mosquitto(struct nh_hub *hub, struct nh_hub_config *c)
{
    nh_mem_t *mem;
    int err = nh_hub__owner(hub, "hub", &mem);
    struct nh_mosquitto_conf *conf = err < 0 ? NULL : nh_mem_alloc(mem, sizeof *conf, NH_MEM_BULK);
    if (!conf)
        return err < 0 ? err : NH_ERR_NOMEM;
    err = nh_mosquitto_read_file(mem, hub->options.config_file, conf, print_fault, NULL);
    if (err == 0)
        *c = conf->hub;
    nh_mem_free(mem, conf);
    return err;
}
