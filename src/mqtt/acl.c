#include "mqtt/acl.h"

#include "core/base/hash.h"
#include "mqtt/topic.h"

#include <string.h>

#define BUCKETS_MIN 16u

// What of a rule's filter is to be filled in.
enum { NAMES_CLIENT = 1, NAMES_USER = 2 };

struct rule {
    struct rule *next; // of the same list, in order
    struct nh_mqtt_acl_rule r;
    uint8_t names;
    uint16_t level_count;
    char text[]; // the filter, then the user's name
};

struct list {
    struct rule *first, **end;
    uint32_t level_max;
};

struct nh_mqtt_acl_own {
    struct nh_mqtt_acl_own *hash_next;
    struct list rules;
    nh_span_t name; // lies in its first rule
};

struct nh_mqtt_acl {
    nh_mem_t *mem;
    struct nh_mqtt_acl_own **users; // hash table by name
    uint32_t user_buckets, user_count, rule_count, seed;
    struct list everybody, anonymous;
    uint8_t names; // of all rules
};

// ---- life ---------------------------------------------------------------------------------------

static void list_init(struct list *l)
{
    *l = (struct list){.end = &l->first};
}

static void list_deinit(nh_mem_t *mem, struct list *l)
{
    while (l->first) {
        struct rule *r = l->first;
        l->first = r->next;
        nh_mem_free(mem, r);
    }
}

int nh_mqtt_acl_create(nh_mem_t *mem, uint32_t seed, nh_mqtt_acl_t **out)
{
    *out = NULL;
    nh_mqtt_acl_t *a = nh_mem_alloc_zero(mem, sizeof(*a), NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    a->mem = mem;
    a->seed = seed;
    list_init(&a->everybody);
    list_init(&a->anonymous);
    *out = a;
    return NH_OK;
}

void nh_mqtt_acl_destroy(nh_mqtt_acl_t *a)
{
    if (!a)
        return;
    for (uint32_t i = 0; i < a->user_buckets; i++) {
        while (a->users[i]) {
            struct nh_mqtt_acl_own *u = a->users[i];
            a->users[i] = u->hash_next;
            list_deinit(a->mem, &u->rules);
            nh_mem_free(a->mem, u);
        }
    }
    list_deinit(a->mem, &a->everybody);
    list_deinit(a->mem, &a->anonymous);
    nh_mem_free(a->mem, a->users);
    nh_mem_free(a->mem, a);
}

uint32_t nh_mqtt_acl_count(const nh_mqtt_acl_t *a)
{
    return a->rule_count;
}

// ---- users --------------------------------------------------------------------------------------

static struct nh_mqtt_acl_own **bucket_of(const nh_mqtt_acl_t *a, nh_span_t name)
{
    return &a->users[nh_hash32(name.ptr, name.len, a->seed) & (a->user_buckets - 1)];
}

static void user_link(nh_mqtt_acl_t *a, struct nh_mqtt_acl_own *u)
{
    struct nh_mqtt_acl_own **at = bucket_of(a, u->name);
    u->hash_next = *at;
    *at = u;
}

// The first buckets, or twice as many. Without memory the chains grow longer, if there are any.
static bool users_grow(nh_mqtt_acl_t *a)
{
    uint32_t old_count = a->user_buckets, count = old_count ? 2 * old_count : BUCKETS_MIN;
    struct nh_mqtt_acl_own **old = a->users;
    struct nh_mqtt_acl_own **grown = nh_mem_alloc_zero(a->mem, count * sizeof(*grown), NH_MEM_BULK);
    if (!grown)
        return old != NULL;
    a->users = grown;
    a->user_buckets = count;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct nh_mqtt_acl_own *u = old[i], *next; u; u = next) {
            next = u->hash_next;
            user_link(a, u);
        }
    }
    nh_mem_free(a->mem, old);
    return true;
}

static struct nh_mqtt_acl_own *user_find(const nh_mqtt_acl_t *a, nh_span_t name)
{
    struct nh_mqtt_acl_own *u = a->users && name.len ? *bucket_of(a, name) : NULL;
    while (u && !nh_mqtt__span_equal(u->name, name))
        u = u->hash_next;
    return u;
}

const nh_mqtt_acl_own_t *nh_mqtt_acl_own(const nh_mqtt_acl_t *a, nh_span_t user)
{
    return user_find(a, user);
}

// The list of the user that `r` names, made if it is not there.
static struct list *user_list(nh_mqtt_acl_t *a, struct rule *r)
{
    struct nh_mqtt_acl_own *u = user_find(a, r->r.user);
    if (u)
        return &u->rules;
    if (a->user_count >= 2 * a->user_buckets && !users_grow(a))
        return NULL;
    u = nh_mem_alloc_zero(a->mem, sizeof(*u), NH_MEM_BULK);
    if (!u)
        return NULL;
    list_init(&u->rules);
    u->name = r->r.user;
    user_link(a, u);
    a->user_count++;
    return &u->rules;
}

// ---- adding -------------------------------------------------------------------------------------

static const struct nh_mqtt__topic_limits limits = {UINT16_MAX, NH_MQTT__LEVEL_MAX};

bool nh_mqtt_acl_is_topic(nh_span_t topic)
{
    return nh_mqtt__topic_check(topic, &limits) == NH_OK;
}

bool nh_mqtt_acl_is_filter(nh_span_t filter)
{
    return nh_mqtt__filter_check(filter, &limits) == NH_OK;
}

static bool has_percent(nh_span_t level)
{
    for (size_t i = 0; i + 1 < level.len; i++)
        if (level.ptr[i] == '%' && (level.ptr[i + 1] == 'c' || level.ptr[i + 1] == 'u'))
            return true;
    return false;
}

static uint8_t name_of(nh_span_t level)
{
    return nh_mqtt__span_is(level, "%c")   ? NAMES_CLIENT
           : nh_mqtt__span_is(level, "%u") ? NAMES_USER
                                           : 0;
}

static int check_filter(nh_span_t filter, struct rule *out)
{
    int rc = nh_mqtt__filter_check(filter, &limits);
    if (rc < 0)
        return rc == NH_ERR_PROTO ? NH_ERR_INVAL : rc;
    for (size_t at = 0; at <= filter.len; out->level_count++) {
        nh_span_t level = nh_mqtt__topic_level(filter, at);
        uint8_t name = name_of(level);
        if (!name && has_percent(level))
            return NH_ERR_INVAL;
        out->names |= name;
        at += level.len + 1;
    }
    return NH_OK;
}

static nh_span_t copy_to(char *at, nh_span_t s)
{
    if (s.len)
        memcpy(at, s.ptr, s.len);
    return (nh_span_t){(const uint8_t *)at, s.len};
}

int nh_mqtt_acl_add(nh_mqtt_acl_t *a, const struct nh_mqtt_acl_rule *rule)
{
    struct rule seen = {0};
    int rc = check_filter(rule->filter, &seen);
    if (rc < 0)
        return rc;
    if (rule->subject == NH_MQTT_ACL_USER && rule->user.len == 0)
        return NH_ERR_INVAL;
    struct rule *r =
        nh_mem_alloc(a->mem, sizeof(*r) + rule->filter.len + rule->user.len, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    *r = seen;
    r->r = *rule;
    r->r.filter = copy_to(r->text, rule->filter);
    r->r.user = copy_to(r->text + rule->filter.len, rule->user);
    struct list *l = rule->subject == NH_MQTT_ACL_USER        ? user_list(a, r)
                     : rule->subject == NH_MQTT_ACL_ANONYMOUS ? &a->anonymous
                                                              : &a->everybody;
    if (!l) {
        nh_mem_free(a->mem, r);
        return NH_ERR_NOMEM;
    }
    *l->end = r;
    l->end = &r->next;
    l->level_max = l->level_max > r->level_count ? l->level_max : r->level_count;
    a->names |= r->names;
    a->rule_count++;
    return NH_OK;
}

// ---- levels -------------------------------------------------------------------------------------

// One level of a filter or of a word; none of the three: a plain text.
struct level {
    nh_span_t text;
    bool is_any;  // '+'; in a word: some text that stands in no rule
    bool is_rest; // '#'
    bool is_end;  // there is no further level
};

static bool is_level_text(nh_span_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '/' || s.ptr[i] == '+' || s.ptr[i] == '#')
            return false;
    return s.len > 0;
}

bool nh_mqtt_acl_stands_for(const nh_mqtt_acl_t *a, nh_span_t user, nh_span_t client_id)
{
    if ((a->names & NAMES_CLIENT) && client_id.len && !is_level_text(client_id))
        return false;
    return !((a->names & NAMES_USER) && user.len && !is_level_text(user));
}

// Takes the level at `*at`.
static struct level take(nh_span_t filter, size_t *at)
{
    if (*at > filter.len)
        return (struct level){.is_end = true};
    nh_span_t text = nh_mqtt__topic_level(filter, *at);
    *at += text.len + 1;
    return (struct level){.text = text,
                          .is_any = nh_mqtt__span_is(text, "+"),
                          .is_rest = nh_mqtt__span_is(text, "#")};
}

// The same of a rule, with the client's names filled in.
static struct level take_of(const struct rule *r, const struct nh_mqtt_acl_who *who, size_t *at)
{
    struct level l = take(r->r.filter, at);
    uint8_t name = r->names ? name_of(l.text) : 0;
    if (name)
        l.text = name == NAMES_CLIENT ? who->client_id : who->user;
    return l;
}

static bool is_hidden(nh_span_t text)
{
    return text.len && text.ptr[0] == '$';
}

static bool applies(const struct rule *r, const struct nh_mqtt_acl_who *who)
{
    if (!r->names)
        return true;
    if ((r->names & NAMES_CLIENT) && !is_level_text(who->client_id))
        return false;
    if ((r->names & NAMES_USER) && !is_level_text(who->user))
        return false;
    size_t at = 0;
    bool begins_with_name = name_of(nh_mqtt__topic_level(r->r.filter, 0)) != 0;
    return !begins_with_name || !is_hidden(take_of(r, who, &at).text);
}

// A wildcard in the first place takes no topic that begins with '$' [MQTT-4.7.2-1].
static bool takes_level(struct level want, struct level have, bool is_first)
{
    if (want.is_any)
        return !(is_first && !have.is_any && is_hidden(have.text));
    return !have.is_any && nh_mqtt__span_equal(want.text, have.text);
}

// ---- covering -----------------------------------------------------------------------------------

// Topics of `level_count` levels that a filter takes: where it has a wildcard they have a text that
// stands in no rule. Whoever takes that one, takes every other text there.
struct word {
    nh_span_t filter;
    uint32_t level_count;
};

static struct level take_word(const struct word *w, size_t *at)
{
    struct level l = take(w->filter, at);
    if (l.is_rest || l.is_end)
        return (struct level){.is_any = true};
    return l;
}

static bool takes_word(const struct rule *r, const struct nh_mqtt_acl_who *who,
                       const struct word *w)
{
    size_t at_rule = 0, at_word = 0;
    for (uint32_t i = 0;; i++) {
        struct level want = take_of(r, who, &at_rule);
        if (want.is_end)
            return i == w->level_count;
        if (i == w->level_count)
            return want.is_rest; // "a/#" takes "a" too
        struct level have = take_word(w, &at_word);
        if (want.is_rest)
            return i > 0 || have.is_any || !is_hidden(have.text);
        if (!takes_level(want, have, i == 0))
            return false;
    }
}

static bool is_empty(struct level l)
{
    return !l.is_any && !l.is_rest && l.text.len == 0;
}

// Whether there is a topic that both take.
static bool overlaps(const struct rule *r, const struct nh_mqtt_acl_who *who, nh_span_t filter)
{
    size_t at_rule = 0, at_filter = 0;
    bool has_text = false; // the levels so far are more than the empty text, which is no topic
    for (bool is_first = true;; is_first = false) {
        struct level want = take_of(r, who, &at_rule), have = take(filter, &at_filter);
        if (want.is_rest || have.is_rest) {
            struct level other = want.is_rest ? have : want;
            bool is_wild = other.is_rest || other.is_any;
            return other.is_end ? has_text : !is_first || is_wild || !is_hidden(other.text);
        }
        if (want.is_end || have.is_end)
            return want.is_end && have.is_end;
        bool fits = have.is_any ? want.is_any || !is_first || !is_hidden(want.text)
                                : takes_level(want, have, is_first);
        if (!fits)
            return false;
        has_text = !is_first || !(is_empty(want) || is_empty(have));
    }
}

// ---- asking -------------------------------------------------------------------------------------

struct question {
    const struct list *lists[2]; // the user's own (NULL: none), everybody's
    const struct nh_mqtt_acl_who *who;
    uint8_t action;
};

static const struct rule *next_rule(const struct question *q, size_t *list, const struct rule *r,
                                    bool is_deny)
{
    for (r = r ? r->next : NULL;; r = r->next) {
        while (!r) {
            if (*list == NH_ARRAY_LEN(q->lists))
                return NULL;
            const struct list *l = q->lists[(*list)++];
            r = l ? l->first : NULL;
        }
        if (r->r.is_deny == is_deny && (r->r.actions & q->action) && applies(r, q->who))
            return r;
    }
}

static const struct rule *denying(const struct question *q, nh_span_t filter)
{
    size_t list = 0;
    const struct rule *r = next_rule(q, &list, NULL, true);
    while (r && !overlaps(r, q->who, filter))
        r = next_rule(q, &list, r, true);
    return r;
}

static const struct rule *allowing(const struct question *q, const struct word *w)
{
    size_t list = 0;
    const struct rule *r = next_rule(q, &list, NULL, false);
    while (r && !takes_word(r, q->who, w))
        r = next_rule(q, &list, r, false);
    return r;
}

// The lengths of topics to look at. Beyond the longest rule only a '#' takes anything, and what it
// takes at one length more it takes at all.
static struct word lengths(const struct question *q, nh_span_t filter, uint32_t *last)
{
    struct word w = {filter, 0};
    bool has_rest = false;
    for (size_t at = 0; at <= filter.len;) {
        has_rest = take(filter, &at).is_rest;
        w.level_count += !has_rest;
    }
    *last = w.level_count;
    for (size_t i = 0; has_rest && i < NH_ARRAY_LEN(q->lists); i++)
        if (q->lists[i] && q->lists[i]->level_max > *last)
            *last = q->lists[i]->level_max;
    *last += has_rest;
    // No topic has no level, nor is the empty text one: that would be the topic before "/#".
    bool is_no_topic = w.level_count == 0 || (w.level_count == 1 && filter.ptr[0] == '/');
    w.level_count += has_rest && is_no_topic;
    return w;
}

static bool covers(const struct question *q, nh_span_t filter, struct nh_mqtt_acl_reason *why)
{
    uint32_t last;
    const struct rule *one = NULL;
    struct word w = lengths(q, filter, &last);
    for (bool is_first = true; w.level_count <= last; w.level_count++, is_first = false) {
        const struct rule *r = allowing(q, &w);
        if (!r) {
            *why = (struct nh_mqtt_acl_reason){.level_count = w.level_count};
            return false;
        }
        one = is_first || one == r ? r : NULL;
    }
    *why = (struct nh_mqtt_acl_reason){.rule = one ? &one->r : NULL};
    return true;
}

bool nh_mqtt_acl_may(const nh_mqtt_acl_t *a, const struct nh_mqtt_acl_who *who,
                     enum nh_mqtt_action action, nh_span_t topic, struct nh_mqtt_acl_reason *why)
{
    struct nh_mqtt_acl_reason ignored;
    const struct list *own = who->own ? &who->own->rules : NULL;
    struct question q = {.lists = {who->user.len ? own : &a->anonymous, &a->everybody},
                         .who = who,
                         .action = action == NH_MQTT_MAY_PUBLISH ? NH_MQTT_ACL_PUBLISH
                                                                 : NH_MQTT_ACL_READ};
    const struct rule *denied = denying(&q, topic);
    why = why ? why : &ignored;
    if (denied) {
        *why = (struct nh_mqtt_acl_reason){.rule = &denied->r};
        return false;
    }
    return covers(&q, topic, why);
}
