// Frames of the Tiny BMS. docs/battery-protocol.md says every byte.

#include "components/battery/tinybms.h"

#include "core/base/bytes.h"
#include "core/base/crc.h"

#include <string.h>

#define HEAD 0xAAu
#define CRC_BYTES 2u
#define WRITE_FIRST 300u
#define WRITE_LAST 399u
#define SETTINGS_MAX 100u
#define MORE_PACKETS 0x80u
#define PACKET_BYTES 0x3Fu // of the length byte of 0x07 and 0x09

uint16_t nh_tinybms_crc(const uint8_t *bytes, size_t len)
{
    return nh_crc16_modbus(NH_CRC16_MODBUS_START, bytes, len);
}

// ---- requests

static bool is_write(uint8_t command)
{
    return command == NH_TINYBMS_WRITE_BLOCK || command == NH_TINYBMS_WRITE_LIST ||
           command == NH_TINYBMS_WRITE_MODBUS;
}

static bool is_list(uint8_t command)
{
    return command == NH_TINYBMS_READ_LIST || command == NH_TINYBMS_WRITE_LIST;
}

static uint16_t count_max(uint8_t command)
{
    switch (command) {
    case NH_TINYBMS_READ_MODBUS:
        return NH_TINYBMS_READ_MAX_COUNT;
    case NH_TINYBMS_READ_BLOCK:
    case NH_TINYBMS_WRITE_BLOCK:
        return NH_TINYBMS_READ_OWN_MAX_COUNT;
    case NH_TINYBMS_READ_LIST:
    case NH_TINYBMS_WRITE_LIST:
        return NH_TINYBMS_LIST_MAX_COUNT;
    case NH_TINYBMS_WRITE_MODBUS:
        return NH_TINYBMS_WRITE_MAX_COUNT;
    case NH_TINYBMS_SETTINGS:
        return SETTINGS_MAX;
    default:
        return 0; // has no count
    }
}

static bool has_option(const struct nh_tinybms_request *r)
{
    if (r->command == NH_TINYBMS_RESET)
        return r->option == NH_TINYBMS_CLEAR_EVENTS || r->option == NH_TINYBMS_CLEAR_STATISTICS ||
               r->option == NH_TINYBMS_RESTART;
    return r->option >= NH_TINYBMS_MINIMUM && r->option <= NH_TINYBMS_CURRENT;
}

static bool are_addresses_good(const struct nh_tinybms_request *r)
{
    uint32_t first = is_write(r->command) ? WRITE_FIRST : 0;
    uint32_t last = is_write(r->command) ? WRITE_LAST : UINT16_MAX;
    if (!is_list(r->command))
        return r->address >= first && (uint32_t)r->address + r->count - 1u <= last;
    for (uint16_t i = 0; i < r->count; i++)
        if (r->addresses[i] < first || r->addresses[i] > last)
            return false;
    return true;
}

static int check_counted(const struct nh_tinybms_request *r)
{
    if (!r->count || r->count > count_max(r->command))
        return NH_ERR_RANGE;
    if (r->command == NH_TINYBMS_SETTINGS)
        return has_option(r) ? NH_OK : NH_ERR_RANGE;
    if ((is_list(r->command) && !r->addresses) || (is_write(r->command) && !r->values))
        return NH_ERR_INVAL;
    return are_addresses_good(r) ? NH_OK : NH_ERR_RANGE;
}

static int check_request(const struct nh_tinybms_request *r)
{
    if (count_max(r->command))
        return check_counted(r);
    if (r->command == NH_TINYBMS_RESET)
        return has_option(r) ? NH_OK : NH_ERR_RANGE;
    bool is_plain = r->command == NH_TINYBMS_EVENTS_NEWEST || r->command == NH_TINYBMS_EVENTS_ALL ||
                    (r->command >= NH_TINYBMS_PACK_VOLTAGE && r->command <= NH_TINYBMS_DISTANCE);
    return is_plain ? NH_OK : NH_ERR_UNSUPPORTED;
}

static size_t request_bytes(const struct nh_tinybms_request *r)
{
    switch (r->command) {
    case NH_TINYBMS_RESET:
        return 3 + CRC_BYTES;
    case NH_TINYBMS_READ_MODBUS:
        return 6 + CRC_BYTES;
    case NH_TINYBMS_READ_BLOCK:
    case NH_TINYBMS_SETTINGS:
        return 5 + CRC_BYTES;
    case NH_TINYBMS_READ_LIST:
        return 3 + 2u * r->count + CRC_BYTES;
    case NH_TINYBMS_WRITE_BLOCK:
        return 5 + 2u * r->count + CRC_BYTES;
    case NH_TINYBMS_WRITE_LIST:
        return 3 + 4u * r->count + CRC_BYTES;
    case NH_TINYBMS_WRITE_MODBUS:
        return 7 + 2u * r->count + CRC_BYTES;
    default:
        return 2 + CRC_BYTES;
    }
}

static void put_list(const struct nh_tinybms_request *r, uint8_t *out)
{
    for (uint16_t i = 0; i < r->count; i++) {
        nh_put_le16(out, r->addresses[i]);
        out += 2;
        if (r->command != NH_TINYBMS_WRITE_LIST)
            continue;
        nh_put_le16(out, r->values[i]);
        out += 2;
    }
}

// What Modbus calls function 3 and 16: address, count and data big endian.
static void put_modbus(const struct nh_tinybms_request *r, uint8_t *out)
{
    nh_put_be16(out, r->address);
    nh_put_be16(out + 2, r->count);
    if (r->command != NH_TINYBMS_WRITE_MODBUS)
        return;
    out[4] = (uint8_t)(2 * r->count);
    for (uint16_t i = 0; i < r->count; i++)
        nh_put_be16(out + 5 + 2 * (size_t)i, r->values[i]);
}

static void put_body(const struct nh_tinybms_request *r, uint8_t *out)
{
    switch (r->command) {
    case NH_TINYBMS_RESET:
        out[0] = r->option;
        break;
    case NH_TINYBMS_READ_MODBUS:
    case NH_TINYBMS_WRITE_MODBUS:
        put_modbus(r, out);
        break;
    case NH_TINYBMS_READ_BLOCK:
        out[0] = (uint8_t)r->count;
        nh_put_le16(out + 1, r->address);
        break;
    case NH_TINYBMS_WRITE_BLOCK:
        out[0] = (uint8_t)(2 * r->count); // data alone, as in the one published example
        nh_put_le16(out + 1, r->address);
        for (uint16_t i = 0; i < r->count; i++)
            nh_put_le16(out + 3 + 2 * (size_t)i, r->values[i]);
        break;
    case NH_TINYBMS_READ_LIST:
    case NH_TINYBMS_WRITE_LIST:
        out[0] = (uint8_t)((r->command == NH_TINYBMS_READ_LIST ? 2 : 4) * r->count);
        put_list(r, out + 1);
        break;
    case NH_TINYBMS_SETTINGS:
        out[0] = r->option;
        out[1] = 0;
        out[2] = (uint8_t)r->count;
        break;
    default:
        break;
    }
}

int nh_tinybms_encode(const struct nh_tinybms_request *r, uint8_t *out, size_t cap)
{
    int err = check_request(r);
    if (err < 0)
        return err;
    size_t len = request_bytes(r);
    if (len > cap)
        return NH_ERR_TOO_LONG;
    out[0] = HEAD;
    out[1] = r->command;
    put_body(r, out + 2);
    nh_put_le16(out + len - CRC_BYTES, nh_tinybms_crc(out, len - CRC_BYTES));
    return (int)len;
}

// ---- responses: where one ends

// `fixed`: bytes of the payload where no length byte says it. Else the payload is min to max bytes
// in steps of `step`: another length is no frame, which finds a false start sooner.
struct shape {
    uint8_t command, fixed, min, step, max;
};
static const struct shape shapes[] = {
    {NH_TINYBMS_READ_MODBUS, 0, 2, 2, 254},
    {NH_TINYBMS_READ_BLOCK, 0, 2, 2, 62},
    {NH_TINYBMS_READ_LIST, 0, 4, 4, 60},
    {NH_TINYBMS_WRITE_MODBUS, 4, 0, 0, 0},
    {NH_TINYBMS_EVENTS_NEWEST, 0, 4, 4, 200},
    {NH_TINYBMS_EVENTS_ALL, 0, 4, 4, 200},
    {NH_TINYBMS_PACK_VOLTAGE, 4, 0, 0, 0},
    {NH_TINYBMS_PACK_CURRENT, 4, 0, 0, 0},
    {NH_TINYBMS_CELL_MAX, 2, 0, 0, 0},
    {NH_TINYBMS_CELL_MIN, 2, 0, 0, 0},
    {NH_TINYBMS_STATUS, 2, 0, 0, 0},
    {NH_TINYBMS_LIFETIME, 4, 0, 0, 0},
    {NH_TINYBMS_SOC, 4, 0, 0, 0},
    {NH_TINYBMS_TEMPERATURES, 0, 6, 6, 6},
    {NH_TINYBMS_CELLS, 0, 2, 2, 32},
    {NH_TINYBMS_SETTINGS, 0, 2, 2, 200},
    {NH_TINYBMS_VERSION, 0, 5, 5, 5},
    {NH_TINYBMS_VERSION_LONG, 0, 7, 7, 7},
    {NH_TINYBMS_DISTANCE, 12, 0, 0, 0},
};

static const struct shape *shape_of(uint8_t command)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(shapes); i++)
        if (shapes[i].command == command)
            return &shapes[i];
    return NULL;
}

// Only those that answer without data.
static bool is_acknowledged(uint8_t command)
{
    return command == NH_TINYBMS_RESET || command == NH_TINYBMS_WRITE_BLOCK ||
           command == NH_TINYBMS_WRITE_LIST;
}

enum { NOT_A_FRAME = -1, NOT_YET = 0 };

static int data_bytes(nh_tinybms_parser_t *p, const struct shape *s, const uint8_t *at, size_t len)
{
    if (s->fixed)
        return 2 + s->fixed + (int)CRC_BYTES;
    if (len < 3)
        return NOT_YET;
    uint8_t body = at[2];
    if (s->command == NH_TINYBMS_READ_BLOCK || s->command == NH_TINYBMS_READ_LIST) {
        if (body & MORE_PACKETS) {
            p->multi_packets++;
            return NOT_A_FRAME;
        }
        body &= PACKET_BYTES;
    }
    if (body < s->min || body > s->max || body % s->step)
        return NOT_A_FRAME;
    return 3 + body + (int)CRC_BYTES;
}

// How long the frame is that begins at `at`; NOT_YET, NOT_A_FRAME.
static int frame_bytes(nh_tinybms_parser_t *p, const uint8_t *at, size_t len)
{
    if (at[0] != HEAD)
        return NOT_A_FRAME;
    if (len < 2)
        return NOT_YET;
    if (at[1] == NH_TINYBMS_NACK_CODE)
        return 4 + (int)CRC_BYTES;
    if (at[1] == NH_TINYBMS_ACK_CODE) {
        if (len < 3)
            return NOT_YET;
        return is_acknowledged(at[2]) ? 3 + (int)CRC_BYTES : NOT_A_FRAME;
    }
    const struct shape *s = shape_of(at[1]);
    return s ? data_bytes(p, s, at, len) : NOT_A_FRAME;
}

static void read_frame(const uint8_t *at, size_t len, struct nh_tinybms_frame *out)
{
    *out = (struct nh_tinybms_frame){.answer = NH_TINYBMS_DATA, .command = at[1]};
    if (at[1] == NH_TINYBMS_NACK_CODE || at[1] == NH_TINYBMS_ACK_CODE) {
        out->answer = at[1] == NH_TINYBMS_NACK_CODE ? NH_TINYBMS_NACK : NH_TINYBMS_ACK;
        out->command = at[2];
        if (out->answer == NH_TINYBMS_NACK)
            out->code = at[3];
        return;
    }
    size_t head = shape_of(at[1])->fixed ? 2 : 3;
    out->payload = (nh_span_t){at + head, len - head - CRC_BYTES};
}

// ---- the parser

static void drop_front(nh_tinybms_parser_t *p, size_t count)
{
    memmove(p->bytes, p->bytes + count, p->len - count);
    p->len = (uint16_t)(p->len - count);
}

static void end_frame(nh_tinybms_parser_t *p)
{
    drop_front(p, p->taken);
    p->taken = 0;
}

size_t nh_tinybms_parser_feed(nh_tinybms_parser_t *p, const uint8_t *bytes, size_t len)
{
    end_frame(p);
    size_t room = sizeof p->bytes - p->len;
    if (len > room)
        len = room;
    if (len)
        memcpy(p->bytes + p->len, bytes, len);
    p->len = (uint16_t)(p->len + len);
    return len;
}

// Looks at what begins at `*at` and moves on. 1: a frame to `command` of `*len` bytes stands there.
// NOT_YET: it may become one. NOT_A_FRAME: passed.
static int look(nh_tinybms_parser_t *p, uint8_t command, size_t *at, int *len,
                struct nh_tinybms_frame *out)
{
    const uint8_t *here = p->bytes + *at;
    size_t held = p->len - *at;
    *len = frame_bytes(p, here, held);
    if (*len == NOT_YET || (*len > 0 && (size_t)*len > held))
        return NOT_YET;
    // A frame with its CRC behind it has the CRC 0.
    if (*len > 0 && nh_tinybms_crc(here, (size_t)*len)) {
        p->crc_errors++;
        *len = NOT_A_FRAME;
    }
    if (*len < 0) {
        p->dropped_bytes++;
        ++*at;
        return NOT_A_FRAME;
    }
    p->frames++;
    read_frame(here, (size_t)*len, out);
    if (out->command == command)
        return 1;
    p->strays++;
    *at += (size_t)*len;
    return NOT_A_FRAME;
}

int nh_tinybms_parser_next(nh_tinybms_parser_t *p, uint8_t command, struct nh_tinybms_frame *out)
{
    struct nh_tinybms_frame f;
    size_t at = 0;
    int found = NOT_A_FRAME, len = 0;
    end_frame(p);
    while (at < p->len && found == NOT_A_FRAME)
        found = look(p, command, &at, &len, &f);
    drop_front(p, at);
    if (found != 1)
        return 0;
    p->taken = (uint16_t)len;
    read_frame(p->bytes, (size_t)len, out); // it moved to the front
    return 1;
}

int nh_tinybms_parser_finish(nh_tinybms_parser_t *p, uint8_t command, struct nh_tinybms_frame *out)
{
    while (!nh_tinybms_parser_next(p, command, out)) {
        if (!p->len)
            return 0;
        p->dropped_bytes++;
        drop_front(p, 1);
    }
    return 1;
}

bool nh_tinybms_parser_is_inside(const nh_tinybms_parser_t *p)
{
    return p->len > p->taken;
}

void nh_tinybms_parser_reset(nh_tinybms_parser_t *p)
{
    end_frame(p);
    p->dropped_bytes += p->len;
    p->len = 0;
}
