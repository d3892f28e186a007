// The request of a WebSocket against rules that the first byte chooses; then the refusal.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/linux/http/ws_upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"hub", NULL};
static const struct nh_ws_rules rules[] = {
    {.protocol = "mqtt"},
    {.protocol = "mqtt", .path = "/mqtt", .host_names = names},
    {.protocol = "mqtt", .origins = "*"},
    {.protocol = "mqtt", .origins = "https://a.example, http://b.example:8080"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nh_h1_head head;
    char reply[NH_WS_REPLY_MAX_BYTES];
    size_t scanned = 0;
    if (size < 2)
        return 0;
    int end = nh_h1_find_end((const char *)data + 1, size - 1, &scanned);
    if (end <= 0)
        return 0;
    char *buf = malloc((size_t)end);
    memcpy(buf, data + 1, (size_t)end);
    if (nh_h1_parse(buf, (size_t)end, &head) == 0) {
        const char *why = NULL;
        int status = nh_ws_upgrade_check(&head, &rules[data[0] % NH_ARRAY_LEN(rules)], &why);
        if ((status != 0) != (why != NULL) || (status == 0 && !head.ws_key))
            abort();
        if (status && nh_ws_upgrade_refuse(reply, status, why, 0) > sizeof reply)
            abort();
    }
    free(buf);
    return 0;
}
