// mdns.h - a responder for multicast DNS (RFC 6762) and DNS-SD (RFC 6763): says on the local
// network where this machine's services are. Sans-IO: datagrams and the time in, datagrams and a
// deadline out. IPv4 addresses.
//
// It probes its names, takes others when somebody has them, announces, answers questions (of old
// resolvers by unicast), leaves out what the asker knows, and says good-bye. It keeps no cache: it
// asks for nobody.
//
// Nothing is allocated. One task owns a responder and makes every call.

#ifndef NH_MDNS_H
#define NH_MDNS_H

#include "core/base/base.h"
#include "platform/mdns.h"

#define NH_MDNS_PORT 5353
#define NH_MDNS_GROUP "224.0.0.251"
#define NH_MDNS_PACKET_MAX_BYTES 1440
#define NH_MDNS_LABEL_MAX_BYTES 64 // with the NUL
#define NH_MDNS_SERVICE_MAX_COUNT 4
#define NH_MDNS_RECORD_MAX_COUNT (1 + 4 * NH_MDNS_SERVICE_MAX_COUNT)

struct nh_mdns_config {
    const char
        *name; // copied: the host "<name>.local", in lower case and with '-', and the instances
    uint8_t address[4];
    const struct nh_mdns_service *services; // borrowed for the responder's life
    size_t service_count;
    uint32_t seed; // random
};

enum nh_mdns_state {
    NH_MDNS_PROBING,
    NH_MDNS_ANNOUNCING,
    NH_MDNS_RUNNING,
};

struct nh_mdns_info {
    enum nh_mdns_state state;
    uint64_t questions, answers; // packets that asked for something of ours; that answered
    uint64_t conflicts;          // names that somebody else had
    uint64_t broken;             // packets that were none
};

// The caller embeds it; its fields are private.
typedef struct nh_mdns {
    struct nh_mdns_config cfg;
    struct nh_mdns_info info;
    char base[NH_MDNS_LABEL_MAX_BYTES], host[NH_MDNS_LABEL_MAX_BYTES];
    char instance[NH_MDNS_LABEL_MAX_BYTES];
    uint32_t random, name_number, sent_count;
    uint64_t next_ms;                           // of a probe or an announcement
    uint64_t due_ms;                            // of what is due to all
    uint32_t due;                               // one bit a record
    uint64_t told_ms[NH_MDNS_RECORD_MAX_COUNT]; // to all; 0: never
    struct {
        uint32_t records; // 0: nobody waits
        char address[46];
        uint16_t port, id, type;
        bool is_legacy;
        uint8_t question; // record whose name was asked for
    } reply;
} nh_mdns_t;

// NH_ERR_INVAL: no name, or one over 50 bytes. NH_ERR_FULL: too many services, or they do not fit
// into one packet.
NH_MUST_USE int nh_mdns_init(nh_mdns_t *m, const struct nh_mdns_config *cfg, uint64_t now_ms);
// A datagram that came to port 5353.
void nh_mdns_input(nh_mdns_t *m, const uint8_t *bytes, size_t len, const char *from_address,
                   uint16_t from_port, uint64_t now_ms);
// The next datagram to send, into at least NH_MDNS_PACKET_MAX_BYTES; 0: none now. `*to_address` is
// the group or whom it is for, valid until the next call.
size_t nh_mdns_output(nh_mdns_t *m, uint8_t *out, const char **to_address, uint16_t *to_port,
                      uint64_t now_ms);
uint64_t nh_mdns_next_deadline(const nh_mdns_t *m);
// The last datagram: all of it is gone. 0: nothing was announced yet.
size_t nh_mdns_goodbye(nh_mdns_t *m, uint8_t *out);
// Another address: announced anew.
void nh_mdns_address_set(nh_mdns_t *m, const uint8_t address[4], uint64_t now_ms);

const char *nh_mdns_host(const nh_mdns_t *m); // "attic", as it is now
void nh_mdns_info(const nh_mdns_t *m, struct nh_mdns_info *out);

#endif
