#include "bench_json.h"

#ifdef HAVE_YAJL
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

static int add_word(void *ctx)
{
    ((struct bench_sum *)ctx)->word_count++;
    return 1;
}

static int add_bool(void *ctx, int value)
{
    (void)value;
    return add_word(ctx);
}

static int add_number(void *ctx, const char *s, size_t len)
{
    (void)len;
    ((struct bench_sum *)ctx)->number_sum += strtod(s, NULL);
    return 1;
}

static int add_text(void *ctx, const unsigned char *s, size_t len)
{
    static char text[4096];
    memcpy(text, s, len);
    ((struct bench_sum *)ctx)->text_bytes += len;
    return 1;
}

static int add_key(void *ctx, const unsigned char *s, size_t len)
{
    static char text[4096];
    memcpy(text, s, len);
    ((struct bench_sum *)ctx)->key_bytes += len;
    return 1;
}

static const yajl_callbacks decoder = {
    .yajl_null = add_word,
    .yajl_boolean = add_bool,
    .yajl_number = add_number,
    .yajl_string = add_text,
    .yajl_map_key = add_key,
};

static bool run(const struct bench_text *t, const yajl_callbacks *callbacks, void *ctx)
{
    yajl_handle h = yajl_alloc(callbacks, NULL, ctx);
    yajl_status status = yajl_parse(h, (const unsigned char *)t->bytes, t->len);
    if (status == yajl_status_ok)
        status = yajl_complete_parse(h);
    yajl_free(h);
    return status == yajl_status_ok;
}

static bool decode(const struct bench_text *t, struct bench_sum *sum)
{
    return run(t, &decoder, sum);
}

// Ends the parse at the element that is found.
struct search {
    const struct bench_wanted *wanted;
    bool after_key, found;
};

static int see_key(void *ctx, const unsigned char *s, size_t len)
{
    struct search *search = ctx;
    search->after_key =
        strlen(search->wanted->key) == len && memcmp(s, search->wanted->key, len) == 0;
    return 1;
}

static int see_text(void *ctx, const unsigned char *s, size_t len)
{
    struct search *search = ctx;
    const char *want = search->wanted->text;
    if (search->after_key && want && strlen(want) == len && memcmp(s, want, len) == 0)
        search->found = true;
    search->after_key = false;
    return 1;
}

static int see_number(void *ctx, const char *s, size_t len)
{
    struct search *search = ctx;
    (void)len;
    if (search->after_key && !search->wanted->text &&
        strtoll(s, NULL, 10) == search->wanted->number)
        search->found = true;
    search->after_key = false;
    return 1;
}

static int see_end(void *ctx)
{
    return !((struct search *)ctx)->found;
}

static const yajl_callbacks searcher = {
    .yajl_number = see_number,
    .yajl_string = see_text,
    .yajl_map_key = see_key,
    .yajl_end_map = see_end,
};

static bool find(const struct bench_text *t)
{
    struct search search = {&t->wanted, false, false};
    run(t, &searcher, &search);
    return search.found;
}

const struct bench_library bench_yajl = {"yajl", decode, find};
#else
const struct bench_library bench_yajl = {"yajl", 0, 0};
#endif
