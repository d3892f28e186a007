#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/store/store.h"
#include "support/fake_disk.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

static struct fake_disk disk;

static struct {
    struct mem_fixture mem;
    nh_store_t *s;
    char written[64]; // "name.generation size;" of each call
    int lock_depth;
} t;

static void on_written(void *ctx, const char *name, uint32_t generation, uint64_t size_bytes)
{
    assert_ptr_equal(ctx, &t);
    assert_int_equal(t.lock_depth, 0);
    size_t len = strlen(t.written);
    snprintf(t.written + len, sizeof t.written - len, "%s.%u %u;", name, (unsigned)generation,
             (unsigned)size_bytes);
}

static void lock_up(void *ctx)
{
    (void)ctx;
    assert_int_equal(t.lock_depth++, 0);
}

static void lock_down(void *ctx)
{
    (void)ctx;
    assert_int_equal(--t.lock_depth, 0);
}

static struct nh_store_config config(void)
{
    return (struct nh_store_config){.mem = t.mem.mem,
                                    .fs = fake_disk_fs(&disk),
                                    .dir = "store",
                                    .doc_max_bytes = 1100,
                                    .lock = {lock_up, lock_down, NULL},
                                    .written = on_written,
                                    .ctx = &t};
}

static void reopen(void)
{
    struct nh_store_config cfg = config();
    nh_store_destroy(t.s);
    assert_int_equal(nh_store_create(&cfg, &t.s), NH_OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    mem_fixture_init(&t.mem, NULL);
    fake_disk_init(&disk);
    reopen();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_store_destroy(t.s);
    assert_int_equal(fake_disk_open_count(&disk), 0);
    assert_int_equal(t.lock_depth, 0);
    mem_fixture_deinit(&t.mem);
    return 0;
}

static int put(const char *name, const char *text)
{
    return nh_store_put(t.s, name, text, strlen(text));
}

// The generation (0: the newest) holds this text; NULL: there is no document.
static void assert_doc(const char *name, uint32_t generation, const char *text)
{
    char out[64] = "";
    int n = nh_store_read(t.s, name, generation, 0, out, sizeof out);
    if (!text) {
        assert_int_equal(n, NH_ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(n, strlen(text));
    assert_memory_equal(out, text, strlen(text));
}

static void assert_generations(const char *name, const char *want)
{
    uint32_t out[8];
    char text[64] = "";
    int n = nh_store_generations(t.s, name, out, 8);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%u ", (unsigned)out[i]);
    assert_string_equal(text, want);
}

// ---- reading and writing -----------------------------------------------------------------------

static void a_document_comes_back(void **state)
{
    (void)state;
    assert_doc("settings", 0, NULL);
    assert_int_equal(put("settings", "one"), 1);
    assert_doc("settings", 0, "one");
    assert_int_equal(put("settings", "two"), 2);
    assert_doc("settings", 0, "two");
    assert_doc("settings", 1, "one");
    assert_doc("settings", 3, NULL);
    assert_doc("setting", 0, NULL);
    reopen();
    assert_doc("settings", 0, "two");
    struct nh_store_doc_info info;
    assert_int_equal(nh_store_stat(t.s, "settings", &info), NH_OK);
    assert_true(info.generation == 2 && info.size_bytes == 3);
    assert_string_equal(t.written, "settings.1 3;settings.2 3;");
}

static void an_empty_document_is_one(void **state)
{
    (void)state;
    char out[4];
    assert_int_equal(nh_store_put(t.s, "a", NULL, 0), 1);
    reopen();
    assert_int_equal(nh_store_read(t.s, "a", 0, 0, out, sizeof out), 0);
    struct nh_store_doc_info info;
    assert_int_equal(nh_store_stat(t.s, "a", &info), NH_OK);
    assert_true(info.size_bytes == 0);
}

static void reads_at_any_offset(void **state)
{
    (void)state;
    char out[8];
    static const struct {
        uint64_t offset;
        size_t cap;
        const char *want;
    } rows[] = {
        {0, 8, "abcdef"}, {0, 3, "abc"}, {2, 8, "cdef"}, {5, 1, "f"},
        {3, 0, ""},       {6, 8, ""},    {7, 8, ""},     {UINT64_MAX, 8, ""},
    };
    assert_int_equal(put("a", "abcdef"), 1);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int n = nh_store_read(t.s, "a", 0, rows[i].offset, out, rows[i].cap);
        assert_int_equal(n, strlen(rows[i].want));
        assert_memory_equal(out, rows[i].want, (size_t)n);
    }
}

static void every_byte_of_the_format(void **state)
{
    (void)state;
    // As docs/store-format.md shows it; the CRCs come from another program (Python's zlib).
    static const uint8_t want[] = {
        'N', 'H', 'D', 'C', 1, 16, 0, 0, 1, 0,    0,    0,    0x06, 0x39, 0x8A, 0xAD, 'h',
        'i', 2,   0,   0,   0, 0,  0, 0, 0, 0x02, 0x31, 0x54, 0xF8, 'E',  'N',  'D',  '\n',
    };
    const uint8_t *bytes;
    assert_int_equal(put("doc", "hi"), 1);
    assert_int_equal(fake_disk_file_get(&disk, "store/doc.1", &bytes), sizeof want);
    assert_memory_equal(bytes, want, sizeof want);
    assert_int_equal(fake_disk_file_count(&disk), 1);
}

static void pieces_are_joined(void **state)
{
    (void)state;
    static uint8_t in[1100], out[1100];
    struct rng rng = {21};
    rng_bytes(&rng, in, sizeof in);
    nh_store_write_t *w;
    assert_int_equal(nh_store_write_begin(t.s, "a", 0, &w), NH_OK);
    for (size_t at = 0, n; at < sizeof in; at += n) {
        n = 1 + rng_below(&rng, 200);
        n = n < sizeof in - at ? n : sizeof in - at;
        assert_int_equal(nh_store_write(w, in + at, n), NH_OK);
    }
    assert_doc("a", 0, NULL); // not before the commit
    assert_int_equal(nh_store_write_commit(w), 1);
    reopen();
    assert_int_equal(nh_store_read(t.s, "a", 1, 0, out, sizeof out), sizeof out);
    assert_memory_equal(in, out, sizeof out);
}

static void abort_changes_nothing(void **state)
{
    (void)state;
    nh_store_write_t *w;
    assert_int_equal(put("a", "old"), 1);
    assert_int_equal(nh_store_write_begin(t.s, "a", 0, &w), NH_OK);
    assert_int_equal(nh_store_write(w, "new", 3), NH_OK);
    nh_store_write_abort(w);
    assert_doc("a", 0, "old");
    assert_int_equal(fake_disk_file_count(&disk), 1);
    assert_int_equal(put("a", "next"), 2);
    assert_int_equal(nh_store_write_begin(t.s, "a", 0, &w), NH_OK); // destroy aborts it
}

static void one_write_at_a_time(void **state)
{
    (void)state;
    nh_store_write_t *w, *other;
    assert_int_equal(put("a", "x"), 1);
    assert_int_equal(nh_store_write_begin(t.s, "a", 0, &w), NH_OK);
    assert_int_equal(nh_store_write_begin(t.s, "b", 0, &other), NH_ERR_BUSY);
    assert_null(other);
    assert_int_equal(put("b", "x"), NH_ERR_BUSY);
    assert_int_equal(nh_store_rollback(t.s, "a", 1), NH_ERR_BUSY);
    assert_int_equal(nh_store_remove(t.s, "a"), NH_ERR_BUSY);
    assert_int_equal(nh_store_write_commit(w), 2);
    assert_int_equal(put("b", "x"), 1);
}

static void a_base_that_is_not_the_newest_conflicts(void **state)
{
    (void)state;
    nh_store_write_t *w;
    assert_int_equal(nh_store_write_begin(t.s, "a", 1, &w), NH_ERR_CONFLICT); // none at all
    assert_int_equal(put("a", "one"), 1);
    assert_int_equal(put("a", "two"), 2);
    assert_int_equal(nh_store_write_begin(t.s, "a", 1, &w), NH_ERR_CONFLICT);
    assert_null(w);
    assert_int_equal(nh_store_write_begin(t.s, "a", 3, &w), NH_ERR_CONFLICT);
    assert_int_equal(nh_store_write_begin(t.s, "a", 2, &w), NH_OK);
    assert_int_equal(nh_store_write_commit(w), 3);
}

static void a_document_has_a_limit(void **state)
{
    (void)state;
    static char big[1101];
    nh_store_write_t *w;
    assert_int_equal(put("a", "old"), 1);
    assert_int_equal(nh_store_put(t.s, "a", big, sizeof big), NH_ERR_TOO_LONG);
    assert_int_equal(nh_store_write_begin(t.s, "a", 0, &w), NH_OK);
    assert_int_equal(nh_store_write(w, big, 1100), NH_OK);
    assert_int_equal(nh_store_write(w, "", 0), NH_OK);
    assert_int_equal(nh_store_write(w, "x", 1), NH_ERR_TOO_LONG);
    assert_int_equal(nh_store_write(w, "", 0), NH_ERR_TOO_LONG); // stays
    assert_int_equal(nh_store_write_commit(w), NH_ERR_TOO_LONG);
    assert_doc("a", 0, "old");
    assert_int_equal(nh_store_put(t.s, "a", big, 1100), 2);
    struct nh_store_info info;
    nh_store_info(t.s, &info);
    assert_true(info.writes_asked == 4 && info.writes_made == 2 && info.writes_failed == 2);
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "0", "hub.yaml", "a-b_c.9", "a.tmp", "a.", "abcdefghijklmnopqrstuvwxyz01234"};
    static const char *const bad[] = {
        "",    ".",   "..", ".a",   "-a",   "_a", "a/b",   "A",
        "a b", "a\n", "ä",  "../a", "a\\b", "a:", "a\x7F", "abcdefghijklmnopqrstuvwxyz012345"};
    struct nh_store_doc_info info;
    uint32_t out[1];
    for (size_t i = 0; i < NH_ARRAY_LEN(good); i++) {
        assert_int_equal(put(good[i], good[i]), 1);
        assert_doc(good[i], 0, good[i]);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(good); i++)
        assert_doc(good[i], 0, good[i]);
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++) {
        assert_int_equal(put(bad[i], "x"), NH_ERR_INVAL);
        assert_int_equal(nh_store_stat(t.s, bad[i], &info), NH_ERR_INVAL);
        assert_int_equal(nh_store_read(t.s, bad[i], 0, 0, out, 1), NH_ERR_INVAL);
        assert_int_equal(nh_store_rollback(t.s, bad[i], 1), NH_ERR_INVAL);
        assert_int_equal(nh_store_generations(t.s, bad[i], out, 1), NH_ERR_INVAL);
        assert_int_equal(nh_store_remove(t.s, bad[i]), NH_ERR_INVAL);
    }
}

// ---- generations -------------------------------------------------------------------------------

static void only_the_kept_generations_stay(void **state)
{
    (void)state;
    assert_generations("a", "");
    for (int i = 1; i <= 12; i++)
        assert_int_equal(put("a", i % 2 ? "odd" : "even"), i);
    assert_int_equal(put("b", "other"), 1);
    assert_generations("a", "12 11 10 ");
    assert_generations("b", "1 ");
    assert_int_equal(fake_disk_file_count(&disk), 4);
    assert_doc("a", 9, NULL);
    assert_doc("a", 11, "odd");
    uint32_t out[2];
    assert_int_equal(nh_store_generations(t.s, "a", out, 2), 2);
    assert_int_equal(out[1], 11);
    assert_int_equal(nh_store_generations(t.s, "a", out, 0), 0);
}

static void keep_count_may_be_changed(void **state)
{
    (void)state;
    struct nh_store_config cfg = config();
    for (int i = 1; i <= 3; i++)
        put("a", "x");
    nh_store_destroy(t.s);
    cfg.keep_count = 1;
    assert_int_equal(nh_store_create(&cfg, &t.s), NH_OK);
    assert_generations("a", "3 2 1 ");
    assert_int_equal(put("a", "y"), 4);
    assert_generations("a", "4 ");
}

static void rollback_writes_anew(void **state)
{
    (void)state;
    static char big[700];
    memset(big, 'b', sizeof big);
    assert_int_equal(nh_store_put(t.s, "a", big, sizeof big), 1);
    put("a", "two");
    assert_int_equal(nh_store_rollback(t.s, "a", 3), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_store_rollback(t.s, "a", 0), NH_ERR_INVAL);
    assert_int_equal(nh_store_rollback(t.s, "a", 1), 3);
    reopen();
    static char out[sizeof big];
    assert_int_equal(nh_store_read(t.s, "a", 0, 0, out, sizeof out), sizeof big);
    assert_memory_equal(out, big, sizeof big);
    assert_int_equal(nh_store_rollback(t.s, "a", 2), 4);
    assert_doc("a", 0, "two");
    assert_string_equal(t.written, "a.1 700;a.2 3;a.3 700;a.4 3;");
}

static void remove_takes_all(void **state)
{
    (void)state;
    assert_int_equal(nh_store_remove(t.s, "a"), NH_ERR_NOT_FOUND);
    for (int i = 0; i < 3; i++)
        put("a", "x");
    put("b", "stays");
    assert_int_equal(nh_store_remove(t.s, "a"), NH_OK);
    assert_doc("a", 0, NULL);
    assert_doc("a", 3, NULL);
    assert_int_equal(fake_disk_file_count(&disk), 1);
    reopen();
    assert_doc("a", 0, NULL);
    assert_doc("b", 0, "stays");
    assert_int_equal(put("a", "again"), 1);
}

static void generations_end_at_the_limit(void **state)
{
    (void)state;
    put("a", "x");
    const uint8_t *bytes;
    int len = fake_disk_file_get(&disk, "store/a.1", &bytes);
    fake_disk_file_put(&disk, "store/a.2147483647", bytes, (size_t)len); // damaged, but there
    assert_int_equal(put("a", "y"), NH_ERR_FULL);
    fake_disk_file_remove(&disk, "store/a.2147483647");
    fake_disk_file_put(&disk, "store/a.2147483646", bytes, (size_t)len);
    assert_int_equal(put("a", "y"), 2147483647);
    assert_doc("a", 0, "y");
    assert_int_equal(put("a", "z"), NH_ERR_FULL);
}

// ---- damage ------------------------------------------------------------------------------------

static void every_flipped_byte_is_found(void **state)
{
    (void)state;
    uint8_t file[64];
    const uint8_t *bytes;
    put("a", "first");
    put("a", "second");
    int len = fake_disk_file_get(&disk, "store/a.2", &bytes);
    assert_in_range(len, 33, sizeof file);
    memcpy(file, bytes, (size_t)len);
    for (int i = 0; i < len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            file[i] ^= (uint8_t)(1u << bit);
            fake_disk_file_put(&disk, "store/a.2", file, (size_t)len);
            reopen();
            assert_doc("a", 0, "first");
            assert_int_equal(nh_store_read(t.s, "a", 2, 0, file + 60, 1), NH_ERR_CORRUPT);
            file[i] ^= (uint8_t)(1u << bit);
        }
    fake_disk_file_put(&disk, "store/a.2", file, (size_t)len);
    reopen();
    assert_doc("a", 0, "second");
}

static void every_wrong_length_is_found(void **state)
{
    (void)state;
    uint8_t file[80] = {0};
    const uint8_t *bytes;
    put("a", "first");
    put("a", "second");
    int len = fake_disk_file_get(&disk, "store/a.2", &bytes);
    memcpy(file, bytes, (size_t)len);
    for (int n = 0; n < (int)sizeof file; n++) {
        if (n == len)
            continue;
        fake_disk_file_put(&disk, "store/a.2", file, (size_t)n);
        reopen();
        assert_doc("a", 0, "first");
    }
}

static void a_damaged_newest_is_passed_over_and_swept(void **state)
{
    (void)state;
    struct nh_store_info info;
    for (int i = 0; i < 3; i++)
        put("a", i == 1 ? "two" : "x");
    fake_disk_file_put(&disk, "store/a.3", "rubbish", 7);
    fake_disk_file_put(&disk, "store/a.4", "", 0);
    reopen();
    assert_doc("a", 0, "two");
    nh_store_info(t.s, &info);
    assert_true(info.damaged == 2);
    assert_generations("a", "2 1 ");
    assert_int_equal(put("a", "five"), 5); // not 3: a number is given once
    assert_generations("a", "5 2 1 ");     // what is damaged does not push out what is whole
    assert_int_equal(fake_disk_file_count(&disk), 3);
}

static void all_damaged_is_corrupt(void **state)
{
    (void)state;
    struct nh_store_doc_info info;
    nh_store_write_t *w;
    fake_disk_file_put(&disk, "store/a.3", "rubbish", 7);
    fake_disk_file_put(&disk, "store/a.2", "NHDC", 4);
    assert_int_equal(nh_store_stat(t.s, "a", &info), NH_ERR_CORRUPT);
    assert_generations("a", "");
    assert_int_equal(nh_store_write_begin(t.s, "a", 3, &w), NH_ERR_CONFLICT);
    assert_int_equal(nh_store_rollback(t.s, "a", 3), NH_ERR_CORRUPT);
    assert_int_equal(put("a", "new"), 4);
    assert_doc("a", 0, "new");
    fake_disk_file_put(&disk, "store/b.7", "rubbish", 7);
    assert_int_equal(nh_store_remove(t.s, "b"), NH_OK);
    assert_int_equal(nh_store_stat(t.s, "b", &info), NH_ERR_NOT_FOUND);
}

static void a_generation_under_a_wrong_number_is_damaged(void **state)
{
    (void)state;
    const uint8_t *bytes;
    put("a", "one");
    int len = fake_disk_file_get(&disk, "store/a.1", &bytes);
    fake_disk_file_put(&disk, "store/a.9", bytes, (size_t)len);
    reopen();
    assert_doc("a", 0, "one");
    assert_generations("a", "1 ");
}

// The CRC in the tail ties it to its head: old bytes under a new head are no new generation.
static void a_head_and_a_tail_of_different_writes_are_damaged(void **state)
{
    (void)state;
    uint8_t mixed[64];
    const uint8_t *first, *second;
    put("a", "same");
    put("a", "same");
    int len = fake_disk_file_get(&disk, "store/a.1", &first);
    assert_int_equal(fake_disk_file_get(&disk, "store/a.2", &second), len);
    memcpy(mixed, second, 16);
    memcpy(mixed + 16, first + 16, (size_t)len - 16);
    fake_disk_file_put(&disk, "store/a.2", mixed, (size_t)len);
    reopen();
    assert_generations("a", "1 ");
}

static void other_files_are_left_alone(void **state)
{
    (void)state;
    static const char *const names[] = {
        "store/a.01",  "store/a.0",   "store/a.x",          "store/a.1x",
        "store/a",     "store/a.",    "store/a.-1",         "store/ab.7",
        "store/A.tmp", "store/x.bak", "store/a.2147483648", "store/a.99999999999"};
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++)
        fake_disk_file_put(&disk, names[i], "x", 1);
    reopen();
    assert_doc("a", 0, NULL);
    assert_int_equal(put("a", "one"), 1);
    assert_int_equal(nh_store_remove(t.s, "a"), NH_OK);
    assert_int_equal(fake_disk_file_count(&disk), NH_ARRAY_LEN(names));
}

static void staging_files_are_removed_at_the_start(void **state)
{
    (void)state;
    put("a", "one");
    fake_disk_file_put(&disk, "store/a.tmp", "half", 4);
    fake_disk_file_put(&disk, "store/b.tmp", "", 0);
    fake_disk_file_put(&disk, "a.tmp", "not ours", 8);
    reopen();
    assert_int_equal(fake_disk_file_count(&disk), 2);
    assert_doc("a", 0, "one");
}

static void a_file_that_shrinks_is_noticed(void **state)
{
    (void)state;
    char out[8];
    put("a", "first");
    put("a", "second");
    assert_doc("a", 0, "second"); // known from here on
    fake_disk_file_put(&disk, "store/a.2", "NH", 2);
    assert_int_equal(nh_store_read(t.s, "a", 0, 0, out, sizeof out), NH_ERR_CORRUPT);
    assert_doc("a", 0, "first"); // and looked at again
}

static void more_documents_than_are_remembered(void **state)
{
    (void)state;
    // Over 30 findings go round through NH_STORE_KNOWN_COUNT places, which drops live ones too.
    char name[4] = "d00";
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 4; i++) {
            name[2] = (char)('0' + i);
            assert_int_equal(put(name, name), round + 1);
            for (int k = 0; k <= i; k++) {
                name[2] = (char)('0' + k);
                assert_doc(name, 0, name);
                assert_doc(name, 1, name);
            }
        }
    assert_generations("d00", "3 2 1 ");
    assert_generations("d03", "3 2 1 ");
}

// ---- create ------------------------------------------------------------------------------------

static void create_checks_its_config(void **state)
{
    (void)state;
    char dir[NH_STORE_DIR_MAX_BYTES + 1];
    nh_store_t *s;
    struct nh_store_config cfg = config();
    cfg.dir = NULL;
    assert_int_equal(nh_store_create(&cfg, &s), NH_ERR_INVAL);
    cfg.dir = "";
    assert_int_equal(nh_store_create(&cfg, &s), NH_ERR_INVAL);
    memset(dir, 'd', sizeof dir);
    dir[NH_STORE_DIR_MAX_BYTES] = '\0';
    cfg.dir = dir;
    assert_int_equal(nh_store_create(&cfg, &s), NH_ERR_TOO_LONG);
    cfg = config();
    cfg.keep_count = NH_STORE_KEEP_MAX_COUNT + 1;
    assert_int_equal(nh_store_create(&cfg, &s), NH_ERR_RANGE);
    cfg = config();
    cfg.dir = "not/there";
    assert_int_equal(nh_store_create(&cfg, &s), NH_ERR_NOT_FOUND);
    assert_null(s);
    mem_fixture_fail_nth(&t.mem, 1);
    cfg = config();
    assert_int_equal(nh_store_create(&cfg, &s), NH_ERR_NOMEM);
    assert_null(s);
    nh_store_destroy(NULL);
}

static void folders_may_be_the_root_or_deeper(void **state)
{
    (void)state;
    static const char *const dirs[] = {".", "store/inner"};
    for (size_t i = 0; i < NH_ARRAY_LEN(dirs); i++) {
        struct nh_store_config cfg = config();
        cfg.dir = dirs[i];
        nh_store_destroy(t.s);
        assert_int_equal(nh_store_create(&cfg, &t.s), NH_OK);
        assert_int_equal(put("a", dirs[i]), 1);
        fake_disk_power_cycle(&disk, FAKE_DISK_LOSE, 0);
        nh_store_destroy(t.s);
        assert_int_equal(nh_store_create(&cfg, &t.s), NH_OK);
        assert_doc("a", 0, dirs[i]);
    }
    const uint8_t *bytes;
    assert_true(fake_disk_file_get(&disk, "a.1", &bytes) > 0);
    assert_true(fake_disk_file_get(&disk, "store/inner/a.1", &bytes) > 0);
}

static void nothing_allocates_after_create(void **state)
{
    (void)state;
    nh_mem_fault_set(t.mem.sys, &(struct nh_mem_fault){.fail_per_million = 1000000, .seed = 1});
    for (int i = 1; i <= 5; i++)
        assert_int_equal(put("a", "x"), i);
    assert_doc("a", 0, "x");
    assert_int_equal(nh_store_rollback(t.s, "a", 4), 6);
    assert_generations("a", "6 5 4 ");
    assert_int_equal(nh_store_remove(t.s, "a"), NH_OK);
    assert_true(nh_mem_fault_hits(t.mem.sys) == 0);
}

static void counters_tell_what_was_written(void **state)
{
    (void)state;
    struct nh_store_info before, info;
    nh_store_info(t.s, &before);
    put("a", "12345");
    nh_store_info(t.s, &info);
    assert_true(info.writes_asked == 1 && info.writes_made == 1 && info.writes_failed == 0);
    assert_true(info.bytes_written == 16 + 5 + 16);
    assert_true(info.syncs - before.syncs == 2); // the file and its folder
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_document_comes_back),
        TEST(an_empty_document_is_one),
        TEST(reads_at_any_offset),
        TEST(every_byte_of_the_format),
        TEST(pieces_are_joined),
        TEST(abort_changes_nothing),
        TEST(one_write_at_a_time),
        TEST(a_base_that_is_not_the_newest_conflicts),
        TEST(a_document_has_a_limit),
        TEST(names_are_checked),
        TEST(only_the_kept_generations_stay),
        TEST(keep_count_may_be_changed),
        TEST(rollback_writes_anew),
        TEST(remove_takes_all),
        TEST(generations_end_at_the_limit),
        TEST(every_flipped_byte_is_found),
        TEST(every_wrong_length_is_found),
        TEST(a_damaged_newest_is_passed_over_and_swept),
        TEST(all_damaged_is_corrupt),
        TEST(a_generation_under_a_wrong_number_is_damaged),
        TEST(a_head_and_a_tail_of_different_writes_are_damaged),
        TEST(other_files_are_left_alone),
        TEST(staging_files_are_removed_at_the_start),
        TEST(a_file_that_shrinks_is_noticed),
        TEST(more_documents_than_are_remembered),
        TEST(create_checks_its_config),
        TEST(folders_may_be_the_root_or_deeper),
        TEST(nothing_allocates_after_create),
        TEST(counters_tell_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
