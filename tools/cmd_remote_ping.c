// cmd_remote_ping.c - how long a command takes, from its first frame to its answer.

#include "cmd_remote.h"

#include "core/json/json.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT_MAX 100000

struct ping {
    struct nh_remote_link link;
    uint32_t *us, wanted, count, lost;
    uint64_t begun_us;
    uint8_t brightness;
    bool has_state;
};

static void next(struct ping *p)
{
    // The brightness that it has: goes all the way through the lamp and changes nothing.
    uint8_t cmd = p->has_state ? NH_RADIO_SET_BRIGHT : NH_RADIO_GET_AUDIO_STATE;
    p->begun_us = nh_clock_us();
    NH_IGNORE(nh_radio_remote_command(p->link.engine, cmd, p->brightness, nh_clock_ms()));
}

static void on_event(void *ctx, const struct nh_radio_remote_event *e)
{
    struct ping *p = ctx;
    if (e->kind != NH_RADIO_REMOTE_ANSWER)
        return;
    if (e->err < 0) {
        p->lost++;
        if (!p->has_state || e->err != NH_ERR_TIMEOUT)
            nh_loop_stop(p->link.loop);
    } else if (p->has_state) {
        p->us[p->count++] = (uint32_t)(nh_clock_us() - p->begun_us);
    } else {
        p->brightness = e->state->brightness;
        p->has_state = true;
    }
    if (p->count + p->lost < p->wanted)
        next(p);
    else
        nh_loop_stop(p->link.loop);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int stdout_sink(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    return fwrite(bytes, 1, len, stdout) == len ? 0 : NH_ERR_IO;
}

static void print(struct ping *p)
{
    struct nh_radio_remote_info i;
    nh_json_writer_t w;
    nh_radio_remote_info(p->link.engine, &i);
    qsort(p->us, p->count, sizeof p->us[0], compare);
    uint32_t p50 = p->us[(p->count - 1) * 50ull / 100], p99 = p->us[(p->count - 1) * 99ull / 100];
    uint32_t max = p->us[p->count - 1];
    if (!p->link.options->as_json) {
        printf("%u answered, %u not, %u frames sent again; p50 %u us, p99 %u us, worst %u us\n",
               (unsigned)p->count, (unsigned)p->lost, (unsigned)i.repeat_count, (unsigned)p50,
               (unsigned)p99, (unsigned)max);
        return;
    }
    nh_json_writer_init(&w, stdout_sink, NULL);
    nh_json_object_begin(&w);
    nh_json_kv_uint(&w, "answered", p->count);
    nh_json_kv_uint(&w, "failed", p->lost);
    nh_json_kv_uint(&w, "repeats", i.repeat_count);
    nh_json_kv_uint(&w, "p50_us", p50);
    nh_json_kv_uint(&w, "p99_us", p99);
    nh_json_kv_uint(&w, "max_us", max);
    nh_json_kv_int(&w, "rssi_dbm", i.rssi_dbm);
    nh_json_object_end(&w);
    NH_IGNORE(nh_json_writer_end(&w)); // who closed standard output does not wait for it
    putchar('\n');
}

static int run(struct ping *p)
{
    if (nh_radio_remote_lamp_count(p->link.engine) == 0) {
        fprintf(stderr, "nuthatch remote: no lamp is paired; nuthatch remote pair does it\n");
        return 1;
    }
    p->us = nh_mem_alloc(p->link.memory.mem, p->wanted * sizeof p->us[0], NH_MEM_BULK);
    if (!p->us) {
        fprintf(stderr, "nuthatch remote: %s\n", nh_err_text(NH_ERR_NOMEM));
        return 1;
    }
    next(p);
    nh_loop_run(p->link.loop);
    if (p->count > 0)
        print(p);
    else
        fprintf(stderr, "nuthatch remote: the lamp does not answer\n");
    nh_mem_free(p->link.memory.mem, p->us);
    return p->lost == 0 && p->count > 0 ? 0 : 1;
}

int nh_remote_ping(const struct nh_remote_options *o, const char *count)
{
    struct ping p = {.wanted = 100};
    char *rest = NULL;
    long n = count ? strtol(count, &rest, 10) : 100;
    if (n < 1 || n > COUNT_MAX || (rest && *rest)) {
        fprintf(stderr, "nuthatch remote: ping %s is not a number from 1 to %d\n", count,
                COUNT_MAX);
        return 2;
    }
    p.wanted = (uint32_t)n;
    if (!nh_remote_link_open(&p.link, o, 0, on_event, &p))
        return 1;
    int code = run(&p);
    nh_remote_link_close(&p.link);
    return code;
}
