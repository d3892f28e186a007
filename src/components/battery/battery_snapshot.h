// battery_snapshot.h - a box with the newest snapshot: one writer, readers on any task, no lock.
//
// Several buffers; one word names the newest and counts who came to it:
//
//     state:  31 ........ 8 | 7 ... 0          slot:  left     readers that have gone
//             readers that  | the newest              arrived  readers that came, once it is
//             came to it    | slot                             no longer the newest
//
// A reader adds itself to `state` and learns its slot by the same step, copies, and adds itself to
// the slot's `left`. The writer takes a slot whose readers have all gone (arrived = left), fills
// it, and exchanges `state`: what it gets back says how many came to the slot before.
//
// Promised: a reader makes two atomic additions and one copy, whatever the writer and other readers
// do (wait-free where an addition is one instruction: x86, RISC-V with A, Arm with LSE). What it
// copies is one snapshot, whole, and never older than one that it, or who called it, has seen
// before. The writer never waits either: when readers that were put to sleep in the middle of a
// copy hold every other slot, it says so and tries again later. Counts are modulo 2^24; so many
// readers at once there are not.

#ifndef NH_BATTERY_SNAPSHOT_H
#define NH_BATTERY_SNAPSHOT_H

#include "components/battery/battery_model.h"

#define NH_BATTERY__SLOT_COUNT 6 // five readers asleep within a copy, each at another snapshot

// Zeroed: empty snapshots. Any alignment that malloc gives.
typedef struct nh_battery__box {
    uint32_t state;
    struct {
        uint32_t left, arrived;
        struct nh_battery_snapshot s;
    } slot[NH_BATTERY__SLOT_COUNT];
} nh_battery__box_t;

void nh_battery__box_read(nh_battery__box_t *box, struct nh_battery_snapshot *out); // any task

// The writer's: a slot to be filled, which nobody reads. NULL: none is free now.
struct nh_battery_snapshot *nh_battery__box_begin(nh_battery__box_t *box);
// Sets the check sum of the slot that begin() gave and makes it the newest.
void nh_battery__box_publish(nh_battery__box_t *box, struct nh_battery_snapshot *s);

uint32_t nh_battery__snapshot_check(const struct nh_battery_snapshot *s);

#endif
