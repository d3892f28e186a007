#include "core/store/store_document.h"

static int write_piece(void *ctx, const char *bytes, size_t len)
{
    return nh_store_write(ctx, bytes, len);
}

int nh_store_document_write(nh_store_t *s, const char *name, const nh_json_field_t *fields,
                            const void *from)
{
    nh_store_write_t *write;
    nh_json_writer_t w;
    int err = nh_store_write_begin(s, name, 0, &write);
    if (err < 0)
        return err;
    nh_json_writer_init(&w, write_piece, write);
    nh_json_encode_struct(&w, fields, from, 0);
    err = nh_json_writer_end(&w);
    if (err < 0) {
        nh_store_write_abort(write);
        return err;
    }
    return nh_store_write_commit(write);
}
