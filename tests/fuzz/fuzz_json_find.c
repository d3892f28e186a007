// The finder: never out of bounds; in a well-formed text it finds the same however the text is cut,
// that is, by the scanner or by the reader alone. The first byte seeds the cuts.

#include <stdlib.h>
#include <string.h>

#include "core/json/find.h"

static const struct nh_json_find_config wanted[] = {
    {"", "id", NULL, 5}, {"", "id", "a", 0}, {"/a", "id", NULL, 5}, {"", "k\\", "\"", 0}};

static int find(nh_json_find_t *f, const struct nh_json_find_config *cfg, const uint8_t *text,
                size_t size, size_t most, unsigned seed)
{
    uint8_t *chunk = NULL;
    size_t at = 0;
    int result;
    if (nh_json_find_init(f, cfg) != 0)
        abort();
    do {
        size_t n = size - at;
        seed = seed * 1103515245u + 12345;
        if (most && n > (seed >> 16) % most + 1)
            n = (seed >> 16) % most + 1;
        free(chunk);
        chunk = malloc(n ? n : 1);
        memcpy(chunk, text + at, n);
        at += n;
        result = nh_json_find_feed(f, chunk, n, at == size);
    } while (result == NH_ERR_AGAIN);
    free(chunk);
    return result;
}

static bool is_well_formed(const uint8_t *text, size_t size)
{
    static char buffer[4096];
    nh_json_reader_t r;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){buffer, sizeof buffer, 0, true});
    nh_json_feed(&r, text, size, true);
    int event = nh_json_next(&r);
    while (event > 0 && event != NH_JSON_DONE)
        event = nh_json_next(&r);
    return event == NH_JSON_DONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nh_json_find_t whole, bytes, cut;
    if (size < 1 || size > 4000)
        return 0;
    bool same = is_well_formed(data + 1, size - 1);
    for (size_t i = 0; i < NH_ARRAY_LEN(wanted); i++) {
        int a = find(&whole, &wanted[i], data + 1, size - 1, 0, 0);
        int b = find(&bytes, &wanted[i], data + 1, size - 1, 1, 0);
        int c = find(&cut, &wanted[i], data + 1, size - 1, data[0] + 64u, data[0]);
        if (same && (a != b || a != c))
            abort();
        if (same && a == 0 &&
            (whole.begin != bytes.begin || whole.end != bytes.end || whole.begin != cut.begin ||
             whole.end != cut.end))
            abort();
        if (a == 0 &&
            (whole.end > size - 1 || data[1 + whole.begin] != '{' || data[whole.end] != '}'))
            abort();
    }
    return 0;
}
