// A body of POST /api/config. Whatever it is, nothing is read behind it, a fault has a field, no
// text is longer than its place; and what was taken, written as an answer and read again, is the
// same.

#include "hub/device_config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond))                                                                               \
            abort();                                                                               \
    } while (0)

static void check_again(const struct nh_device_config *c)
{
    static char text[8192];
    struct nh_json_buf buf = {.ptr = text, .cap = sizeof text};
    struct nh_device_config again = *c;
    struct nh_finding fault;
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_device_write(&w, c);
    nh_json_object_end(&w);
    REQUIRE(nh_json_writer_end(&w) == 0);
    // The password of Basic is not told, and a blank one would be another.
    again.basic_auth_password[0] = '\0';
    REQUIRE(nh_device_read(text, buf.len, &again, &fault) == 0);
    REQUIRE(strcmp(again.device_name, c->device_name) == 0);
    REQUIRE(strcmp(again.mqtt_password, c->mqtt_password) == 0);
    REQUIRE(strcmp(again.dummy_setting, c->dummy_setting) == 0);
    REQUIRE(again.mqtt_port == c->mqtt_port);
    REQUIRE(again.screen_saver_enabled == c->screen_saver_enabled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_device_config c = {.device_name = "Pad", .wifi_ssid = "host", .mqtt_password = "pw"};
    char name[NH_DEVICE_NAME_MAX_BYTES];
    struct nh_finding fault;
    char *exact = malloc(size ? size : 1); // a byte read behind it is found
    REQUIRE(exact);
    if (size)
        memcpy(exact, data, size);
    int err = nh_device_read(exact, size, &c, &fault);
    free(exact);
    if (err < 0) {
        REQUIRE(err == NH_ERR_SYNTAX || fault.pointer[0] == '/');
        return 0;
    }
    REQUIRE(c.device_name[0] && c.mqtt_password[0]);
    REQUIRE(memchr(c.device_name, 0, sizeof c.device_name));
    REQUIRE(c.backlight_brightness <= 100);
    nh_device_name_sanitize(c.device_name, name);
    REQUIRE(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name));
    check_again(&c);
    return 0;
}
