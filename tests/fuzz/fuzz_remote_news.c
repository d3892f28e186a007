// Events, alerts, configuration and points from the network: all readers see the same bytes, in a
// block of exact size.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "components/battery_remote/remote_news.h"
#include "components/battery_remote/remote_points.h"
#include "components/battery_remote/remote_settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_news(const char *text, size_t len)
{
    struct nh_remote_event e;
    struct nh_remote_alert a[4];
    if (nh_remote_event_read(text, len, &e) < 0)
        require(e.id == 0 && !e.type[0]);
    require(memchr(e.key, 0, sizeof e.key) != NULL);
    int n = nh_remote_alerts_read(text, len, a, 4);
    require(n <= 4);
    for (int i = 0; i < n; i++)
        require(memchr(a[i].message, 0, sizeof a[i].message) != NULL &&
                a[i].severity <= NH_REMOTE_CRITICAL);
    require(nh_remote_alert_read(text, len, a) < 0 || a[0].severity <= NH_REMOTE_CRITICAL);
}

static void check_settings(const char *text, size_t len)
{
    static char out[4096];
    struct nh_remote_settings s = {0}, again = {0};
    struct nh_json_buf buf = {out, sizeof out, 0};
    nh_json_writer_t w;
    uint32_t seen;
    if (nh_remote_settings_read(text, len, &s, &seen) < 0) {
        require(s.known == 0);
        return;
    }
    require(seen == s.known);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_remote_settings_write(&w, &s, UINT32_MAX);
    nh_json_object_end(&w);
    require(nh_json_writer_end(&w) == 0);
    require(nh_remote_settings_read(out, buf.len, &again, &seen) == 0);
    require(nh_remote_settings_are_same(&s, &again, UINT32_MAX));
}

static void check_points(const char *text, size_t len)
{
    struct nh_remote_points *p = calloc(1, sizeof *p);
    struct nh_remote_points_result once, twice;
    int err = nh_remote_points_take(p, text, len, &once);
    uint64_t unnumbered = p->unnumbered;
    require(nh_remote_points_take(p, text, len, &twice) == err);
    // The same again: nothing new but of those that have no number. A few senders at most.
    if (p->forgotten == 0)
        require(twice.taken == p->unnumbered - unnumbered);
    require(p->taken == (uint64_t)once.taken + twice.taken);
    require(memchr(p->last, 0, sizeof p->last) != NULL);
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    check_news(text, size);
    check_settings(text, size);
    check_points(text, size);
    free(text);
    return 0;
}
