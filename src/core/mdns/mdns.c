// mdns.c - when to say what: probes, announcements, answers, good-bye. RFC 6762.

#include "core/mdns/mdns.h"

#include "core/base/bytes.h"
#include "core/mdns/mdns_private.h"

#include <stdio.h>
#include <string.h>

#define PROBE_COUNT 3u
#define PROBE_INTERVAL_MS 250u
#define ANNOUNCE_COUNT 2u
#define ANNOUNCE_INTERVAL_MS 1000u
#define SHARED_DELAY_MIN_MS 20u // so that answers of many do not meet; RFC 6762, 6
#define SHARED_DELAY_SPAN_MS 100u
#define SAY_AGAIN_MS 1000u // a record is told to all once in that time
#define CONFLICT_WAIT_MS 5000u
#define CONFLICT_MANY 10u
#define LEGACY_TTL_MAX_S 10u
#define FLAG_RESPONSE 0x8400 // and authoritative

static uint32_t chance(nh_mdns_t *m, uint32_t below)
{
    m->random = m->random * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)m->random * below >> 32);
}

static uint32_t record_count(const nh_mdns_t *m)
{
    return (uint32_t)(1 + 4 * m->cfg.service_count);
}

static uint32_t all_records(const nh_mdns_t *m)
{
    return (1u << record_count(m)) - 1;
}

// ---- names -------------------------------------------------------------------------------------

// "Attic 3" is the host attic-3: letters, digits and '-' alone.
static void make_host(const char *name, char out[NH_MDNS_LABEL_MAX_BYTES])
{
    size_t len = 0;
    for (; *name && len < 50; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name;
        bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (is_good)
            out[len++] = c;
        else if (len && out[len - 1] != '-')
            out[len++] = '-';
    }
    while (len && out[len - 1] == '-')
        len--;
    out[len] = '\0';
    if (len == 0)
        memcpy(out, "nuthatch", 9);
}

// The n-th name that is tried: attic, attic-2, attic-3.
static void set_names(nh_mdns_t *m)
{
    char plain[NH_MDNS_LABEL_MAX_BYTES];
    make_host(m->base, plain);
    if (m->name_number < 2) {
        memcpy(m->host, plain, sizeof m->host);
        memcpy(m->instance, m->base, sizeof m->instance);
        return;
    }
    snprintf(m->host, sizeof m->host, "%.50s-%u", plain, (unsigned)(m->name_number % 10000));
    snprintf(m->instance, sizeof m->instance, "%.50s (%u)", m->base,
             (unsigned)(m->name_number % 10000));
}

static void probe(nh_mdns_t *m, uint64_t now_ms, uint32_t wait_ms)
{
    m->info.state = NH_MDNS_PROBING;
    m->sent_count = 0;
    m->next_ms = now_ms + wait_ms + chance(m, PROBE_INTERVAL_MS);
    m->due = m->reply.records = 0;
}

static void on_conflict(nh_mdns_t *m, uint64_t now_ms)
{
    m->info.conflicts++;
    // A name that was ours is probed once more before it is given up.
    if (m->info.state == NH_MDNS_PROBING) {
        m->name_number = m->name_number < 2 ? 2 : m->name_number + 1;
        set_names(m);
    }
    probe(m, now_ms, m->info.conflicts > CONFLICT_MANY ? CONFLICT_WAIT_MS : 0);
}

// ---- hearing: a response -----------------------------------------------------------------------

// Whether the record says something else of a name that is ours.
static bool is_other(const nh_mdns_t *m, const uint8_t *packet, size_t len,
                     const struct nh_mdns__item *item, uint32_t r)
{
    struct nh_mdns__name name, target;
    if (item->type != nh_mdns__type_of(r) || item->ttl_s == 0)
        return false;
    nh_mdns__name_of(m, r, &name);
    if (!nh_mdns__name_equals(&name, &item->name))
        return false;
    const uint8_t *data = packet + item->data;
    if (item->type == NH_MDNS__A)
        return item->data_len != 4 || memcmp(data, m->cfg.address, 4) != 0;
    size_t at = item->data + 6;
    if (item->data_len < 7 || !nh_mdns__name_read(packet, len, &at, &name))
        return true;
    nh_mdns__target_of(m, r, &target);
    size_t service = (r - NH_MDNS__OF_SERVICE) / 4;
    return nh_get_be16(data + 4) != m->cfg.services[service].port ||
           !nh_mdns__name_equals(&name, &target);
}

static bool has_conflict(const nh_mdns_t *m, const uint8_t *packet, size_t len,
                         const struct nh_mdns__item *item)
{
    if (is_other(m, packet, len, item, NH_MDNS__HOST))
        return true;
    for (size_t i = 0; i < m->cfg.service_count; i++)
        if (is_other(m, packet, len, item, nh_mdns__record(i, NH_MDNS__SRV_OF)))
            return true;
    return false;
}

static void hear_response(nh_mdns_t *m, const uint8_t *packet, size_t len, uint64_t now_ms)
{
    size_t at = NH_MDNS__HEAD_BYTES;
    struct nh_mdns__item item;
    for (uint32_t n = nh_get_be16(packet + 4); n > 0; n--)
        if (!nh_mdns__question_read(packet, len, &at, &item))
            return;
    uint32_t count =
        (uint32_t)nh_get_be16(packet + 6) + nh_get_be16(packet + 8) + nh_get_be16(packet + 10);
    for (; count > 0; count--) {
        if (!nh_mdns__record_read(packet, len, &at, &item)) {
            m->info.broken++;
            return;
        }
        if (has_conflict(m, packet, len, &item)) {
            on_conflict(m, now_ms);
            return;
        }
    }
}

// ---- hearing: a question -----------------------------------------------------------------------

struct asked {
    uint32_t records;
    bool is_unicast; // each question wants it so
    bool is_probe;
    uint8_t first; // record
    uint16_t type; // as it was asked
};

static void match(const nh_mdns_t *m, const struct nh_mdns__item *q, struct asked *a)
{
    struct nh_mdns__name name;
    for (uint32_t r = 0; r < record_count(m); r++) {
        if (q->type != NH_MDNS__ANY && q->type != nh_mdns__type_of(r))
            continue;
        nh_mdns__name_of(m, r, &name);
        if (!nh_mdns__name_equals(&name, &q->name))
            continue;
        if (!a->records) {
            a->first = (uint8_t)r;
            a->type = q->type;
        }
        a->records |= 1u << r;
        a->is_unicast = a->is_unicast && (q->class_ & NH_MDNS__FLAG);
    }
}

// What the asker knows well enough need not be said: RFC 6762, 7.1.
static void leave_out_known(const nh_mdns_t *m, const uint8_t *packet, size_t len,
                            const struct nh_mdns__item *item, struct asked *a)
{
    for (uint32_t r = 1; item->type == NH_MDNS__PTR && r < record_count(m); r++) {
        struct nh_mdns__name name, target;
        size_t at = item->data;
        if (nh_mdns__type_of(r) != NH_MDNS__PTR || item->ttl_s < nh_mdns__ttl_s(r) / 2)
            continue;
        nh_mdns__name_of(m, r, &name);
        if (!nh_mdns__name_equals(&name, &item->name) ||
            !nh_mdns__name_read(packet, len, &at, &name))
            continue;
        nh_mdns__target_of(m, r, &target);
        if (nh_mdns__name_equals(&name, &target))
            a->records &= ~(1u << r);
    }
}

static bool read_question(nh_mdns_t *m, const uint8_t *packet, size_t len, struct asked *a)
{
    size_t at = NH_MDNS__HEAD_BYTES;
    struct nh_mdns__item item;
    for (uint32_t n = nh_get_be16(packet + 4); n > 0; n--) {
        if (!nh_mdns__question_read(packet, len, &at, &item))
            return false;
        match(m, &item, a);
    }
    for (uint32_t n = nh_get_be16(packet + 6); n > 0; n--) {
        if (!nh_mdns__record_read(packet, len, &at, &item))
            return false;
        leave_out_known(m, packet, len, &item, a);
    }
    a->is_probe = nh_get_be16(packet + 8) > 0;
    return true;
}

static void answer_one(nh_mdns_t *m, const struct asked *a, const char *address, uint16_t port,
                       uint16_t id)
{
    m->reply.records = a->records;
    snprintf(m->reply.address, sizeof m->reply.address, "%s", address);
    m->reply.port = port;
    m->reply.id = id;
    m->reply.type = a->type;
    m->reply.question = a->first;
    m->reply.is_legacy = port != NH_MDNS_PORT;
}

// A name that is defended is so at once; what many may answer, after a moment.
static void answer_all(nh_mdns_t *m, const struct asked *a, uint64_t now_ms)
{
    uint32_t records = a->records;
    bool is_shared = false;
    for (uint32_t r = 0; r < record_count(m); r++) {
        bool was_told = m->told_ms[r] && now_ms - m->told_ms[r] < SAY_AGAIN_MS;
        if (was_told && !a->is_probe)
            records &= ~(1u << r);
        is_shared |= (records & 1u << r) && !nh_mdns__is_unique(r);
    }
    if (!records)
        return;
    uint64_t due_ms = now_ms;
    if (is_shared && !a->is_probe)
        due_ms += SHARED_DELAY_MIN_MS + chance(m, SHARED_DELAY_SPAN_MS);
    m->due_ms = m->due && m->due_ms < due_ms ? m->due_ms : due_ms;
    m->due |= records;
}

static void hear_question(nh_mdns_t *m, const uint8_t *packet, size_t len, const char *address,
                          uint16_t port, uint64_t now_ms)
{
    struct asked a = {.is_unicast = true};
    if (m->info.state == NH_MDNS_PROBING)
        return; // the names are not ours yet
    if (!read_question(m, packet, len, &a)) {
        m->info.broken++;
        return;
    }
    if (!a.records)
        return;
    m->info.questions++;
    if (port != NH_MDNS_PORT || (a.is_unicast && !a.is_probe))
        answer_one(m, &a, address, port, nh_get_be16(packet));
    else
        answer_all(m, &a, now_ms);
}

void nh_mdns_input(nh_mdns_t *m, const uint8_t *bytes, size_t len, const char *from_address,
                   uint16_t from_port, uint64_t now_ms)
{
    if (len < NH_MDNS__HEAD_BYTES) {
        m->info.broken++;
        return;
    }
    uint16_t flags = nh_get_be16(bytes + 2);
    if (flags & 0x780F) // another kind of request, or an error: RFC 6762, 18.3 and 18.11
        return;
    if (!(flags & 0x8000))
        hear_question(m, bytes, len, from_address, from_port, now_ms);
    else if (from_port == NH_MDNS_PORT)
        hear_response(m, bytes, len, now_ms);
}

// ---- saying ------------------------------------------------------------------------------------

// What follows from an answer and saves the next question: RFC 6763, 12.
static uint32_t additional_of(const nh_mdns_t *m, uint32_t records)
{
    uint32_t more = 0;
    for (size_t i = 0; i < m->cfg.service_count; i++) {
        uint32_t ptr = 1u << nh_mdns__record(i, NH_MDNS__PTR_OF),
                 srv = 1u << nh_mdns__record(i, NH_MDNS__SRV_OF),
                 txt = 1u << nh_mdns__record(i, NH_MDNS__TXT_OF);
        if (records & ptr)
            more |= srv | txt | 1u << NH_MDNS__HOST;
        if (records & srv)
            more |= 1u << NH_MDNS__HOST;
    }
    return more & ~records;
}

static uint16_t put_records(const nh_mdns_t *m, struct nh_mdns__out *o, uint32_t records,
                            uint32_t ttl_max_s, bool flushes)
{
    uint16_t count = 0;
    for (uint32_t r = 0; r < record_count(m); r++) {
        uint32_t ttl_s = nh_mdns__ttl_s(r);
        if (!(records & 1u << r))
            continue;
        nh_mdns__put_record(m, o, r, ttl_s < ttl_max_s ? ttl_s : ttl_max_s, flushes);
        count++;
    }
    return count;
}

static size_t finish(nh_mdns_t *m, struct nh_mdns__out *o, const uint16_t counts[4])
{
    // All records of the most services with the longest names fit: nh_mdns_init() has tried it.
    if (o->is_full)
        return 0;
    nh_mdns__put_counts(o, counts);
    m->info.answers += counts[1] > 0;
    return o->len;
}

static size_t write_probe(nh_mdns_t *m, uint8_t *out)
{
    struct nh_mdns__out o = {.bytes = out};
    uint16_t counts[4] = {0};
    uint32_t mine = 1u << NH_MDNS__HOST;
    struct nh_mdns__name name;
    nh_mdns__put_head(&o, 0, 0);
    nh_mdns__name_of(m, NH_MDNS__HOST, &name);
    nh_mdns__put_question(&o, &name, NH_MDNS__ANY, NH_MDNS__IN);
    counts[0] = 1;
    for (size_t i = 0; i < m->cfg.service_count; i++, counts[0]++) {
        nh_mdns__name_of(m, nh_mdns__record(i, NH_MDNS__SRV_OF), &name);
        nh_mdns__put_question(&o, &name, NH_MDNS__ANY, NH_MDNS__IN);
        mine |= 1u << nh_mdns__record(i, NH_MDNS__SRV_OF);
    }
    counts[2] = put_records(m, &o, mine, UINT32_MAX, false);
    return finish(m, &o, counts);
}

static size_t write_answer(nh_mdns_t *m, uint8_t *out, uint32_t records, uint32_t additional,
                           uint32_t ttl_max_s, uint64_t now_ms)
{
    struct nh_mdns__out o = {.bytes = out};
    uint16_t counts[4] = {0};
    nh_mdns__put_head(&o, 0, FLAG_RESPONSE);
    counts[1] = put_records(m, &o, records, ttl_max_s, true);
    counts[3] = put_records(m, &o, additional, ttl_max_s, true);
    for (uint32_t r = 0; r < record_count(m); r++)
        if (records & 1u << r)
            m->told_ms[r] = now_ms ? now_ms : 1;
    return finish(m, &o, counts);
}

// To one who asked. One that knows nothing of multicast gets its question back, and short lives.
static size_t write_reply(nh_mdns_t *m, uint8_t *out)
{
    struct nh_mdns__out o = {.bytes = out};
    struct nh_mdns__name name;
    uint16_t counts[4] = {0};
    bool is_legacy = m->reply.is_legacy;
    uint32_t ttl_max_s = is_legacy ? LEGACY_TTL_MAX_S : UINT32_MAX;
    nh_mdns__put_head(&o, is_legacy ? m->reply.id : 0, FLAG_RESPONSE);
    if (is_legacy) {
        nh_mdns__name_of(m, m->reply.question, &name);
        nh_mdns__put_question(&o, &name, m->reply.type, NH_MDNS__IN);
        counts[0] = 1;
    }
    counts[1] = put_records(m, &o, m->reply.records, ttl_max_s, !is_legacy);
    counts[3] = put_records(m, &o, additional_of(m, m->reply.records), ttl_max_s, !is_legacy);
    m->reply.records = 0;
    return finish(m, &o, counts);
}

// The next probe or announcement.
static size_t go_on(nh_mdns_t *m, uint8_t *out, uint64_t now_ms)
{
    m->sent_count++;
    if (m->info.state == NH_MDNS_PROBING && m->sent_count <= PROBE_COUNT) {
        m->next_ms = now_ms + PROBE_INTERVAL_MS;
        return write_probe(m, out);
    }
    if (m->info.state == NH_MDNS_PROBING) { // nobody has said anything: they are ours
        m->info.state = NH_MDNS_ANNOUNCING;
        m->sent_count = 1;
    }
    m->next_ms = now_ms + ANNOUNCE_INTERVAL_MS;
    if (m->sent_count == ANNOUNCE_COUNT) {
        m->info.state = NH_MDNS_RUNNING;
        m->next_ms = NH_NEVER;
    }
    return write_answer(m, out, all_records(m), 0, UINT32_MAX, now_ms);
}

size_t nh_mdns_output(nh_mdns_t *m, uint8_t *out, const char **to_address, uint16_t *to_port,
                      uint64_t now_ms)
{
    *to_address = NH_MDNS_GROUP;
    *to_port = NH_MDNS_PORT;
    if (now_ms >= m->next_ms)
        return go_on(m, out, now_ms);
    if (m->reply.records) {
        *to_address = m->reply.address;
        *to_port = m->reply.port;
        return write_reply(m, out);
    }
    if (!m->due || now_ms < m->due_ms)
        return 0;
    uint32_t records = m->due;
    m->due = 0;
    return write_answer(m, out, records, additional_of(m, records), UINT32_MAX, now_ms);
}

uint64_t nh_mdns_next_deadline(const nh_mdns_t *m)
{
    if (m->reply.records)
        return 0;
    return m->due && m->due_ms < m->next_ms ? m->due_ms : m->next_ms;
}

size_t nh_mdns_goodbye(nh_mdns_t *m, uint8_t *out)
{
    if (m->info.state == NH_MDNS_PROBING)
        return 0;
    m->next_ms = NH_NEVER;
    m->due = m->reply.records = 0;
    return write_answer(m, out, all_records(m), 0, 0, 0);
}

// ---- life --------------------------------------------------------------------------------------

void nh_mdns_address_set(nh_mdns_t *m, const uint8_t address[4], uint64_t now_ms)
{
    if (memcmp(m->cfg.address, address, 4) == 0)
        return;
    memcpy(m->cfg.address, address, 4);
    probe(m, now_ms, 0);
}

int nh_mdns_init(nh_mdns_t *m, const struct nh_mdns_config *cfg, uint64_t now_ms)
{
    uint8_t packet[NH_MDNS_PACKET_MAX_BYTES];
    *m = (nh_mdns_t){.cfg = *cfg, .random = cfg->seed};
    if (!cfg->name || !cfg->name[0] || strlen(cfg->name) > 50)
        return NH_ERR_INVAL;
    if (cfg->service_count > NH_MDNS_SERVICE_MAX_COUNT)
        return NH_ERR_FULL;
    snprintf(m->base, sizeof m->base, "%s", cfg->name);
    m->cfg.name = NULL;    // it was copied
    m->name_number = 9999; // the longest
    set_names(m);
    if (!write_probe(m, packet) || !write_answer(m, packet, all_records(m), 0, 0, 0))
        return NH_ERR_FULL;
    memset(m->told_ms, 0, sizeof m->told_ms);
    m->info = (struct nh_mdns_info){.state = NH_MDNS_PROBING};
    m->name_number = 1;
    set_names(m);
    probe(m, now_ms, 0);
    return 0;
}

const char *nh_mdns_host(const nh_mdns_t *m)
{
    return m->host;
}

void nh_mdns_info(const nh_mdns_t *m, struct nh_mdns_info *out)
{
    *out = m->info;
}
