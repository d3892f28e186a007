// The accounts: who is among them, what is refused, what a power cut or a lack of memory leaves.
// And the login task, which checks and stores their passwords.

#include "linux_fixture.h"

#include "hub/accounts.h"
#include "hub/login_task.h"
#include "support/fake_disk.h"

#define HASH "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
#define HASH_1 HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HASH_2 HASH "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static struct linux_fixture fix;
static struct fake_disk disk, before, wreck;
static nh_store_t *store;
static nh_accounts_t *accounts;

static int open_all(uint32_t max_count)
{
    const struct nh_store_config cfg = {
        .mem = fix.mem, .fs = fake_disk_fs(&disk), .dir = "config", .keep_count = 2};
    int err = nh_store_create(&cfg, &store);
    const struct nh_accounts_config accounts_cfg = {
        .mem = fix.mem, .store = store, .max_count = max_count};
    return err < 0 ? err : nh_accounts_create(&accounts_cfg, &accounts);
}

static void close_all(void)
{
    nh_accounts_destroy(accounts);
    nh_store_destroy(store);
    accounts = NULL;
    store = NULL;
}

static void reopen(void)
{
    close_all();
    assert_int_equal(open_all(3), 0);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fix);
    fake_disk_init(&disk);
    return open_all(3);
}

static int teardown(void **state)
{
    (void)state;
    close_all();
    fixture_stop(&fix);
    return 0;
}

static struct nh_account account(const char *name, enum nh_role role, const char *hash)
{
    struct nh_account a = {.role = role, .enabled = true};
    snprintf(a.name, sizeof a.name, "%s", name);
    snprintf(a.password_hash, sizeof a.password_hash, "%s", hash);
    return a;
}

static int add(const char *name, enum nh_role role)
{
    const struct nh_account a = account(name, role, HASH_1);
    return nh_accounts_add(accounts, &a);
}

static enum nh_role role_of(const char *name)
{
    struct nh_auth_account found;
    return nh_accounts_find(accounts, name, &found) ? found.role : NH_ROLE_NONE;
}

static uint32_t stamp_of(const char *name)
{
    struct nh_auth_account found = {0};
    assert_true(nh_accounts_find(accounts, name, &found));
    return found.stamp;
}

// ---- rules --------------------------------------------------------------------------------------

static void test_nobody_yet(void **state)
{
    (void)state;
    assert_false(nh_accounts_is_required(accounts));
    assert_null(nh_accounts_at(accounts, 0));
    assert_int_equal(role_of("ann"), NH_ROLE_NONE);
    assert_int_equal(add("ann", NH_ROLE_OPERATOR), NH_ERR_CONFLICT); // the first one is an admin
    assert_false(nh_accounts_is_required(accounts));
    assert_int_equal(add("ann", NH_ROLE_ADMIN), 0);
    assert_true(nh_accounts_is_required(accounts));
    assert_int_equal(role_of("ann"), NH_ROLE_ADMIN);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int err;
    } rows[] = {{"a", 0},
                {"Ann Example", 0},
                {"\xc3\xa4\xc3\xb6", 0},
                {"12345678901234567890123456789012", 0},
                {"123456789012345678901234567890123", NH_ERR_TOO_LONG},
                {"", NH_ERR_INVAL},
                {"a:b", NH_ERR_INVAL},
                {"a\nb", NH_ERR_INVAL},
                {"a\x7f", NH_ERR_INVAL},
                {"\xff", NH_ERR_INVAL}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_accounts_name_check(rows[i].name) != rows[i].err)
            fail_msg("row %zu", i);
    assert_int_equal(add("a:b", NH_ROLE_ADMIN), NH_ERR_INVAL);
}

static void test_changes(void **state)
{
    (void)state;
    assert_int_equal(add("ann", NH_ROLE_ADMIN), 0);
    assert_int_equal(add("bob", NH_ROLE_OPERATOR), 0);
    assert_int_equal(add("bob", NH_ROLE_OPERATOR), NH_ERR_EXISTS);
    assert_int_equal(add("cyd", NH_ROLE_OPERATOR), 0);
    assert_int_equal(add("dan", NH_ROLE_OPERATOR), NH_ERR_FULL);
    uint32_t stamp = stamp_of("bob");
    struct nh_account bob = account("bob", NH_ROLE_ADMIN, HASH_1);
    bob.must_change = true;
    assert_int_equal(nh_accounts_change(accounts, &bob), 0);
    assert_int_equal(role_of("bob"), NH_ROLE_ADMIN);
    assert_int_equal(stamp_of("bob"), stamp); // the sessions stay
    snprintf(bob.password_hash, sizeof bob.password_hash, HASH_2);
    assert_int_equal(nh_accounts_change(accounts, &bob), 0);
    assert_int_not_equal(stamp_of("bob"), stamp); // they do not
    stamp = stamp_of("bob");
    bob.enabled = false;
    assert_int_equal(nh_accounts_change(accounts, &bob), 0);
    assert_int_equal(role_of("bob"), NH_ROLE_NONE);
    assert_non_null(nh_accounts_get(accounts, "bob"));
    bob.enabled = true;
    assert_int_equal(nh_accounts_change(accounts, &bob), 0);
    assert_int_not_equal(stamp_of("bob"), stamp); // nor do they come back
    stamp = stamp_of("cyd");
    assert_int_equal(nh_accounts_remove(accounts, "cyd"), 0);
    assert_int_equal(nh_accounts_remove(accounts, "cyd"), NH_ERR_NOT_FOUND);
    assert_int_equal(add("cyd", NH_ROLE_OPERATOR), 0);
    assert_int_not_equal(stamp_of("cyd"), stamp); // another one of the same name
    const struct nh_account eve = account("eve", NH_ROLE_ADMIN, HASH_1);
    assert_int_equal(nh_accounts_change(accounts, &eve), NH_ERR_NOT_FOUND);
    reopen();
    assert_int_equal(nh_accounts_count(accounts), 3);
    assert_int_equal(role_of("bob"), NH_ROLE_ADMIN);
    assert_true(nh_accounts_get(accounts, "bob")->must_change);
    assert_string_equal(nh_accounts_get(accounts, "bob")->password_hash, HASH_2);
    assert_int_equal(role_of("cyd"), NH_ROLE_OPERATOR);
}

// There is always an admin who may sign in.
static void test_last_admin(void **state)
{
    (void)state;
    assert_int_equal(add("ann", NH_ROLE_ADMIN), 0);
    assert_int_equal(add("bob", NH_ROLE_OPERATOR), 0);
    struct nh_account ann = account("ann", NH_ROLE_OPERATOR, HASH_1);
    assert_int_equal(nh_accounts_change(accounts, &ann), NH_ERR_CONFLICT);
    ann = account("ann", NH_ROLE_ADMIN, HASH_1);
    ann.enabled = false;
    assert_int_equal(nh_accounts_change(accounts, &ann), NH_ERR_CONFLICT);
    assert_int_equal(nh_accounts_remove(accounts, "ann"), NH_ERR_CONFLICT);
    assert_int_equal(role_of("ann"), NH_ROLE_ADMIN);
    assert_int_equal(nh_accounts_remove(accounts, "bob"), 0);
    assert_int_equal(nh_accounts_remove(accounts, "ann"), NH_ERR_CONFLICT); // nor is it open again
    nh_accounts_file_set(accounts, "root", HASH_1);
    assert_int_equal(nh_accounts_remove(accounts, "ann"), 0);
}

static void test_account_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(add("ann", NH_ROLE_ADMIN), 0);
    assert_int_equal(add("bob", NH_ROLE_OPERATOR), 0);
    nh_accounts_file_set(accounts, "bob", HASH_2);
    assert_int_equal(role_of("bob"), NH_ROLE_ADMIN); // it goes before the other bob
    assert_true(nh_accounts_is_of_file(accounts, "bob"));
    assert_string_equal(nh_accounts_at(accounts, 0)->name, "bob");
    assert_string_equal(nh_accounts_at(accounts, 1)->name, "ann");
    const struct nh_account bob = account("bob", NH_ROLE_OPERATOR, HASH_1);
    assert_int_equal(nh_accounts_change(accounts, &bob), NH_ERR_DENIED);
    assert_int_equal(nh_accounts_remove(accounts, "bob"), NH_ERR_DENIED);
    assert_int_equal(add("bob", NH_ROLE_OPERATOR), NH_ERR_EXISTS);
    uint32_t stamp = stamp_of("bob");
    nh_accounts_file_set(accounts, "bob", HASH_2); // read again, the same
    assert_int_equal(stamp_of("bob"), stamp);
    nh_accounts_file_set(accounts, "bob", HASH_1);
    assert_int_not_equal(stamp_of("bob"), stamp);
    nh_accounts_file_set(accounts, "bob", "");
    assert_int_equal(role_of("bob"), NH_ROLE_OPERATOR);
    assert_false(nh_accounts_is_of_file(accounts, "bob"));
}

static void test_without_a_store(void **state)
{
    (void)state;
    nh_accounts_t *a;
    const struct nh_accounts_config cfg = {.mem = fix.mem, .max_count = 3};
    const struct nh_account ann = account("ann", NH_ROLE_ADMIN, HASH_1);
    assert_int_equal(nh_accounts_create(&cfg, &a), 0);
    assert_false(nh_accounts_is_required(a));
    assert_int_equal(nh_accounts_add(a, &ann), NH_ERR_UNSUPPORTED);
    nh_accounts_file_set(a, "root", HASH_1);
    assert_true(nh_accounts_is_required(a));
    nh_accounts_destroy(a);
    nh_accounts_destroy(NULL);
}

// ---- what is kept -------------------------------------------------------------------------------

static void test_documents(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"{\"accounts\":[]}", true},
        {"{\"accounts\":[{\"name\":\"a\",\"role\":\"admin\",\"password_hash\":\"" HASH_1
         "\",\"enabled\":true,\"must_change\":false}]}",
         true},
        {"{\"accounts\":[{\"name\":\"a\",\"role\":\"user\",\"password_hash\":\"" HASH_1 "\"}]}",
         true},
        {"", false},
        {"{}", false},
        {"{\"accounts\":[{}]}", false},
        {"{\"accounts\":[{\"name\":\"a\",\"role\":\"king\",\"password_hash\":\"" HASH_1 "\"}]}",
         false},
        {"{\"accounts\":[{\"name\":\"a\",\"role\":\"admin\",\"password_hash\":\"plain\"}]}", false},
        {"{\"accounts\":[{\"name\":\"a:b\",\"role\":\"admin\",\"password_hash\":\"" HASH_1 "\"}]}",
         false},
        {"{\"accounts\":[{\"name\":\"a\",\"role\":\"admin\",\"password_hash\":\"" HASH_1
         "\",\"new\":1}]}",
         false},
        {"{\"accounts\":[", false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_true(nh_store_put(store, NH_ACCOUNTS_DOC, rows[i].text, strlen(rows[i].text)) > 0);
        reopen();
        const struct nh_account ann = account("ann", NH_ROLE_ADMIN, HASH_1);
        bool is_empty = rows[i].is_good && nh_accounts_count(accounts) == 0;
        // What cannot be read opens nothing, and is not written over.
        if (nh_accounts_is_required(accounts) == is_empty)
            fail_msg("row %zu", i);
        if (rows[i].is_good)
            continue;
        assert_int_equal(nh_accounts_count(accounts), 0);
        assert_int_equal(nh_accounts_add(accounts, &ann), NH_ERR_UNSUPPORTED);
        nh_accounts_file_set(accounts, "root", HASH_1);
        assert_int_equal(role_of("root"), NH_ROLE_ADMIN); // who has the file can mend it
    }
}

static int act_add(void)
{
    return add("bob", NH_ROLE_OPERATOR);
}

static int act_change(void)
{
    struct nh_account ann = account("ann", NH_ROLE_ADMIN, HASH_2);
    return nh_accounts_change(accounts, &ann);
}

static bool is_old(void)
{
    const struct nh_account *ann = nh_accounts_get(accounts, "ann");
    return ann && strcmp(ann->password_hash, HASH_1) == 0 && nh_accounts_count(accounts) == 1;
}

static bool is_new(int (*act)(void))
{
    const struct nh_account *ann = nh_accounts_get(accounts, "ann");
    return ann && (act == act_add ? nh_accounts_count(accounts) == 2
                                  : strcmp(ann->password_hash, HASH_2) == 0);
}

// The power goes at each call of the file system; what was not durable is lost, or kept, or torn.
static void test_power_cut(void **state)
{
    static int (*const acts[])(void) = {act_add, act_change};
    uint32_t old_count = 0, new_count = 0;
    (void)state;
    assert_int_equal(add("ann", NH_ROLE_ADMIN), 0);
    close_all();
    fake_disk_copy(&before, &disk);
    for (size_t i = 0; i < NH_ARRAY_LEN(acts); i++) {
        bool is_struck = true;
        for (uint32_t call = 1; is_struck; call++) {
            fake_disk_copy(&disk, &before);
            assert_int_equal(open_all(3), 0);
            fake_disk_fault_set(
                &disk, &(struct fake_disk_fault){.kind = FAKE_DISK_CUT_AFTER, .call = call});
            int said = acts[i]();
            is_struck = disk.is_struck;
            close_all();
            fake_disk_copy(&wreck, &disk);
            for (uint32_t seed = 0; seed < 6; seed++) {
                fake_disk_copy(&disk, &wreck);
                fake_disk_power_cycle(&disk,
                                      seed == 0   ? FAKE_DISK_LOSE
                                      : seed == 1 ? FAKE_DISK_KEEP
                                                  : FAKE_DISK_RANDOM,
                                      seed);
                assert_int_equal(open_all(3), 0);
                if (!is_new(acts[i]) && (said == 0 || !is_old()))
                    fail_msg("act %zu, call %u, seed %u", i, (unsigned)call, (unsigned)seed);
                old_count += is_old();
                new_count += is_new(acts[i]);
                close_all();
            }
        }
    }
    assert_true(old_count > 10 && new_count > 10);
    fake_disk_copy(&disk, &before);
    assert_int_equal(open_all(3), 0);
}

static void test_full_disk(void **state)
{
    (void)state;
    assert_int_equal(add("ann", NH_ROLE_ADMIN), 0);
    for (uint32_t call = 1;; call++) {
        fake_disk_fault_set(&disk, &(struct fake_disk_fault){
                                       .kind = FAKE_DISK_FAIL, .call = call, .err = NH_ERR_NOSPC});
        int err = add("bob", NH_ROLE_OPERATOR);
        bool is_struck = disk.is_struck;
        fake_disk_fault_set(&disk, NULL);
        if (err == 0) {
            assert_int_equal(nh_accounts_remove(accounts, "bob"), 0);
        } else {
            assert_int_equal(nh_accounts_count(accounts), 1);
            assert_int_equal(role_of("bob"), NH_ROLE_NONE);
        }
        if (!is_struck)
            break;
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_int_equal(add("ann", NH_ROLE_ADMIN), 0);
    int err = NH_ERR_NOMEM;
    for (uint64_t n = 1; err < 0; n++) {
        nh_mem_fault_set(fix.sys, &(struct nh_mem_fault){.fail_nth = n});
        err = add("bob", NH_ROLE_OPERATOR);
        nh_mem_fault_set(fix.sys, NULL);
        assert_true(err == 0 || err == NH_ERR_NOMEM);
        assert_int_equal(role_of("bob"), err == 0 ? NH_ROLE_OPERATOR : NH_ROLE_NONE);
        assert_true(n < 50);
    }
    nh_accounts_destroy(accounts);
    const struct nh_accounts_config cfg = {.mem = fix.mem, .store = store, .max_count = 3};
    err = NH_ERR_NOMEM;
    for (uint64_t n = 1; err < 0; n++) {
        nh_mem_fault_set(fix.sys, &(struct nh_mem_fault){.fail_nth = n});
        err = nh_accounts_create(&cfg, &accounts);
        nh_mem_fault_set(fix.sys, NULL);
        // Without memory it is not made at all: it must not seem that there are no accounts.
        assert_true(err == 0 || (err == NH_ERR_NOMEM && !accounts));
        assert_true(n < 50);
    }
    assert_int_equal(nh_accounts_count(accounts), 2);
}

// ---- the login task -----------------------------------------------------------------------------

static nh_loop_t *loop;
static nh_login_task_t *login;
static struct nh_login_job jobs[6];
static int order[6], done_count;

static void done(void *ctx, struct nh_login_job *job)
{
    (void)ctx;
    order[done_count++] = (int)(job - jobs);
}

static void put(int i, enum nh_login_work work, bool is_urgent, const char *text,
                const char *password)
{
    jobs[i] = (struct nh_login_job){.work = work, .is_urgent = is_urgent, .done = done};
    snprintf(jobs[i].password_text, sizeof jobs[i].password_text, "%s", text);
    jobs[i].password_len = strlen(password);
    memcpy(jobs[i].password, password, jobs[i].password_len);
    assert_int_equal(nh_login_task_put(login, &jobs[i]), 0);
}

static int setup_login(void **state)
{
    assert_int_equal(setup(state), 0);
    assert_int_equal(nh_loop_create(fix.mem, &loop), 0);
    const struct nh_login_task_config cfg = {.sys = fix.sys, .mem = fix.mem, .loop = loop};
    done_count = 0;
    return nh_login_task_create(&cfg, &login);
}

static int teardown_login(void **state)
{
    nh_login_task_destroy(login);
    nh_loop_destroy(loop);
    return teardown(state);
}

static void test_login_stores_and_checks(void **state)
{
    (void)state;
    put(0, NH_LOGIN_MAKE, true, "", "correct horse");
    PUMP_UNTIL(loop, done_count == 1);
    assert_int_equal(jobs[0].result, 0);
    assert_int_equal(nh_password_form_of(jobs[0].password_text), NH_PASSWORD_ARGON2ID);
    for (size_t i = 0; i < sizeof jobs[0].password; i++)
        assert_int_equal(jobs[0].password[i], 0); // overwritten
    put(1, NH_LOGIN_CHECK, true, jobs[0].password_text, "correct horse");
    put(2, NH_LOGIN_CHECK, true, jobs[0].password_text, "wrong horse");
    PUMP_UNTIL(loop, done_count == 3);
    assert_int_equal(jobs[1].result, 0);
    assert_int_equal(jobs[2].result, NH_ERR_DENIED);
}

// A person waits for the one password at hand, not for a fleet.
static void test_login_order(void **state)
{
    (void)state;
    put(0, NH_LOGIN_MAKE, false, "", "keeps the task busy");
    for (int i = 1; i < 5; i++)
        put(i, NH_LOGIN_CHECK, i >= 3, "$6$none", "x");
    PUMP_UNTIL(loop, done_count == 5);
    int place[5];
    for (int i = 0; i < 5; i++)
        place[order[i]] = i;
    assert_true(place[3] < place[4] && place[1] < place[2]);
    assert_true(place[3] < place[1] && place[4] < place[2]);
}

// What is not done at the end is its owner's again; nobody is called.
static void test_login_ends_early(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        put(i, NH_LOGIN_MAKE, i & 1, "", "a password");
    nh_login_task_destroy(login);
    login = NULL;
    PUMP(loop, 10);
    assert_int_equal(done_count, 0);
    nh_login_task_destroy(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define LOGIN(f) cmocka_unit_test_setup_teardown(f, setup_login, teardown_login)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nobody_yet),
        TEST(test_names),
        TEST(test_changes),
        TEST(test_last_admin),
        TEST(test_account_of_the_file),
        TEST(test_without_a_store),
        TEST(test_documents),
        TEST(test_power_cut),
        TEST(test_full_disk),
        TEST(test_no_memory),
        LOGIN(test_login_stores_and_checks),
        LOGIN(test_login_order),
        LOGIN(test_login_ends_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
