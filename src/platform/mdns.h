// mdns.h - the promise of an advertiser: this machine's services, found on the local network by
// multicast DNS and DNS-SD (Bonjour, Avahi). On Linux our own responder (core/mdns) on a socket, on
// the chip the system's.

#ifndef NH_PLATFORM_MDNS_H
#define NH_PLATFORM_MDNS_H

#include "platform/platform.h"

struct nh_mdns_service {
    const char *type; // "_http._tcp"
    uint16_t port;
    const char *text; // one "key=value"; NULL: none
};

struct nh_advertiser_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    const char *name;    // of the services, and of the host: "<name>.local"
    const char *address; // IPv4 of this machine; its interface is the one that is spoken on
    const struct nh_mdns_service *services; // borrowed, with its texts, for the advertiser's life
    size_t service_count;
    uint32_t seed; // random
};

typedef struct nh_advertiser nh_advertiser_t;
// A name that somebody else has becomes another one ("attic-2"). NH_ERR_INVAL: the name, or no
// address of this machine. NH_ERR_FULL: too many services. NH_ERR_BUSY: somebody has the port for
// himself. NH_ERR_DENIED, NH_ERR_NOMEM: nothing was made.
NH_MUST_USE int nh_advertiser_start(const struct nh_advertiser_config *cfg, nh_advertiser_t **out);
void nh_advertiser_stop(nh_advertiser_t *a); // says good-bye. NULL: nothing

struct nh_advertiser_info {
    const char *host; // "attic", as it is now
    bool is_announced;
    uint64_t questions, answers, conflicts, broken;
};
void nh_advertiser_info(const nh_advertiser_t *a, struct nh_advertiser_info *out);

#endif
