// load.h - the parts of mqtt_load, the load for any broker that speaks MQTT 3.1.1 or 5.0.
//
// Nothing of the project is used here: the broker under test must not be judged by its own codec.
// A fault of the load itself (no socket, no memory, an answer that cannot be) ends the program.

#ifndef NH_BENCH_LOAD_H
#define NH_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_STAMP_BYTES 24u // of each payload: publisher, number, time in us, check sum
#define LOAD_PAYLOAD_MAX 60000

struct load_options {
    const char *host, *mode;
    const char *unix_path; // of a socket to connect to; NULL: host and port
    int port, version;     // 4: 3.1.1, 5: 5.0
    int publishers, subscribers, qos, payload, window, rate, inflight;
    int connections, parallel, replays;
    double seconds;
};
extern struct load_options load_opt;

_Noreturn void load_die(const char *what); // with the text of errno
_Noreturn void load_fail(const char *what);
uint64_t load_now_us(void);
void *load_alloc(size_t count, size_t bytes); // zeroed

// ---- load_packet.c: sockets, packets, payloads --------------------------------------------------

// Connects; the `index`-th connection of the program, so that 20,000 share a source address.
int load_dial(int index, bool blocking);
void load_nonblocking(int fd);

// Each writes a packet to `out` and gives its length.
size_t load_put_connect(uint8_t *out, const char *client_id);
size_t load_put_subscribe(uint8_t *out, const char *filter, int qos);
size_t load_put_publish(uint8_t *out, const char *topic, bool retain, uint16_t packet_id,
                        uint32_t publisher, uint32_t number);
size_t load_put_ack(uint8_t *out, uint8_t first, const uint8_t id[2]);

struct load_packet {
    uint8_t first;
    const uint8_t *body;
    size_t len;
};
// The packet at the start of `len` bytes. Gives its whole length; 0: it is not all there.
size_t load_packet_next(const uint8_t *bytes, size_t len, struct load_packet *out);

// Sends `len` bytes and gives the one packet that comes back, which must be of type `first`.
// `reply` holds 512 bytes. For sockets that block.
struct load_packet load_ask(int fd, const uint8_t *bytes, size_t len, uint8_t first,
                            uint8_t *reply);
// Dies when CONNACK or SUBACK refuses. Gives how many messages the broker takes unacknowledged.
uint32_t load_check_connack(const struct load_packet *p);
void load_check_suback(const struct load_packet *p);

// Connects for good: CONNECT and, unless `filter` is NULL, SUBSCRIBE at the QoS of the options.
uint32_t load_hello(int fd, const char *client_id, const char *filter);

struct load_stamp {
    uint32_t publisher, number;
    uint64_t sent_us;
    bool is_whole; // the check sum is right
};
struct load_message {
    int qos;
    const uint8_t *packet_id; // QoS 1, 2
    struct load_stamp stamp;
};
struct load_message load_take_publish(const struct load_packet *p);

// ---- the modes: each prints one line of JSON; the number of faults it saw -----------------------

uint64_t load_flow(void);     // load_flow.c
uint64_t load_retained(void); // load_retained.c
uint64_t load_idle(void);     // load_conn.c
uint64_t load_connect(void);  // load_conn.c

#endif
