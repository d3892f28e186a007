// A mosquitto.conf from disk, with the folders that it includes.

#include "hub/line_file.h"
#include "hub/mosquitto_conf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NAME_MAX_BYTES 128
#define NAME_MAX_COUNT NH_MOSQUITTO_FILE_MAX_COUNT

// What is being read; the names of a folder's files wait here while each is.
struct reading {
    nh_mosquitto_reader_t r;
    char names[NAME_MAX_COUNT][NAME_MAX_BYTES];
};

static int read_one(struct reading *g, const char *path);

// By letter, upper case before lower case of the same letter.
static int compare(const void *a, const void *b)
{
    int order = strcasecmp(a, b);
    return order ? order : strcmp(a, b);
}

static bool is_conf(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".conf") == 0;
}

// Returns how many; -1: the folder cannot be read.
static int list(struct reading *g, const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    const struct dirent *e;
    if (!dir)
        return -1;
    while ((e = readdir(dir)) != NULL) {
        if (!is_conf(e->d_name))
            continue;
        if (count == NAME_MAX_COUNT || strlen(e->d_name) >= NAME_MAX_BYTES) {
            nh_mosquitto_fault(&g->r, "include_dir", e->d_name,
                               "has too many files, or one with too long a name");
            break;
        }
        memcpy(g->names[count++], e->d_name, strlen(e->d_name) + 1);
    }
    closedir(dir);
    qsort(g->names, (size_t)count, NAME_MAX_BYTES, compare);
    return count;
}

static void include(struct reading *g, const char *folder)
{
    char path[NH_MOSQUITTO_PATH_MAX + NAME_MAX_BYTES];
    int count = list(g, folder);
    if (count < 0)
        nh_mosquitto_fault(&g->r, "include_dir", folder, "cannot be read");
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, g->names[i]);
        NH_IGNORE(read_one(g, path)); // told
    }
}

static int take_line(void *ctx, uint32_t number, nh_span_t text)
{
    struct reading *g = ctx;
    char folder[NH_MOSQUITTO_PATH_MAX];
    nh_mosquitto_line(&g->r, number, text, folder);
    if (folder[0])
        include(g, folder);
    return NH_OK;
}

static int read_one(struct reading *g, const char *path)
{
    int err = nh_mosquitto_file_begin(&g->r, path);
    if (err < 0)
        return err;
    uint32_t before = g->r.at;
    g->r.at = g->r.frame[g->r.depth - 1].file << NH_MOSQUITTO_LINE_BITS;
    err = nh_line_file_read(path, take_line, g);
    if (err < 0)
        nh_mosquitto_fault(&g->r, "", "",
                           err == NH_ERR_NOT_FOUND ? "there is no such file" : "cannot be read");
    g->r.at = before;
    nh_mosquitto_file_end(&g->r);
    return err;
}

int nh_mosquitto_read_file(nh_mem_t *mem, const char *path, struct nh_mosquitto_conf *out,
                           nh_rules_fault_fn fault, void *ctx)
{
    char host[96] = "nuthatch";
    struct reading *g = nh_mem_alloc(mem, sizeof *g, NH_MEM_BULK);
    if (!g)
        return NH_ERR_NOMEM;
    if (gethostname(host, sizeof host - 1) == 0)
        host[sizeof host - 1] = '\0';
    const struct nh_mosquitto_config cfg = {.host_name = host,
                                            .has_no_ipv6 = access("/proc/net/if_inet6", F_OK) != 0,
                                            .fault = fault,
                                            .ctx = ctx};
    nh_mosquitto_init(&g->r, &cfg, out);
    NH_IGNORE(read_one(g, path)); // told, and counted as an error
    int err = nh_mosquitto_end(&g->r);
    nh_mem_free(mem, g);
    return err;
}
