// device_set.h - a device configuration from YAML for a test, or the test fails with its findings.
// Include after <cmocka.h>.

#ifndef NH_TEST_DEVICE_SET_H
#define NH_TEST_DEVICE_SET_H

#include <string.h>

#include "components/automation/expr.h"
#include "components/devices/set.h"
#include "platform/yaml.h"

static inline void device_set_told(void *ctx, const struct nh_device_finding *f)
{
    bool *is_strict = ctx;
    if (!f->is_warning || *is_strict)
        fail_msg("line %u: %s: %s", (unsigned)f->line, f->pointer, f->text);
}

// Owned. `is_strict`: warnings fail too.
static inline nh_device_set_t *device_set_from_yaml(nh_mem_t *mem, const char *text, bool is_strict)
{
    nh_device_compiler_t *c;
    nh_device_set_t *set = NULL;
    struct nh_yaml_error e;
    const struct nh_device_compiler_config cfg = {.mem = mem,
                                                  .limits = &nh_device_limits_standard,
                                                  .expression = nh_expr_check,
                                                  .finding = device_set_told,
                                                  .ctx = &is_strict};
    assert_int_equal(nh_device_compiler_create(&cfg, &c), 0);
    if (nh_yaml_read(text, strlen(text), nh_device_compiler_yaml, c, &e) < 0)
        fail_msg("%u:%u %s", (unsigned)e.line, (unsigned)e.column, e.text);
    assert_int_equal(nh_device_compiler_end(c, &set), 0);
    nh_device_compiler_destroy(c);
    return set;
}

#endif
