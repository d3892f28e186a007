// mqtt_talk.h - whole conversations with a live broker as text, for tests.
//
//   "A connect id=a clean\n"        client A opens a connection and says this (mqtt_text.h)
//   "A < connack 0 0\n"             what A heard since last asked, all of it; ends with "closed" if
//                                   the broker closed the connection; * stands for any text, ? for
//                                   a character
//   "A has *reason=*\n"            a look at that, which leaves it there; "A hasnt *rinfo=*\n"
//   "B connect v=5 id=b\n"          5.0; without it 3.1.1
//   "A raw 30 04 00 01 74 6d\n"     bytes in hexadecimal
//   "A open\n" "A lost\n"           a connection without CONNECT; it breaks
//   "A stall\n" "A read\n"          stops reading its socket; reads again
//   "tick 1500\n"                   so many milliseconds later
//
// Each conversation is held four times: bytes given whole, one by one, in pieces of 3 and of 7.
// What a client heard and the test did not ask for is a fault. Clients are A to F.
// Include "support/mqtt_client.h" and "support/mqtt_text.h" before this.

#ifndef NH_TEST_MQTT_TALK_H
#define NH_TEST_MQTT_TALK_H

struct talk {
    const char *name, *lines;
    const struct nh_mqtt_broker_config *cfg; // NULL: the defaults
};

static struct {
    struct world world;
    const char *name; // of the conversation
    size_t chunk;
    char heard[WORLD_CLIENTS][WORLD_TEXT_BYTES]; // what was read and not asked for yet
    uint8_t version[WORLD_CLIENTS];
    bool was_open[WORLD_CLIENTS];
} talk;

// Whether `text` is `pattern`, where * stands for any text and ? for any character.
static bool talk_matches(const char *pattern, size_t len, const char *text)
{
    if (len == 0)
        return *text == '\0';
    if (*pattern != '*')
        return *text && (*pattern == '?' || *pattern == *text) &&
               talk_matches(pattern + 1, len - 1, text + 1);
    do {
        if (talk_matches(pattern + 1, len - 1, text))
            return true;
    } while (*text++);
    return false;
}

// What the client heard since it was last asked.
static char *talk_heard(size_t i)
{
    struct client *c = &talk.world.clients[i];
    char *text = talk.heard[i];
    for (size_t at = 0; at < c->rx_len;) {
        text_add(text, sizeof talk.heard[i], "%s", text[0] ? "; " : "");
        at += text_hear(c->rx + at, c->rx_len - at, talk.version[i], text, sizeof talk.heard[i]);
    }
    c->rx_len = 0;
    if (talk.was_open[i] && !c->conn) {
        text_add(text, sizeof talk.heard[i], "%sclosed", text[0] ? "; " : "");
        talk.was_open[i] = false;
    }
    return text;
}

static void talk_look(size_t i, const char *pattern, size_t len, bool is_wanted)
{
    const char *heard = talk_heard(i);
    if (talk_matches(pattern, len, heard) != is_wanted)
        fail_msg("%s (pieces of %u): %c heard\n  %s\n%s\n  %.*s", talk.name, (unsigned)talk.chunk,
                 (char)('A' + i), heard, is_wanted ? "instead of" : "which is", (int)len, pattern);
}

static void talk_expect(size_t i, const char *pattern, size_t len)
{
    talk_look(i, pattern, len, true);
    talk.heard[i][0] = '\0';
}

static void talk_open(size_t i, unsigned version)
{
    talk.version[i] = (uint8_t)version;
    talk.was_open[i] = true;
    assert_int_equal(client_open(&talk.world.clients[i]), NH_OK);
}

static void talk_raw(struct client *c, const char *hex, size_t len)
{
    struct packet *p = packet_begin();
    for (size_t i = 0; i + 1 < len; i++) {
        if (hex[i] == ' ')
            continue;
        char pair[] = {'0', 'x', hex[i], hex[i + 1], '\0'};
        put_u8(p, text_number(pair));
        i++;
    }
    (void)client_packet(c, p);
}

static bool talk_begins(const char *line, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static void talk_say(size_t i, const char *line, size_t len)
{
    struct client *c = &talk.world.clients[i];
    if (talk_begins(line, len, "< ")) {
        talk_expect(i, line + 2, len - 2);
    } else if (talk_begins(line, len, "<")) {
        talk_expect(i, "", 0);
    } else if (talk_begins(line, len, "has ")) {
        talk_look(i, line + 4, len - 4, true);
    } else if (talk_begins(line, len, "hasnt ")) {
        talk_look(i, line + 6, len - 6, false);
    } else if (talk_begins(line, len, "open")) {
        talk_open(i, talk_begins(line, len, "open v=5") ? 5 : 4);
    } else if (talk_begins(line, len, "lost")) {
        talk.was_open[i] = false;
        client_close(c);
        world_turn_end(&talk.world);
    } else if (talk_begins(line, len, "stall")) {
        c->read_max = 0;
    } else if (talk_begins(line, len, "read")) {
        client_catch_up(c);
    } else if (talk_begins(line, len, "raw ")) {
        talk_raw(c, line + 4, len - 4);
    } else {
        bool is_connect = talk_begins(line, len, "connect ");
        static struct text_words w;
        text_split(&w, line, len);
        if (is_connect && !c->conn)
            talk_open(i, text_value_number(&w, "v=", 4));
        if (!c->conn)
            fail_msg("%s: %c is closed and cannot say %.*s", talk.name, (char)('A' + i), (int)len,
                     line);
        (void)client_packet(c, text_packet(line, len, talk.version[i]));
    }
}

static void talk_line(const char *line, size_t len)
{
    if (talk_begins(line, len, "tick "))
        world_tick(&talk.world, talk.world.now_ms + text_number(line + 5));
    else if (len > 2 && line[0] >= 'A' && line[0] < 'A' + WORLD_CLIENTS && line[1] == ' ')
        talk_say((size_t)(line[0] - 'A'), line + 2, len - 2);
    else if (len)
        fail_msg("%s: what is \"%.*s\"?", talk.name, (int)len, line);
}

static void talk_once(const struct talk *t, size_t chunk)
{
    memset(&talk, 0, sizeof talk);
    talk.name = t->name;
    talk.chunk = chunk;
    world_init(&talk.world, t->cfg);
    talk.world.chunk = chunk;
    for (const char *line = t->lines; *line;) {
        size_t len = strcspn(line, "\n");
        talk_line(line, len);
        line += len + (line[len] == '\n');
    }
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        talk_expect(i, "", 0);
    world_deinit(&talk.world);
}

static NH_UNUSED void talk_all(const struct talk *talks, size_t count)
{
    static const size_t chunks[] = {0, 1, 3, 7};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < NH_ARRAY_LEN(chunks); k++)
            talk_once(&talks[i], chunks[k]);
}

#endif
