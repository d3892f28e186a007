#include "platform/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 32

// What the next scalar is depends on where it stands: in a map keys and values alternate.
struct level {
    bool is_map, expects_key;
};

struct reading {
    int (*event)(void *ctx, const struct nh_yaml_event *e);
    void *ctx;
    struct nh_yaml_error *error;
    struct level level[DEPTH_MAX];
    uint32_t depth;
};

static int fail(struct reading *r, int code, const yaml_mark_t *at, const char *text)
{
    r->error->line = (uint32_t)at->line + 1;
    r->error->column = (uint32_t)at->column + 1;
    snprintf(r->error->text, sizeof r->error->text, "%s", text ? text : "not well-formed YAML");
    return code;
}

static int emit(struct reading *r, enum nh_yaml_event_kind kind, const yaml_event_t *e)
{
    struct nh_yaml_event out = {.kind = kind,
                                .text = "",
                                .line = (uint32_t)e->start_mark.line + 1,
                                .column = (uint32_t)e->start_mark.column + 1};
    if (e->type == YAML_SCALAR_EVENT) {
        out.text = (const char *)e->data.scalar.value;
        out.len = e->data.scalar.length;
        out.is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    }
    return r->event(r->ctx, &out);
}

// Notes that a value of the current level is complete, so that a key may follow in a map.
static void value_done(struct reading *r)
{
    if (r->depth > 0 && r->level[r->depth - 1].is_map)
        r->level[r->depth - 1].expects_key = true;
}

static int begin(struct reading *r, const yaml_event_t *e, bool is_map, const yaml_char_t *anchor)
{
    if (anchor)
        return fail(r, NH_ERR_SYNTAX, &e->start_mark, "anchors are not used here");
    if (r->depth > 0 && r->level[r->depth - 1].is_map && r->level[r->depth - 1].expects_key)
        return fail(r, NH_ERR_SYNTAX, &e->start_mark, "a key must be a plain word");
    if (r->depth == DEPTH_MAX)
        return fail(r, NH_ERR_TOO_DEEP, &e->start_mark, "nested deeper than 32 levels");
    r->level[r->depth++] = (struct level){.is_map = is_map, .expects_key = is_map};
    return emit(r, is_map ? NH_YAML_MAP_BEGIN : NH_YAML_LIST_BEGIN, e);
}

static int end(struct reading *r, const yaml_event_t *e, bool is_map)
{
    r->depth--;
    value_done(r);
    return emit(r, is_map ? NH_YAML_MAP_END : NH_YAML_LIST_END, e);
}

static int scalar(struct reading *r, const yaml_event_t *e)
{
    if (e->data.scalar.anchor)
        return fail(r, NH_ERR_SYNTAX, &e->start_mark, "anchors are not used here");
    if (e->data.scalar.tag)
        return fail(r, NH_ERR_SYNTAX, &e->start_mark, "tags are not used here");
    struct level *l = r->depth > 0 ? &r->level[r->depth - 1] : NULL;
    if (l && l->is_map && l->expects_key) {
        l->expects_key = false;
        return emit(r, NH_YAML_KEY, e);
    }
    value_done(r);
    return emit(r, NH_YAML_SCALAR, e);
}

static int dispatch(struct reading *r, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_MAPPING_START_EVENT:
        return begin(r, e, true, e->data.mapping_start.anchor);
    case YAML_SEQUENCE_START_EVENT:
        return begin(r, e, false, e->data.sequence_start.anchor);
    case YAML_MAPPING_END_EVENT:
        return end(r, e, true);
    case YAML_SEQUENCE_END_EVENT:
        return end(r, e, false);
    case YAML_SCALAR_EVENT:
        // An empty document is given as one empty plain scalar at depth 0.
        return r->depth == 0 && e->data.scalar.length == 0 ? 0 : scalar(r, e);
    case YAML_ALIAS_EVENT:
        return fail(r, NH_ERR_SYNTAX, &e->start_mark, "aliases are not used here");
    default:
        return 0;
    }
}

static int read_events(yaml_parser_t *parser, struct reading *r)
{
    int documents = 0;
    for (;;) {
        yaml_event_t e;
        if (!yaml_parser_parse(parser, &e)) {
            int code = parser->error == YAML_MEMORY_ERROR ? NH_ERR_NOMEM : NH_ERR_SYNTAX;
            return fail(r, code, &parser->problem_mark, parser->problem);
        }
        bool is_last = e.type == YAML_STREAM_END_EVENT;
        int err = e.type == YAML_DOCUMENT_START_EVENT && documents++ > 0
                      ? fail(r, NH_ERR_SYNTAX, &e.start_mark, "only one document in a file")
                      : dispatch(r, &e);
        yaml_event_delete(&e);
        if (err || is_last)
            return err;
    }
}

// Gives libyaml the next piece of the file, and no more than the limit.
struct source {
    FILE *file;
    size_t read_bytes;
    bool too_long;
};

static int read_piece(void *ctx, unsigned char *out, size_t cap, size_t *got)
{
    struct source *s = ctx;
    *got = fread(out, 1, cap, s->file);
    s->read_bytes += *got;
    s->too_long = s->read_bytes > NH_YAML_MAX_BYTES;
    return !s->too_long && !ferror(s->file);
}

static int too_long(struct nh_yaml_error *error)
{
    *error = (struct nh_yaml_error){0};
    snprintf(error->text, sizeof error->text, "the file is larger than %zu bytes",
             (size_t)NH_YAML_MAX_BYTES);
    return NH_ERR_TOO_LONG;
}

int nh_yaml_read(const char *text, size_t len,
                 int (*event)(void *ctx, const struct nh_yaml_event *e), void *ctx,
                 struct nh_yaml_error *error)
{
    struct reading r = {.event = event, .ctx = ctx, .error = error};
    yaml_parser_t parser;
    *error = (struct nh_yaml_error){0};
    if (len > NH_YAML_MAX_BYTES)
        return too_long(error);
    if (!yaml_parser_initialize(&parser))
        return NH_ERR_NOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int err = read_events(&parser, &r);
    yaml_parser_delete(&parser);
    return err;
}

int nh_yaml_read_file(const char *path, int (*event)(void *ctx, const struct nh_yaml_event *e),
                      void *ctx, struct nh_yaml_error *error)
{
    struct reading r = {.event = event, .ctx = ctx, .error = error};
    struct source source = {.file = fopen(path, "rb")};
    yaml_parser_t parser;
    *error = (struct nh_yaml_error){0};
    if (!source.file)
        return errno == ENOENT || errno == ENOTDIR ? NH_ERR_NOT_FOUND
               : errno == EACCES || errno == EPERM ? NH_ERR_DENIED
                                                   : NH_ERR_IO;
    int err = NH_ERR_NOMEM;
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input(&parser, read_piece, &source);
        err = read_events(&parser, &r);
        yaml_parser_delete(&parser);
        if (source.too_long)
            err = too_long(error);
        else if (ferror(source.file))
            err = NH_ERR_IO;
    }
    fclose(source.file);
    return err;
}
