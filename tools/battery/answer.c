// answer.c - the board's commands: where a request ends, and what is said to it.

#include "board.h"

#define COMMAND_ERROR 0
#define CRC_ERROR 1
#define ADDRESS_COUNT 600
#define RESTART_SILENT_US 500000

static uint16_t be16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint16_t le16(const uint8_t *at)
{
    return (uint16_t)(at[1] << 8 | at[0]);
}

// ---- where a request ends -----------------------------------------------------------------------

static bool has_good_crc(const uint8_t *bytes, size_t len)
{
    return nh_sim_board__crc(bytes, len - 2) == le16(bytes + len - 2);
}

// A command that is none has no length: it ends where its CRC fits.
static int unknown_bytes(const struct nh_sim_board *b)
{
    if (b->in_len >= NH_SIM_FRAME_MAX_BYTES)
        return -1;
    return b->in_len >= 4 && has_good_crc(b->in, b->in_len) ? (int)b->in_len : 0;
}

// The length byte of a block write counts the data alone, or the address as well.
static int block_bytes(const struct nh_sim_board *b)
{
    if (b->in_len < 3)
        return 0;
    size_t with_address = b->in[2] + 5u;
    if (b->in_len >= with_address && b->in[2] >= 4 && has_good_crc(b->in, with_address))
        return (int)with_address;
    return b->in[2] + 7;
}

int nh_sim_board__request_bytes(const struct nh_sim_board *b)
{
    static const uint8_t fixed[0x21] = {
        [0x02] = 5, [0x03] = 8, [0x07] = 7, [0x11] = 4, [0x12] = 4, [0x14] = 4,
        [0x15] = 4, [0x16] = 4, [0x17] = 4, [0x18] = 4, [0x19] = 4, [0x1A] = 4,
        [0x1B] = 4, [0x1C] = 4, [0x1D] = 7, [0x1E] = 4, [0x1F] = 4, [0x20] = 4,
    };
    uint8_t command = b->in[1];
    if (b->in_len < 2)
        return 0;
    if (command < NH_ARRAY_LEN(fixed) && fixed[command])
        return fixed[command];
    if (command == 0x09 || command == 0x0D)
        return b->in_len < 3 ? 0 : b->in[2] + 5;
    if (command == 0x0B)
        return block_bytes(b);
    if (command == 0x10)
        return b->in_len < 7 ? 0 : b->in[6] + 9;
    return unknown_bytes(b);
}

// ---- what is said -------------------------------------------------------------------------------

struct answer {
    uint8_t bytes[NH_SIM_FRAME_MAX_BYTES];
    size_t len;
};

static void add(struct answer *a, uint8_t byte)
{
    a->bytes[a->len++] = byte;
}

static void add_le16(struct answer *a, uint16_t value)
{
    add(a, (uint8_t)value);
    add(a, (uint8_t)(value >> 8));
}

static void add_be16(struct answer *a, uint16_t value)
{
    add(a, (uint8_t)(value >> 8));
    add(a, (uint8_t)value);
}

static void begin(struct answer *a, uint8_t command)
{
    a->len = 0;
    add(a, 0xAA);
    add(a, command);
}

static void acknowledge(struct nh_sim_board *b, uint8_t command)
{
    const uint8_t ack[] = {0xAA, 0x01, command};
    nh_sim_board__send(b, ack, sizeof ack);
}

static void refuse(struct nh_sim_board *b, uint8_t code)
{
    const uint8_t nack[] = {0xAA, 0x00, b->in[1], code};
    b->counters.refused++;
    nh_sim_board__send(b, nack, sizeof nack);
}

// Whether somebody wants this address refused.
static bool is_refused(struct nh_sim_board *b, uint16_t first, uint16_t count)
{
    int32_t wanted = b->faults.nack_address;
    if (wanted < first || wanted >= first + count)
        return false;
    refuse(b, b->faults.nack_code);
    return true;
}

// ---- reads --------------------------------------------------------------------------------------

static void read_block(struct nh_sim_board *b, uint16_t first, uint16_t count, bool is_modbus)
{
    struct answer a;
    if (first + count > ADDRESS_COUNT) {
        refuse(b, COMMAND_ERROR);
        return;
    }
    if (is_refused(b, first, count))
        return;
    begin(&a, b->in[1]);
    add(&a, (uint8_t)(count * 2));
    for (uint16_t i = 0; i < count; i++) {
        uint16_t value = nh_sim_board_register(b, first + i);
        (is_modbus ? add_be16 : add_le16)(&a, value);
    }
    nh_sim_board__send(b, a.bytes, a.len);
}

static void read_modbus(struct nh_sim_board *b)
{
    uint16_t count = be16(b->in + 4);
    if (count < 1 || count > 127)
        refuse(b, COMMAND_ERROR);
    else
        read_block(b, be16(b->in + 2), count, true);
}

static void read_own(struct nh_sim_board *b)
{
    uint8_t count = b->in[2];
    if (count < 1 || count > 31) // more would need a second packet
        refuse(b, COMMAND_ERROR);
    else
        read_block(b, le16(b->in + 3), count, false);
}

static void read_list(struct nh_sim_board *b)
{
    struct answer a;
    uint8_t len = b->in[2];
    if (len < 2 || len > 30 || len % 2) {
        refuse(b, COMMAND_ERROR);
        return;
    }
    begin(&a, 0x09);
    add(&a, len * 2);
    for (size_t i = 0; i < len; i += 2) {
        uint16_t address = le16(b->in + 3 + i);
        if (address >= ADDRESS_COUNT) {
            refuse(b, COMMAND_ERROR);
            return;
        }
        if (is_refused(b, address, 1))
            return;
        add_le16(&a, address);
        add_le16(&a, nh_sim_board_register(b, address));
    }
    nh_sim_board__send(b, a.bytes, a.len);
}

static void read_settings(struct nh_sim_board *b)
{
    struct answer a;
    uint8_t option = b->in[2], count = b->in[4];
    if (option < 1 || option > 4 || b->in[3] != 0 || count < 1 || count > NH_SIM_SETTING_COUNT) {
        refuse(b, COMMAND_ERROR);
        return;
    }
    begin(&a, 0x1D);
    add(&a, count * 2);
    for (uint16_t i = 0; i < count; i++) {
        uint16_t address = NH_SIM_SETTING_FIRST + i;
        add_le16(&a, option == 4 ? nh_sim_board_register(b, address)
                                 : nh_sim_setting_limit(address, (enum nh_sim_limit)option));
    }
    nh_sim_board__send(b, a.bytes, a.len);
}

// ---- writes -------------------------------------------------------------------------------------

struct pairs {
    uint16_t address[128], value[128];
    size_t count;
};

static bool are_taken(struct nh_sim_board *b, const struct pairs *p)
{
    for (size_t i = 0; i < p->count; i++) {
        uint16_t address = p->address[i];
        if (is_refused(b, address, 1))
            return false;
        if (address < NH_SIM_SETTING_FIRST ||
            address >= NH_SIM_SETTING_FIRST + NH_SIM_SETTING_COUNT ||
            !nh_sim_setting_takes(address, p->value[i])) {
            refuse(b, COMMAND_ERROR);
            return false;
        }
    }
    return p->count > 0;
}

static void restart(struct nh_sim_board *b)
{
    nh_sim_pack_restart(&b->pack, 4);
    b->silent_until_us = b->heard_us + RESTART_SILENT_US;
}

// All of a request, or none of it. Modbus repeats its first address and count.
static void write_all(struct nh_sim_board *b, const struct pairs *p)
{
    bool restarts = false;
    if (!are_taken(b, p))
        return;
    for (size_t i = 0; i < p->count; i++)
        restarts = nh_sim_board__write(b, p->address[i], p->value[i]) || restarts;
    if (b->in[1] == 0x10)
        nh_sim_board__send(b, b->in, 6);
    else
        acknowledge(b, b->in[1]);
    if (restarts)
        restart(b);
}

static void write_modbus(struct nh_sim_board *b)
{
    struct pairs p = {0};
    uint16_t count = be16(b->in + 4);
    if (count < 1 || count > 100 || b->in[6] != count * 2) {
        refuse(b, COMMAND_ERROR);
        return;
    }
    for (; p.count < count; p.count++) {
        p.address[p.count] = (uint16_t)(be16(b->in + 2) + p.count);
        p.value[p.count] = be16(b->in + 7 + p.count * 2);
    }
    write_all(b, &p);
}

static void write_block(struct nh_sim_board *b, size_t len)
{
    struct pairs p = {0};
    size_t bytes = len - 7;
    if (bytes < 2 || bytes % 2 || bytes > 252) {
        refuse(b, COMMAND_ERROR);
        return;
    }
    for (; p.count < bytes / 2; p.count++) {
        p.address[p.count] = (uint16_t)(le16(b->in + 3) + p.count);
        p.value[p.count] = le16(b->in + 5 + p.count * 2);
    }
    write_all(b, &p);
}

static void write_list(struct nh_sim_board *b)
{
    struct pairs p = {0};
    uint8_t len = b->in[2];
    if (len < 4 || len > 60 || len % 4) {
        refuse(b, COMMAND_ERROR);
        return;
    }
    for (; p.count < len / 4u; p.count++) {
        p.address[p.count] = le16(b->in + 3 + p.count * 4);
        p.value[p.count] = le16(b->in + 5 + p.count * 4);
    }
    write_all(b, &p);
}

static void reset(struct nh_sim_board *b)
{
    uint8_t option = b->in[2];
    if (option != 1 && option != 2 && option != 5) {
        refuse(b, COMMAND_ERROR);
        return;
    }
    acknowledge(b, 0x02);
    if (option == 1)
        b->pack.event_count = b->pack.event_told = 0;
    else if (option == 2)
        nh_sim_pack_clear_statistics(&b->pack);
    else
        restart(b);
}

// ---- events -------------------------------------------------------------------------------------

static void events(struct nh_sim_board *b, uint32_t count)
{
    struct answer a;
    uint32_t now = nh_sim_pack_time_s(&b->pack);
    begin(&a, b->in[1]);
    add(&a, (uint8_t)(4 + 4 * count));
    add_le16(&a, (uint16_t)now);
    add_le16(&a, (uint16_t)(now >> 16));
    for (uint32_t i = 0; i < count; i++) {
        const struct nh_sim_event *e = nh_sim_pack_event(&b->pack, i);
        add_le16(&a, (uint16_t)e->time_s);
        add(&a, (uint8_t)(e->time_s >> 16));
        add(&a, e->id);
    }
    b->pack.event_told = b->pack.event_count;
    nh_sim_board__send(b, a.bytes, a.len);
}

static void all_events(struct nh_sim_board *b)
{
    uint32_t told = b->pack.event_told, count = b->pack.event_count;
    events(b, count < NH_SIM_EVENT_COUNT ? count : NH_SIM_EVENT_COUNT);
    b->pack.event_told = told; // this one does not mark them as told
}

static void new_events(struct nh_sim_board *b)
{
    uint32_t count = b->pack.event_count - b->pack.event_told;
    if (count == 0 && b->pack.event_count > 0)
        count = 1;
    events(b, count < NH_SIM_EVENT_COUNT ? count : NH_SIM_EVENT_COUNT);
}

// ---- single values ------------------------------------------------------------------------------

// Registers as they stand, with or without a byte that counts them.
static void values(struct nh_sim_board *b, bool has_length, const uint16_t *addresses, size_t count)
{
    struct answer a;
    begin(&a, b->in[1]);
    if (has_length)
        add(&a, (uint8_t)(count * 2));
    for (size_t i = 0; i < count; i++)
        add_le16(&a, nh_sim_board_register(b, addresses[i]));
    nh_sim_board__send(b, a.bytes, a.len);
}

static void cells(struct nh_sim_board *b)
{
    uint16_t addresses[NH_SIM_CELL_MAX_COUNT];
    uint8_t count = b->pack.cfg.cell_count;
    for (uint16_t i = 0; i < count; i++)
        addresses[i] = b->cfg.is_descending ? NH_SIM_CELL_MAX_COUNT - count + i : i;
    values(b, true, addresses, count);
}

static void version(struct nh_sim_board *b)
{
    struct answer a;
    bool is_long = b->in[1] == 0x1F;
    uint16_t hardware = nh_sim_board_register(b, 500), boot = nh_sim_board_register(b, 503);
    begin(&a, b->in[1]);
    add(&a, is_long ? 7 : 5);
    add_le16(&a, hardware);
    add(&a, (uint8_t)nh_sim_board_register(b, 501));
    add_le16(&a, nh_sim_board_register(b, 502));
    if (is_long)
        add_le16(&a, boot);
    nh_sim_board__send(b, a.bytes, a.len);
}

static void distance(struct nh_sim_board *b)
{
    static const uint16_t addresses[] = {54, 55, 44, 56, 34, 35}; // 56: the high word, always 0
    values(b, false, addresses, NH_ARRAY_LEN(addresses));
}

static void single(struct nh_sim_board *b)
{
    static const struct {
        uint8_t command, count, has_length;
        uint16_t addresses[3];
    } list[] = {
        {0x14, 2, 0, {36, 37}}, {0x15, 2, 0, {38, 39}},     {0x16, 1, 0, {41}},
        {0x17, 1, 0, {40}},     {0x18, 1, 0, {50}},         {0x19, 2, 0, {32, 33}},
        {0x1A, 2, 0, {46, 47}}, {0x1B, 3, 1, {48, 42, 43}},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(list); i++) {
        if (list[i].command == b->in[1]) {
            values(b, list[i].has_length, list[i].addresses, list[i].count);
            return;
        }
    }
    refuse(b, COMMAND_ERROR); // no such command
}

void nh_sim_board__answer(struct nh_sim_board *b, size_t len)
{
    static void (*const commands[0x21])(struct nh_sim_board * b) = {
        [0x02] = reset,      [0x03] = read_modbus,   [0x07] = read_own,   [0x09] = read_list,
        [0x0D] = write_list, [0x10] = write_modbus,  [0x11] = new_events, [0x12] = all_events,
        [0x1C] = cells,      [0x1D] = read_settings, [0x1E] = version,    [0x1F] = version,
        [0x20] = distance,
    };
    b->counters.frames_in++;
    if (!has_good_crc(b->in, len)) {
        b->counters.crc_errors++;
        refuse(b, CRC_ERROR);
    } else if (b->in[1] == 0x0B) {
        write_block(b, len);
    } else if (b->in[1] < NH_ARRAY_LEN(commands) && commands[b->in[1]]) {
        commands[b->in[1]](b);
    } else {
        single(b);
    }
}
