// automation_journal.h - where the automation's store is written: beside the loop, since a commit
// waits for the disk, and no scenario does. One task and the room of one batch, taken at the start.
// What is to be written, and again if it could not be, is the automation's to know.

#ifndef NH_HUB_AUTOMATION_JOURNAL_H
#define NH_HUB_AUTOMATION_JOURNAL_H

#include "components/automation/automation.h"
#include "platform/platform.h"

typedef struct nh_automation_journal nh_automation_journal_t;

struct nh_automation_journal_config {
    struct nh_mem_system *sys;
    nh_mem_t *mem;
    nh_loop_t *loop;
    const char *dir;      // made if it is missing
    uint32_t batch_bytes; // of the values of a batch: the automation's text_max_bytes
    // A batch has been written, or could not be. On the loop's task.
    void (*stored)(void *ctx, int err);
    void *ctx;
};
// NH_ERR_NOMEM, NH_ERR_FULL, or why the folder cannot be used: nothing was started.
NH_MUST_USE int nh_automation_journal_start(const struct nh_automation_journal_config *cfg,
                                            nh_automation_journal_t **out);
// After the automation. NULL: nothing.
void nh_automation_journal_stop(nh_automation_journal_t *j);

// As in struct nh_automation_store; on the loop's task.
NH_MUST_USE int nh_automation_journal_commit(nh_automation_journal_t *j,
                                             const struct nh_automation_write *writes,
                                             size_t count);
// For at most 10 s: NH_ERR_TIMEOUT.
NH_MUST_USE int nh_automation_journal_wait(nh_automation_journal_t *j);
NH_MUST_USE int nh_automation_journal_each(nh_automation_journal_t *j, const char *prefix,
                                           void (*visit)(void *ctx, const char *key,
                                                         const void *value, size_t len),
                                           void *ctx);

#endif
