// remote_link.h - the client of a gateway: its requests, its three sockets, and when to try again.
// Shared in this folder only; the loop's task.
//
// A round: what waits to be told to the gateway is posted, its configuration is asked for (with it
// a password is checked, which a WebSocket alone cannot wait for), the sockets open, the rest is
// asked for. What is refused is left out; a connection that fails ends the round, and telemetry
// that ends does so too. The next one comes after a wait that doubles, up to backoff_max_ms, and
// begins anew with the first frame.

#ifndef NH_BATTERY_REMOTE_LINK_H
#define NH_BATTERY_REMOTE_LINK_H

#include "components/battery_remote/battery_remote.h"
#include "components/battery_remote/remote_frame.h"
#include "components/battery_remote/remote_news.h"
#include "components/battery_remote/remote_settings.h"

#define NH_REMOTE_ALERT_COUNT 8
#define NH_REMOTE_EVENT_COUNT 8
#define NH_REMOTE_MESSAGE_MAX_BYTES 16384
#define NH_REMOTE_REPLY_MAX_BYTES 8192

enum nh_remote_socket {
    NH_REMOTE_TELEMETRY,
    NH_REMOTE_EVENTS,
    NH_REMOTE_ALERTS,
    NH_REMOTE_SOCKET_COUNT,
};

typedef struct nh_remote_link nh_remote_link_t;

struct nh_remote_link_config {
    nh_mem_t *mem; // borrowed as all below
    nh_loop_t *loop;
    nh_sched_t *sched;
    nh_http_client_t *http;
    struct nh_tls *tls;
    const char *gateway, *user, *password; // copied
    uint32_t backoff_max_ms;               // 0: 30000
    void *ctx;
    void (*frame)(void *ctx, const struct nh_remote_frame *f); // one that was read
    void (*up)(void *ctx, bool is_up);                         // telemetry came or went
    void (*settings)(void *ctx);                               // they, or what waits, are others
};

struct nh_remote_link_info {
    bool is_up, open[NH_REMOTE_SOCKET_COUNT];
    uint64_t rounds, reconnects, frames, bad_frames, bad_values, events, bad_messages;
    uint64_t last_frame_ms; // 0: none
    uint64_t next_try_ms;   // NH_NEVER: a round is under way, or it is stopped
    char reason[96];        // why the last round ended; "": none has
    uint32_t refused;       // bits of settings that the gateway did not take; 0: of none
    bool is_given_up;       // and that it will not be asked for again
    int refused_status;     // of HTTP
    uint64_t refused_ms;
};

// Owned. NH_ERR_SYNTAX, NH_ERR_TOO_LONG: the gateway's address. NH_ERR_NOMEM, NH_ERR_FULL.
NH_MUST_USE int nh_remote_link_create(const struct nh_remote_link_config *cfg,
                                      nh_remote_link_t **out);
void nh_remote_link_destroy(nh_remote_link_t *l); // NULL: nothing
void nh_remote_link_start(nh_remote_link_t *l);
void nh_remote_link_stop(nh_remote_link_t *l);
void nh_remote_link_info(const nh_remote_link_t *l, struct nh_remote_link_info *out);

// What is known of the gateway's configuration, and what it still has to be told.
const struct nh_remote_settings *nh_remote_link_settings(const nh_remote_link_t *l);
const struct nh_remote_settings *nh_remote_link_pending(const nh_remote_link_t *l);
void nh_remote_link_load(nh_remote_link_t *l, const struct nh_remote_settings *known,
                         const struct nh_remote_settings *pending);
// The gateway is told with the next round, or now if there is a connection; it stays pending until
// the gateway has said yes, or a no that stays one (a status of 4xx): then it is given up. After
// 5xx, 408 and 429 it is told again with the next round.
void nh_remote_link_change(nh_remote_link_t *l, const struct nh_remote_settings *s, uint32_t mask);
// Nothing waits to be told any more, and no refusal is shown. What is under way may arrive.
void nh_remote_link_withdraw(nh_remote_link_t *l);

size_t nh_remote_link_alerts(const nh_remote_link_t *l, const struct nh_remote_alert **out);
size_t nh_remote_link_events(const nh_remote_link_t *l, const struct nh_remote_event **out);

#endif
