// mosquitto_parts.h - what the reader of mosquitto.conf keeps, shared by its files. Private.

#ifndef NH_HUB_MOSQUITTO_PARTS_H
#define NH_HUB_MOSQUITTO_PARTS_H

#include "hub/config_bridge.h"

#define NH_MOSQUITTO_PATH_MAX 256
#define NH_MOSQUITTO_DEPTH_MAX 2       // the file itself, and one of a folder that it includes
#define NH_MOSQUITTO_FILE_MAX_COUNT 32 // with those of folders
#define NH_MOSQUITTO_LISTENER_MAX_COUNT 9
#define NH_MOSQUITTO_OPTION_MAX_COUNT 160

struct nh_mosquitto_reader;

// A place is a file (upper 8 bits) and a line in it; 0: none. Each object knows where each of its
// options was given, by the option's row in the table.
typedef uint32_t nh_mosquitto__place_t;
#define NH_MOSQUITTO_LINE_BITS 24u

enum nh_mosquitto__protocol { NH_MOSQUITTO_MQTT, NH_MOSQUITTO_WEBSOCKETS };
enum nh_mosquitto__domain { NH_MOSQUITTO_ANY_IP, NH_MOSQUITTO_IPV4, NH_MOSQUITTO_IPV6 };

// Who may come in: of a listener with per_listener_settings, else of all.
struct nh_mosquitto__security {
    bool allow_anonymous;
    char password_file[128], acl_file[128];
};

struct nh_mosquitto__listener {
    nh_mosquitto__place_t place[NH_MOSQUITTO_OPTION_MAX_COUNT];
    nh_mosquitto__place_t begin; // its line "listener"; 0: the default listener
    struct nh_mosquitto__security security;
    int32_t port;
    char host[108]; // or the path of a Unix socket
    int protocol, domain;
    int32_t max_connections, max_qos, max_topic_alias;
    char cafile[160], certfile[160], keyfile[160];
    bool require_certificate, use_identity_as_username;
    char websockets_origin[128]; // all of them, with commas
};

struct nh_mosquitto__bridge {
    nh_mosquitto__place_t place[NH_MOSQUITTO_OPTION_MAX_COUNT];
    nh_mosquitto__place_t begin, topics[NH_HUB_BRIDGE_RULE_MAX_COUNT];
    struct nh_hub_bridge hub;
    bool notifications, notifications_local_only;
    char notification_topic[129];
    int32_t max_packet_size;
    char capath[256];
};

enum nh_mosquitto__log_type {
    NH_MOSQUITTO_ERRORS = 1,
    NH_MOSQUITTO_WARNINGS = 2,
    NH_MOSQUITTO_NOTICES = 4,
    NH_MOSQUITTO_DEBUG = 8,
};

enum nh_mosquitto__log_dest {
    NH_MOSQUITTO_TO_STDERR = 1,
    NH_MOSQUITTO_TO_STDOUT = 2,
    NH_MOSQUITTO_TO_FILE = 4,
    NH_MOSQUITTO_TO_OTHER = 8, // which is not honoured
};

struct nh_mosquitto__globals {
    nh_mosquitto__place_t place[NH_MOSQUITTO_OPTION_MAX_COUNT];
    struct nh_mosquitto__security security;
    bool per_listener_settings, has_security; // one of the options that it is about was given
    bool persistence;
    char persistence_location[256];
    int32_t autosave_interval;
    uint32_t expiration_s;
    char pid_file[256];
    uint32_t log_dests;
    uint32_t log_types; // enum nh_mosquitto__log_type
    bool log_timestamp, connection_messages;
    char log_timestamp_format[64];
    char log_file[240];
    int32_t max_inflight_messages, max_queued_messages, max_queued_bytes;
    int32_t max_packet_size, message_size_limit, max_keepalive, sys_interval;
    int32_t websockets_headers_size, global_max_connections;
    bool retain_available;
};

struct nh_mosquitto__values {
    struct nh_mosquitto__globals globals;
    bool has_listener_line; // or port, or bind_address: else this machine only
    uint32_t listener_count;
    struct nh_mosquitto__listener listener[NH_MOSQUITTO_LISTENER_MAX_COUNT]; // 0: the default one
    uint32_t bridge_count;
    struct nh_mosquitto__bridge bridge[NH_HUB_BRIDGE_MAX_COUNT];
};

// What options of a file are about.
struct nh_mosquitto__frame {
    uint32_t file;
    uint32_t listener; // index
    uint32_t bridge;   // index + 1; 0: none
    bool is_skipped;   // a bridge over the limit: its options go nowhere
};

// ---- table --------------------------------------------------------------------------------------

enum nh_mosquitto__scope {
    NH_MOSQUITTO_GLOBAL,
    NH_MOSQUITTO_SECURITY,
    NH_MOSQUITTO_LISTENER,
    NH_MOSQUITTO_BRIDGE,
};
enum nh_mosquitto__type {
    NH_MOSQUITTO_BOOL,
    NH_MOSQUITTO_INT,
    NH_MOSQUITTO_TEXT,  // the rest of the line, once only
    NH_MOSQUITTO_WORDS, // up to `take`
};
enum nh_mosquitto__support {
    NH_MOSQUITTO_SUPPORTED,
    NH_MOSQUITTO_NO_EFFECT, // told, unless the value is the harmless one
    NH_MOSQUITTO_REFUSED,   // an error, unless the value is the harmless one
};

#define NH_MOSQUITTO_NOTHING INT32_MIN // no value is harmless

typedef struct nh_mosquitto__option {
    const char *name;
    uint8_t scope, type, support;
    bool is_prefix;      // any name that begins so
    bool is_secret;      // its value is not told
    int32_t min, max;    // of an INT
    int32_t harmless;    // of a BOOL or INT that is not supported
    size_t offset, size; // of the value in the scope's struct; 0: not kept
    // WORDS: takes what comes behind the name, `rest` being NUL-terminated and to be cut up.
    // `into`: the scope's struct.
    void (*take)(struct nh_mosquitto_reader *r, const struct nh_mosquitto__option *o, void *into,
                 char *rest);
    const char *text; // what it comes to; of the others, why it does not
} nh_mosquitto__option_t;

extern const nh_mosquitto__option_t nh_mosquitto__options[];
extern const size_t nh_mosquitto__option_count;

const nh_mosquitto__option_t *nh_mosquitto__find(const char *name); // NULL: no such option

// ---- helpers ------------------------------------------------------------------------------------

// The next word of `*rest`, cut off there; NULL: there is none.
char *nh_mosquitto__word(char **rest);
bool nh_mosquitto__number(const char *text, int32_t *out);

// Tells at the line at hand; at a place; at the place of an option in `place`, else at `other`.
void nh_mosquitto__error(struct nh_mosquitto_reader *r, const char *option, const char *value,
                         const char *limit, const char *text);
void nh_mosquitto__warn(struct nh_mosquitto_reader *r, const char *option, const char *value,
                        const char *text);
void nh_mosquitto__tell(struct nh_mosquitto_reader *r, nh_mosquitto__place_t at, bool is_warning,
                        const char *option, const char *value, const char *limit, const char *text);
// Where an option was given, in an object's places; 0: it was not.
nh_mosquitto__place_t nh_mosquitto__given(const nh_mosquitto__place_t *place, const char *option);

// Puts a text into its place; told when it is too long, no UTF-8, or has a
// control character.
bool nh_mosquitto__put(struct nh_mosquitto_reader *r, const char *option, char *out, size_t cap,
                       const char *text);

// What takes words, by option.
void nh_mosquitto__take_listener(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                 void *into, char *rest);
void nh_mosquitto__take_port(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                             void *into, char *rest);
void nh_mosquitto__take_bind(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                             void *into, char *rest);
void nh_mosquitto__take_choice(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                               void *into, char *rest);
void nh_mosquitto__take_origin(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                               void *into, char *rest);
void nh_mosquitto__take_tls_version(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                    void *into, char *rest);
void nh_mosquitto__take_per_listener(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                     void *into, char *rest);
void nh_mosquitto__take_expiration(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                   void *into, char *rest);
void nh_mosquitto__take_log_dest(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                 void *into, char *rest);
void nh_mosquitto__take_log_type(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                 void *into, char *rest);
void nh_mosquitto__take_connection(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                   void *into, char *rest);
void nh_mosquitto__take_address(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                void *into, char *rest);
void nh_mosquitto__take_topic(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                              void *into, char *rest);
void nh_mosquitto__take_restart(struct nh_mosquitto_reader *r, const nh_mosquitto__option_t *o,
                                void *into, char *rest);
void nh_mosquitto__take_bridge_version(struct nh_mosquitto_reader *r,
                                       const nh_mosquitto__option_t *o, void *into, char *rest);

// A new listener, bridge with Mosquitto's defaults.
void nh_mosquitto__listener_init(struct nh_mosquitto__listener *l);
void nh_mosquitto__bridge_init(struct nh_mosquitto__bridge *b);

// Behind the last line: checks and fills in what the hub wants.
void nh_mosquitto__end_globals(struct nh_mosquitto_reader *r);
void nh_mosquitto__end_listeners(struct nh_mosquitto_reader *r);
void nh_mosquitto__end_bridges(struct nh_mosquitto_reader *r);

#endif
