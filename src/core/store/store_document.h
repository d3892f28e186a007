// store_document.h - a struct as a JSON document of the store, by its field table.

#ifndef NH_STORE_DOCUMENT_H
#define NH_STORE_DOCUMENT_H

#include "core/json/decode.h"
#include "core/store/store.h"

// Writes `from` as `fields` says, in pieces. The new generation, or an error of the writer or the
// store: then the document is as before.
NH_MUST_USE int nh_store_document_write(nh_store_t *s, const char *name,
                                        const nh_json_field_t *fields, const void *from);

#endif
