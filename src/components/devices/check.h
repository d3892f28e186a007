// check.h - shared by the checks of the whole, in this folder only.

#ifndef NH_DEVICES_CHECK_H
#define NH_DEVICES_CHECK_H

#include "components/devices/set_private.h"
#include "components/devices/words.h"

#define NH_DEVICE_BRANCH_MAX_COUNT 8 // of `parallel`

struct nh_check_flags { // that some scenario sets; `slot` NULL: not known
    nh_span_t *slot;
    uint32_t cap, count;
};

struct nh_check {
    const nh_device_set_t *set;
    const struct nh_device_limits *limits;
    int (*lamp)(nh_span_t json, char *why, size_t cap); // as in the compiler's
    nh_device_finding_fn finding;
    void *ctx;
    int device; // at hand
    struct nh_check_flags flags;
};

// A finding at the field of the object at `at`; NH_FIELD_NONE: at the object.
void nh_check__tell(const struct nh_check *k, const struct nh_pointer *at, enum nh_field f,
                    const char *code, bool is_warning, const char *fmt, ...) NH_PRINTF(6, 7);
struct nh_pointer nh_check__element(const struct nh_pointer *at, enum nh_field list,
                                    uint32_t index);

// Whether a step may take time.
bool nh_check__waits(nh_rec_t step);

// check_flow.c: flags that nobody sets, topics that start several devices, scenarios that start
// themselves. All of them warnings.
void nh_check__flags_begin(struct nh_check *k); // before the first flag_used()
void nh_check__flags_end(struct nh_check *k);
void nh_check__flag_used(const struct nh_check *k, const struct nh_pointer *at, nh_span_t flag);
void nh_check__flow(const struct nh_check *k, const struct nh_pointer *root);

#endif
