// icon_store.h - icons that were installed: a file each in a folder, written atomically. Nothing of
// an icon is held in memory but the piece at hand; lists read the folder. One task.
//
//   <dir>/<id>.bin   an icon, whole: see icon_file.h
//   <dir>/<id>.tmp   one on its way; removed at the start

#ifndef NH_ICON_STORE_H
#define NH_ICON_STORE_H

#include "components/macropad/icon_file.h"
#include "components/macropad/macro_set.h"
#include "platform/platform.h"

#define NH_ICON_PATH_MAX_BYTES 80u

struct nh_icon_store_info {
    uint64_t installed, refused, deleted;
    uint64_t full; // refused for icon_max_count or icon_max_bytes
};

// Embedded; zeroed: there is no store, and each call is NH_ERR_UNSUPPORTED.
struct nh_icon_store {
    struct nh_fs fs;
    const char *dir; // borrowed; at most 31 bytes
    uint32_t icon_max_count;
    uint64_t icon_max_bytes;
    struct nh_icon_store_info info;
};

// Makes the folder and removes what was on its way. An error: there is no store then.
NH_MUST_USE int nh_icon_store_start(struct nh_icon_store *s);

// ---- writing one: begin, write..., then commit or abort

struct nh_icon_write {
    struct nh_icon_store *store;
    nh_file_t *file;
    char id[NH_MACROPAD_ICON_ID_MAX_BYTES];
};
// `bytes`: of the whole file. NH_ERR_INVAL: the id. NH_ERR_FULL: so many are there already, or with
// it they would have more bytes than they may.
NH_MUST_USE int nh_icon_write_begin(struct nh_icon_store *s, const char *id, uint64_t bytes,
                                    struct nh_icon_write *out);
NH_MUST_USE int nh_icon_write(struct nh_icon_write *w, const void *bytes, size_t len);
// Durable when it returns 0; an older icon of that id is replaced. After an error that one is as it
// was. Either ends `w`.
NH_MUST_USE int nh_icon_write_commit(struct nh_icon_write *w);
void nh_icon_write_abort(struct nh_icon_write *w);

// ---- reading

// The file of an icon, to be read and closed by the store's `fs`. It stays what it is when another
// one is installed.
NH_MUST_USE int nh_icon_store_open(struct nh_icon_store *s, const char *id, nh_file_t **out);
// What it says of itself. NH_ERR_CORRUPT: it is no icon.
NH_MUST_USE int nh_icon_file_head(struct nh_icon_store *s, nh_file_t *f, struct nh_icon_head *out);
NH_MUST_USE int nh_icon_store_remove(struct nh_icon_store *s, const char *id);

// The icons, one by one, in no order: open, next until NH_ERR_NOT_FOUND, close.
NH_MUST_USE int nh_icon_list_open(struct nh_icon_store *s, void **cursor);
NH_MUST_USE int nh_icon_list_next(struct nh_icon_store *s, void *cursor,
                                  char id[NH_MACROPAD_ICON_ID_MAX_BYTES], uint64_t *bytes);
void nh_icon_list_close(struct nh_icon_store *s, void *cursor);

// Removes those named `emoji_...` or `user_...` that no button of `set` uses. Each is looked up in
// the set when its turn comes: there is no list of what to keep.
struct nh_icon_swept {
    uint32_t deleted;
    uint64_t bytes;
};
NH_MUST_USE int nh_icon_store_sweep(struct nh_icon_store *s, const nh_macro_set_t *set,
                                    struct nh_icon_swept *out);

#endif
