#include "bench_json.h"

#ifdef HAVE_CJSON
#include <cjson/cJSON.h>
#include <string.h>

static void visit(const cJSON *item, struct bench_sum *sum)
{
    for (; item; item = item->next) {
        if (item->string)
            sum->key_bytes += strlen(item->string);
        if (cJSON_IsString(item))
            sum->text_bytes += strlen(item->valuestring);
        else if (cJSON_IsNumber(item))
            sum->number_sum += item->valuedouble;
        else if (cJSON_IsBool(item) || cJSON_IsNull(item))
            sum->word_count++;
        visit(item->child, sum);
    }
}

static bool decode(const struct bench_text *t, struct bench_sum *sum)
{
    cJSON *root = cJSON_ParseWithLength(t->bytes, t->len);
    if (!root)
        return false;
    visit(root, sum);
    cJSON_Delete(root);
    return true;
}

static bool is_wanted(const cJSON *value, const struct bench_wanted *wanted)
{
    if (wanted->text)
        return cJSON_IsString(value) && strcmp(value->valuestring, wanted->text) == 0;
    return cJSON_IsNumber(value) && value->valuedouble == (double)wanted->number;
}

static bool find(const struct bench_text *t)
{
    bool found = false;
    cJSON *root = cJSON_ParseWithLength(t->bytes, t->len), *item;
    cJSON_ArrayForEach(item, root)
    {
        found = is_wanted(cJSON_GetObjectItemCaseSensitive(item, t->wanted.key), &t->wanted);
        if (found)
            break;
    }
    cJSON_Delete(root);
    return found;
}

const struct bench_library bench_cjson = {"cJSON", decode, find};
#else
const struct bench_library bench_cjson = {"cJSON", 0, 0};
#endif
