// automation_journal.h - what the automation keeps over a restart, written beside the loop: a
// commit waits for the disk, and no scenario does. One task; what is put while it writes goes with
// the next commit, in the order of the calls.

#ifndef NH_HUB_AUTOMATION_JOURNAL_H
#define NH_HUB_AUTOMATION_JOURNAL_H

#include "core/mem/mem.h"
#include "platform/platform.h"

typedef struct nh_automation_journal nh_automation_journal_t;

struct nh_automation_journal_config {
    struct nh_mem_system *sys;
    nh_mem_t *mem;
    const char *dir;    // made if it is missing
    uint32_t queue_max; // keys that wait; one more is NH_ERR_FULL
};
// NH_ERR_NOMEM, NH_ERR_FULL, or why the folder cannot be used: nothing was started.
NH_MUST_USE int nh_automation_journal_start(const struct nh_automation_journal_config *cfg,
                                            nh_automation_journal_t **out);
// Writes what waits, for at most 10 s. NULL: nothing.
void nh_automation_journal_stop(nh_automation_journal_t *j);

// NH_ERR_FULL, NH_ERR_NOMEM: nothing will be written.
NH_MUST_USE int nh_automation_journal_put(nh_automation_journal_t *j, const char *key,
                                          const void *value, size_t len);
NH_MUST_USE int nh_automation_journal_remove(nh_automation_journal_t *j, const char *key);
// Of what is on disk; before the first put.
NH_MUST_USE int nh_automation_journal_each(nh_automation_journal_t *j, const char *prefix,
                                           void (*visit)(void *ctx, const char *key,
                                                         const void *value, size_t len),
                                           void *ctx);

#endif
