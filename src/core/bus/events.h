// events.h - every event of the house: its id, its payload struct, and who may have caused it.
//
// One enum for the whole house, so that an id says the same on every floor. A payload is at most
// NH_EVENT_DATA_MAX_BYTES, fixed, plain data without pointers. What does not fit (a long text, a
// payload) travels in the event's blob, whole.

#ifndef NH_BUS_EVENTS_H
#define NH_BUS_EVENTS_H

#include "core/bus/bus.h"

// Who caused an event or a command. A part that both sends and hears, such as a bridge, leaves out
// what came from itself: so two of them cannot feed each other for ever.
enum nh_origin {
    NH_ORIGIN_BOOT,
    NH_ORIGIN_BUTTON,
    NH_ORIGIN_HTTP,
    NH_ORIGIN_MQTT,
    NH_ORIGIN_WLED,
    NH_ORIGIN_RADIO,
    NH_ORIGIN_AUTOMATION,
    NH_ORIGIN_VOICE,
    NH_ORIGIN_CLI,
    NH_ORIGIN_SCHED,
    NH_ORIGIN_COUNT,
};

enum nh_event_id {
    NH_EVENT_NONE,            // never posted
    NH_EVENT_MEM_SNAPSHOT,    // struct nh_event_mem_snapshot: a tagged snapshot was taken
    NH_EVENT_MEM_TRIPWIRE,    // struct nh_event_mem_tripwire, critical: internal memory ran low
    NH_EVENT_CONFIG_CHANGED,  // struct nh_event_config_changed: a new configuration is in force
    NH_EVENT_MQTT_CLIENT,     // struct nh_event_mqtt_client: a client came, went or was refused
    NH_EVENT_LISTENER_UP,     // struct nh_event_listener_up: an address accepts connections
    NH_EVENT_STOPPING,        // struct nh_event_stopping, critical: save and let go
    NH_EVENT_STORE_WRITTEN,   // struct nh_event_store_written: a generation is durable
    NH_EVENT_DEVICES_CHANGED, // struct nh_event_devices_changed, critical: another device set
    NH_EVENT_AUDIO_FINISHED,  // struct nh_event_audio_finished: a track is over
    NH_EVENT_LAMP_CHANGED,    // struct nh_event_lamp_changed: another state, or its power
    NH_EVENT_LAMP_OTA_START,  // struct nh_event_lamp_changed: somebody asks for an update
    NH_EVENT_BATTERY_CHANGED, // struct nh_event_battery_changed: what differs by its threshold
    NH_EVENT_BATTERY_ALARM, // struct nh_event_battery_alarm, critical: raised, cleared, taken note
                            // of
    NH_EVENT_BATTERY_LINK,  // struct nh_event_battery_link: a source came or went
    NH_EVENT_BATTERY_REGISTER,   // struct nh_event_battery_register: a setting was read or written
    NH_EVENT_BATTERY_STATISTICS, // struct nh_event_battery_statistics: at most once a second
    NH_EVENT_COUNT,
};

// Sizes over 4 GiB - 1 (a large region on a workstation) are given as UINT32_MAX.
struct nh_event_mem_snapshot {
    char tag[NH_MEM_TAG_MAX_BYTES]; // NUL-terminated
    uint32_t internal_free_bytes, internal_min_bytes, internal_largest_bytes;
    uint32_t psram_free_bytes, psram_min_bytes, psram_largest_bytes;
    uint16_t internal_frag_pct, psram_frag_pct;
    uint32_t failed_count; // allocations refused since the start
};

struct nh_event_mem_tripwire {
    char tag[NH_MEM_TAG_MAX_BYTES]; // of the snapshot that found it; NUL-terminated
    uint32_t internal_min_bytes, tripwire_bytes;
};

struct nh_event_config_changed {
    uint32_t generation;   // of the stored document; 0: from a file or the defaults
    uint32_t section_mask; // bit n: section n changed, in the order of the configuration's table
};

// The longest client id that fits here; a longer one is cut at a whole character, and the event's
// blob then holds it whole.
#define NH_EVENT_CLIENT_ID_MAX_BYTES 56 // with the NUL
struct nh_event_mqtt_client {
    uint8_t kind; // enum nh_mqtt_event_kind (mqtt/broker.h)
    uint8_t code; // CONNACK return code when refused
    bool is_cut;  // client_id is not whole: see the blob
    char client_id[NH_EVENT_CLIENT_ID_MAX_BYTES];
};

struct nh_event_listener_up {
    char protocol[8]; // "http", "mqtt"; NUL-terminated
    char address[46]; // the longest text of an IPv6 address; NUL-terminated
    uint16_t port;
};

struct nh_event_stopping {
    uint32_t grace_ms; // how long the hub waits before it stops what is left
};

struct nh_event_store_written {
    char name[32]; // the document; NUL-terminated
    uint32_t generation;
    uint32_t size_bytes;
};

enum nh_devices_change {                 // bits of nh_event_devices_changed.mask
    NH_DEVICES_CHANGED_DEVICES = 1 << 0, // which there are, their order
    NH_DEVICES_CHANGED_HEADS = 1 << 1,   // names, tabs, status, commands
    NH_DEVICES_CHANGED_SCENARIOS = 1 << 2,
    NH_DEVICES_CHANGED_TEMPLATES = 1 << 3,
    NH_DEVICES_CHANGED_GAME = 1 << 4, // the game and the variables
    NH_DEVICES_CHANGED_PROFILE = 1 << 5,
};
struct nh_event_devices_changed {
    uint32_t generation;
    uint32_t mask; // enum nh_devices_change
};

// Posted by the task `audio`, so subscribers have a queue. The event's origin is who caused the
// end: who stopped the track, or who had played it when it ended by itself.
enum nh_audio_reason { NH_AUDIO_ENDED, NH_AUDIO_STOPPED, NH_AUDIO_ERROR };
struct nh_event_audio_finished {
    uint32_t instance; // as nh_audio_play() gave it
    int16_t error;     // enum nh_err, with NH_AUDIO_ERROR
    uint8_t channel;   // enum nh_audio_channel (components/audio/audio.h)
    uint8_t reason;    // enum nh_audio_reason
    bool is_cut;       // path is not whole: the event's blob is
    char path[55];     // "/sdcard/..."; NUL-terminated
};

// The state itself is asked for: nh_lamp_snapshot(). Posted by the loop's task.
struct nh_event_lamp_changed {
    uint32_t seq, mask; // mask: enum of nh_lamp_command.mask; 0: the power sequence went on
    uint8_t power;      // enum nh_lamp_power
    char who[24];
};

// All of the battery: posted by the loop's task; the state is asked for: nh_battery_read().
struct nh_event_battery_changed {
    uint32_t generation, seq, dirty; // dirty: bits of enum nh_battery_field
    uint8_t mode, source;            // enum nh_battery_mode, nh_battery_source
};

struct nh_event_battery_alarm {
    uint32_t id;
    uint16_t code;
    uint8_t severity, state; // enum nh_battery_severity, nh_battery_alarm_state
    uint16_t active_count, unacknowledged_count;
    char message[48]; // NUL-terminated, cut
};

struct nh_event_battery_link {
    uint8_t source; // enum nh_battery_source
    bool is_up;
};

struct nh_event_battery_register {
    uint16_t address, raw;
    bool is_written;
    float value; // in the unit of the register
    char key[40];
};

struct nh_event_battery_statistics {
    uint32_t ok, failed, retries, timeouts, crc_errors, nacks; // since the start
    uint32_t queue_depth, queue_depth_max, rejected;
    uint32_t avg_latency_us, p99_latency_us;
    uint32_t dropped_bytes;
};

#define NH_EVENT_FITS(type)                                                                        \
    _Static_assert(sizeof(struct type) <= NH_EVENT_DATA_MAX_BYTES, #type " is too large to post")
NH_EVENT_FITS(nh_event_mem_snapshot);
NH_EVENT_FITS(nh_event_mem_tripwire);
NH_EVENT_FITS(nh_event_config_changed);
NH_EVENT_FITS(nh_event_mqtt_client);
NH_EVENT_FITS(nh_event_listener_up);
NH_EVENT_FITS(nh_event_stopping);
NH_EVENT_FITS(nh_event_store_written);
NH_EVENT_FITS(nh_event_devices_changed);
NH_EVENT_FITS(nh_event_audio_finished);
NH_EVENT_FITS(nh_event_lamp_changed);
NH_EVENT_FITS(nh_event_battery_changed);
NH_EVENT_FITS(nh_event_battery_alarm);
NH_EVENT_FITS(nh_event_battery_link);
NH_EVENT_FITS(nh_event_battery_register);
NH_EVENT_FITS(nh_event_battery_statistics);

#endif
