// bench_json.h - what the parts of the JSON bench share: the texts, and one adapter a library.

#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a pass over a text gives. All libraries must give the same, or the run fails.
struct bench_sum {
    uint64_t key_bytes, text_bytes; // unescaped
    uint64_t word_count;            // true, false, null
    double number_sum;              // of all numbers, in their order
};

// The element to find: the member `key` has the value `text`, or `number` if that is NULL.
struct bench_wanted {
    const char *key, *text;
    int64_t number;
};

struct bench_text {
    const char *name;
    char *bytes;
    size_t len;
    struct bench_wanted wanted; // the last element but two
};

// Both tell false if the library failed or found nothing.
struct bench_library {
    const char *name;
    bool (*decode)(const struct bench_text *t, struct bench_sum *sum);
    bool (*find)(const struct bench_text *t);
};

extern const struct bench_library bench_own, bench_cjson, bench_jsmn, bench_yajl;

#define BENCH_TEXTS 3
// Makes the three texts, an array of objects each, of about `size` bytes from one seed.
void bench_make(struct bench_text texts[BENCH_TEXTS], size_t size);

#endif
