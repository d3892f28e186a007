// lamp_sync.h - the lamp's state as the sync packet of WLED devices, and such a packet as a
// command. Sans-IO. Which field is what: docs/lamp-live.md, "Sync".

#ifndef NH_LAMP_SYNC_H
#define NH_LAMP_SYNC_H

#include "components/lamp/lamp.h"
#include "components/lamp_live/lamp_wled_udp.h"

// How `who` of a command begins that came by sync: what it changes is not sent on, or two lamps
// would tell each other for ever.
#define NH_LAMP_SYNC_WHO "sync "

struct nh_lamp_sync_rules {
    uint8_t groups;   // whom to hear, a bit each; 0: nobody
    bool has_effects; // also effect, its speed, intensity and palette
};

// What the state of another lamp, at address `from`, means for this one. False: it is not for its
// groups, or says nothing.
bool nh_lamp_sync_command(const struct nh_lamp_sync *s, const struct nh_lamp_sync_rules *rules,
                          const char *from, struct nh_lamp_command *out);

// The state as others are told. `groups`: to whom.
struct nh_lamp_sync nh_lamp_sync_of(const struct nh_lamp_snapshot *s, uint8_t groups,
                                    uint32_t transition_ms);
// Whether others would see a difference.
bool nh_lamp_sync_differs(const struct nh_lamp_sync *a, const struct nh_lamp_sync *b);
// Whether the newest change of the state came by sync.
bool nh_lamp_sync_was_last(const struct nh_lamp_snapshot *s);

#endif
