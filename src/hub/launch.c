// Which program runs: the installed one, or the one in a slot of the data folder. The installed one
// is always started first, so that a bad update cannot lock anybody out; it gives way by exec.

#include "components/ota/ota.h"
#include "hub/cli_memory.h"
#include "hub/hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE_VARIABLE "NUTHATCH_OTA_PLACE"     // "a", "b"; not set: the installed program
#define PROGRAM_VARIABLE "NUTHATCH_OTA_PROGRAM" // the path of that one
#define PATH_MAX_BYTES 512

int nh_hub_launched_from(void)
{
    const char *name = getenv(PLACE_VARIABLE);
    for (int p = NH_OTA_SLOT_A; name && p < NH_OTA_PLACE_COUNT; p++)
        if (strcmp(name, nh_ota_place_name((enum nh_ota_place)p)) == 0)
            return p;
    return NH_OTA_PROGRAM;
}

// Asks the record. Where it cannot be asked, the installed program runs.
static enum nh_ota_place choose(const char *data)
{
    struct nh_cli_memory m;
    nh_files_t *files = NULL;
    nh_store_t *store = NULL;
    enum nh_ota_place place = NH_OTA_PROGRAM;
    if (!nh_cli_memory_open(&m))
        return place;
    struct nh_store_config cfg = {.mem = m.mem, .dir = NH_OTA_DIR, .keep_count = 2};
    int err = nh_files_open_existing(m.mem, data, &files);
    if (err == 0) {
        cfg.fs = nh_files_fs(files);
        err = nh_store_create(&cfg, &store);
    }
    if (err == 0)
        place = nh_ota_slots_boot(store, cfg.fs);
    else if (err != NH_ERR_NOT_FOUND)
        fprintf(stderr,
                "nuthatch: the slots in %s cannot be read: %s; the installed program runs\n", data,
                nh_err_text(err));
    nh_store_destroy(store);
    nh_files_close(files);
    nh_cli_memory_close(&m);
    return place;
}

static bool own_path(char out[PATH_MAX_BYTES])
{
    const char *given = getenv(PROGRAM_VARIABLE);
    if (given && strlen(given) < PATH_MAX_BYTES) {
        memcpy(out, given, strlen(given) + 1);
        return true;
    }
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX_BYTES - 1);
    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}

static void become(const char *path, enum nh_ota_place place, char **argv)
{
    if (place == NH_OTA_PROGRAM)
        unsetenv(PLACE_VARIABLE);
    else
        setenv(PLACE_VARIABLE, nh_ota_place_name(place), 1);
    fflush(NULL);
    execv(path, argv);
    fprintf(stderr, "nuthatch: %s cannot be started: %s\n", path, strerror(errno));
    unsetenv(PLACE_VARIABLE);
}

// Back at the installed program, which chooses anew.
static void become_installed(char **argv)
{
    char path[PATH_MAX_BYTES];
    if (own_path(path))
        become(path, NH_OTA_PROGRAM, argv);
}

void nh_hub_launch(const struct nh_hub_config *cfg, char **argv, bool again)
{
    char path[PATH_MAX_BYTES], own[PATH_MAX_BYTES];
    if (!cfg->ota.enabled)
        return;
    if (again) {
        become_installed(argv);
        return;
    }
    if (nh_hub_launched_from() != NH_OTA_PROGRAM || !own_path(own))
        return;
    setenv(PROGRAM_VARIABLE, own, 1);
    // Each failure to start one uses up its try: after two the installed one is left.
    for (int tries = 0; tries < NH_OTA_PLACE_COUNT; tries++) {
        enum nh_ota_place place = choose(cfg->data);
        if (place == NH_OTA_PROGRAM)
            return;
        int n = snprintf(path, sizeof path, "%s/%s", cfg->data, nh_ota_place_file(place));
        if (n < 0 || (size_t)n >= sizeof path)
            return;
        if (chmod(path, S_IRWXU) < 0)
            fprintf(stderr, "nuthatch: %s: %s\n", path, strerror(errno));
        become(path, place, argv);
    }
}
