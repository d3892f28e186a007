// The examples of docs/automation.md: each configuration is without a fault, and does what stands
// below it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/automation_room.h"

static _Alignas(16) uint8_t internal[64 * 1024], psram[2 * 1024 * 1024];
static char page[65536];

static void read_page(void)
{
    FILE *f = fopen("docs/automation.md", "rb");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
}

// The text of the next block of a kind, NUL-terminated; `*at` behind it. NULL: none.
static char *next_block(char **at, const char *kind)
{
    char mark[16];
    snprintf(mark, sizeof mark, "```%s\n", kind);
    char *begin = strstr(*at, mark);
    char *end = begin ? strstr(begin + strlen(mark), "\n```") : NULL;
    if (!end)
        return NULL;
    end[1] = '\0';
    *at = end + 2;
    return begin + strlen(mark);
}

// Lines with ">" are done; those after them are what is said.
static void play(const char *name, char *text)
{
    char want[2048] = "";
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (line[0] == '>') {
            room_expect(name, want);
            want[0] = '\0';
            room_do(line + 2);
        } else {
            snprintf(want + strlen(want), sizeof want - strlen(want), "%s\n", line);
        }
    }
    room_expect(name, want);
}

static void test_examples(void **state)
{
    int count = 0;
    char *at = page, *yaml;
    (void)state;
    read_page();
    while ((yaml = next_block(&at, "yaml")) != NULL) {
        char name[32];
        snprintf(name, sizeof name, "example %d", ++count);
        room_init(internal, sizeof internal, psram, sizeof psram);
        room_create();
        assert_int_equal(room_apply(yaml, NH_AUTOMATION_KEEP), NH_OK);
        char *script = next_block(&at, "play");
        assert_non_null(script);
        play(name, script);
        room_deinit();
    }
    assert_true(count >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
