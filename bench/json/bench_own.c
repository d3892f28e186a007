#include "bench_json.h"
#include "core/json/find.h"
#include "core/json/json.h"

static bool decode(const struct bench_text *t, struct bench_sum *sum)
{
    static char text[4096];
    nh_json_reader_t r;
    size_t len;
    double d;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){text, sizeof text, 0, false});
    nh_json_feed(&r, t->bytes, t->len, true);
    for (;;) {
        switch (nh_json_next(&r)) {
        case NH_JSON_KEY:
            nh_json_text(&r, &len);
            sum->key_bytes += len;
            break;
        case NH_JSON_STRING:
            nh_json_text(&r, &len);
            sum->text_bytes += len;
            break;
        case NH_JSON_NUMBER:
            if (nh_json_double(&r, &d))
                return false;
            sum->number_sum += d;
            break;
        case NH_JSON_TRUE:
        case NH_JSON_FALSE:
        case NH_JSON_NULL:
            sum->word_count++;
            break;
        case NH_JSON_OBJECT_BEGIN:
        case NH_JSON_OBJECT_END:
        case NH_JSON_ARRAY_BEGIN:
        case NH_JSON_ARRAY_END:
            break;
        case NH_JSON_DONE:
            return true;
        default:
            return false;
        }
    }
}

static bool find(const struct bench_text *t)
{
    nh_json_find_t f;
    struct nh_json_find_config cfg = {"", t->wanted.key, t->wanted.text, t->wanted.number};
    return nh_json_find_init(&f, &cfg) == 0 && nh_json_find_feed(&f, t->bytes, t->len, true) == 0 &&
           nh_json_find_end(&f) > nh_json_find_begin(&f);
}

const struct bench_library bench_own = {"nuthatch", decode, find};
