// mqtt_text.h - control packets of MQTT 3.1.1 and 5.0 as lines of text, for tests.
//
//   connect id=a clean keep=10 will=t:bye wq=1 wr user=ann pass=pw sexp=60 w.wdelay=5
//   publish a/b hello q1 #5 dup retain expiry=10 prop=k:v
//   subscribe #7 a/b=1 c/#=2+nl+rap+rh1 sid=3           (QoS, no-local, as published, handling)
//   unsubscribe #8 a/b    puback #5 rc=0x10    pingreq    disconnect rc=4    auth rc=0x18
//
// Words are separated by blanks. name=value is a property if the table below knows the name (5.0
// only). x*300 is 300 times "x", '' is empty. The codec is the test's own, written
// from the standard: a fault in the engine's is not repeated here. What comes from the broker is
// read strictly: reserved flags, lengths, properties where they may stand, each once.
// Include "support/mqtt_client.h" before this.

#ifndef NH_TEST_MQTT_TEXT_H
#define NH_TEST_MQTT_TEXT_H

#define TEXT_WORDS_MAX 40
#define TEXT_LINE_MAX 400

// ---- properties ---------------------------------------------------------------------------------

enum text_type { TEXT_BYTE, TEXT_U16, TEXT_U32, TEXT_VARINT, TEXT_STRING, TEXT_PAIR };

// Where a property may come from a server, by packet type.
enum {
    IN_CONNACK = 1 << 2,
    IN_PUBLISH = 1 << 3,
    IN_PUBACKS = 0xF << 4, // PUBACK, PUBREC, PUBREL, PUBCOMP
    IN_SUBACK = 1 << 9,
    IN_UNSUBACK = 1 << 11,
    IN_DISCONNECT = 1 << 14,
    IN_AUTH = 1 << 15,
    IN_ANSWERS = IN_CONNACK | IN_PUBACKS | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT | IN_AUTH,
};

static const struct text_property {
    uint8_t id;
    const char *name;
    enum text_type type;
    unsigned from_server;
} text_properties[] = {
    {0x01, "pfi", TEXT_BYTE, IN_PUBLISH},
    {0x02, "expiry", TEXT_U32, IN_PUBLISH},
    {0x03, "ctype", TEXT_STRING, IN_PUBLISH},
    {0x08, "rtopic", TEXT_STRING, IN_PUBLISH},
    {0x09, "corr", TEXT_STRING, IN_PUBLISH},
    {0x0B, "sid", TEXT_VARINT, IN_PUBLISH},
    {0x11, "sexp", TEXT_U32, IN_CONNACK},
    {0x12, "assigned", TEXT_STRING, IN_CONNACK},
    {0x13, "skeep", TEXT_U16, IN_CONNACK},
    {0x15, "method", TEXT_STRING, IN_CONNACK | IN_AUTH},
    {0x16, "data", TEXT_STRING, IN_CONNACK | IN_AUTH},
    {0x17, "rpi", TEXT_BYTE, 0},
    {0x18, "wdelay", TEXT_U32, 0},
    {0x19, "rri", TEXT_BYTE, 0},
    {0x1A, "rinfo", TEXT_STRING, IN_CONNACK},
    {0x1C, "sref", TEXT_STRING, IN_CONNACK | IN_DISCONNECT},
    {0x1F, "reason", TEXT_STRING, IN_ANSWERS},
    {0x21, "rmax", TEXT_U16, IN_CONNACK},
    {0x22, "amax", TEXT_U16, IN_CONNACK},
    {0x23, "alias", TEXT_U16, IN_PUBLISH},
    {0x24, "maxqos", TEXT_BYTE, IN_CONNACK},
    {0x25, "ravail", TEXT_BYTE, IN_CONNACK},
    {0x26, "prop", TEXT_PAIR, IN_ANSWERS | IN_PUBLISH},
    {0x27, "pmax", TEXT_U32, IN_CONNACK},
    {0x28, "wavail", TEXT_BYTE, IN_CONNACK},
    {0x29, "savail", TEXT_BYTE, IN_CONNACK},
    {0x2A, "shavail", TEXT_BYTE, IN_CONNACK},
};

// ---- reason codes -------------------------------------------------------------------------------

enum { IN_PUBACK = 1 << 4, IN_PUBREC = 1 << 5, IN_PUBREL = 1 << 6, IN_PUBCOMP = 1 << 7 };

// Where a code may come from a server, by packet type.
static const struct {
    uint8_t code;
    unsigned from_server;
} text_codes[] = {
    {0x00, IN_ANSWERS},
    {0x01, IN_SUBACK},
    {0x02, IN_SUBACK},
    {0x10, IN_PUBACK | IN_PUBREC},
    {0x11, IN_UNSUBACK},
    {0x18, IN_AUTH},
    {0x80, IN_CONNACK | IN_PUBACK | IN_PUBREC | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT},
    {0x81, IN_CONNACK | IN_DISCONNECT},
    {0x82, IN_CONNACK | IN_DISCONNECT},
    {0x83, IN_CONNACK | IN_PUBACK | IN_PUBREC | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT},
    {0x84, IN_CONNACK},
    {0x85, IN_CONNACK},
    {0x86, IN_CONNACK},
    {0x87, IN_CONNACK | IN_PUBACK | IN_PUBREC | IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT},
    {0x88, IN_CONNACK},
    {0x89, IN_CONNACK | IN_DISCONNECT},
    {0x8A, IN_CONNACK},
    {0x8B, IN_DISCONNECT},
    {0x8C, IN_CONNACK | IN_DISCONNECT},
    {0x8D, IN_DISCONNECT},
    {0x8E, IN_DISCONNECT},
    {0x8F, IN_SUBACK | IN_UNSUBACK | IN_DISCONNECT},
    {0x90, IN_CONNACK | IN_PUBACK | IN_PUBREC | IN_DISCONNECT},
    {0x91, IN_PUBACK | IN_PUBREC | IN_SUBACK | IN_UNSUBACK},
    {0x92, IN_PUBREL | IN_PUBCOMP},
    {0x93, IN_DISCONNECT},
    {0x94, IN_DISCONNECT},
    {0x95, IN_CONNACK | IN_DISCONNECT},
    {0x96, IN_DISCONNECT},
    {0x97, IN_CONNACK | IN_PUBACK | IN_PUBREC | IN_SUBACK | IN_DISCONNECT},
    {0x98, IN_DISCONNECT},
    {0x99, IN_CONNACK | IN_PUBACK | IN_PUBREC | IN_DISCONNECT},
    {0x9A, IN_CONNACK | IN_DISCONNECT},
    {0x9B, IN_CONNACK | IN_DISCONNECT},
    {0x9C, IN_CONNACK | IN_DISCONNECT},
    {0x9D, IN_CONNACK | IN_DISCONNECT},
    {0x9E, IN_SUBACK | IN_DISCONNECT},
    {0x9F, IN_CONNACK | IN_DISCONNECT},
    {0xA0, IN_DISCONNECT},
    {0xA1, IN_SUBACK | IN_DISCONNECT},
    {0xA2, IN_SUBACK | IN_DISCONNECT},
};

static bool text_may_come(unsigned code, unsigned type)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(text_codes); i++)
        if (text_codes[i].code == code)
            return text_codes[i].from_server & 1u << type;
    return false;
}

// ---- packets and words --------------------------------------------------------------------------

static const struct text_property *text_property_named(const char *name, size_t len)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(text_properties); i++)
        if (strlen(text_properties[i].name) == len &&
            memcmp(text_properties[i].name, name, len) == 0)
            return &text_properties[i];
    return NULL;
}

static void text_put_varint(struct packet *p, uint32_t v)
{
    do {
        put_u8(p, (v & 127) | (v > 127 ? 128u : 0));
        v >>= 7;
    } while (v);
}

// Decimal, or hexadecimal after 0x; ends at the first other character.
static uint32_t text_number(const char *s)
{
    uint32_t v = 0, base = s[0] == '0' && s[1] == 'x' ? 16 : 10;
    for (s += base == 16 ? 2 : 0;; s++) {
        uint32_t digit = *s >= '0' && *s <= '9'                 ? (uint32_t)(*s - '0')
                         : base == 16 && *s >= 'a' && *s <= 'f' ? (uint32_t)(*s - 'a' + 10)
                                                                : 99;
        if (digit >= base)
            return v;
        v = v * base + digit;
    }
}

// `len` bytes of `word` as they are, but for x*300 and ''.
static void text_put_expanded(struct packet *p, const char *word, size_t len)
{
    bool is_repeat = len > 2 && word[1] == '*' && word[2] >= '0' && word[2] <= '9';
    size_t out = is_repeat ? text_number(word + 2) : len;
    if (len == 2 && memcmp(word, "''", 2) == 0)
        out = 0;
    assert_true(p->len + out + 8 <= sizeof p->bytes);
    if (is_repeat)
        memset(p->bytes + p->len, word[0], out);
    else
        memcpy(p->bytes + p->len, word, out);
    p->len += out;
}

static void text_put_bytes(struct packet *p, const char *word, size_t len)
{
    size_t at = p->len;
    put_u16(p, 0);
    text_put_expanded(p, word, len);
    len = p->len - at - 2;
    p->bytes[at] = (uint8_t)(len >> 8);
    p->bytes[at + 1] = (uint8_t)len;
}

// ---- words --------------------------------------------------------------------------------------

struct text_words {
    char line[TEXT_LINE_MAX];
    const char *word[TEXT_WORDS_MAX];
    size_t count;
};

static void text_split(struct text_words *w, const char *line, size_t len)
{
    assert_true(len < sizeof w->line);
    memcpy(w->line, line, len);
    w->line[len] = '\0';
    w->count = 0;
    for (char *at = w->line; *at;) {
        if (*at == ' ') {
            *at++ = '\0';
            continue;
        }
        assert_true(w->count < TEXT_WORDS_MAX);
        w->word[w->count++] = at;
        while (*at && *at != ' ')
            at++;
    }
}

static bool text_has(const struct text_words *w, const char *word)
{
    for (size_t i = 1; i < w->count; i++)
        if (strcmp(w->word[i], word) == 0)
            return true;
    return false;
}

// What stands behind `key` ("id="); NULL: no such word.
static const char *text_value(const struct text_words *w, const char *key)
{
    for (size_t i = 1; i < w->count; i++)
        if (strncmp(w->word[i], key, strlen(key)) == 0)
            return w->word[i] + strlen(key);
    return NULL;
}

static uint32_t text_value_number(const struct text_words *w, const char *key, uint32_t otherwise)
{
    const char *value = text_value(w, key);
    return value ? text_number(value) : otherwise;
}

// ---- text to packet -----------------------------------------------------------------------------

static void text_put_property(struct packet *p, const struct text_property *k, const char *value)
{
    const char *colon = k->type == TEXT_PAIR ? strchr(value, ':') : NULL;
    put_u8(p, k->id);
    switch (k->type) {
    case TEXT_BYTE:
        put_u8(p, text_number(value));
        break;
    case TEXT_U16:
        put_u16(p, text_number(value));
        break;
    case TEXT_U32:
        put_u16(p, text_number(value) >> 16);
        put_u16(p, text_number(value) & 0xffff);
        break;
    case TEXT_VARINT:
        text_put_varint(p, text_number(value));
        break;
    case TEXT_STRING:
        text_put_bytes(p, value, strlen(value));
        break;
    case TEXT_PAIR:
        assert_non_null(colon);
        text_put_bytes(p, value, (size_t)(colon - value));
        text_put_bytes(p, colon + 1, strlen(colon + 1));
        break;
    }
}

// The properties among the words, those with `prefix` ("" or "w."), and their length before them.
static void text_put_properties(struct packet *p, const struct text_words *w, const char *prefix)
{
    static struct packet list;
    list.len = 0;
    for (size_t i = 1; i < w->count; i++) {
        const char *name = w->word[i], *equals = strchr(name, '=');
        if (!equals || strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        name += strlen(prefix);
        const struct text_property *k = text_property_named(name, (size_t)(equals - name));
        if (k)
            text_put_property(&list, k, equals + 1);
    }
    text_put_varint(p, (uint32_t)list.len);
    memcpy(p->bytes + p->len, list.bytes, list.len);
    p->len += list.len;
}

static void text_connect(struct packet *p, const struct text_words *w, unsigned version)
{
    const char *will = text_value(w, "will="), *user = text_value(w, "user=");
    const char *password = text_value(w, "pass="), *id = text_value(w, "id=");
    unsigned flags = (text_has(w, "clean") ? 2u : 0) | (will ? 4u : 0) |
                     text_value_number(w, "wq=", 0) << 3 | (text_has(w, "wr") ? 32u : 0) |
                     (password ? 64u : 0) | (user ? 128u : 0);
    put_text(p, text_value(w, "name=") ? text_value(w, "name=") : "MQTT");
    put_u8(p, version);
    put_u8(p, text_value_number(w, "flags=", flags));
    put_u16(p, text_value_number(w, "keep=", 0));
    if (version >= 5)
        text_put_properties(p, w, "");
    text_put_bytes(p, id ? id : "", id ? strlen(id) : 0);
    if (will) {
        const char *colon = strchr(will, ':');
        assert_non_null(colon);
        if (version >= 5)
            text_put_properties(p, w, "w.");
        text_put_bytes(p, will, (size_t)(colon - will));
        text_put_bytes(p, colon + 1, strlen(colon + 1));
    }
    if (user)
        text_put_bytes(p, user, strlen(user));
    if (password)
        text_put_bytes(p, password, strlen(password));
    packet_close(p, 0x10);
}

static unsigned text_id(const struct text_words *w)
{
    return text_value_number(w, "#", 0);
}

static void text_publish(struct packet *p, const struct text_words *w, unsigned version)
{
    unsigned qos = text_has(w, "q1") ? 1 : text_has(w, "q2") ? 2 : text_has(w, "q3") ? 3 : 0;
    assert_true(w->count >= 3);
    text_put_bytes(p, w->word[1], strlen(w->word[1]));
    if (qos)
        put_u16(p, text_id(w));
    if (version >= 5)
        text_put_properties(p, w, "");
    text_put_expanded(p, w->word[2], strlen(w->word[2]));
    packet_close(p, 0x30 | (text_has(w, "dup") ? 8u : 0) | qos << 1 |
                        (text_has(w, "retain") ? 1u : 0));
}

// "2+nl+rap+rh1", or a number
static unsigned text_options(const char *s)
{
    unsigned options = text_number(s);
    options |= strstr(s, "+nl") ? 4u : 0;
    options |= strstr(s, "+rap") ? 8u : 0;
    const char *handling = strstr(s, "+rh");
    return options | (handling ? text_number(handling + 3) << 4 : 0);
}

static void text_filters(struct packet *p, const struct text_words *w, unsigned version, bool sub)
{
    put_u16(p, text_id(w));
    if (version >= 5)
        text_put_properties(p, w, "");
    for (size_t i = 1; i < w->count; i++) {
        const char *equals = strrchr(w->word[i], '=');
        bool is_property = equals && text_property_named(w->word[i], (size_t)(equals - w->word[i]));
        if ((w->word[i][0] == '#' && w->word[i][1] >= '0' && w->word[i][1] <= '9') || is_property)
            continue;
        size_t len = sub && equals ? (size_t)(equals - w->word[i]) : strlen(w->word[i]);
        text_put_bytes(p, w->word[i], len);
        if (sub)
            put_u8(p, equals ? text_options(equals + 1) : 0);
    }
    packet_close(p, sub ? 0x82 : 0xA2);
}

// PUBACK and its kind; 5.0 with a reason code and properties only where they are said.
static void text_ack(struct packet *p, const struct text_words *w, unsigned version, unsigned first)
{
    bool has_properties = false;
    for (size_t i = 1; i < w->count; i++) {
        const char *equals = strchr(w->word[i], '=');
        has_properties |= equals && text_property_named(w->word[i], (size_t)(equals - w->word[i]));
    }
    if (first < 0xE0)
        put_u16(p, text_id(w));
    if (version >= 5 && (text_value(w, "rc=") || has_properties)) {
        put_u8(p, text_value_number(w, "rc=", 0));
        if (has_properties)
            text_put_properties(p, w, "");
    }
    packet_close(p, first);
}

// The packet that `line` says; the result is the one that packet_begin() gives.
static NH_UNUSED const struct packet *text_packet(const char *line, size_t len, unsigned version)
{
    static struct text_words w;
    static const struct {
        const char *name;
        unsigned first;
    } acks[] = {{"puback", 0x40},  {"pubrec", 0x50},     {"pubrel", 0x62},
                {"pubcomp", 0x70}, {"disconnect", 0xE0}, {"auth", 0xF0}};
    struct packet *p = packet_begin();
    text_split(&w, line, len);
    const char *what = w.count ? w.word[0] : "";
    if (strcmp(what, "connect") == 0)
        text_connect(p, &w, version);
    else if (strcmp(what, "publish") == 0)
        text_publish(p, &w, version);
    else if (strcmp(what, "subscribe") == 0)
        text_filters(p, &w, version, true);
    else if (strcmp(what, "unsubscribe") == 0)
        text_filters(p, &w, version, false);
    else if (strcmp(what, "pingreq") == 0)
        packet_close(p, 0xC0);
    for (size_t i = 0; i < NH_ARRAY_LEN(acks); i++)
        if (strcmp(what, acks[i].name) == 0)
            text_ack(p, &w, version, acks[i].first);
    if (p->len == 0)
        fail_msg("not a packet: %s", what);
    return p;
}

// ---- packet to text -----------------------------------------------------------------------------

struct text_reader {
    const uint8_t *ptr, *end;
    char *out;
    size_t cap;
};

static uint32_t text_get(struct text_reader *r, size_t bytes)
{
    uint32_t v = 0;
    assert_true((size_t)(r->end - r->ptr) >= bytes);
    while (bytes--)
        v = v << 8 | *r->ptr++;
    return v;
}

// In as few bytes as the value needs.
static uint32_t text_get_varint(struct text_reader *r)
{
    uint32_t v = 0;
    for (unsigned i = 0;; i++) {
        uint32_t byte = text_get(r, 1);
        assert_true(i < 4);
        v |= (byte & 127) << 7 * i;
        if (byte & 128)
            continue;
        assert_true(i == 0 || byte != 0);
        return v;
    }
}

static void text_hear_string(struct text_reader *r, const char *before)
{
    size_t len = text_get(r, 2);
    assert_true((size_t)(r->end - r->ptr) >= len);
    text_add(r->out, r->cap, "%s%.*s", before, (int)len, (const char *)r->ptr);
    r->ptr += len;
}

static void text_hear_property(struct text_reader *r, const struct text_property *k)
{
    static const uint8_t bytes[] = {1, 2, 4};
    text_add(r->out, r->cap, " %s=", k->name);
    if (k->type <= TEXT_U32)
        text_add(r->out, r->cap, "%u", (unsigned)text_get(r, bytes[k->type]));
    else if (k->type == TEXT_VARINT)
        text_add(r->out, r->cap, "%u", (unsigned)text_get_varint(r));
    else
        text_hear_string(r, "");
    if (k->type == TEXT_PAIR)
        text_hear_string(r, ":");
}

static void text_skip_property(struct text_reader *r, const struct text_property *k)
{
    struct text_reader quiet = *r;
    char nothing[1] = "";
    quiet.out = nothing;
    quiet.cap = sizeof nothing;
    text_hear_property(&quiet, k);
    r->ptr = quiet.ptr;
}

// The properties in the order of their ids, so that a test does not depend on the order in which
// they came; user properties and subscription ids keep theirs.
static void text_hear_properties(struct text_reader *r, unsigned type)
{
    uint32_t len = text_get_varint(r);
    assert_true((size_t)(r->end - r->ptr) >= len);
    unsigned seen = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(text_properties); i++) {
        struct text_reader walk = *r;
        unsigned times = 0;
        walk.end = r->ptr + len;
        while (walk.ptr < walk.end) {
            const struct text_property *k = text_properties;
            uint32_t id = text_get(&walk, 1);
            while (k < text_properties + NH_ARRAY_LEN(text_properties) && k->id != id)
                k++;
            if (k == text_properties + NH_ARRAY_LEN(text_properties) ||
                !(k->from_server & 1u << type))
                fail_msg("property 0x%02x in packet type %u", (unsigned)id, type);
            if (k != &text_properties[i]) {
                text_skip_property(&walk, k);
                continue;
            }
            text_hear_property(&walk, k);
            times++;
            seen++;
        }
        // Each once, but user properties, and subscription ids in PUBLISH.
        assert_true(times <= 1 || text_properties[i].id == 0x26 || text_properties[i].id == 0x0B);
    }
    assert_true(len == 0 || seen > 0);
    r->ptr += len;
}

static void text_hear_publish(struct text_reader *r, unsigned first, unsigned version)
{
    unsigned qos = first >> 1 & 3, id = 0;
    char properties[200] = "";
    assert_true(qos < 3 && !(qos == 0 && (first & 8)));
    text_hear_string(r, "publish ");
    if (qos) {
        id = text_get(r, 2);
        assert_true(id != 0);
    }
    if (version >= 5) {
        struct text_reader inner = *r;
        inner.out = properties;
        inner.cap = sizeof properties;
        text_hear_properties(&inner, 3);
        r->ptr = inner.ptr;
    }
    size_t len = (size_t)(r->end - r->ptr);
    if (len > 32)
        text_add(r->out, r->cap, " (%u bytes)", (unsigned)len);
    else
        text_add(r->out, r->cap, " %.*s", len ? (int)len : 2, len ? (const char *)r->ptr : "''");
    r->ptr = r->end;
    text_add(r->out, r->cap, " q%u", qos);
    if (qos)
        text_add(r->out, r->cap, " #%u", id);
    text_add(r->out, r->cap, "%s%s%s", first & 8 ? " dup" : "", first & 1 ? " retain" : "",
             properties);
}

// A code is 0x.. from 16 on, as the standard writes it; one of 5.0 must be of its packet's table.
static void text_hear_code(struct text_reader *r, unsigned type, unsigned version,
                           bool is_zero_told)
{
    unsigned code = text_get(r, 1);
    if (version >= 5 && !text_may_come(code, type))
        fail_msg("reason code 0x%02x in packet type %u", code, type);
    if (code || is_zero_told)
        text_add(r->out, r->cap, code < 16 ? " %u" : " 0x%02x", code);
}

static void text_hear_answer(struct text_reader *r, unsigned type, unsigned version)
{
    static const char *const names[] = {"type0",     "connect",  "connack",     "publish",
                                        "puback",    "pubrec",   "pubrel",      "pubcomp",
                                        "subscribe", "suback",   "unsubscribe", "unsuback",
                                        "pingreq",   "pingresp", "disconnect",  "auth"};
    text_add(r->out, r->cap, "%s", names[type]);
    if (type == 2) {
        unsigned flags = text_get(r, 1);
        assert_true(flags <= 1);
        text_add(r->out, r->cap, " %u", flags);
        text_hear_code(r, type, version, true);
    }
    if (type >= 4 && type <= 11)
        text_add(r->out, r->cap, " #%u", (unsigned)text_get(r, 2));
    if (version >= 5 && type != 2 && type != 9 && type != 11 && r->ptr < r->end)
        text_hear_code(r, type, version, type == 14 || type == 15);
    // PUBACK and its kind, DISCONNECT and AUTH may end before their properties.
    bool always = type == 2 || type == 9 || type == 11;
    if (version >= 5 && type != 13 && (always || r->ptr < r->end))
        text_hear_properties(r, type);
    while ((type == 9 || (type == 11 && version >= 5)) && r->ptr < r->end)
        text_hear_code(r, type, version, true);
    assert_true(r->ptr == r->end);
}

// Adds the whole packet at the start of `bytes` to `out`; returns its length.
static NH_UNUSED size_t text_hear(const uint8_t *bytes, size_t len, unsigned version, char *out,
                                  size_t cap)
{
    struct text_reader r = {bytes, bytes + len, out, cap};
    unsigned first = text_get(&r, 1);
    uint32_t body = text_get_varint(&r);
    assert_true((size_t)(r.end - r.ptr) >= body);
    r.end = r.ptr + body;
    if (first >> 4 == 3) {
        text_hear_publish(&r, first, version);
    } else {
        assert_int_equal(first & 15, first >> 4 == 6 ? 2 : 0);
        text_hear_answer(&r, first >> 4, version);
    }
    return (size_t)(r.end - bytes);
}

#endif
