// cmd_remote_once.c - the remote for scripts: one thing, its answer, an exit code.

#include "cmd_remote.h"

#include "components/lamp/lamp.h"
#include "core/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <uv.h>

#define STEP_MAX_COUNT 16

struct step {
    const char *word; // as it was written, for people
    uint8_t cmd;
    uint16_t value;
    const char *effect; // its value is looked up in the list
};

struct once {
    struct nh_remote_link link;
    struct step steps[STEP_MAX_COUNT];
    int count, at; // the step whose answer is waited for
    bool needs_list, is_over;
    int code;
    struct nh_radio_state state;
    struct nh_radio_hello ota;
    bool has_ota;
    int volume; // -1: not told
};

// ---- KEY=VALUE ---------------------------------------------------------------------------------

static int index_of(const char *const *names, const char *text)
{
    for (int i = 0; names[i]; i++)
        if (strcasecmp(names[i], text) == 0)
            return i;
    return -1;
}

static bool parse_number(const char *text, long min, long max, uint16_t *out)
{
    char *rest;
    long n = strtol(text, &rest, 0);
    if (!text[0] || *rest || n < min || n > max)
        return false;
    *out = (uint16_t)n;
    return true;
}

static bool parse_choice(const char *const *names, const char *text, unsigned has, unsigned shift,
                         uint16_t *out)
{
    int n = index_of(names, text);
    if (n >= 0)
        *out = (uint16_t)(has | (unsigned)n << shift);
    return n >= 0;
}

// What a key's value may be.
struct key {
    const char *name;
    uint8_t cmd;
    long min, max;            // a number
    const char *const *words; // or one of these; their index, shifted, with `has`
    unsigned has, shift;
    const char *limit; // for people
};
static const char *const off_on[] = {"off", "on", NULL};
static const char *const modes[] = {"idle", "listen", "speak", NULL};
static const char *const blends[] = {"alpha", "add", "max", NULL};
static const struct key keys[] = {
    {"power", NH_RADIO_POWER, 0, 0, off_on, 0, 0, "on or off"},
    {"pause", NH_RADIO_SET_PAUSE, 0, 0, off_on, 0, 0, "on or off"},
    {"brightness", NH_RADIO_SET_BRIGHT, 0, 255, NULL, 0, 0, "0 to 255"},
    {"speed", NH_RADIO_SET_SPEED_PCT, NH_LAMP_SPEED_MIN_PCT, NH_LAMP_SPEED_MAX_PCT, NULL, 0, 0,
     "10 to 300"},
    {"intensity", NH_RADIO_SET_INTENSITY, 0, 255, NULL, 0, 0, "0 to 255"},
    {"palette", NH_RADIO_SET_PALETTE, 0, 255, NULL, 0, 0, "0 to 255, or auto"},
    {"volume", NH_RADIO_SET_AUDIO_VOLUME, 0, 100, NULL, 0, 0, "0 to 100"},
    {"overlay", NH_RADIO_SET_OVERLAY, 0, 0, off_on, NH_RADIO_OVERLAY_HAS_SHOWN, 0, "on or off"},
    {"overlay_mode", NH_RADIO_SET_OVERLAY, 0, 0, modes, NH_RADIO_OVERLAY_HAS_MODE,
     NH_RADIO_OVERLAY_SHIFT_MODE, "idle, listen or speak"},
    {"overlay_blend", NH_RADIO_SET_OVERLAY, 0, 0, blends, NH_RADIO_OVERLAY_HAS_BLEND,
     NH_RADIO_OVERLAY_SHIFT_BLEND, "alpha, add or max"},
};

static const struct key *find_key(const char *word, size_t len)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(keys); i++)
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, word, len) == 0)
            return &keys[i];
    return NULL;
}

static bool parse_effect(const char *value, struct step *s)
{
    s->cmd = NH_RADIO_SET_ANIM;
    if (!parse_number(value, 1, 65535, &s->value))
        s->effect = value;
    return value[0] != 0;
}

static bool parse_step(const char *word, struct step *s)
{
    const char *equals = strchr(word, '=');
    *s = (struct step){.word = word};
    if (!equals) {
        fprintf(stderr, "nuthatch remote: \"%s\" is not KEY=VALUE\n", word);
        return false;
    }
    size_t len = (size_t)(equals - word);
    const char *value = equals + 1;
    if (len == 6 && memcmp(word, "effect", 6) == 0 && parse_effect(value, s))
        return true;
    const struct key *k = find_key(word, len);
    if (!k) {
        fprintf(stderr, "nuthatch remote: there is no \"%.*s\"; --help lists them\n", (int)len,
                word);
        return false;
    }
    s->cmd = k->cmd;
    bool ok = k->words ? parse_choice(k->words, value, k->has, k->shift, &s->value)
                       : parse_number(value, k->min, k->max, &s->value);
    if (!ok && k->cmd == NH_RADIO_SET_PALETTE && strcmp(value, "auto") == 0) {
        s->value = NH_LAMP_PALETTE_AUTO;
        ok = true;
    }
    if (!ok)
        fprintf(stderr, "nuthatch remote: %s has \"%s\"; it is %s\n", k->name, value, k->limit);
    return ok;
}

// What is dark takes nothing: it is lit first and put out last, whatever the order of the words.
static void order_steps(struct once *o)
{
    for (int i = 0; i < o->count; i++) {
        struct step s = o->steps[i];
        if (s.cmd != NH_RADIO_POWER)
            continue;
        int to = s.value ? 0 : o->count - 1;
        for (; i > to; i--)
            o->steps[i] = o->steps[i - 1];
        for (; i < to; i++)
            o->steps[i] = o->steps[i + 1];
        o->steps[to] = s;
        return;
    }
}

// ---- running -----------------------------------------------------------------------------------

static void fail(struct once *o)
{
    o->code = 1;
    o->is_over = true;
    nh_loop_stop(o->link.loop);
}

static void finish(struct once *o)
{
    o->code = 0;
    o->is_over = true;
    nh_loop_stop(o->link.loop);
}

static bool find_effect(struct once *o, struct step *s)
{
    struct nh_radio_record e;
    for (uint16_t i = 0; nh_radio_remote_effect_at(o->link.engine, i, &e); i++)
        if (strcasecmp(e.name, s->effect) == 0) {
            s->value = e.id;
            return true;
        }
    fprintf(stderr,
            "nuthatch remote: the lamp has no effect \"%s\"; nuthatch remote list shows "
            "them\n",
            s->effect);
    return false;
}

static void next_step(struct once *o)
{
    struct step *s = &o->steps[o->at];
    if (o->at == o->count) {
        finish(o);
        return;
    }
    if (s->effect && !find_effect(o, s)) {
        fail(o);
        return;
    }
    int err = nh_radio_remote_command(o->link.engine, s->cmd, s->value, nh_clock_ms());
    if (err < 0) {
        fprintf(stderr, "nuthatch remote: %s\n", nh_err_text(err));
        fail(o);
    }
}

static void on_answer(struct once *o, const struct nh_radio_remote_event *e)
{
    const struct step *s = &o->steps[o->at];
    if (e->err < 0) {
        fprintf(stderr, "nuthatch remote: %s: %s\n", s->word,
                e->err == NH_ERR_TIMEOUT ? "the lamp does not answer" : nh_err_text(e->err));
        fail(o);
        return;
    }
    o->state = *e->state;
    if (e->state->is_rejected) {
        fprintf(stderr, "nuthatch remote: %s: refused: %s\n", s->word,
                nh_radio_result_text(e->state->result));
        fail(o);
        return;
    }
    o->at++;
    next_step(o);
}

static void on_list(struct once *o, const struct nh_radio_remote_event *e)
{
    if (e->err == 0) {
        next_step(o);
        return;
    }
    fprintf(stderr, "nuthatch remote: the list of effects: %s\n",
            e->err == NH_ERR_TIMEOUT ? "the lamp does not answer" : nh_err_text(e->err));
    fail(o);
}

static void on_event(void *ctx, const struct nh_radio_remote_event *e)
{
    struct once *o = ctx;
    if (e->kind == NH_RADIO_REMOTE_ANSWER)
        on_answer(o, e);
    else if (e->kind == NH_RADIO_REMOTE_LIST)
        on_list(o, e);
    else if (e->kind == NH_RADIO_REMOTE_AUDIO)
        o->volume = e->hello->volume;
    if (e->kind == NH_RADIO_REMOTE_OTA) {
        o->ota = *e->hello;
        o->has_ota = true;
    }
}

static bool open_once(struct once *o, const struct nh_remote_options *options)
{
    o->volume = -1;
    o->code = 1;
    if (!nh_remote_link_open(&o->link, options, 0, on_event, o))
        return false;
    if (nh_radio_remote_lamp_count(o->link.engine) > 0)
        return true;
    fprintf(stderr, "nuthatch remote: no lamp is paired; nuthatch remote pair does it\n");
    nh_remote_link_close(&o->link);
    return false;
}

static void run(struct once *o)
{
    if (o->needs_list)
        nh_remote_link_sync(&o->link);
    else
        next_step(o);
    if (!o->is_over)
        nh_loop_run(o->link.loop);
}

// ---- telling -----------------------------------------------------------------------------------

static int stdout_sink(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    return fwrite(bytes, 1, len, stdout) == len ? 0 : NH_ERR_IO;
}

static void write_lamp(nh_json_writer_t *w, const struct nh_radio_peer_record *p)
{
    char address[NH_RADIO_ADDRESS_TEXT_BYTES];
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", p->name);
    nh_json_kv_string(w, "address", nh_radio_address_text(&p->address, address));
    nh_json_kv_uint(w, "node", p->node);
    nh_json_kv_string(w, "key", p->kind == NH_RADIO_PEER_KEYED ? "paired" : "none");
    nh_json_object_end(w);
}

static void write_more(nh_json_writer_t *w, const struct nh_radio_state *s)
{
    if (!s->has_more)
        return;
    nh_json_kv_uint(w, "intensity", s->intensity);
    nh_json_kv_uint(w, "palette_index", s->palette);
    nh_json_key(w, "overlay");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "enabled", s->overlay);
    nh_json_kv_string(w, "mode", s->overlay_mode < 3 ? modes[s->overlay_mode] : NULL);
    nh_json_kv_string(w, "blend", s->overlay_blend < 3 ? blends[s->overlay_blend] : NULL);
    nh_json_object_end(w);
}

static void write_state(struct once *o, nh_json_writer_t *w)
{
    const struct nh_radio_state *s = &o->state;
    char name[NH_RADIO_NAME_BYTES];
    struct nh_radio_remote_info i;
    nh_radio_remote_info(o->link.engine, &i);
    nh_json_key(w, "lamp");
    write_lamp(w, nh_radio_remote_lamp_at(o->link.engine, 0));
    nh_json_kv_bool(w, "power", s->is_on);
    nh_json_kv_string(w, "effect",
                      nh_remote_effect_name(o->link.engine, s->effect_id, name, sizeof name));
    nh_json_kv_uint(w, "effect_id", s->effect_id);
    nh_json_kv_uint(w, "brightness", s->brightness);
    nh_json_kv_uint(w, "speed_pct", s->speed_pct);
    nh_json_kv_bool(w, "paused", s->is_paused);
    write_more(w, s);
    nh_json_kv_uint(w, "seq", s->state_seq);
    if (o->volume >= 0)
        nh_json_kv_int(w, "volume", o->volume);
    nh_json_kv_int(w, "rssi_dbm", i.rssi_dbm);
    nh_json_kv_uint(w, "channel", i.channel);
    nh_json_kv_uint(w, "repeats", i.repeat_count);
    nh_json_kv_uint(w, "loss_pct", i.loss_pct);
    nh_json_kv_uint(w, "answer_us", i.answer_p99_us);
}

static void print_state_text(struct once *o)
{
    const struct nh_radio_state *s = &o->state;
    char name[NH_RADIO_NAME_BYTES];
    printf("%s: %s, %s, brightness %u, speed %u %%%s",
           nh_radio_remote_lamp_at(o->link.engine, 0)->name, s->is_on ? "on" : "off",
           nh_remote_effect_name(o->link.engine, s->effect_id, name, sizeof name), s->brightness,
           s->speed_pct, s->is_paused ? ", paused" : "");
    if (s->has_more)
        printf(", intensity %u, overlay %s", s->intensity, s->overlay ? "on" : "off");
    if (o->volume >= 0)
        printf(", volume %d", o->volume);
    printf("\n");
}

static void print_state(struct once *o)
{
    nh_json_writer_t w;
    if (!o->link.options->as_json) {
        print_state_text(o);
        return;
    }
    nh_json_writer_init(&w, stdout_sink, NULL);
    nh_json_object_begin(&w);
    write_state(o, &w);
    nh_json_object_end(&w);
    NH_IGNORE(nh_json_writer_end(&w)); // who closed standard output does not wait for it
    putchar('\n');
}

// ---- verbs -------------------------------------------------------------------------------------

int nh_remote_set(const struct nh_remote_options *options, char **words, int count)
{
    struct once o = {0};
    if (count > STEP_MAX_COUNT) {
        fprintf(stderr, "nuthatch remote: --set has at most %d changes\n", STEP_MAX_COUNT);
        return 2;
    }
    for (o.count = 0; o.count < count; o.count++) {
        if (!parse_step(words[o.count], &o.steps[o.count]))
            return 2;
        o.needs_list |= o.steps[o.count].effect != NULL;
    }
    order_steps(&o);
    if (!open_once(&o, options))
        return 1;
    run(&o);
    if (o.code == 0)
        print_state(&o);
    nh_remote_link_close(&o.link);
    return o.code;
}

int nh_remote_status(const struct nh_remote_options *options)
{
    struct once o = {.steps = {{.word = "status", .cmd = NH_RADIO_GET_AUDIO_STATE}},
                     .count = 1,
                     .needs_list = true};
    if (!open_once(&o, options))
        return 1;
    run(&o);
    if (o.code == 0)
        print_state(&o);
    nh_remote_link_close(&o.link);
    return o.code;
}

static void print_list(const struct once *o)
{
    struct nh_radio_record e;
    nh_json_writer_t w;
    bool as_json = o->link.options->as_json;
    nh_json_writer_init(&w, stdout_sink, NULL);
    if (as_json)
        nh_json_array_begin(&w);
    for (uint16_t i = 0; nh_radio_remote_effect_at(o->link.engine, i, &e); i++) {
        if (!as_json) {
            printf("0x%04X  %s\n", e.id, e.name);
            continue;
        }
        nh_json_object_begin(&w);
        nh_json_kv_uint(&w, "id", e.id);
        nh_json_kv_string(&w, "name", e.name);
        nh_json_object_end(&w);
    }
    if (!as_json)
        return;
    nh_json_array_end(&w);
    NH_IGNORE(nh_json_writer_end(&w));
    putchar('\n');
}

int nh_remote_list(const struct nh_remote_options *options)
{
    struct once o = {.needs_list = true};
    if (!open_once(&o, options))
        return 1;
    run(&o);
    if (o.code == 0)
        print_list(&o);
    nh_remote_link_close(&o.link);
    return o.code;
}

static bool ask_yes(const char *question)
{
    char line[16];
    printf("%s [y/N] ", question);
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

int nh_remote_ota(const struct nh_remote_options *options)
{
    static const char *const texts[] = {"takes no updates", "is ready", "is being updated",
                                        "had an update that failed"};
    struct once o = {.steps = {{.word = "ota", .cmd = NH_RADIO_OTA_START}}, .count = 1};
    if (!options->says_yes && !ask_yes("Ask the lamp for an update of its firmware?"))
        return 1;
    if (!open_once(&o, options))
        return 1;
    run(&o);
    if (o.code == 0 && o.has_ota)
        printf("The lamp %s.%s%s%s%s\n", o.ota.status < 4 ? texts[o.ota.status] : "answered",
               o.ota.ssid[0] ? " Network " : "", o.ota.ssid, o.ota.ssid[0] ? ", password " : "",
               o.ota.password);
    nh_remote_link_close(&o.link);
    return o.code;
}

int nh_remote_lamps(const struct nh_remote_options *options)
{
    struct once o = {0};
    char address[NH_RADIO_ADDRESS_TEXT_BYTES];
    const struct nh_radio_peer_record *p;
    nh_json_writer_t w;
    if (!nh_remote_link_open(&o.link, options, 0, on_event, &o))
        return 1;
    nh_json_writer_init(&w, stdout_sink, NULL);
    if (options->as_json)
        nh_json_array_begin(&w);
    for (size_t i = 0; (p = nh_radio_remote_lamp_at(o.link.engine, i)); i++)
        if (options->as_json)
            write_lamp(&w, p);
        else
            printf("%s  %-15s  node %u  %s\n", nh_radio_address_text(&p->address, address), p->name,
                   p->node, p->kind == NH_RADIO_PEER_KEYED ? "paired" : "version 1");
    if (options->as_json) {
        nh_json_array_end(&w);
        putchar('\n');
    }
    nh_remote_link_close(&o.link);
    return 0;
}

int nh_remote_add(const struct nh_remote_options *options, const char *address, const char *node)
{
    struct once o = {0};
    nh_radio_address_t a;
    uint16_t number = 0;
    if (!nh_radio_address_parse(address, &a)) {
        fprintf(stderr, "nuthatch remote: %s is not an address, aa:bb:cc:dd:ee:ff\n", address);
        return 2;
    }
    if (node && !parse_number(node, 1, 65534, &number)) {
        fprintf(stderr, "nuthatch remote: %s is not a node, 1 to 65534\n", node);
        return 2;
    }
    if (!nh_remote_link_open(&o.link, options, 0, on_event, &o))
        return 1;
    int err = nh_radio_remote_add_plain(o.link.engine, &a, number);
    if (err < 0)
        fprintf(stderr, "nuthatch remote: %s\n",
                err == NH_ERR_FULL ? "four lamps are known already; forget one" : nh_err_text(err));
    nh_remote_link_close(&o.link);
    return err < 0 ? 1 : 0;
}

int nh_remote_forget(const struct nh_remote_options *options, const char *lamp)
{
    struct nh_remote_options with = *options;
    struct once o = {0};
    with.lamp = lamp; // so it is the first
    if (!nh_remote_link_open(&o.link, &with, 0, on_event, &o))
        return 1;
    int err = nh_radio_remote_remove(o.link.engine, 0);
    if (err < 0)
        fprintf(stderr, "nuthatch remote: %s\n", nh_err_text(err));
    nh_remote_link_close(&o.link);
    return err < 0 ? 1 : 0;
}

// ---- pairing -----------------------------------------------------------------------------------

// The person's answer, waited for beside the loop.
struct pairing {
    struct nh_remote_link link;
    uv_poll_t input;
    bool is_asking;
    int code;
};

static void stop_asking(struct pairing *p)
{
    if (p->is_asking)
        uv_close((uv_handle_t *)&p->input, NULL);
    p->is_asking = false;
}

static void on_line(uv_poll_t *poll, int status, int events)
{
    struct pairing *p = poll->data;
    char line[64];
    (void)events;
    ssize_t n = status == 0 ? read(STDIN_FILENO, line, sizeof line) : 0;
    stop_asking(p);
    nh_radio_remote_pair_agree(p->link.engine, n > 0 && (line[0] == 'y' || line[0] == 'Y'),
                               nh_clock_ms());
}

static void on_code(struct pairing *p, const struct nh_radio_remote_event *e)
{
    bool as_json = p->link.options->as_json;
    if (as_json)
        printf("{\"lamp\":\"%s\",\"code\":\"%06u\"}\n", e->name, (unsigned)e->code);
    else
        printf("Lamp \"%s\": %03u %03u\n", e->name, (unsigned)e->code / 1000,
               (unsigned)e->code % 1000);
    if (p->link.options->says_yes) {
        fflush(stdout);
        nh_radio_remote_pair_agree(p->link.engine, true, nh_clock_ms());
        return;
    }
    if (!as_json)
        printf("Does the lamp show the same digits? [y/N] ");
    fflush(stdout);
    p->input.data = p;
    p->is_asking = uv_poll_init(nh_loop_native(p->link.loop), &p->input, STDIN_FILENO) == 0;
    if (!p->is_asking || uv_poll_start(&p->input, UV_READABLE, on_line) != 0)
        nh_radio_remote_pair_agree(p->link.engine, false, nh_clock_ms()); // nobody to ask
}

static void on_pair_event(void *ctx, const struct nh_radio_remote_event *e)
{
    struct pairing *p = ctx;
    if (e->kind == NH_RADIO_REMOTE_CODE) {
        on_code(p, e);
        return;
    }
    if (e->kind != NH_RADIO_REMOTE_PAIRED && e->kind != NH_RADIO_REMOTE_UNPAIRED)
        return;
    stop_asking(p);
    p->code = e->kind == NH_RADIO_REMOTE_PAIRED ? 0 : 1;
    if (p->code == 0 && p->link.options->as_json)
        printf("{\"paired\":\"%s\"}\n", e->name);
    else if (p->code == 0)
        printf("Paired with \"%s\".\n", e->name);
    else
        fprintf(stderr, "nuthatch remote: not paired: %s\n",
                e->err == NH_ERR_TIMEOUT  ? "no lamp answered; is its window open?"
                : e->err == NH_ERR_DENIED ? "it was refused"
                                          : nh_err_text(e->err));
    nh_loop_stop(p->link.loop);
}

int nh_remote_pair(const struct nh_remote_options *options)
{
    struct pairing p = {.code = 1};
    if (!nh_remote_link_open(&p.link, options, 0, on_pair_event, &p))
        return 1;
    if (!options->as_json)
        printf("Looking for a lamp whose window is open...\n");
    fflush(stdout);
    nh_radio_remote_pair(p.link.engine, options->seconds, nh_clock_ms());
    nh_loop_run(p.link.loop);
    nh_remote_link_close(&p.link);
    return p.code;
}
