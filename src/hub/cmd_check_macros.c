// nuthatch check of a macro pad's document: as the hub would take it, its key scripts and icons
// too.

#include "components/macropad/macropad.h"
#include "hub/cli_memory.h"
#include "hub/commands.h"
#include "hub/config.h"

#include <stdio.h>
#include <string.h>

// ---- which file is one
// ---------------------------------------------------------------------------

// The outermost object of some JSON has a member "screens". A text of another form ends the search.
static bool has_screens(FILE *f)
{
    char text[64], chunk[4096];
    nh_json_reader_t r;
    const struct nh_json_reader_config cfg = {
        .text = text, .text_max_bytes = sizeof text, .cut_long = true};
    nh_json_reader_init(&r, &cfg);
    for (;;) {
        int ev = nh_json_next(&r);
        if (ev == NH_ERR_AGAIN) {
            size_t n = fread(chunk, 1, sizeof chunk, f);
            nh_json_feed(&r, chunk, n, n < sizeof chunk);
        } else if (ev < 0 || ev == NH_JSON_DONE) {
            return false;
        } else if (ev == NH_JSON_KEY && nh_json_depth(&r) == 1 &&
                   strcmp(nh_json_text(&r, NULL), "screens") == 0) {
            return true;
        }
    }
}

bool nh_command_is_macro_file(const char *file)
{
    FILE *f = fopen(file, "rb");
    bool is_one = f && has_screens(f);
    if (f)
        fclose(f);
    return is_one;
}

// ---- what is wrong with it
// -----------------------------------------------------------------------

static int read_file(void *ctx, void *out, size_t cap)
{
    size_t n = fread(out, 1, cap, ctx);
    return n == 0 && ferror(ctx) ? NH_ERR_IO : (int)n;
}

int nh_command_check_macros(const char *file, const char *layout, nh_finding_fn finding, void *ctx)
{
    struct nh_cli_memory m;
    FILE *f = fopen(file, "rb");
    int err = f ? 0 : NH_ERR_NOT_FOUND;
    if (err == 0 && !nh_cli_memory_open(&m))
        err = NH_ERR_NOMEM;
    if (err == 0) {
        err = nh_macropad_check(m.mem, layout, read_file, f, finding, ctx);
        nh_cli_memory_close(&m);
    }
    if (f)
        fclose(f);
    return err;
}
