// A mosquitto.conf as text. A line "include_dir" begins an included file, up to a line "?". Every
// fault names a file and a line there is; what is good is a configuration that the hub takes, and
// prints to a hub.yaml that reads back.

#include "hub/config_print.h"
#include "hub/mosquitto_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s (line %d)\n", #cond, __LINE__);                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct nh_mosquitto_conf conf;
static nh_mosquitto_reader_t reader;
static uint32_t line_count, error_count;

static void take_fault(void *ctx, const char *file, const struct nh_finding *f)
{
    (void)ctx;
    REQUIRE(strcmp(file, "a") == 0 || strcmp(file, "b") == 0);
    REQUIRE(f->line <= line_count);
    REQUIRE(f->text[0] && strlen(f->text) < sizeof f->text);
    error_count += !f->is_warning;
}

struct printed {
    size_t len;
    char text[262144];
};

static int to_text(void *ctx, const char *bytes, size_t len)
{
    struct printed *p = ctx;
    REQUIRE(p->len + len < sizeof p->text);
    memcpy(p->text + p->len, bytes, len);
    p->len += len;
    return NH_OK;
}

static bool is_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static void check_result(void)
{
    static struct printed p, again;
    static struct nh_hub_config c;
    static struct nh_hub_bridges bridges;
    p.len = again.len = 0;
    REQUIRE(conf.hub.mqtt.conn_max_count > 0);
    REQUIRE(nh_hub_config_print(&conf.hub, &conf.bridges, to_text, &p) == NH_OK);
    if (!is_text(conf.hub.data) || nh_hub_config_validate(&conf.hub, NULL, NULL) < 0)
        return;
    nh_hub_config_defaults(&c);
    REQUIRE(nh_hub_config_read_yaml(&c, p.text, p.len, NULL, NULL) == NH_OK);
    REQUIRE(nh_hub_bridges_read_yaml(p.text, p.len, &bridges, NULL, NULL) == NH_OK);
    REQUIRE(nh_hub_config_print(&c, &bridges, to_text, &again) == NH_OK);
    REQUIRE(p.len == again.len && memcmp(p.text, again.text, p.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct nh_mosquitto_config cfg = {.host_name = "h", .fault = take_fault};
    char folder[NH_MOSQUITTO_PATH_MAX];
    uint32_t depth = 1;
    line_count = error_count = 0;
    nh_mosquitto_init(&reader, &cfg, &conf);
    REQUIRE(nh_mosquitto_file_begin(&reader, "a") == NH_OK);
    for (const uint8_t *at = data, *end = data + size; at < end; at++) {
        const uint8_t *begin = at;
        while (at < end && *at != '\n')
            at++;
        size_t len = (size_t)(at - begin);
        if (len == 1 && *begin == '?' && depth > 1) {
            nh_mosquitto_file_end(&reader);
            depth--;
            continue;
        }
        uint8_t *line = malloc(len ? len : 1);
        memcpy(line, begin, len);
        nh_mosquitto_line(&reader, ++line_count, (nh_span_t){line, len}, folder);
        free(line);
        if (folder[0] && nh_mosquitto_file_begin(&reader, "b") == NH_OK)
            depth++;
    }
    while (depth--)
        nh_mosquitto_file_end(&reader);
    int err = nh_mosquitto_end(&reader);
    REQUIRE((err < 0) == (error_count > 0));
    if (err == NH_OK)
        check_result();
    return 0;
}
