// Tasks and their stacks: what each declares for the chip, and how much it never used.

#include <string.h>

#include "core/mem/mem.h"
#include "core/mem/system.h"

// A word of any task's stack, read as it is.
typedef uintptr_t __attribute__((may_alias)) stack_word_t;

NH_NO_SANITIZE void nh_mem_stack_paint(void *stack, size_t bytes)
{
    volatile unsigned char *p = (volatile unsigned char *)stack;
    for (size_t i = 0; i < bytes; i++)
        p[i] = NH_STACK_PAINT;
}

// The stack may belong to another task that runs: what is seen is a moment's truth, and enough.
NH_NO_SANITIZE size_t nh_mem_stack_margin(const void *stack, size_t bytes)
{
    const volatile unsigned char *p = (const volatile unsigned char *)stack;
    const stack_word_t paint = (stack_word_t)-1 / 0xff * NH_STACK_PAINT;
    size_t n = 0;
    while (n < bytes && (uintptr_t)(p + n) % sizeof paint && p[n] == NH_STACK_PAINT)
        n++;
    if ((uintptr_t)(p + n) % sizeof paint == 0)
        while (n + sizeof paint <= bytes && *(const volatile stack_word_t *)(p + n) == paint)
            n += sizeof paint;
    while (n < bytes && p[n] == NH_STACK_PAINT)
        n++;
    return n;
}

// Takes the chip's stack in the name of the owner "tasks".
static int stack_charge(nh_mem_system_t *sys, struct nh_mem__task *task)
{
    nh_mem_t *tasks;
    int err = nh_mem__owner_add(sys, "tasks", &tasks);
    if (err || !task->cfg.chip_stack_bytes)
        return err;
    task->charge = nh_mem__take_in(tasks, NH_MEM_INTERNAL, task->cfg.chip_stack_bytes);
    if (!task->charge)
        return NH_ERR_NOMEM;
    tasks->tier[NH_MEM_INTERNAL].charged_bytes += nh_heap_block_bytes(task->charge);
    tasks->tier[NH_MEM_INTERNAL].charged_blocks++;
    return NH_OK;
}

static void stack_discharge(nh_mem_system_t *sys, const struct nh_mem__task *task)
{
    if (!task->charge)
        return;
    struct nh_mem__account *a = &sys->owner[nh_heap_owner(task->charge)]->tier[NH_MEM_INTERNAL];
    a->charged_bytes -= nh_heap_block_bytes(task->charge);
    a->charged_blocks--;
    nh_mem__give(sys, task->charge);
}

static int add_locked(nh_mem_system_t *sys, const struct nh_mem_task_config *cfg)
{
    int slot = 0;
    while (slot < NH_MEM_TASK_MAX_COUNT && sys->task[slot])
        slot++;
    if (slot == NH_MEM_TASK_MAX_COUNT)
        return NH_ERR_FULL;
    struct nh_mem__task *task = (struct nh_mem__task *)nh_mem__take(
        sys->owner[0], NH_HEAP_ALIGN_BYTES, sizeof *task, NH_MEM_VITAL);
    if (!task)
        return NH_ERR_NOMEM;
    memset(task, 0, sizeof *task);
    task->cfg = *cfg;
    memcpy(task->name, cfg->name, strlen(cfg->name));
    task->cfg.name = task->name;
    int err = stack_charge(sys, task);
    if (err) {
        nh_mem__give(sys, task);
        return err;
    }
    sys->task[slot] = task;
    return slot;
}

int nh_mem_task_add(nh_mem_system_t *sys, const struct nh_mem_task_config *cfg)
{
    if (strlen(cfg->name) >= NH_MEM_NAME_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    nh_lock_acquire(&sys->lock);
    int task = add_locked(sys, cfg);
    nh_lock_release(&sys->lock);
    return task;
}

void nh_mem_task_remove(nh_mem_system_t *sys, int task)
{
    nh_lock_acquire(&sys->lock);
    NH_ASSERT(task >= 0 && task < NH_MEM_TASK_MAX_COUNT && sys->task[task]);
    stack_discharge(sys, sys->task[task]);
    nh_mem__give(sys, sys->task[task]);
    sys->task[task] = NULL;
    nh_lock_release(&sys->lock);
}

size_t nh_mem_task_count(const nh_mem_system_t *sys)
{
    size_t count = 0;
    nh_lock_acquire(&sys->lock);
    for (int i = 0; i < NH_MEM_TASK_MAX_COUNT; i++)
        count += sys->task[i] != NULL;
    nh_lock_release(&sys->lock);
    return count;
}

static void task_info(const struct nh_mem__task *task, struct nh_mem_task_info *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->name, task->name, sizeof out->name);
    out->priority = task->cfg.priority;
    out->core = task->cfg.core;
    out->stack_bytes = task->cfg.stack_bytes;
    out->chip_stack_bytes = task->cfg.chip_stack_bytes;
    out->stack_margin_bytes = nh_mem_stack_margin(task->cfg.stack, task->cfg.stack_bytes);
}

size_t nh_mem_task_list(nh_mem_system_t *sys, struct nh_mem_task_info *out, size_t max)
{
    size_t count = 0;
    nh_lock_acquire(&sys->lock); // held over the looking: a removed task's stack goes away
    for (int i = 0; i < NH_MEM_TASK_MAX_COUNT; i++) {
        struct nh_mem_task_info info;
        if (!sys->task[i])
            continue;
        task_info(sys->task[i], &info);
        size_t at = count;
        while (at > 0 && out[at - 1].stack_margin_bytes > info.stack_margin_bytes)
            at--;
        if (at == max)
            continue;
        count += count < max;
        memmove(out + at + 1, out + at, (count - 1 - at) * sizeof *out);
        out[at] = info;
    }
    nh_lock_release(&sys->lock);
    return count;
}
