// sim_stage.c - the room of sim_room.h on its stage: a connection for each prop and one for who
// plays, the terminal's keys, lines of the input.

#include "sim_mqtt.h"
#include "sim_room.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define RETRY_MS 2000
#define POLL_MAX_MS 200 // so that the end of the parent is seen
#define CONTROL "sim/room/"

struct stage {
    struct nh_sim *sim;
    struct nh_sim_room room;
    struct nh_sim_client client[NH_SIM_PROP_COUNT + 1]; // the last is the player's
    int64_t retry_ms[NH_SIM_PROP_COUNT + 1];
    char id[NH_SIM_PROP_COUNT][32], status_topic[NH_SIM_PROP_COUNT][64];
    char filter[NH_SIM_PROP_COUNT][64];
    bool is_input_open, is_terminal, is_line, wants_end;
    struct termios before;
    char line[128];
    size_t line_len;
};

// ---- the room's side ----------------------------------------------------------------------------

static void publish(void *ctx, enum nh_sim_prop prop, const char *topic, nh_span_t payload,
                    bool retain)
{
    struct stage *s = ctx;
    if (s->client[prop].fd >= 0)
        nh_sim_publish(&s->client[prop], topic, payload, retain);
}

static void power(void *ctx, enum nh_sim_prop prop, bool is_on)
{
    struct stage *s = ctx;
    if (!is_on)
        nh_sim_leave(&s->client[prop], true);
    s->retry_ms[prop] = 0;
}

static void tell(void *ctx, const char *line)
{
    size_t len = strlen(line);
    (void)ctx;
    printf("%s%s", line, len > 0 && line[len - 1] == '\n' ? "" : "\n");
    fflush(stdout);
}

static void on_message(void *ctx, struct nh_sim_client *c, const char *topic, nh_span_t payload)
{
    struct stage *s = ctx;
    size_t index = (size_t)(c - s->client);
    int64_t now = nh_sim_now_ms();
    if (index < NH_SIM_PROP_COUNT)
        nh_sim_room_command(&s->room, (enum nh_sim_prop)index, payload, now);
    else if (strncmp(topic, CONTROL, sizeof CONTROL - 1) == 0)
        nh_sim_room_control(&s->room, topic + sizeof CONTROL - 1, payload, now);
}

// ---- connections --------------------------------------------------------------------------------

static void prepare(struct stage *s)
{
    for (size_t i = 0; i <= NH_SIM_PROP_COUNT; i++) {
        struct nh_sim_client *c = &s->client[i];
        c->fd = -1;
        c->message = on_message;
        c->ctx = s;
        if (i == NH_SIM_PROP_COUNT)
            break;
        snprintf(s->id[i], sizeof s->id[i], "room-%s", nh_sim_prop_names[i]);
        snprintf(s->status_topic[i], 64, "room/%s/status", nh_sim_prop_names[i]);
        snprintf(s->filter[i], 64, "room/%s/command", nh_sim_prop_names[i]);
        c->id = s->id[i];
        c->status_topic = s->status_topic[i];
        c->filters[0] = i == NH_SIM_DOOR || i == NH_SIM_ROBOT ? s->filter[i] : NULL;
    }
    s->client[NH_SIM_PROP_COUNT].id = "room-player";
    s->client[NH_SIM_PROP_COUNT].status_topic = "room/player/status";
    s->client[NH_SIM_PROP_COUNT].filters[0] = CONTROL "#";
}

static void connect_all(struct stage *s, int64_t now)
{
    for (size_t i = 0; i <= NH_SIM_PROP_COUNT; i++) {
        bool is_prop = i < NH_SIM_PROP_COUNT;
        if (s->client[i].fd < 0 && now >= s->retry_ms[i] && !(is_prop && s->room.is_off[i])) {
            s->retry_ms[i] = now + RETRY_MS;
            if (nh_sim_come(s->sim, &s->client[i]) && is_prop)
                nh_sim_room_connected(&s->room, (enum nh_sim_prop)i);
        }
        nh_sim_keep_alive(&s->client[i], now);
    }
}

// ---- keys and lines -----------------------------------------------------------------------------

static void take_line(struct stage *s)
{
    s->line[s->line_len] = 0;
    s->line_len = 0;
    s->is_line = !s->is_terminal;
    if (strcmp(s->line, "quit") == 0)
        s->wants_end = true;
    else
        nh_sim_room_line(&s->room, s->line, nh_sim_now_ms());
}

static void take_key(struct stage *s, char key)
{
    const char *line = nh_sim_room_key(&s->room, key);
    if (key == 'q')
        s->wants_end = true;
    else if (key == ':')
        s->is_line = true;
    else if (line)
        nh_sim_room_line(&s->room, line, nh_sim_now_ms());
    if (s->is_line)
        tell(s, "a line:");
}

static void take_char(struct stage *s, char c)
{
    if (!s->is_line)
        take_key(s, c);
    else if (c == '\n' || c == '\r')
        take_line(s);
    else if (s->line_len + 1 < sizeof s->line)
        s->line[s->line_len++] = c;
}

static void take_input(struct stage *s)
{
    char bytes[256];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++)
        take_char(s, bytes[i]);
    if (n <= 0) // it has ended; the room goes on
        s->is_input_open = false;
}

// Keys without Enter, if this is a terminal's foreground. In the background it would be stopped.
static void open_input(struct stage *s)
{
    s->is_terminal = isatty(STDIN_FILENO);
    s->is_input_open = !s->is_terminal || tcgetpgrp(STDIN_FILENO) == getpgrp();
    s->is_terminal = s->is_terminal && s->is_input_open && tcgetattr(STDIN_FILENO, &s->before) == 0;
    s->is_line = !s->is_terminal;
    if (!s->is_terminal)
        return;
    struct termios keys = s->before;
    keys.c_lflag &= ~(tcflag_t)(ICANON);
    tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    tell(s, nh_sim_room_help);
}

// ---- the play -----------------------------------------------------------------------------------

static int wait_ms(const struct stage *s, int64_t now)
{
    int64_t left = nh_sim_room_next_deadline(&s->room) - now;
    return left < 0 ? 0 : left < POLL_MAX_MS ? (int)left : POLL_MAX_MS;
}

static void turn(struct stage *s)
{
    struct pollfd fds[NH_SIM_PROP_COUNT + 2];
    int64_t now = nh_sim_now_ms();
    connect_all(s, now);
    nh_sim_room_tick(&s->room, now);
    for (size_t i = 0; i <= NH_SIM_PROP_COUNT; i++)
        fds[i] = (struct pollfd){.fd = s->client[i].fd, .events = POLLIN};
    fds[NH_SIM_PROP_COUNT + 1] =
        (struct pollfd){.fd = s->is_input_open ? STDIN_FILENO : -1, .events = POLLIN};
    if (poll(fds, NH_ARRAY_LEN(fds), wait_ms(s, now)) <= 0)
        return;
    for (size_t i = 0; i <= NH_SIM_PROP_COUNT; i++)
        if (fds[i].revents && s->client[i].fd == fds[i].fd && s->client[i].fd >= 0)
            nh_sim_listen(s->sim, &s->client[i]);
    if (fds[NH_SIM_PROP_COUNT + 1].revents)
        take_input(s);
}

int nh_sim_room_run(struct nh_sim *sim)
{
    struct stage stage = {0}; // not static: that would be memory of the hub
    const struct nh_sim_room_out out = {
        .publish = publish, .power = power, .tell = tell, .ctx = &stage};
    stage.sim = sim;
    nh_sim_room_init(&stage.room, &out);
    prepare(&stage);
    open_input(&stage);
    if (sim->is_auto)
        nh_sim_room_auto(&stage.room, true, nh_sim_now_ms());
    while (nh_sim_goes_on(sim) && !stage.wants_end)
        turn(&stage);
    for (size_t i = 0; i <= NH_SIM_PROP_COUNT; i++)
        nh_sim_leave(&stage.client[i], false);
    if (stage.is_terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &stage.before);
    return 0;
}
