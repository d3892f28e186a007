#include "core/base/base.h"

static void (*assert_hook)(const char *cond, const char *file, int line);

const char *nh_err_text(int err)
{
    switch (err) {
#define CASE(name, code, text)                                                                     \
    case code:                                                                                     \
        return text;
        NH_ERR_LIST(CASE)
#undef CASE
    default:
        return err >= 0 ? "ok" : "unknown error";
    }
}

const char *nh_err_name(int err)
{
    switch (err) {
#define CASE(name, code, text)                                                                     \
    case code:                                                                                     \
        return #name;
        NH_ERR_LIST(CASE)
#undef CASE
    default:
        return err >= 0 ? "OK" : "UNKNOWN";
    }
}

void nh_assert_hook_set(void (*hook)(const char *cond, const char *file, int line))
{
    assert_hook = hook;
}

_Noreturn void nh_assert_failed(const char *cond, const char *file, int line)
{
    if (assert_hook)
        assert_hook(cond, file, line);
    __builtin_trap();
}
