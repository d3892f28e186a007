// settings_private.h - shared by settings.c and settings_api.c.

#ifndef NH_HUB_SETTINGS_PRIVATE_H
#define NH_HUB_SETTINGS_PRIVATE_H

#include "hub/settings.h"

#define NH_SETTINGS_DOC "settings"
#define NH_SETTINGS_DOC_MAX_BYTES 4096
#define NH_SETTINGS_VALUE_MAX_BYTES 700 // one value's JSON: a string field of 256 bytes, escaped

struct nh_settings {
    struct nh_settings_config cfg;
    struct nh_hub_config *running; // what the parts of the hub were built from
};

// One field of the document: its pointer and its value's JSON, both borrowed.
struct nh_settings__pair {
    char pointer[NH_JSON_POINTER_MAX];
    const char *value;
    size_t value_len;
};

// Calls `visit` for each pair of `text`. NH_ERR_SYNTAX or what `visit` returned.
NH_MUST_USE int nh_settings__each(const char *text, size_t len,
                                  int (*visit)(void *ctx, const struct nh_settings__pair *p),
                                  void *ctx);
// Decodes one pair into `*c`. NH_ERR_INVAL: `finding` was told.
NH_MUST_USE int nh_settings__put(struct nh_hub_config *c, const struct nh_settings__pair *p,
                                 nh_finding_fn finding, void *ctx);
// Reads the document into `out` (NH_SETTINGS_DOC_MAX_BYTES); gives its length, 2 ("{}") if none.
NH_MUST_USE int nh_settings__read(nh_settings_t *s, char *out);
// Whether the portal may change a field.
bool nh_settings__is_writable(const char *pointer);

#endif
