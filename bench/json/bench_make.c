#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_json.h"

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static unsigned below(unsigned n)
{
    return (unsigned)(random64() % n);
}

static double fraction(void)
{
    return (double)(random64() >> 11) / 9007199254740992.0;
}

static __attribute__((format(printf, 2, 3))) void add(struct bench_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    t->len += (size_t)vsprintf(t->bytes + t->len, format, args);
    va_end(args);
}

// What the program itself lists: short keys, short values.
static void add_sensor(struct bench_text *t, unsigned id)
{
    static const char *const kinds[] = {"temperature", "humidity", "pressure", "soil"};
    add(t, "{\"id\":\"sensor-%06u\",\"kind\":\"%s\",\"room\":\"Room %u\",\"value\":%.2f", id,
        kinds[below(4)], below(40), 10 + 20 * fraction());
    add(t, ",\"battery_pct\":%u,\"online\":%s,\"error\":null", below(101),
        below(10) ? "true" : "false");
    add(t, ",\"seen_ms\":%llu,\"limits\":{\"low\":%d,\"high\":%d},\"last\":[%.1f,%.1f,%.1f]}",
        1700000000000ull + below(1000000000), -(int)below(20), 20 + (int)below(40), 30 * fraction(),
        30 * fraction(), 30 * fraction());
}

// Sentences with escapes and letters beyond ASCII.
static void add_message(struct bench_text *t, unsigned id)
{
    static const char *const words[] = {"the",
                                        "quick",
                                        "hub",
                                        "said",
                                        "\\\"hello\\\"",
                                        "and",
                                        "then",
                                        "it",
                                        "was",
                                        "quiet;",
                                        "k\xc3\xb6nnte",
                                        "\\u00e4hnlich",
                                        "battery",
                                        "nearly",
                                        "empty,",
                                        "line\\n",
                                        "\xd0\xb4\xd0\xbe\xd0\xbc",
                                        "C:\\\\data",
                                        "measured",
                                        "again",
                                        "and",
                                        "forwarded",
                                        "to",
                                        "everyone."};
    add(t, "{\"id\":\"message-%06u\",\"from\":\"user%u\",\"text\":\"", id, below(500));
    for (unsigned i = 0, n = 20 + below(60); i < n; i++)
        add(t, "%s%s", i ? " " : "", words[below(sizeof words / sizeof words[0])]);
    add(t, "\",\"tags\":[\"%s\",\"%s\"]}", "first tag of it", "second");
}

// Series of doubles with two to seventeen digits.
static void add_series(struct bench_text *t, unsigned id)
{
    add(t, "{\"id\":%u,\"values\":[", id);
    for (unsigned i = 0; i < 24; i++) {
        const char *comma = i ? "," : "";
        switch (below(4)) {
        case 0:
            add(t, "%s%d", comma, (int)below(100000) - 50000);
            break;
        case 1:
            add(t, "%s%.17g", comma, fraction());
            break;
        case 2:
            add(t, "%s%.6f", comma, 360 * fraction() - 180);
            break;
        default:
            add(t, "%s%.4e", comma, 1e6 * fraction());
        }
    }
    add(t, "]}");
}

static void make_text(struct bench_text *t, const char *name, size_t size,
                      void (*add_element)(struct bench_text *, unsigned))
{
    unsigned count = 0;
    t->name = name;
    t->bytes = malloc(size + 4096);
    if (!t->bytes)
        abort();
    add(t, "[");
    while (t->len < size) {
        add(t, count ? "," : "");
        add_element(t, count++);
    }
    add(t, "]");
    t->wanted.number = count - 3;
}

void bench_make(struct bench_text texts[BENCH_TEXTS], size_t size)
{
    static char wanted[2][32];
    memset(texts, 0, BENCH_TEXTS * sizeof texts[0]);
    make_text(&texts[0], "sensors", size, add_sensor);
    make_text(&texts[1], "strings", size, add_message);
    make_text(&texts[2], "numbers", size, add_series);
    snprintf(wanted[0], sizeof wanted[0], "sensor-%06u", (unsigned)texts[0].wanted.number);
    snprintf(wanted[1], sizeof wanted[1], "message-%06u", (unsigned)texts[1].wanted.number);
    texts[0].wanted.text = wanted[0];
    texts[1].wanted.text = wanted[1];
    for (int i = 0; i < BENCH_TEXTS; i++)
        texts[i].wanted.key = "id";
}
