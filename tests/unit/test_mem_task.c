// Stack painting, margins, and the register of tasks with what they are charged for the chip.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem/mem.h"

static _Alignas(16) unsigned char internal[NH_KIB(64)];
static nh_mem_system_t *sys;

static int setup(void **state)
{
    (void)state;
    struct nh_mem_system_config cfg = {.region = {{internal, sizeof internal}}};
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_check(sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    return 0;
}

// Every margin at every alignment: the words in the middle change nothing.
static void test_margin(void **state)
{
    (void)state;
    static unsigned char stack[96];
    for (size_t skew = 0; skew < 9; skew++)
        for (size_t size = 0; size <= 80; size += 5)
            for (size_t used = 0; used <= size; used++) {
                memset(stack, 0, sizeof stack);
                nh_mem_stack_paint(stack + skew, size);
                assert_int_equal(stack[skew + size], 0);
                memset(stack + skew + size - used, 1, used);
                assert_int_equal(nh_mem_stack_margin(stack + skew, size), size - used);
            }
}

static void test_register(void **state)
{
    (void)state;
    static unsigned char stacks[3][256];
    struct nh_mem_task_info list[3];
    int task[3];
    static const size_t margins[] = {100, 20, 60};
    static const char *const names[] = {"loop", "render", "store"};
    struct nh_mem_snapshot before;
    nh_mem_snapshot_take(sys, "before", 0, &before);
    for (int i = 0; i < 3; i++) {
        nh_mem_stack_paint(stacks[i], sizeof stacks[i]);
        stacks[i][margins[i]] = 0;
        task[i] = nh_mem_task_add(sys, &(struct nh_mem_task_config){
                                           .name = names[i],
                                           .priority = i,
                                           .core = -1,
                                           .stack = stacks[i],
                                           .stack_bytes = sizeof stacks[i],
                                           .chip_stack_bytes = 4096,
                                       });
        assert_true(task[i] >= 0);
    }
    assert_int_equal(nh_mem_task_count(sys), 3);
    assert_int_equal(nh_mem_task_list(sys, list, 3), 3);
    assert_string_equal(list[0].name, "render");
    assert_string_equal(list[1].name, "store");
    assert_string_equal(list[2].name, "loop");
    assert_int_equal(list[0].stack_margin_bytes, 20);
    assert_int_equal(list[0].priority, 1);
    assert_int_equal(list[0].core, -1);
    assert_int_equal(list[0].stack_bytes, 256);
    assert_int_equal(list[0].chip_stack_bytes, 4096);
    assert_int_equal(nh_mem_task_list(sys, list, 2), 2); // the least, though the last is among them
    assert_string_equal(list[1].name, "store");
    assert_int_equal(nh_mem_task_list(sys, list, 0), 0);

    struct nh_mem_owner_info info;
    assert_int_equal(nh_mem_owner_info(sys, 1, &info), NH_OK);
    assert_string_equal(info.name, "tasks");
    assert_true(info.tier[NH_MEM_INTERNAL].charged_bytes >= 3 * 4096);
    struct nh_mem_snapshot with;
    nh_mem_snapshot_take(sys, "with", 0, &with);
    assert_true(with.tier[NH_MEM_INTERNAL].free_bytes + 3 * 4096 <
                before.tier[NH_MEM_INTERNAL].free_bytes);
    for (int i = 0; i < 3; i++)
        nh_mem_task_remove(sys, task[i]);
    assert_int_equal(nh_mem_task_count(sys), 0);
    assert_int_equal(nh_mem_owner_info(sys, 1, &info), NH_OK);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].current_bytes, 0);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].charged_bytes, 0);
}

static void test_limits(void **state)
{
    (void)state;
    static unsigned char stack[16];
    struct nh_mem_task_config cfg = {.name = "t", .stack = stack, .stack_bytes = sizeof stack};
    int task[NH_MEM_TASK_MAX_COUNT];
    for (int i = 0; i < NH_MEM_TASK_MAX_COUNT; i++)
        assert_int_equal(task[i] = nh_mem_task_add(sys, &cfg), i);
    assert_int_equal(nh_mem_task_add(sys, &cfg), NH_ERR_FULL);
    nh_mem_task_remove(sys, task[5]);
    assert_int_equal(nh_mem_task_add(sys, &cfg), 5); // the slot is used again
    for (int i = 0; i < NH_MEM_TASK_MAX_COUNT; i++)
        nh_mem_task_remove(sys, task[i]);
    cfg.name = "a-name-that-is-too-long";
    assert_int_equal(nh_mem_task_add(sys, &cfg), NH_ERR_TOO_LONG);
    cfg.name = "greedy";
    cfg.chip_stack_bytes = sizeof internal;
    assert_int_equal(nh_mem_task_add(sys, &cfg), NH_ERR_NOMEM);
    assert_int_equal(nh_mem_task_count(sys), 0);
}

// Each allocation of an add fails in turn: nothing stays behind.
static void test_fail_each(void **state)
{
    (void)state;
    static unsigned char stack[16];
    struct nh_mem_task_config cfg = {
        .name = "t", .stack = stack, .stack_bytes = sizeof stack, .chip_stack_bytes = 512};
    struct nh_mem_owner_info core;
    int task = -1;
    uint64_t nth = 1;
    for (; nth < 10 && task < 0; nth++) {
        nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = nth});
        size_t owners = nh_mem_owner_count(sys);
        assert_int_equal(nh_mem_owner_info(sys, 0, &core), NH_OK);
        size_t blocks = core.tier[NH_MEM_INTERNAL].current_blocks;
        task = nh_mem_task_add(sys, &cfg);
        assert_int_equal(nh_mem_owner_info(sys, 0, &core), NH_OK);
        if (task < 0) { // the owner "tasks" may have been made, and stays
            assert_int_equal(task, NH_ERR_NOMEM);
            assert_int_equal(core.tier[NH_MEM_INTERNAL].current_blocks,
                             blocks + nh_mem_owner_count(sys) - owners);
        }
    }
    assert_in_range(nth, 4, 6);
    nh_mem_task_remove(sys, task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margin),
        cmocka_unit_test_setup_teardown(test_register, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fail_each, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
