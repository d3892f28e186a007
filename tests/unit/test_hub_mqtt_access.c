// Signing in to the broker: who is let in at once, whose password is checked beside the loop, what
// is remembered, and how guessing is slowed. The broker's part is played by the test.

#include "linux_fixture.h"

#include "hub/login_task.h"
#include "hub/mqtt_access.h"

// mosquitto_passwd 2.0, for the passwords "ann" and "old": quick to check.
#define ANN                                                                                        \
    "$7$101$ohv3xTwf8+fLjyvE$"                                                                     \
    "5GWnXodZvH4IKngxdZJpFkUBvpmhdY7d0h1ccNKKo92fPnx9zkcIlvj5tH0BJttZLsGtXYLak2xk8kgsnNwMYA=="
#define OLD                                                                                        \
    "$6$UE8ZxlM1OROThFkp$"                                                                         \
    "9aP3MNEwo9jxb0R3E1glMJiYlkmYedsbOhj2w51+5yjChQVDLcncHNpag9yr5GBa0S5rNg14Oxug0oo2nmwH/g=="

static struct linux_fixture fix;
static nh_loop_t *loop;
static nh_login_task_t *login;
static nh_mqtt_access_t *access_of;
static uint64_t now_ms; // of the rules about guessing

// A client, and what it was told: 0 not yet, else a verdict as a letter, or a reason.
static struct peer {
    const char *address;
    bool is_local;         // by the way it came in, and then nobody asks for its address
    const char *proxy;     // that says so; NULL: none
    const char *certified; // the name of its certificate; NULL: it has none
    unsigned answers;
    struct nh_mqtt_auth_answer answer;
    char user[40];
} peers[16];

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, s ? strlen(s) : 0};
}

static uint64_t clock_ms(void)
{
    return now_ms;
}

static void address(void *ctx, const void *peer, char *text, size_t cap)
{
    (void)ctx;
    snprintf(text, cap, "%s", ((const struct peer *)peer)->address);
}

static bool is_local(void *ctx, const void *peer)
{
    (void)ctx;
    return ((const struct peer *)peer)->is_local;
}

static bool proxy(void *ctx, const void *peer, char *text, size_t cap)
{
    const struct peer *p = peer;
    (void)ctx;
    if (p->proxy)
        snprintf(text, cap, "%s", p->proxy);
    return p->proxy != NULL;
}

static int identity(void *ctx, const void *peer, char *text, size_t cap)
{
    const char *name = ((const struct peer *)peer)->certified;
    (void)ctx;
    if (!name)
        return NH_ERR_NOT_FOUND;
    int len = snprintf(text, cap, "%s", name);
    return len == 0 ? NH_ERR_INVAL : len < (int)cap ? len : NH_ERR_TOO_LONG;
}

static void keep_answer(struct peer *p, const struct nh_mqtt_auth_answer *a)
{
    p->answers++;
    p->answer = *a;
    snprintf(p->user, sizeof p->user, "%.*s", (int)a->user.len,
             a->user.len ? (const char *)a->user.ptr : "");
}

static void answer(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_answer *a)
{
    (void)ctx;
    keep_answer((struct peer *)(void *)c, a);
}

static nh_mqtt_rules_t *make_rules(int anonymous)
{
    nh_mqtt_rules_t *r;
    assert_int_equal(nh_mqtt_rules_create(fix.mem, &r), NH_OK);
    r->anonymous = anonymous;
    return r;
}

static void add_user(nh_mqtt_rules_t *r, const char *name, const char *text, const char *prefix)
{
    const struct nh_user user = {.name = name,
                                 .password_text = text,
                                 .client_id_prefix = prefix,
                                 .limits.conn_max_count = 9};
    assert_int_equal(nh_users_add(r->users, &user), NH_OK);
}

static void begin(nh_mqtt_rules_t *rules, uint32_t queue_max)
{
    const struct nh_mqtt_access_config cfg = {.mem = fix.mem,
                                              .login = login,
                                              .login_queue_max = queue_max,
                                              .clock_ms = clock_ms,
                                              .address = address,
                                              .proxy = proxy,
                                              .is_local = is_local,
                                              .identity = identity,
                                              .answer = answer};
    assert_int_equal(nh_mqtt_access_create(&cfg, rules, &access_of), NH_OK);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fix);
    now_ms = 100000;
    memset(peers, 0, sizeof peers);
    for (size_t i = 0; i < NH_ARRAY_LEN(peers); i++)
        peers[i].address = "192.0.2.1:5000";
    assert_int_equal(nh_loop_create(fix.mem, &loop), 0);
    const struct nh_login_task_config cfg = {.sys = fix.sys, .mem = fix.mem, .loop = loop};
    return nh_login_task_create(&cfg, &login);
}

static int teardown(void **state)
{
    (void)state;
    nh_login_task_destroy(login);
    nh_mqtt_access_destroy(access_of);
    access_of = NULL;
    nh_loop_destroy(loop);
    fixture_stop(&fix);
    return 0;
}

static nh_mqtt_conn_t *conn_of(struct peer *p)
{
    return (nh_mqtt_conn_t *)(void *)p; // a name for the broker's connection, no more
}

static void sign_in_as(struct peer *p, const char *user, const char *password, const char *id)
{
    const struct nh_mqtt_auth_request r = {.peer = p,
                                           .client_id = span(id),
                                           .user = span(user),
                                           .password = span(password),
                                           .has_user = user != NULL,
                                           .has_password = password != NULL};
    struct nh_mqtt_auth_answer a = {0};
    p->answers = 0;
    nh_mqtt_access_authenticate(access_of, conn_of(p), &r, &a);
    if (a.verdict != NH_MQTT_AUTH_LATER)
        keep_answer(p, &a);
}

static void sign_in(struct peer *p, const char *user, const char *password)
{
    sign_in_as(p, user, password, "c1");
}

static bool is_let_in(struct peer *p)
{
    PUMP_UNTIL(loop, p->answers > 0);
    assert_int_equal(p->answers, 1);
    return p->answer.verdict == NH_MQTT_AUTH_ACCEPTED;
}

static struct nh_mqtt_access_info info(void)
{
    struct nh_mqtt_access_info i;
    nh_mqtt_access_info(access_of, &i);
    return i;
}

// ---- without users ------------------------------------------------------------------------------

static void test_nobody_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *address, *proxy;
        bool is_in;
    } rows[] = {{"127.0.0.1:5000", NULL, true},
                {"127.3.2.1:5000", NULL, true},
                {"[::1]:5000", NULL, true},
                {"10.0.0.1:5000", NULL, false},
                {"[2001:db8::1]:1", NULL, false},
                {"", NULL, false},
                {"unix:1000", NULL, true},
                {"127.0.0.1:5000", "127.0.0.1:6000", true},
                {"127.0.0.1:5000", "unix:33", true},
                {"unix", "[::1]:6000", true},
                {"10.0.0.1:5000", "127.0.0.1:6000", false},
                {"?", "127.0.0.1:6000", false},
                {"127.0.0.1:5000", "10.0.0.1:6000", false},
                {"unix", "10.0.0.1:6000", false}};
    begin(make_rules(NH_HUB_ANONYMOUS_AUTO), 4);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        peers[0].address = rows[i].address;
        peers[0].proxy = rows[i].proxy;
        sign_in(&peers[0], NULL, NULL);
        if (is_let_in(&peers[0]) != rows[i].is_in)
            fail_msg("%s by %s", rows[i].address, rows[i].proxy ? rows[i].proxy : "none");
    }
    peers[0].proxy = NULL;
    peers[0].address = "127.0.0.1:5000";
    sign_in(&peers[0], "ann", "ann"); // whoever it says it is: nobody vouches for it
    assert_true(is_let_in(&peers[0]));
    assert_string_equal(peers[0].user, "");
    sign_in(&peers[1], "ann", "ann");
    assert_false(is_let_in(&peers[1]));
    assert_int_equal(info().checked, 0);
}

static nh_mqtt_rules_t *two_users(void);

// What it says in the place of the address is not looked at; what the rules say is.
static void test_local_for_sure(void **state)
{
    (void)state;
    static const struct {
        int anonymous; // < 0: two users
        bool is_in;
    } rows[] = {{NH_HUB_ANONYMOUS_AUTO, true},
                {NH_HUB_ANONYMOUS_ALWAYS, true},
                {NH_HUB_ANONYMOUS_NEVER, false},
                {-1, false}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        begin(rows[i].anonymous < 0 ? two_users() : make_rules(rows[i].anonymous), 4);
        peers[0] = (struct peer){.address = "10.0.0.1:5", .is_local = true};
        sign_in(&peers[0], NULL, NULL);
        if (is_let_in(&peers[0]) != rows[i].is_in)
            fail_msg("row %zu", i);
        nh_mqtt_access_destroy(access_of);
        access_of = NULL;
    }
    peers[0].is_local = false;
}

// ---- passwords ----------------------------------------------------------------------------------

static nh_mqtt_rules_t *two_users(void)
{
    nh_mqtt_rules_t *r = make_rules(NH_HUB_ANONYMOUS_AUTO);
    add_user(r, "ann", ANN, "");
    add_user(r, "bob", OLD, "b-");
    return r;
}

static void test_passwords(void **state)
{
    (void)state;
    static const struct {
        const char *user, *password;
        bool is_in;
        enum nh_mqtt_reason reason;
        const char *why;
    } rows[] = {
        {"ann", "ann", true, NH_MQTT_REASON_SUCCESS, ""},
        {"ann", "bob", false, NH_MQTT_REASON_SUCCESS, "wrong password"}, // the broker says which
        {"ann", NULL, false, NH_MQTT_REASON_SUCCESS, "no password"},
        {"an", "nann", false, NH_MQTT_REASON_SUCCESS, "unknown user"},
        {"eve", "ann", false, NH_MQTT_REASON_SUCCESS, "unknown user"},
        {"eve", "old", false, NH_MQTT_REASON_SUCCESS, "unknown user"}, // somebody else's password
        {"", "old", false, NH_MQTT_REASON_SUCCESS, "unknown user"},
        {NULL, NULL, false, NH_MQTT_REASON_SUCCESS, "no user name"},
    };
    begin(two_users(), 4);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        sign_in(&peers[0], rows[i].user, rows[i].password);
        if (is_let_in(&peers[0]) != rows[i].is_in || peers[0].answer.reason != rows[i].reason)
            fail_msg("row %zu", i);
        if (rows[i].why[0])
            assert_string_equal(peers[0].answer.why, rows[i].why);
        now_ms += 60000; // no guess counts any more
    }
    assert_int_equal(info().denied, NH_ARRAY_LEN(rows) - 1);
    sign_in(&peers[1], "ann", "ann");
    assert_true(is_let_in(&peers[1]));
    assert_string_equal(peers[1].user, "ann");
    assert_int_equal(peers[1].answer.grant.limits.conn_max_count, 9);
    assert_true(peers[1].answer.grant.may_all);
}

static void test_long_names_are_not_checked(void **state)
{
    (void)state;
    char longest[300];
    begin(two_users(), 4);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    sign_in(&peers[0], longest, "ann");
    assert_false(is_let_in(&peers[0]));
    sign_in(&peers[0], "ann", longest);
    assert_false(is_let_in(&peers[0]));
    assert_int_equal(info().checked, 0);
    assert_int_equal(info().denied, 2);
}

// A method that the broker does not have.
static void test_method(void **state)
{
    (void)state;
    begin(two_users(), 4);
    const struct nh_mqtt_auth_request r = {.peer = &peers[0], .method = span("GS2-KRB5")};
    struct nh_mqtt_auth_answer a = {0};
    nh_mqtt_access_authenticate(access_of, conn_of(&peers[0]), &r, &a);
    assert_int_equal(a.verdict, NH_MQTT_AUTH_REFUSED);
    assert_int_equal(a.reason, NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD);
}

static void test_remembered(void **state)
{
    (void)state;
    begin(two_users(), 4);
    for (int i = 0; i < 5; i++) {
        sign_in(&peers[0], "ann", "ann");
        assert_true(is_let_in(&peers[0]));
    }
    assert_int_equal(info().checked, 1);
    assert_int_equal(info().remembered, 4);
    sign_in(&peers[0], "ann", "ann2"); // not the one that was right
    assert_false(is_let_in(&peers[0]));
    assert_int_equal(info().checked, 2);
}

static void test_client_ids(void **state)
{
    (void)state;
    nh_mqtt_rules_t *r = two_users();
    const struct nh_mqtt_acl_rule rule = {
        .filter = span("x/%c"), .subject = NH_MQTT_ACL_EVERYBODY, .actions = NH_MQTT_ACL_BOTH};
    assert_int_equal(nh_mqtt_acl_add(r->acl, &rule), NH_OK);
    r->has_acl = true;
    begin(r, 4);
    static const struct {
        const char *user, *password, *id;
        bool is_in;
    } rows[] = {
        {"bob", "old", "b-1", true}, {"bob", "old", "b-", true},  {"bob", "old", "a-1", false},
        {"bob", "old", "", false},   {"ann", "ann", "a-1", true}, {"ann", "ann", "a/1", false},
        {"ann", "ann", "#", false},  {"ann", "ann", "", true},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        sign_in_as(&peers[0], rows[i].user, rows[i].password, rows[i].id);
        if (is_let_in(&peers[0]) != rows[i].is_in)
            fail_msg("%s %s", rows[i].user, rows[i].id);
        if (!rows[i].is_in)
            assert_int_equal(peers[0].answer.reason, NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID);
    }
    assert_false(peers[0].answer.grant.may_all);
}

// ---- guessing -----------------------------------------------------------------------------------

static void guess(struct peer *p, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        sign_in(p, "ann", "guess");
        assert_false(is_let_in(p));
    }
}

static void test_guessing_is_slowed(void **state)
{
    (void)state;
    begin(two_users(), 8);
    sign_in(&peers[0], "ann", "ann");
    assert_true(is_let_in(&peers[0]));
    peers[1].address = "198.51.100.7:1";
    guess(&peers[1], 20);
    assert_int_equal(info().checked, 1 + NH_MQTT_ACCESS_WRONG_MAX);
    assert_int_equal(info().slowed, 20 - NH_MQTT_ACCESS_WRONG_MAX);
    assert_int_equal(peers[1].answer.reason, NH_MQTT_REASON_SERVER_BUSY);
    // From the same machine, another port: no.
    peers[2].address = "198.51.100.7:2";
    sign_in(&peers[2], "bob", "old");
    assert_false(is_let_in(&peers[2]));
    // From another: yes; and who is known is not slowed anywhere.
    sign_in_as(&peers[3], "bob", "old", "b-1");
    assert_true(is_let_in(&peers[3]));
    sign_in(&peers[2], "ann", "ann");
    assert_true(is_let_in(&peers[2]));
    // One more each second.
    now_ms += NH_MQTT_ACCESS_WRONG_MS;
    uint64_t before = info().checked;
    guess(&peers[1], 5);
    assert_int_equal(info().checked, before + 1);
    now_ms += 3600000;
    before = info().checked;
    guess(&peers[1], 20);
    assert_int_equal(info().checked, before + NH_MQTT_ACCESS_WRONG_MAX);
}

// More addresses than are remembered: the one longest ago makes room.
static void test_many_addresses(void **state)
{
    (void)state;
    char text[NH_MQTT_ACCESS_ADDRESSES + 10][20];
    begin(two_users(), 8);
    for (unsigned i = 0; i < NH_ARRAY_LEN(text); i++) {
        snprintf(text[i], sizeof text[i], "10.0.0.%u:1", i);
        peers[0].address = text[i];
        guess(&peers[0], NH_MQTT_ACCESS_WRONG_MAX);
        now_ms++;
    }
    uint64_t before = info().checked;
    guess(&peers[0], 1);
    assert_int_equal(info().checked, before);
    peers[0].address = text[0]; // forgotten
    guess(&peers[0], 1);
    assert_int_equal(info().checked, before + 1);
}

// Guesses at once count before they are known to be wrong, where there were wrong ones before.
static void test_guesses_at_once(void **state)
{
    (void)state;
    begin(two_users(), 16);
    guess(&peers[0], 2);
    for (int i = 1; i < 10; i++)
        sign_in(&peers[i], "ann", "guess");
    assert_int_equal(info().checked, NH_MQTT_ACCESS_WRONG_MAX);
    for (int i = 1; i < 10; i++)
        assert_false(is_let_in(&peers[i]));
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    begin(two_users(), 3);
    for (int i = 0; i < 5; i++)
        sign_in(&peers[i], "ann", "ann");
    assert_int_equal(info().waiting_max, 3);
    assert_int_equal(info().queue_full, 2);
    assert_int_equal(peers[4].answer.reason, NH_MQTT_REASON_SERVER_BUSY);
    for (int i = 0; i < 3; i++)
        assert_true(is_let_in(&peers[i]));
    assert_int_equal(info().waiting_count, 0);
    sign_in(&peers[4], "ann", "ann");
    assert_true(is_let_in(&peers[4]));
}

// ---- SCRAM --------------------------------------------------------------------------------------

// RFC 7677's user, whose password is "pencil".
#define PENCIL                                                                                     \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"    \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static nh_mqtt_rules_t *scram_users(void)
{
    nh_mqtt_rules_t *r = make_rules(NH_HUB_ANONYMOUS_AUTO);
    add_user(r, "user", PENCIL, "");
    add_user(r, "ann", ANN, ""); // has no such secret
    return r;
}

static struct nh_scram_client scram_client;
static char said[NH_SCRAM_MESSAGE_MAX_BYTES]; // by the broker, in its last answer

static enum nh_mqtt_verdict scram_say(struct peer *p, nh_span_t data, uint8_t round)
{
    const struct nh_mqtt_auth_request r = {.peer = p,
                                           .client_id = span("c1"),
                                           .method = span("SCRAM-SHA-256"),
                                           .data = data,
                                           .round = round};
    struct nh_mqtt_auth_answer a = {0};
    nh_mqtt_access_authenticate(access_of, conn_of(p), &r, &a);
    snprintf(said, sizeof said, "%.*s", (int)a.data.len,
             a.data.len ? (const char *)a.data.ptr : "");
    keep_answer(p, &a);
    return a.verdict;
}

// The client's first message, and its answer to the challenge; then whatever the broker says to it.
static enum nh_mqtt_verdict scram_sign_in(struct peer *p, const char *user, const char *password)
{
    nh_span_t out;
    assert_int_equal(nh_scram_client_begin(&scram_client, &nh_password_crypto, span(user),
                                           span("abcdefgh"), &out),
                     NH_OK);
    enum nh_mqtt_verdict verdict = scram_say(p, out, 0);
    if (verdict != NH_MQTT_AUTH_CONTINUES)
        return verdict;
    assert_int_equal(nh_scram_client_finish(&scram_client, span(password), span(said), &out),
                     NH_OK);
    return scram_say(p, out, 1);
}

static void test_scram(void **state)
{
    (void)state;
    begin(scram_users(), 4);
    assert_int_equal(scram_sign_in(&peers[0], "user", "pencil"), NH_MQTT_AUTH_ACCEPTED);
    assert_string_equal(peers[0].user, "user");
    assert_int_equal(nh_scram_client_verify(&scram_client, span(said)), NH_OK);
    assert_int_equal(scram_sign_in(&peers[0], "user", "pencils"), NH_MQTT_AUTH_REFUSED);
    assert_string_equal(said, "");
    assert_int_equal(scram_sign_in(&peers[0], "ann", "ann"), NH_MQTT_AUTH_REFUSED);
    assert_int_equal(scram_sign_in(&peers[0], "nobody", "pencil"), NH_MQTT_AUTH_REFUSED);
    assert_int_equal(info().denied, 3);
    sign_in(&peers[1], "user", "pencil"); // in clear, the same password
    assert_true(is_let_in(&peers[1]));
}

static void test_scram_in_auth_packets_alone(void **state)
{
    (void)state;
    nh_span_t out;
    begin(scram_users(), 4);
    assert_int_equal(scram_say(&peers[0], (nh_span_t){NULL, 0}, 0), NH_MQTT_AUTH_CONTINUES);
    assert_string_equal(said, "");
    assert_int_equal(nh_scram_client_begin(&scram_client, &nh_password_crypto, span("user"),
                                           span("abcdefgh"), &out),
                     NH_OK);
    assert_int_equal(scram_say(&peers[0], out, 1), NH_MQTT_AUTH_CONTINUES);
    assert_int_equal(nh_scram_client_finish(&scram_client, span("pencil"), span(said), &out),
                     NH_OK);
    assert_int_equal(scram_say(&peers[0], out, 2), NH_MQTT_AUTH_ACCEPTED);
    // Nothing twice is no message.
    assert_int_equal(scram_say(&peers[0], (nh_span_t){NULL, 0}, 0), NH_MQTT_AUTH_CONTINUES);
    assert_int_equal(scram_say(&peers[0], (nh_span_t){NULL, 0}, 1), NH_MQTT_AUTH_REFUSED);
}

// The challenge does not say who is known: the same one for a stranger each time, of the same form.
static void test_scram_stranger(void **state)
{
    (void)state;
    char challenges[3][NH_SCRAM_MESSAGE_MAX_BYTES];
    static const char *const names[] = {"nobody", "nobody", "user"};
    begin(scram_users(), 8);
    for (size_t i = 0; i < 3; i++) {
        char first[40];
        snprintf(first, sizeof first, "n,,n=%s,r=x", names[i]);
        assert_int_equal(scram_say(&peers[i], span(first), 0), NH_MQTT_AUTH_CONTINUES);
        memcpy(challenges[i], said, sizeof said);
    }
    assert_int_equal(strlen(challenges[0]), strlen(challenges[2]));
    assert_string_equal(strstr(challenges[0], ",s="), strstr(challenges[1], ",s="));
    assert_string_not_equal(challenges[0], challenges[1]); // but for the nonce
}

static void test_scram_faults(void **state)
{
    (void)state;
    begin(scram_users(), 2);
    assert_int_equal(scram_say(&peers[0], span("nonsense"), 0), NH_MQTT_AUTH_REFUSED);
    assert_int_equal(scram_say(&peers[0], span("p=tls-unique,,n=user,r=x"), 0),
                     NH_MQTT_AUTH_REFUSED);
    // Too many at once; one that ends makes room.
    assert_int_equal(scram_say(&peers[1], span("n,,n=user,r=x"), 0), NH_MQTT_AUTH_CONTINUES);
    assert_int_equal(scram_say(&peers[2], span("n,,n=user,r=x"), 0), NH_MQTT_AUTH_CONTINUES);
    assert_int_equal(scram_say(&peers[3], span("n,,n=user,r=x"), 0), NH_MQTT_AUTH_REFUSED);
    assert_int_equal(peers[3].answer.reason, NH_MQTT_REASON_SERVER_BUSY);
    nh_mqtt_access_cancel(access_of, conn_of(&peers[1]));
    assert_int_equal(scram_say(&peers[3], span("n,,n=user,r=x"), 0), NH_MQTT_AUTH_CONTINUES);
    // A guesser is slowed here as well.
    nh_mqtt_access_cancel(access_of, conn_of(&peers[2]));
    for (int i = 0; i < 10; i++)
        NH_IGNORE(scram_sign_in(&peers[4], "user", "guess"));
    assert_int_equal(peers[4].answer.reason, NH_MQTT_REASON_SERVER_BUSY);
    assert_int_equal(info().checked, NH_MQTT_ACCESS_WRONG_MAX - 2);
}

static void test_scram_rules_change(void **state)
{
    (void)state;
    nh_span_t out;
    begin(scram_users(), 4);
    assert_int_equal(nh_scram_client_begin(&scram_client, &nh_password_crypto, span("user"),
                                           span("abcdefgh"), &out),
                     NH_OK);
    assert_int_equal(scram_say(&peers[0], out, 0), NH_MQTT_AUTH_CONTINUES);
    assert_int_equal(nh_scram_client_finish(&scram_client, span("pencil"), span(said), &out),
                     NH_OK);
    nh_mqtt_rules_t *old;
    assert_int_equal(nh_mqtt_access_rules_set(access_of, two_users(), &old), NH_OK);
    nh_mqtt_rules_destroy(old);
    assert_int_equal(scram_say(&peers[0], out, 1), NH_MQTT_AUTH_REFUSED);
}

// ---- changes while somebody waits ---------------------------------------------------------------

static void test_gone_meanwhile(void **state)
{
    (void)state;
    begin(two_users(), 4);
    sign_in(&peers[0], "ann", "ann");
    sign_in(&peers[1], "ann", "ann");
    nh_mqtt_access_cancel(access_of, conn_of(&peers[0]));
    assert_true(is_let_in(&peers[1]));
    PUMP_UNTIL(loop, info().waiting_count == 0);
    assert_int_equal(peers[0].answers, 0);
    sign_in(&peers[2], "ann", "ann"); // still waits at the end
}

static void set_rules(nh_mqtt_rules_t *r)
{
    nh_mqtt_rules_t *old;
    assert_int_equal(nh_mqtt_access_rules_set(access_of, r, &old), NH_OK);
    nh_mqtt_rules_destroy(old);
}

static void test_rules_change_meanwhile(void **state)
{
    (void)state;
    struct nh_mqtt_grant grant;
    begin(two_users(), 4);
    sign_in(&peers[0], "ann", "ann"); // will have another password
    sign_in_as(&peers[1], "bob", "old", "b-1");
    nh_mqtt_rules_t *r = make_rules(NH_HUB_ANONYMOUS_AUTO);
    add_user(r, "ann", OLD, "");
    add_user(r, "bob", OLD, "");
    set_rules(r);
    assert_false(is_let_in(&peers[0]));
    assert_true(is_let_in(&peers[1]));
    sign_in(&peers[0], "ann", "old");
    assert_true(is_let_in(&peers[0]));
    assert_true(nh_mqtt_access_find(access_of, span("ann"), &grant));
    assert_int_equal(grant.stamp, peers[0].answer.grant.stamp);
    // All users gone: nothing that was remembered counts, and nobody is asked who it is.
    set_rules(make_rules(NH_HUB_ANONYMOUS_NEVER));
    sign_in(&peers[0], "ann", "old");
    assert_false(is_let_in(&peers[0]));
    assert_false(nh_mqtt_access_find(access_of, span("ann"), &grant));
    assert_false(nh_mqtt_access_find(access_of, (nh_span_t){NULL, 0}, &grant));
}

static void test_old_password_is_forgotten(void **state)
{
    (void)state;
    begin(two_users(), 4);
    sign_in(&peers[0], "ann", "ann");
    assert_true(is_let_in(&peers[0]));
    nh_mqtt_rules_t *r = make_rules(NH_HUB_ANONYMOUS_AUTO);
    add_user(r, "ann", OLD, "");
    set_rules(r);
    sign_in(&peers[0], "ann", "ann");
    assert_false(is_let_in(&peers[0]));
    set_rules(two_users()); // and remembered again
    sign_in(&peers[0], "ann", "ann");
    assert_true(is_let_in(&peers[0]));
    assert_int_equal(info().remembered, 1);
}

// A certificate vouches for a name, instead of a password: of a user's while there are any, of
// any without, if some listener is to trust it.
static void test_certificates(void **state)
{
    static const char too_long[200] = {[0 ... 198] = 'x'};
    static const struct {
        const char *name, *client_id;
        bool is_in[3]; // users; nobody; nobody, and no listener trusts certificates
    } rows[] = {
        {"ann", "c", {true, true, false}},      {"bob", "b-1", {true, true, false}},
        {"bob", "other", {false, true, false}}, {"eve", "c", {false, true, false}},
        {"", "c", {false, false, false}},       {too_long, "c", {false, false, false}},
    };
    (void)state;
    struct nh_mqtt_grant grant;
    begin(two_users(), 4);
    for (size_t k = 0; k < 3; k++) {
        if (k > 0) {
            nh_mqtt_rules_t *r = make_rules(NH_HUB_ANONYMOUS_NEVER);
            r->trusts_certificates = k == 1;
            set_rules(r);
        }
        for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
            uint64_t denied = info().denied;
            peers[0].certified = rows[i].name;
            sign_in_as(&peers[0], "somebody", "guess", rows[i].client_id); // is not looked at
            bool is_in = is_let_in(&peers[0]);
            if (is_in != rows[i].is_in[k] || (is_in && strcmp(peers[0].user, rows[i].name) != 0))
                fail_msg("%zu: %s: %d as %s", k, rows[i].name, is_in, peers[0].user);
            assert_int_equal(info().denied, denied + !is_in);
        }
        // A session of such a user stays over a reload as long as it would be let in.
        assert_int_equal(nh_mqtt_access_find(access_of, span("eve"), &grant), k == 1);
    }
    assert_int_equal(info().checked, 0);
}

// A user without a password gets in by certificate only.
static void test_user_without_password(void **state)
{
    (void)state;
    nh_mqtt_rules_t *r = make_rules(NH_HUB_ANONYMOUS_NEVER);
    add_user(r, "ann", "", "");
    begin(r, 4);
    for (size_t i = 0; i < 2; i++) {
        sign_in(&peers[0], "ann", i ? "" : "guess");
        assert_false(is_let_in(&peers[0]));
    }
    peers[0].certified = "ann";
    sign_in(&peers[0], NULL, NULL);
    assert_true(is_let_in(&peers[0]));
}

// The first user comes with a reload.
static void test_first_user_later(void **state)
{
    (void)state;
    begin(make_rules(NH_HUB_ANONYMOUS_AUTO), 4);
    set_rules(two_users());
    sign_in(&peers[0], "ann", "ann");
    assert_true(is_let_in(&peers[0]));
}

// ---- memory -------------------------------------------------------------------------------------

static void test_no_memory(void **state)
{
    (void)state;
    const struct nh_mqtt_access_config cfg = {.mem = fix.mem,
                                              .login = login,
                                              .login_queue_max = 4,
                                              .clock_ms = clock_ms,
                                              .address = address,
                                              .answer = answer};
    nh_mqtt_rules_t *r = two_users();
    int rc = NH_ERR_NOMEM;
    for (uint64_t nth = 1; rc < 0; nth++) {
        nh_mem_fault_set(fix.sys, &(struct nh_mem_fault){.fail_nth = nth});
        rc = nh_mqtt_access_create(&cfg, r, &access_of);
        nh_mem_fault_set(fix.sys, NULL);
        assert_true(rc == NH_OK || rc == NH_ERR_NOMEM);
    }
    nh_mem_fault_set(fix.sys, &(struct nh_mem_fault){.fail_nth = 1});
    sign_in(&peers[0], "ann", "ann");
    nh_mem_fault_set(fix.sys, NULL);
    assert_false(is_let_in(&peers[0]));
    assert_int_equal(peers[0].answer.reason, NH_MQTT_REASON_SERVER_UNAVAILABLE);
    sign_in(&peers[0], "ann", "ann");
    assert_true(is_let_in(&peers[0]));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nobody_is_known),
        TEST(test_local_for_sure),
        TEST(test_passwords),
        TEST(test_long_names_are_not_checked),
        TEST(test_method),
        TEST(test_remembered),
        TEST(test_client_ids),
        TEST(test_guessing_is_slowed),
        TEST(test_many_addresses),
        TEST(test_guesses_at_once),
        TEST(test_queue_is_bounded),
        TEST(test_scram),
        TEST(test_scram_in_auth_packets_alone),
        TEST(test_scram_stranger),
        TEST(test_scram_faults),
        TEST(test_scram_rules_change),
        TEST(test_gone_meanwhile),
        TEST(test_rules_change_meanwhile),
        TEST(test_old_password_is_forgotten),
        TEST(test_certificates),
        TEST(test_user_without_password),
        TEST(test_first_user_later),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
