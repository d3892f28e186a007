// The compiler of device configurations: the first byte says JSON or YAML and how it is cut, the
// rest is the document. What compiles is written in both forms, and each must compile to the same.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/devices/set.h"
#include "platform/yaml.h"

#define OUT_MAX (1024 * 1024)

static _Alignas(16) uint8_t internal[64 * 1024], psram[4 * 1024 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;
static char out[OUT_MAX + 1];
static uint32_t errors;

static void fail(const char *what)
{
    fprintf(stderr, "fuzz_devices: %s\n", what);
    abort();
}

static void take(void *ctx, const struct nh_device_finding *f)
{
    (void)ctx;
    errors += !f->is_warning;
    if (!f->text[0] || !f->code || memchr(f->pointer, '\0', sizeof f->pointer) == NULL)
        fail("a finding that says nothing");
}

static nh_device_compiler_t *begin(void)
{
    nh_device_compiler_t *c;
    const struct nh_device_compiler_config cfg = {
        .mem = mem, .limits = &nh_device_limits_standard, .finding = take};
    errors = 0;
    if (nh_device_compiler_create(&cfg, &c) < 0)
        fail("no memory");
    return c;
}

static nh_device_set_t *end(nh_device_compiler_t *c, int err)
{
    nh_device_set_t *s;
    int rc = nh_device_compiler_end(c, &s);
    if (err == 0 && (rc == 0) != (errors == 0))
        fail("the answer and the findings differ");
    nh_device_compiler_destroy(c);
    if (err < 0) {
        nh_device_set_unref(s);
        return NULL;
    }
    return s;
}

static nh_device_set_t *compile_json(const char *text, size_t len, size_t step)
{
    nh_device_compiler_t *c = begin();
    int err = 0;
    for (size_t at = 0; err == 0 && at < len; at += step) {
        size_t n = len - at < step ? len - at : step;
        err = nh_device_compiler_json(c, text + at, n, false);
    }
    if (err == 0)
        err = nh_device_compiler_json(c, "", 0, true);
    return end(c, err);
}

static nh_device_set_t *compile_yaml(const char *text, size_t len)
{
    struct nh_yaml_error e;
    nh_device_compiler_t *c = begin();
    return end(c, nh_yaml_read(text, len, nh_device_compiler_yaml, c, &e));
}

static size_t write_out(const nh_device_set_t *s, enum nh_device_form form)
{
    nh_device_writer_t w;
    size_t len = 0, n;
    nh_device_writer_init(&w, s, form, NULL);
    while ((n = nh_device_writer_next(&w, out + len, 600)) > 0) {
        len += n;
        if (len + 600 > OUT_MAX)
            fail("what is written has no end");
    }
    return len;
}

static void check_same(const nh_device_set_t *s, nh_device_set_t *again, const char *what)
{
    if (!again || !nh_rec_equal(nh_device_set_root(s), nh_device_set_root(again)))
        fail(what);
    nh_device_set_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    if (size == 0)
        return 0;
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "devices", NULL, &mem) < 0)
        fail("no memory system");
    const char *text = (const char *)data + 1;
    nh_device_set_t *s =
        data[0] & 128 ? compile_yaml(text, size - 1) : compile_json(text, size - 1, 1u + data[0]);
    if (s) {
        // The older formats' number becomes that of this one.
        size_t len = write_out(s, NH_DEVICE_FORM_JSON);
        nh_device_set_unref(s);
        s = compile_json(out, len, 64);
        if (!s)
            fail("what was written is not valid");
        len = write_out(s, NH_DEVICE_FORM_JSON);
        check_same(s, compile_json(out, len, 4096), "JSON does not come back");
        len = write_out(s, NH_DEVICE_FORM_YAML);
        check_same(s, compile_yaml(out, len), "YAML does not come back");
    }
    nh_device_set_unref(s);
    if (nh_mem_system_destroy(sys, NULL, NULL) != 0)
        fail("something leaked");
    return 0;
}
