// Records: whole batches or nothing, in order, also when the power goes after any write.

#include "linux_fixture.h"

#include "platform/linux/lmdb_file.h"
#include "support/rng.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static struct linux_fixture fx;
static char dir[256];

// ---- what reaches the disk ----------------------------------------------------------------------

// In the place of the C library's, also for LMDB: each write to the watched file is remembered, and
// whether it was on disk before the call ended.
#define EVENTS_MAX 512
static struct event {
    off_t at;
    size_t len;
    uint8_t *bytes; // NULL: all writes before are on disk
    int commits;    // that had returned by then
    bool is_synced; // by itself: the file was opened with O_DSYNC
} events[EVENTS_MAX];
static int event_count, commits_returned, sync_count;
static ino_t watched; // 0: none

// Pages are written in part only, as on a full tmpfs; and what the file system says of its room.
static bool is_cut, has_room;

static bool is_watched(int fd)
{
    struct stat st;
    return watched && fstat(fd, &st) == 0 && st.st_ino == watched;
}

static void remember(int fd, const void *bytes, size_t len, off_t at)
{
    struct event *e = &events[event_count++];
    assert_true(event_count < EVENTS_MAX);
    *e = (struct event){.at = at, .len = len, .commits = commits_returned};
    e->bytes = malloc(len);
    memcpy(e->bytes, bytes, len);
    e->is_synced = fcntl(fd, F_GETFL) & O_DSYNC;
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)
{
    if (is_watched(fd))
        remember(fd, buf, n, offset);
    if (is_cut && n >= 4096)
        n /= 2;
    return syscall(SYS_pwrite64, fd, buf, n, offset);
}

ssize_t writev(int fd, const struct iovec *iovec, int count)
{
    off_t at = is_watched(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
    for (int i = 0; i < count && is_watched(fd); i++) {
        remember(fd, iovec[i].iov_base, iovec[i].iov_len, at);
        at += (off_t)iovec[i].iov_len;
    }
    if (is_cut)
        return 4096;
    return syscall(SYS_writev, fd, iovec, count);
}

int fstatvfs(int fildes, struct statvfs *buf)
{
    (void)fildes;
    *buf = (struct statvfs){.f_frsize = 4096, .f_bavail = has_room ? 1000 : 0};
    return 0;
}

int fdatasync(int fildes)
{
    sync_count++;
    if (is_watched(fildes))
        events[event_count++] = (struct event){.commits = commits_returned};
    return (int)syscall(SYS_fdatasync, fildes);
}

// ---- helpers ------------------------------------------------------------------------------------

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    fixture_dir_make(dir, sizeof dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_dir_remove(dir);
    fixture_stop(&fx);
    return 0;
}

static int records_open(const char *where, uint64_t max_bytes, nh_records_t **out)
{
    const struct nh_records_config cfg = {.mem = fx.mem, .dir = where, .max_bytes = max_bytes};
    return nh_records_open(&cfg, out);
}

static nh_records_t *open_or_fail(void)
{
    nh_records_t *r;
    assert_int_equal(records_open(dir, 0, &r), NH_OK);
    return r;
}

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

struct ops {
    const struct nh_record_op *op;
    size_t count;
};

static bool next_op(void *ctx, struct nh_record_op *out)
{
    struct ops *o = ctx;
    if (o->count == 0)
        return false;
    o->count--;
    *out = *o->op++;
    return true;
}

static int commit(nh_records_t *r, const struct nh_record_op *ops, size_t count)
{
    struct ops o = {ops, count};
    return nh_records_commit(r, next_op, &o);
}

static struct nh_record_op put(const char *key, const char *value)
{
    return (struct nh_record_op){
        .kind = NH_RECORD_PUT, .count = 1, .key = span(key), .value = {span(value)}};
}

struct heard {
    char text[512];
    int stop_after;
};

static bool hear(void *ctx, nh_span_t key, nh_span_t value)
{
    struct heard *h = ctx;
    size_t len = strlen(h->text);
    snprintf(h->text + len, sizeof h->text - len, "%s%.*s=%.*s", len ? " " : "", (int)key.len,
             (const char *)key.ptr, value.ptr ? (int)value.len : 1,
             value.ptr ? (const char *)value.ptr : "?");
    return --h->stop_after != 0;
}

static const char *read_text(nh_records_t *r, const char *prefix, const char *from)
{
    static struct heard h;
    h = (struct heard){.stop_after = -1};
    assert_int_equal(nh_records_read(r, span(prefix), span(from), hear, &h), NH_OK);
    return h.text;
}

static const char *last_text(nh_records_t *r, const char *prefix)
{
    static struct heard h;
    h = (struct heard){.stop_after = -1};
    assert_int_equal(nh_records_last(r, span(prefix), hear, &h), NH_OK);
    return h.text;
}

// ---- promises -----------------------------------------------------------------------------------

static void test_order_and_prefixes(void **state)
{
    (void)state;
    nh_records_t *r = open_or_fail();
    const struct nh_record_op ops[] = {put("b2", "4"), put("a", "1"),        put("b1", "3"),
                                       put("b", "2"),  put("\xff\xff", "6"), put("c", "5")};
    assert_int_equal(commit(r, ops, NH_ARRAY_LEN(ops)), NH_OK);
    assert_string_equal(read_text(r, "", ""), "a=1 b=2 b1=3 b2=4 c=5 \xff\xff=6");
    assert_string_equal(read_text(r, "b", ""), "b=2 b1=3 b2=4");
    assert_string_equal(read_text(r, "b", "b1"), "b1=3 b2=4");
    assert_string_equal(read_text(r, "b", "b11"), "b2=4");
    assert_string_equal(read_text(r, "b", "c"), "");
    assert_string_equal(read_text(r, "d", ""), "");
    assert_string_equal(last_text(r, "b"), "b2=4");
    assert_string_equal(last_text(r, "c"), "c=5");
    assert_string_equal(last_text(r, "\xff"), "\xff\xff=6");
    assert_string_equal(last_text(r, "d"), "");
    struct heard h = {.stop_after = 2};
    assert_int_equal(nh_records_read(r, span("b"), span(""), hear, &h), NH_OK);
    assert_string_equal(h.text, "b=2 b1=3");
    nh_records_close(r);
    r = open_or_fail();
    assert_string_equal(read_text(r, "b", ""), "b=2 b1=3 b2=4");
    nh_records_t *other;
    assert_int_equal(records_open(dir, 0, &other), NH_ERR_BUSY);
    nh_records_close(r);
}

static void test_counts(void **state)
{
    (void)state;
    nh_records_t *r = open_or_fail();
    struct nh_record_op ops[] = {put("a", "1"), put("b", "2")};
    struct nh_record_op count = {.kind = NH_RECORD_COUNT, .count = -1, .key = span("a")};
    ops[0].count = 3;
    assert_int_equal(commit(r, ops, 2), NH_OK);
    assert_int_equal(commit(r, &count, 1), NH_OK);
    assert_int_equal(commit(r, &count, 1), NH_OK);
    assert_string_equal(read_text(r, "", ""), "a=1 b=2"); // counts are not seen
    assert_int_equal(commit(r, &count, 1), NH_OK);
    assert_string_equal(read_text(r, "", ""), "b=2");
    count.key = span("b");
    count.count = 2;
    assert_int_equal(commit(r, &count, 1), NH_OK);
    count.count = -2;
    assert_int_equal(commit(r, &count, 1), NH_OK);
    assert_string_equal(read_text(r, "", ""), "b=2");
    count.count = -1;
    assert_int_equal(commit(r, &count, 1), NH_OK);
    assert_string_equal(read_text(r, "", ""), "");
    assert_int_equal(commit(r, &ops[0], 1), NH_OK); // an old count does not come back
    const struct nh_record_op del = {.kind = NH_RECORD_DELETE, .key = span("b")};
    assert_int_equal(commit(r, &del, 1), NH_OK); // what is not there
    nh_records_close(r);
}

static void test_all_or_nothing(void **state)
{
    (void)state;
    nh_records_t *r = open_or_fail();
    struct nh_record_op ops[] = {put("a", "1"), put("", "no key"), put("c", "3")};
    assert_int_equal(commit(r, ops, 3), NH_ERR_TOO_LONG);
    assert_string_equal(read_text(r, "", ""), "");
    ops[1].key = (nh_span_t){(const uint8_t *)"\0x", 2}; // ours
    assert_int_equal(commit(r, ops, 3), NH_ERR_TOO_LONG);
    int before = sync_count;
    assert_int_equal(commit(r, ops, 1), NH_OK);
    assert_true(sync_count > before);
    assert_string_equal(read_text(r, "", ""), "a=1");
    nh_records_close(r);
}

// ---- room ---------------------------------------------------------------------------------------

#define LARGE_OPS 20

// Puts records k`from` to k`from + LARGE_OPS - 1`; NULL: removes them.
static int commit_large(nh_records_t *r, int from, const char *value)
{
    static char keys[LARGE_OPS][16];
    struct nh_record_op ops[LARGE_OPS];
    for (int i = 0; i < LARGE_OPS; i++) {
        snprintf(keys[i], sizeof keys[i], "k%04d", from + i);
        ops[i] = value ? put(keys[i], value)
                       : (struct nh_record_op){.kind = NH_RECORD_DELETE, .key = span(keys[i])};
    }
    return commit(r, ops, LARGE_OPS);
}

static void test_over_the_limit(void **state)
{
    (void)state;
    static char large[16000];
    nh_records_t *r;
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(records_open(dir, NH_MIB(1), &r), NH_OK);
    int rc = NH_OK, n = 0;
    for (; rc == NH_OK && n < 1000; n += LARGE_OPS)
        rc = commit_large(r, n, large);
    assert_int_equal(rc, 1); // written, and told
    assert_in_range(n, 60, 90);
    struct nh_records_info info;
    nh_records_info(r, &info);
    assert_true(info.used_bytes > NH_MIB(1) && info.file_bytes >= info.used_bytes);
    for (; rc >= 0 && n < 10000; n += LARGE_OPS) // on and on
        rc = commit_large(r, n, large);
    assert_int_equal(rc, NH_ERR_NOSPC);
    for (int i = 0; i < n; i += LARGE_OPS) {
        rc = commit_large(r, i, NULL);
        assert_true(rc >= 0);
    }
    assert_int_equal(rc, NH_OK);
    struct nh_record_op op = put("again", large);
    assert_int_equal(commit(r, &op, 1), NH_OK);
    nh_records_close(r);
}

// The file may not grow any more: nothing is lost, and all goes on when it may again.
static void test_disk_full(void **state)
{
    (void)state;
    static char large[16000];
    nh_records_t *r = open_or_fail();
    struct nh_record_op first = put("first", "1");
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(commit(r, &first, 1), NH_OK);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){NH_KIB(64), old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = NH_OK, n = 0;
    char key[16];
    for (; rc == NH_OK && n < 100; n++) {
        snprintf(key, sizeof key, "k%04d", n);
        struct nh_record_op op = put(key, large);
        rc = commit(r, &op, 1);
    }
    assert_true(rc == NH_ERR_NOSPC || rc == NH_ERR_IO);
    assert_string_equal(read_text(r, "first", ""), "first=1");
    struct nh_record_op op = put(key, large);
    assert_true(commit(r, &op, 1) < 0); // still
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(commit(r, &op, 1), NH_OK);
    nh_records_close(r);
    r = open_or_fail();
    assert_string_equal(read_text(r, "first", ""), "first=1");
    assert_memory_equal(last_text(r, "k"), key, 5);
    nh_records_close(r);
}

// A write that is cut short is told from a broken disk.
static void test_cut_write(void **state)
{
    (void)state;
    static char large[16000];
    nh_records_t *r = open_or_fail();
    struct nh_record_op op = put("large", large);
    memset(large, 'x', sizeof large - 1);
    is_cut = true;
    has_room = false;
    assert_int_equal(commit(r, &op, 1), NH_ERR_NOSPC);
    has_room = true;
    assert_int_equal(commit(r, &op, 1), NH_ERR_IO);
    is_cut = false;
    assert_int_equal(commit(r, &op, 1), NH_OK);
    nh_records_close(r);
}

// ---- damage -------------------------------------------------------------------------------------

static void data_path(char out[400], const char *where)
{
    snprintf(out, 400, "%s/data.mdb", where);
}

// A file that lost all its bytes is not a new one; one that was never on disk is.
static void test_empty_file(void **state)
{
    (void)state;
    char path[400];
    nh_records_t *r;
    data_path(path, dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    r = open_or_fail();
    nh_records_close(r);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(records_open(dir, 0, &r), NH_ERR_CORRUPT);
    assert_null(r);
}

static void test_damage_is_found(void **state)
{
    (void)state;
    char path[400];
    nh_records_t *r = open_or_fail();
    struct nh_record_op op = put("key", "a value to be found");
    assert_int_equal(commit(r, &op, 1), NH_OK);
    nh_records_close(r);
    data_path(path, dir);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    char page[65536];
    size_t len = fread(page, 1, sizeof page, f), at = 0;
    while (at < len && memcmp(page + at, "a value to be found", 19) != 0)
        at++;
    assert_true(at < len);
    for (; at < len; at++) // wherever it stands: old pages, too
        if (len - at >= 19 && memcmp(page + at, "a value to be found", 19) == 0) {
            fseek(f, (long)at, SEEK_SET);
            fputc('A', f);
        }
    fclose(f);
    assert_int_equal(records_open(dir, 0, &r), NH_ERR_CORRUPT);
    f = fopen(path, "wb");
    fwrite("no such file", 1, 12, f);
    fclose(f);
    assert_int_equal(records_open(dir, 0, &r), NH_ERR_CORRUPT);
}

// Whatever stands in the file, opening it is an error or works; the process lives.
static bool first_alone_is_whole(const MDB_val *key, const MDB_val *record)
{
    (void)record;
    return memcmp(key->mv_data, "a", 1) == 0;
}

// When the time for looking is up, the rest counts as good, and not only after many records: a few
// large ones may take as long, and then the alarm would end it all.
static void test_a_look_ends_in_time(void **state)
{
    (void)state;
    nh_records_t *r = open_or_fail();
    const struct nh_record_op ops[] = {put("a", "1"), put("b", "2")};
    assert_int_equal(commit(r, ops, 2), NH_OK);
    nh_records_close(r);
    assert_int_equal(nh_linux__lmdb_check(dir, NH_MIB(64), 5, true, first_alone_is_whole),
                     NH_ERR_CORRUPT);
    assert_int_equal(nh_linux__lmdb_check(dir, NH_MIB(64), 0, true, first_alone_is_whole), NH_OK);
}

static void test_damage_anywhere(void **state)
{
    (void)state;
    struct rng rng = {12};
    char path[400];
    static uint8_t image[1 << 16], spoiled[1 << 16];
    nh_records_t *r = open_or_fail();
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        struct nh_record_op op = put(key, "some value that takes a little room");
        assert_int_equal(commit(r, &op, 1), NH_OK);
    }
    nh_records_close(r);
    data_path(path, dir);
    FILE *f = fopen(path, "rb");
    size_t len = fread(image, 1, sizeof image, f);
    fclose(f);
    for (int round = 0; round < 30; round++) {
        memcpy(spoiled, image, len);
        size_t cut = round % 5 == 0 ? rng_below(&rng, (uint32_t)len) : len;
        for (int n = 0; n < 1 + round % 7; n++)
            spoiled[rng_below(&rng, (uint32_t)len)] ^= (uint8_t)(1u << rng_below(&rng, 8));
        f = fopen(path, "wb");
        fwrite(spoiled, 1, cut, f);
        fclose(f);
        int rc = records_open(dir, 0, &r);
        assert_true(rc == NH_OK || rc == NH_ERR_CORRUPT);
        if (rc == NH_OK)
            read_text(r, "k", "k39");
        nh_records_close(r);
    }
}

// ---- the power goes -----------------------------------------------------------------------------

#define COMMITS 8
#define CUT_KEYS 6
#define FATES 4 // nothing more, all, and two that the dice choose

// The state after commit `n`, as text; one record always tells n.
static void state_text(int n, char *out, size_t cap)
{
    out[0] = '\0';
    for (int k = 0; k < CUT_KEYS; k++) {
        size_t len = strlen(out);
        if (n > 0 && (n + k) % 3 != 0)
            snprintf(out + len, cap - len, "%sk%d=%d-%d", len ? " " : "", k, n, k);
    }
    size_t len = strlen(out);
    if (n > 0)
        snprintf(out + len, cap - len, " n=%d", n);
}

// Changes the state after commit n - 1 to that after commit n.
static void commit_n(nh_records_t *r, int n)
{
    static char keys[CUT_KEYS + 2][16], values[CUT_KEYS + 2][16], large[5000];
    struct nh_record_op ops[CUT_KEYS + 2];
    for (int k = 0; k < CUT_KEYS; k++) {
        snprintf(keys[k], sizeof keys[k], "k%d", k);
        snprintf(values[k], sizeof values[k], "%d-%d", n, k);
        ops[k] = (n + k) % 3
                     ? put(keys[k], values[k])
                     : (struct nh_record_op){.kind = NH_RECORD_DELETE, .key = span(keys[k])};
    }
    snprintf(values[CUT_KEYS], sizeof values[0], "%d", n);
    ops[CUT_KEYS] = put("n", values[CUT_KEYS]);
    memset(large, 'a' + n, sizeof large - 1); // pages of its own
    ops[CUT_KEYS + 1] = put("z", large);
    assert_int_equal(commit(r, ops, CUT_KEYS + 2), NH_OK);
    commits_returned = n;
}

static uint8_t disk_image[1 << 20];
static size_t disk_len;

static void disk_write(const struct event *e, size_t len)
{
    assert_true((size_t)e->at + e->len <= sizeof disk_image);
    memcpy(disk_image + e->at, e->bytes, len);
    if ((size_t)e->at + len > disk_len)
        disk_len = (size_t)e->at + len;
}

// The disk when the power goes before event `cut`: what was synced, and of the rest what the dice
// say, up to any sector.
static void build_image(int cut, struct rng *rng, int kind)
{
    int synced = 0;
    for (int i = 0; i < cut; i++)
        if (!events[i].bytes)
            synced = i;
    disk_len = 0;
    memset(disk_image, 0, sizeof disk_image);
    for (int i = 0; i < cut; i++) {
        const struct event *e = &events[i];
        if (!e->bytes)
            continue;
        if (i < synced || e->is_synced || kind == 1)
            disk_write(e, e->len);
        else if (kind > 1 && rng_below(rng, 2))
            disk_write(e, rng_below(rng, 2) ? e->len
                                            : rng_below(rng, (uint32_t)(e->len / 512) + 1) * 512);
    }
}

static void write_image(const char *where)
{
    char path[400];
    data_path(path, where);
    mkdir(where, 0700);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(disk_image, 1, disk_len, f);
    fclose(f);
}

static void expect_after_cut(const char *where, int cut, int commits)
{
    char old[256], new[256];
    nh_records_t *r;
    int rc = records_open(where, 0, &r);
    if (rc < 0)
        fail_msg("cut %d: the store cannot be opened: %s", cut, nh_err_text(rc));
    state_text(commits, old, sizeof old);
    state_text(commits + 1, new, sizeof new);
    char got[512];
    snprintf(got, sizeof got, "%.200s", read_text(r, "k", ""));
    const char *n = read_text(r, "n", "");
    size_t len = strlen(got);
    snprintf(got + len, sizeof got - len, "%s%.200s", n[0] ? " " : "", n);
    if (strcmp(got, old) != 0 && strcmp(got, new) != 0)
        fail_msg("cut %d after %d commits: %s", cut, commits, got);
    commit_n(r, COMMITS + 1); // and it goes on
    nh_records_close(r);
}

static void test_power_cut_after_each_write(void **state)
{
    (void)state;
    char where[300], path[400], command[400];
    struct stat st;
    struct rng rng = {2026};
    snprintf(where, sizeof where, "%s/cut", dir);
    event_count = commits_returned = 0;
    // The first start, too: the file is made before it is watched, empty.
    data_path(path, dir);
    FILE *f = fopen(path, "wb");
    fclose(f);
    assert_int_equal(stat(path, &st), 0);
    watched = st.st_ino;
    nh_records_t *r = open_or_fail();
    int first = event_count; // a store that was never there may be none
    for (int n = 1; n <= COMMITS; n++)
        commit_n(r, n);
    watched = 0;
    nh_records_close(r);
    int total = event_count;
    for (int cut = first; cut <= total; cut++) {
        int commits = cut < total ? events[cut].commits : COMMITS;
        for (int kind = 0; kind < FATES; kind++) {
            build_image(cut, &rng, kind);
            write_image(where);
            expect_after_cut(where, cut, commits);
            snprintf(command, sizeof command, "%s/lock.mdb", where);
            remove(command);
        }
    }
    print_message("%d cuts, %d fates each\n", total - first + 1, FATES);
    for (int i = 0; i < total; i++)
        free(events[i].bytes);
}

int main(void)
{
    // What reaches the disk is remembered above; a disk in memory does as well, and is quick.
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_prefixes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_look_ends_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_cut_after_each_write, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
