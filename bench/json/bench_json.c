// bench_json - our reader and finder against cJSON, jsmn and yajl on the same texts in one run.
//
// The figure is the best of some rounds, in which the libraries take turns. Instructions:
//   valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=bench_measured
//       bench_json --once --text sensors --task find --library nuthatch
// counts one pass over 1 MiB: divide "Collected" by 1048576.

#include "bench_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/json/json.h"

#define ROUNDS 25

static const struct bench_library *const libraries[] = {&bench_own, &bench_cjson, &bench_jsmn,
                                                        &bench_yajl};
enum task { TASK_DECODE, TASK_FIND, TASK_COUNT };
static const char *const task_names[] = {"decode", "find"};

struct options {
    bool json, once;
    const char *text, *task, *library; // NULL: all
};

// One pass. Never inlined: callgrind collects by this name.
__attribute__((noinline)) bool bench_measured(const struct bench_library *lib, enum task task,
                                              const struct bench_text *t, struct bench_sum *sum);
bool bench_measured(const struct bench_library *lib, enum task task, const struct bench_text *t,
                    struct bench_sum *sum)
{
    return task == TASK_FIND ? lib->find(t) : lib->decode(t, sum);
}

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double pass_s(const struct bench_library *lib, enum task task, const struct bench_text *t,
                     struct bench_sum *sum)
{
    memset(sum, 0, sizeof *sum);
    double begin = now_s();
    if (!bench_measured(lib, task, t, sum)) {
        fprintf(stderr, "%s failed to %s %s\n", lib->name, task_names[task], t->name);
        exit(1);
    }
    return now_s() - begin;
}

// All read the same, or the comparison means nothing. cJSON keeps the order of the sum, too.
static void compare(const struct bench_library *lib, const struct bench_text *t,
                    const struct bench_sum *want, const struct bench_sum *got)
{
    if (want->key_bytes == got->key_bytes && want->text_bytes == got->text_bytes &&
        want->word_count == got->word_count && want->number_sum == got->number_sum)
        return;
    fprintf(stderr, "%s reads %s otherwise than %s: %llu %llu %llu %.17g\n", lib->name, t->name,
            libraries[0]->name, (unsigned long long)got->key_bytes,
            (unsigned long long)got->text_bytes, (unsigned long long)got->word_count,
            got->number_sum);
    exit(1);
}

static bool is_chosen(const char *choice, const char *name)
{
    return !choice || strcmp(choice, name) == 0;
}

// Bytes a second of each library, 0 for one that is not there.
static void measure(const struct bench_text *t, enum task task, const struct options *o,
                    double rates[NH_ARRAY_LEN(libraries)])
{
    struct bench_sum sums[NH_ARRAY_LEN(libraries)];
    for (size_t i = 0; i < NH_ARRAY_LEN(libraries); i++)
        rates[i] = 0;
    for (int round = 0; round < (o->once ? 1 : ROUNDS); round++) {
        for (size_t i = 0; i < NH_ARRAY_LEN(libraries); i++) {
            if (!libraries[i]->decode || !is_chosen(o->library, libraries[i]->name))
                continue;
            rates[i] = fmax(rates[i], (double)t->len / pass_s(libraries[i], task, t, &sums[i]));
            if (!o->library)
                compare(libraries[i], t, &sums[0], &sums[i]);
        }
    }
}

static double ratio_to_fastest(const double rates[NH_ARRAY_LEN(libraries)])
{
    double fastest = 0;
    for (size_t i = 1; i < NH_ARRAY_LEN(libraries); i++)
        fastest = fmax(fastest, rates[i]);
    return fastest > 0 ? rates[0] / fastest : 0;
}

static int print_sink(void *ctx, const char *bytes, size_t len)
{
    return fwrite(bytes, 1, len, ctx) == len ? 0 : NH_ERR_IO;
}

static void write_row(nh_json_writer_t *w, const struct bench_text *t, enum task task,
                      const double rates[NH_ARRAY_LEN(libraries)])
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "text", t->name);
    nh_json_kv_uint(w, "text_bytes", t->len);
    nh_json_kv_string(w, "task", task_names[task]);
    for (size_t i = 0; i < NH_ARRAY_LEN(libraries); i++)
        if (rates[i] > 0)
            nh_json_kv_uint(w, libraries[i]->name, (uint64_t)rates[i]);
    nh_json_kv_double(w, "ratio", round(ratio_to_fastest(rates) * 100) / 100);
    nh_json_object_end(w);
}

static void print_row(const struct bench_text *t, enum task task,
                      const double rates[NH_ARRAY_LEN(libraries)])
{
    printf("%-8s %-7s", t->name, task_names[task]);
    for (size_t i = 0; i < NH_ARRAY_LEN(libraries); i++)
        printf("%10.0f", rates[i] / 1e6);
    printf("%9.2f\n", ratio_to_fastest(rates));
}

static void run(const struct bench_text texts[BENCH_TEXTS], const struct options *o)
{
    double rates[NH_ARRAY_LEN(libraries)];
    nh_json_writer_t w;
    nh_json_writer_init(&w, print_sink, stdout);
    if (o->json)
        nh_json_array_begin(&w);
    else
        printf("MB/s                nuthatch     cJSON      jsmn      yajl   to the fastest\n");
    for (int i = 0; i < BENCH_TEXTS; i++) {
        for (int task = 0; task < TASK_COUNT; task++) {
            if (!is_chosen(o->text, texts[i].name) || !is_chosen(o->task, task_names[task]))
                continue;
            measure(&texts[i], (enum task)task, o, rates);
            if (o->json)
                write_row(&w, &texts[i], (enum task)task, rates);
            else
                print_row(&texts[i], (enum task)task, rates);
        }
    }
    if (o->json) {
        nh_json_array_end(&w);
        printf("\n");
    }
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_json [--json] [--once] [--text sensors|strings|numbers]\n"
                    "                  [--task decode|find] [--library nuthatch|cJSON|jsmn|yajl]\n"
                    "                  [--write DIR]\n");
    return 2;
}

// So that other programs can be measured on the same texts.
static int write_texts(const struct bench_text texts[BENCH_TEXTS], const char *dir)
{
    for (int i = 0; i < BENCH_TEXTS; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.json", dir, texts[i].name);
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(texts[i].bytes, 1, texts[i].len, f) != texts[i].len || fclose(f) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}

// Where the word behind an option goes; NULL: it takes none.
static const char **option_value(struct options *o, const char **dir, const char *name)
{
    if (strcmp(name, "--text") == 0)
        return &o->text;
    if (strcmp(name, "--task") == 0)
        return &o->task;
    if (strcmp(name, "--library") == 0)
        return &o->library;
    return strcmp(name, "--write") == 0 ? dir : NULL;
}

int main(int argc, char **argv)
{
    static struct bench_text texts[BENCH_TEXTS];
    struct options o = {0};
    const char *dir = NULL;
    for (int i = 1; i < argc; i++) {
        const char **value = option_value(&o, &dir, argv[i]);
        if (value && i + 1 < argc)
            *value = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            o.json = true;
        else if (strcmp(argv[i], "--once") == 0)
            o.once = true;
        else
            return usage();
    }
    bench_make(texts, NH_MIB(1));
    if (dir)
        return write_texts(texts, dir);
    run(texts, &o);
    return 0;
}
