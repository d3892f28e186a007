// sim_room.h - a quest room's props as they behave, without their connections: what people do, what
// the hub commands and time in; messages out. Sans-IO, no allocation.
//
//   prop     says                                         hears
//   reader1  room/reader1/card  the id of a card
//   reader2  room/reader2/card
//   beam     room/beam/held     "1" each 250 ms
//   door     room/door/state    open, closed, moving      room/door/command
//            room/door/result   ID accepted, done, failed
//   robot    room/robot/state   speaking, silent          room/robot/command
//            room/robot/said    the text
//            room/robot/result
//   desk     room/desk/button   reset, start
//
// A command is JSON: {"id":"...","do":"open"}, "close", {"do":"say","text":"..."}. Without an id
// there is no result. The same id twice is done once, and answered twice. Each prop has
// room/PROP/status, which is its connection's; room/player/status says that sim/room/# is heard.

#ifndef NH_TOOLS_SIM_ROOM_H
#define NH_TOOLS_SIM_ROOM_H

#include "core/base/base.h"

enum nh_sim_prop {
    NH_SIM_READER1,
    NH_SIM_READER2,
    NH_SIM_BEAM,
    NH_SIM_DOOR,
    NH_SIM_ROBOT,
    NH_SIM_DESK, // the operator's, with buttons
    NH_SIM_PROP_COUNT,
};
extern const char *const nh_sim_prop_names[NH_SIM_PROP_COUNT];

#define NH_SIM_ID_MAX_BYTES 64
#define NH_SIM_TEXT_MAX_BYTES 512
#define NH_SIM_SAY_MAX_COUNT 4 // texts that wait to be said; one more fails
#define NH_SIM_ID_MAX_COUNT 8  // ids that are remembered, of each prop

struct nh_sim_room_out {
    void (*publish)(void *ctx, enum nh_sim_prop prop, const char *topic, nh_span_t payload,
                    bool retain);
    // A prop comes or goes; `cut`: without a word.
    void (*power)(void *ctx, enum nh_sim_prop prop, bool is_on);
    void (*tell)(void *ctx, const char *line); // for the person who plays
    void *ctx;
};

struct nh_sim_id {
    char text[NH_SIM_ID_MAX_BYTES]; // "": none
};

struct nh_sim_room {
    struct nh_sim_room_out out;
    bool is_off[NH_SIM_PROP_COUNT]; // without power: it says and hears nothing
    struct nh_sim_id done[NH_SIM_PROP_COUNT][NH_SIM_ID_MAX_COUNT];
    bool has_failed[NH_SIM_PROP_COUNT][NH_SIM_ID_MAX_COUNT];
    uint32_t done_next[NH_SIM_PROP_COUNT];
    int64_t held_until_ms, beat_ms; // of the beam; 0: it is not held
    bool is_open, opens, fails;     // of the door; opens: where it moves to; fails: the next time
    int64_t moved_ms;               // when it is there; 0: it does not move
    struct nh_sim_id door_id;
    struct {
        struct nh_sim_id id;
        char text[NH_SIM_TEXT_MAX_BYTES];
    } say[NH_SIM_SAY_MAX_COUNT]; // the first is being said
    uint32_t say_count;
    int64_t said_ms;
    uint32_t auto_next; // of the steps of a round that plays itself
    int64_t auto_ms;    // when that is due; 0: it does not play
    bool is_endless;    // it begins again
};

void nh_sim_room_init(struct nh_sim_room *r, const struct nh_sim_room_out *out);

// What a person does: a line as `help` lists them. False: it is none, which was told.
bool nh_sim_room_line(struct nh_sim_room *r, const char *line, int64_t now_ms);
// The line of a key of the terminal; NULL: it has none.
const char *nh_sim_room_key(const struct nh_sim_room *r, char key);
// A message below sim/room/: a line as its topic, "reader1/touch" with "04A1", "beam/hold" with
// "3s", or a line as the payload of "line".
void nh_sim_room_control(struct nh_sim_room *r, const char *topic, nh_span_t payload,
                         int64_t now_ms);
void nh_sim_room_auto(struct nh_sim_room *r, bool is_endless, int64_t now_ms);

// A prop is connected: it says how it is.
void nh_sim_room_connected(struct nh_sim_room *r, enum nh_sim_prop prop);
// A message on room/PROP/command.
void nh_sim_room_command(struct nh_sim_room *r, enum nh_sim_prop prop, nh_span_t payload,
                         int64_t now_ms);

void nh_sim_room_tick(struct nh_sim_room *r, int64_t now_ms);
int64_t nh_sim_room_next_deadline(const struct nh_sim_room *r); // INT64_MAX: none

extern const char nh_sim_room_help[];

#endif
