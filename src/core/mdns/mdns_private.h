// mdns_private.h - names and records on the wire, shared by this folder's files.

#ifndef NH_MDNS_PRIVATE_H
#define NH_MDNS_PRIVATE_H

#include "core/mdns/mdns.h"

enum {
    NH_MDNS__A = 1,
    NH_MDNS__PTR = 12,
    NH_MDNS__TXT = 16,
    NH_MDNS__SRV = 33,
    NH_MDNS__ANY = 255
};
#define NH_MDNS__IN 1
#define NH_MDNS__FLAG 0x8000 // of a class: answer by unicast; others' records are void
#define NH_MDNS__HEAD_BYTES 12

// A name as it stands on the wire, without pointers, in lower case.
struct nh_mdns__name {
    uint8_t bytes[256];
    size_t len;
};

// Records by number: 0 the host's address; of service i four from 1 + 4 * i on.
enum { NH_MDNS__HOST, NH_MDNS__OF_SERVICE };
enum nh_mdns__kind { NH_MDNS__PTR_OF, NH_MDNS__SRV_OF, NH_MDNS__TXT_OF, NH_MDNS__META_OF };
static inline uint32_t nh_mdns__record(size_t service, enum nh_mdns__kind kind)
{
    return (uint32_t)(NH_MDNS__OF_SERVICE + 4 * service + kind);
}

// Bytes being written; `is_full`: something did not fit.
struct nh_mdns__out {
    uint8_t *bytes;
    size_t len;
    bool is_full;
};

// mdns_wire.c
// The name that record `r` stands under, and the one it leads to (PTR, SRV).
void nh_mdns__name_of(const nh_mdns_t *m, uint32_t r, struct nh_mdns__name *out);
void nh_mdns__target_of(const nh_mdns_t *m, uint32_t r, struct nh_mdns__name *out);
uint16_t nh_mdns__type_of(uint32_t r);
// Unique: nobody else may have this record.
bool nh_mdns__is_unique(uint32_t r);
// Reads the name at `*at`, and goes behind it. False: there is none.
bool nh_mdns__name_read(const uint8_t *packet, size_t len, size_t *at, struct nh_mdns__name *out);
bool nh_mdns__name_equals(const struct nh_mdns__name *a, const struct nh_mdns__name *b);

void nh_mdns__put_head(struct nh_mdns__out *o, uint16_t id, uint16_t flags);
// `counts`: questions, answers, authorities, additional ones, written into the head.
void nh_mdns__put_counts(struct nh_mdns__out *o, const uint16_t counts[4]);
void nh_mdns__put_question(struct nh_mdns__out *o, const struct nh_mdns__name *name, uint16_t type,
                           uint16_t class_);
void nh_mdns__put_record(const nh_mdns_t *m, struct nh_mdns__out *o, uint32_t r, uint32_t ttl_s,
                         bool flushes);
uint32_t nh_mdns__ttl_s(uint32_t r);

// One question or record of a packet.
struct nh_mdns__item {
    struct nh_mdns__name name;
    uint16_t type, class_;
    uint32_t ttl_s;
    size_t data, data_len; // where in the packet
};
// False: the packet is broken.
bool nh_mdns__question_read(const uint8_t *packet, size_t len, size_t *at,
                            struct nh_mdns__item *out);
bool nh_mdns__record_read(const uint8_t *packet, size_t len, size_t *at, struct nh_mdns__item *out);

#endif
