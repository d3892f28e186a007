#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/list.h"

struct item {
    char name;
    nh_list_t node;
};

// Forwards and backwards the list must read as `want`.
static void assert_list(const nh_list_t *l, const char *want)
{
    size_t n = 0, len = strlen(want);
    NH_LIST_EACH(l, node)
    {
        assert_true(n < len);
        assert_int_equal(NH_CONTAINER_OF(node, struct item, node)->name, want[n++]);
    }
    assert_int_equal(n, len);
    for (nh_list_t *node = l->prev; node != l; node = node->prev)
        assert_int_equal(NH_CONTAINER_OF(node, struct item, node)->name, want[--n]);
    assert_int_equal(n, 0);
    assert_int_equal(nh_list_is_empty(l), len == 0);
}

static void items_come_in_the_order_put(void **state)
{
    (void)state;
    nh_list_t l;
    nh_list_init(&l);
    assert_list(&l, "");
    assert_null(nh_list_first(&l));
    assert_null(nh_list_pop_front(&l));
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    nh_list_push_back(&l, &b.node);
    nh_list_push_front(&l, &a.node);
    nh_list_push_back(&l, &c.node);
    assert_list(&l, "abc");
    assert_ptr_equal(nh_list_first(&l), &a.node);
}

static void removing_is_safe_twice_and_in_any_place(void **state)
{
    (void)state;
    nh_list_t l;
    nh_list_init(&l);
    struct item items[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
    for (size_t i = 0; i < 4; i++)
        nh_list_push_back(&l, &items[i].node);
    nh_list_remove(&items[1].node);
    assert_false(nh_list_is_linked(&items[1].node));
    nh_list_remove(&items[1].node);
    assert_list(&l, "acd");
    nh_list_insert(&items[3].node, &items[1].node);
    assert_true(nh_list_is_linked(&items[1].node));
    assert_list(&l, "acbd");
    nh_list_remove(&items[0].node);
    nh_list_remove(&items[3].node);
    assert_list(&l, "cb");
    assert_ptr_equal(nh_list_pop_front(&l), &items[2].node);
    assert_ptr_equal(nh_list_pop_front(&l), &items[1].node);
    assert_list(&l, "");
}

static void splice_moves_all_to_the_end(void **state)
{
    (void)state;
    nh_list_t to, from;
    nh_list_init(&to);
    nh_list_init(&from);
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    nh_list_splice(&to, &from);
    assert_list(&to, "");
    nh_list_push_back(&from, &a.node);
    nh_list_push_back(&from, &b.node);
    nh_list_splice(&to, &from);
    assert_list(&to, "ab");
    assert_list(&from, "");
    nh_list_push_back(&from, &c.node);
    nh_list_splice(&to, &from);
    nh_list_splice(&to, &from);
    assert_list(&to, "abc");
    assert_list(&from, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_the_order_put),
        cmocka_unit_test(removing_is_safe_twice_and_in_any_place),
        cmocka_unit_test(splice_moves_all_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
