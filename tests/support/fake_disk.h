// fake_disk.h - a disk in memory that loses power as real ones do, behind struct nh_files_ops.
//
// What was written but not synced may be lost, be there up to any byte, or be there in any of its
// 512-byte sectors (torn), the rest old bytes or junk. A name that was made, moved or removed is
// durable after sync_dir() of its folder; until then each name for itself may show the old or the
// new state. A folder that is lost takes its files along.
//
// Every call but close is counted and can be made to fail, or be the last one before the power
// goes. A disk can be copied, to try another fate on the copy.

#ifndef NH_FAKE_DISK_H
#define NH_FAKE_DISK_H

#include "platform/platform.h"

#define FAKE_DISK_FILE_MAX_BYTES 1280
#define FAKE_DISK_INODES 14
#define FAKE_DISK_NAMES 24
#define FAKE_DISK_PATH_MAX_BYTES 48
#define FAKE_DISK_CALLS 320 // that are remembered; more are counted only

enum fake_disk_op {
    FAKE_DISK_OPEN,
    FAKE_DISK_READ,
    FAKE_DISK_WRITE,
    FAKE_DISK_SYNC,
    FAKE_DISK_RENAME,
    FAKE_DISK_REMOVE,
    FAKE_DISK_MKDIR,
    FAKE_DISK_STAT,
    FAKE_DISK_SYNC_DIR,
    FAKE_DISK_DIR_OPEN,
    FAKE_DISK_DIR_NEXT,
};

struct fake_disk_call {
    enum fake_disk_op op;
    uint32_t len; // of a write
};

enum fake_disk_fault_kind {
    FAKE_DISK_NO_FAULT,
    FAKE_DISK_FAIL,       // the call gives `err` and does nothing (a write: its first `bytes`)
    FAKE_DISK_FAIL_AFTER, // the call does its work and gives `err` all the same
    FAKE_DISK_CUT_BEFORE, // the power goes before the call (a write: after its first `bytes`)
    FAKE_DISK_CUT_AFTER,  // the power goes after the call's work, before anybody hears of it
};

struct fake_disk_fault {
    enum fake_disk_fault_kind kind;
    uint32_t call;  // 1: the next one
    uint32_t bytes; // of a write
    int err;
};

struct fake_inode {
    bool is_used, is_dirty; // dirty: `now` is not what is durable
    uint32_t now_len, durable_len;
    uint8_t now[FAKE_DISK_FILE_MAX_BYTES], durable[FAKE_DISK_FILE_MAX_BYTES];
};

#define FAKE_DISK_NONE (-1)
#define FAKE_DISK_DIR (-2)
struct fake_name {
    char path[FAKE_DISK_PATH_MAX_BYTES]; // "": free
    int now, durable;                    // an inode's index, NONE or DIR
};

struct nh_file {
    int inode; // NONE: free
};

struct fake_cursor {
    bool is_used;
    char dir[FAKE_DISK_PATH_MAX_BYTES];
    uint32_t next;
};

struct fake_disk {
    struct fake_inode inodes[FAKE_DISK_INODES];
    struct fake_name names[FAKE_DISK_NAMES];
    struct nh_file files[4];
    struct fake_cursor cursors[2];
    struct fake_disk_fault fault;
    uint32_t call_count;
    struct fake_disk_call calls[FAKE_DISK_CALLS];
    bool is_dead;   // the power is off: every call gives NH_ERR_IO
    bool is_struck; // the fault has come
};

void fake_disk_init(struct fake_disk *d);

// Makes `to` as `from` is, but for the remembered calls; nothing is open in it. Faster than an
// assignment: copies what is used.
void fake_disk_copy(struct fake_disk *to, const struct fake_disk *from);

// The disk as a file system. `d` is borrowed; it may be copied over while nothing is open.
struct nh_fs fake_disk_fs(struct fake_disk *d);

// Starts counting calls anew, with this fault ahead; NULL: none.
void fake_disk_fault_set(struct fake_disk *d, const struct fake_disk_fault *fault);

enum fake_disk_fate {
    FAKE_DISK_LOSE,   // nothing is there but what is durable
    FAKE_DISK_KEEP,   // all is there, synced or not
    FAKE_DISK_PREFIX, // all names; of each unsynced file the first `number` bytes
    FAKE_DISK_RANDOM, // each name, length and sector by chance; `number` is the seed
};
// Power off and on: what was not durable meets its fate, and what is left is durable. Open files
// and cursors are gone.
void fake_disk_power_cycle(struct fake_disk *d, enum fake_disk_fate fate, uint32_t number);

// Files and cursors that are open.
unsigned fake_disk_open_count(const struct fake_disk *d);

// For a test's own hands: writes a durable file, replacing one; reads; -1: there is none.
void fake_disk_file_put(struct fake_disk *d, const char *path, const void *bytes, size_t len);
int fake_disk_file_get(const struct fake_disk *d, const char *path, const uint8_t **bytes);
void fake_disk_file_remove(struct fake_disk *d, const char *path);
unsigned fake_disk_file_count(const struct fake_disk *d); // names of files now

#endif
