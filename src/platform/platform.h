// platform.h - what the house stands on: promises that a port keeps (Linux, bare metal, ESP-IDF).
//
// A header of promises only. Above core/base, below the rest of core. A port implements each
// function here in its own folder; nobody includes a port's own headers but src/hub.
// All calls are made by the task that owns the object unless a call says "any task".

#ifndef NH_PLATFORM_H
#define NH_PLATFORM_H

#include "core/base/base.h"

struct nh_mem; // core/mem/mem.h: where a port's object takes its memory from
struct nh_mem_system;

// ---- clock
// ---------------------------------------------------------------------------------------

uint64_t nh_clock_ms(void);     // monotonic, starts near 0 at process start
uint64_t nh_clock_us(void);     // monotonic, same origin
int64_t nh_clock_unix_ms(void); // wall clock; may step

// ---- random
// --------------------------------------------------------------------------------------

void nh_random_bytes(void *out, size_t len); // cryptographic; cannot fail
uint32_t nh_random_u32(void);

// ---- lock, notify, queue
// -------------------------------------------------------------------------

// A mutex behind a nh_lock_t. Owned; free with nh_lock_destroy().
NH_MUST_USE int nh_lock_create(nh_lock_t *out);
void nh_lock_destroy(nh_lock_t *lock);

// A counting-free wake-up: post from any task (also before the wait), one waiter.
typedef struct nh_notify nh_notify_t;
NH_MUST_USE int nh_notify_create(struct nh_mem *mem, nh_notify_t **out);
void nh_notify_destroy(nh_notify_t *n);
void nh_notify_post(nh_notify_t *n);                                 // any task
NH_MUST_USE int nh_notify_wait(nh_notify_t *n, uint64_t timeout_ms); // 0 or NH_ERR_TIMEOUT
// The same until nh_clock_us() is `at_us`: for a cadence.
NH_MUST_USE int nh_notify_wait_until(nh_notify_t *n, uint64_t at_us);

// A bounded queue of equal items. Any task puts, one task gets.
typedef struct nh_queue nh_queue_t;
// Both numbers at least 1, else NH_ERR_RANGE.
NH_MUST_USE int nh_queue_create(struct nh_mem *mem, size_t item_bytes, size_t count,
                                nh_queue_t **out);
void nh_queue_destroy(nh_queue_t *q);
NH_MUST_USE int nh_queue_put(nh_queue_t *q, const void *item); // any task; NH_ERR_FULL (counted)
// Waits up to `timeout_ms` (0: not at all; NH_NEVER: for ever). NH_ERR_TIMEOUT.
NH_MUST_USE int nh_queue_get(nh_queue_t *q, void *item, uint64_t timeout_ms);
struct nh_queue_info {
    size_t count, depth, depth_max;
    uint64_t put_count, full_count;
};
void nh_queue_info(nh_queue_t *q, struct nh_queue_info *out); // any task

// ---- task
// ----------------------------------------------------------------------------------------

typedef struct nh_task nh_task_t;
struct nh_task_config {
    const char *name;        // without blanks, at most 15 bytes
    int priority;            // larger is more urgent; a hint on Linux
    size_t chip_stack_bytes; // what the task declares for the chip
    size_t host_stack_bytes; // 0: 128 KiB. On a port where it matters (Linux) the real stack.
    void (*run)(void *ctx);  // returns when asked to stop by its own means
    void *ctx;
};
// Paints a stack, registers it with `sys` and starts the task. Owned: nh_task_join().
// NH_ERR_INVAL, NH_ERR_TOO_LONG: the name. NH_ERR_NOMEM, NH_ERR_FULL: nothing was started.
NH_MUST_USE int nh_task_start(struct nh_mem_system *sys, const struct nh_task_config *cfg,
                              nh_task_t **out);
// Waits until `run` returned, unregisters and frees. NH_ERR_TIMEOUT: still running, still owned.
NH_MUST_USE int nh_task_join(nh_task_t *t, uint64_t timeout_ms);
// Registers the calling (main) thread as a task; its stack is measured from here downwards over
// `host_stack_bytes`. `run` is not used. Returns a handle for nh_mem_task_remove(). Call it early
// and from a shallow frame. NH_ERR_RANGE: the stack limit of the process is too low for it.
NH_MUST_USE int nh_task_adopt(struct nh_mem_system *sys, const struct nh_task_config *cfg);

// ---- loop: the event loop of one task
// ------------------------------------------------------------

typedef struct nh_loop nh_loop_t;
NH_MUST_USE int nh_loop_create(struct nh_mem *mem, nh_loop_t **out);
void nh_loop_destroy(nh_loop_t *l);
// Runs until nh_loop_stop(). Sleeps until a deadline, a file or a wake-up: no polling.
void nh_loop_run(nh_loop_t *l);
void nh_loop_stop(nh_loop_t *l); // any task
// Runs `fn` on the loop's task soon. Any task. `post` structs are embedded by their user and may
// be posted again once `fn` has begun; posting twice before that runs it once.
typedef struct nh_loop_post {
    void (*fn)(void *ctx);
    void *ctx;
    struct nh_loop_post *next; // private
    bool queued;               // private
} nh_loop_post_t;
void nh_loop_post(nh_loop_t *l, nh_loop_post_t *post);
// Takes a post back before its struct is freed: once this returns, `fn` will not begin (called on
// the loop's task: it is not running either). Any task. Not queued: nothing happens.
void nh_loop_post_cancel(nh_loop_t *l, nh_loop_post_t *post);
// One deadline source: `next` is asked before each sleep, `fire` is called when it has come.
// At most 32 (NH_ERR_FULL). The sources make the loop's timer; none of them polls.
struct nh_loop_deadline {
    uint64_t (*next)(void *ctx); // ms on nh_clock_ms(), NH_NEVER: none
    void (*fire)(void *ctx, uint64_t now_ms);
    void *ctx;
};
NH_MUST_USE int nh_loop_deadline_add(nh_loop_t *l, const struct nh_loop_deadline *d);
void nh_loop_deadline_remove(nh_loop_t *l, const struct nh_loop_deadline *d); // same fire and ctx
// Calls `stop` on SIGINT or SIGTERM and `reload` on SIGHUP, on the loop's task and within its run;
// those that came since nh_loop_signals_hold() included. Once for a loop; one loop of a process.
NH_MUST_USE int nh_loop_signals(nh_loop_t *l, void (*stop)(void *ctx), void (*reload)(void *ctx),
                                void *ctx);
// From now on those three signals wait for the loop that listens to them, instead of ending the
// process by their default. For the calling task and those that it starts: call it before the
// first.
void nh_loop_signals_hold(void);
void *nh_loop_native(nh_loop_t *l); // uv_loop_t on Linux; for a port's own use
struct nh_loop_info {
    uint64_t turn_count, post_count; // turns: how often the loop went to sleep
    uint64_t spilled_count; // blocks that the event library got from the host, not to die of a full
                            // heap; of the process
};
void nh_loop_info(nh_loop_t *l, struct nh_loop_info *out); // any task

// ---- stream: connections of bytes
// ----------------------------------------------------------------

// A set of connections is served on the loop's task, with one handler and one read buffer: what
// comes in by one connection goes out by the others without a copy. In a turn it reads, gives the
// bytes to `input`, and asks `output` of each connection marked dirty. Connections come from
// listeners and from nh_stream_connect(). All calls are the loop task's.
struct nh_iov {
    const void *ptr;
    size_t len;
};

typedef struct nh_stream nh_stream_t; // one connection
struct nh_stream_handler {
    void *ctx;
    // A new connection; store per-connection state with nh_stream_user_set(). Not 0: refused.
    int (*open)(void *ctx, nh_stream_t *s);
    // `len` bytes, borrowed until turn_end() has returned. Not 0: output is drained, then closed.
    int (*input)(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len);
    // Up to `max` spans to write now; they must stay valid until turn_end() or sent(). 0: nothing.
    size_t (*output)(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max);
    void (*sent)(void *ctx, nh_stream_t *s, size_t bytes); // that many bytes were written
    // After all dirty connections were written once: spans not yet sent must now be owned.
    void (*turn_end)(void *ctx);
    // The last call for `s`, never from inside of nh_stream_close(). `err` is NH_OK after
    // nh_stream_close(), what input() returned, NH_ERR_CLOSED when the peer ended, NH_ERR_TIMEOUT
    // when draining took too long, NH_ERR_CANCELLED by nh_stream_set_destroy(), else the socket's.
    void (*closed)(void *ctx, nh_stream_t *s, int err);
};
struct nh_stream_set_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    uint32_t conn_max_count;    // 0: 1000 of all listeners; one more is closed at once and counted
    uint32_t read_buffer_bytes; // 0: 64 KiB on Linux; NH_ERR_RANGE under 256
    uint32_t drain_ms;          // 0: 5000; a closing connection that takes nothing is cut then
    // Until `open`: PROXY header, TLS handshake, WebSocket request. That many at once, the next
    // wait unaccepted.
    uint32_t handshake_max_count;  // 0: 256
    uint32_t handshake_timeout_ms; // 0: 10000; then it is cut and counted
    struct nh_stream_handler handler;
};
typedef struct nh_stream_set nh_stream_set_t;
NH_MUST_USE int nh_stream_set_create(const struct nh_stream_set_config *cfg, nh_stream_set_t **out);
// Closes its listeners and connections: each is asked for output() once more, what its socket takes
// at once is sent, and `closed` is called. Not from inside of a callback of the set.
void nh_stream_set_destroy(nh_stream_set_t *set);
struct nh_stream_set_info {
    uint32_t conn_count, conn_max;                   // of listeners
    uint64_t accepted, refused, bytes_in, bytes_out; // bytes of the handler, not of the wire
    uint32_t handshake_count;
    uint64_t handshake_failures, handshake_timeouts;
};
void nh_stream_set_info(const nh_stream_set_t *set, struct nh_stream_set_info *out);

// Bytes in the binary frames of a WebSocket (RFC 6455), framed anyhow: the handler sees the bytes.
// A text frame is closed with 1003; a ping is answered.
struct nh_ws_rules {
    const char *protocol;     // the subprotocol that a client must offer: "mqtt"
    const char *path;         // NULL: any
    uint32_t head_max_bytes;  // 0: 4096; a longer request gets 431
    uint32_t frame_max_bytes; // 0: 1 MiB; a longer frame is closed with 1009
    // The pages that may connect: NULL: those of the host that they connect to, at any port; "*":
    // all; else those of a list: "https://a.example, http://b.example:8080". Who is no browser has
    // no page.
    const char *origins;
    // Names by which a page may call this host, besides addresses and localhost, when `origins` is
    // NULL: a stranger's name could be pointed at us. NULL-terminated. NULL: all names.
    const char *const *host_names;
};

struct nh_tls;
struct nh_listener_config {
    // Numeric, host only: "127.0.0.1", "::1"; "::" takes IPv4 as well. Or the path of a Unix
    // socket, beginning with '/': one that nobody listens on any more is replaced, and removed at
    // the end.
    const char *address;
    uint16_t port;       // 0: a free one
    uint32_t unix_mode;  // permissions of a Unix socket; 0: 0660
    bool proxy_protocol; // each connection begins with a PROXY header of version 2; others are cut
    struct nh_tls *tls;  // tls.h; NULL: plain
    const struct nh_ws_rules *ws; // NULL: no WebSocket
    void *user;                   // see nh_listener_user()
};
typedef struct nh_listener nh_listener_t;
// Listens; the listener lives as long as its set, and what `cfg` points to must as well (address
// apart). NH_ERR_INVAL: no address of this machine, or a client's `tls`. NH_ERR_BUSY: somebody
// listens there. NH_ERR_EXISTS: the path is there and is no socket. NH_ERR_TOO_LONG: the path.
// NH_ERR_DENIED, NH_ERR_NOMEM.
NH_MUST_USE int nh_stream_listen(nh_stream_set_t *set, const struct nh_listener_config *cfg,
                                 nh_listener_t **out);
uint16_t nh_listener_port(const nh_listener_t *l);
void *nh_listener_user(const nh_listener_t *l);

struct nh_stream_connect_config {
    const char *host;     // a numeric address, or a name: looked up beside the loop
    uint16_t port;        // 1 to 65535
    uint32_t timeout_ms;  // 0: 10000, for the name, the connection and the handshake together
    struct nh_tls *tls;   // a client's; NULL: plain. Borrowed for the call
    const char *tls_name; // of whom the certificate must be; NULL: `host`
    void *user;           // nh_stream_user() from the start
};
// Begins an outgoing connection. `open` is called once it is up (with TLS: once the peer has
// proved who it is), or never; `closed` is called in any case, later, exactly once. Until `open`
// only nh_stream_close(), nh_stream_user() and nh_stream_reason() may be called with it.
// NH_ERR_INVAL, NH_ERR_RANGE, NH_ERR_TOO_LONG: the configuration. NH_ERR_NOMEM. NH_ERR_FULL: too
// many names are being looked up. Nothing was begun then, and `*out` is NULL.
NH_MUST_USE int nh_stream_connect(nh_stream_set_t *set, const struct nh_stream_connect_config *cfg,
                                  nh_stream_t **out);

void nh_stream_user_set(nh_stream_t *s, void *user);
void *nh_stream_user(const nh_stream_t *s);
nh_listener_t *nh_stream_listener(const nh_stream_t *s); // NULL: an outgoing connection
// There is output: output() is asked, until it gives nothing, at the end of this turn or, called
// outside of one, before the next sleep.
void nh_stream_dirty(nh_stream_t *s);
void nh_stream_pause(nh_stream_t *s, bool paused); // stop or resume reading: push back
void nh_stream_close(nh_stream_t *s, bool drain);  // drain: after what output() still gives
// "127.0.0.1:51234", "[::1]:80", "unix:1000" (a user id); what a proxy says, where one must.
void nh_stream_peer(const nh_stream_t *s, char *text, size_t cap);
// The same of the proxy that speaks for the peer. False: none does, and `text` is as it was.
bool nh_stream_proxy(const nh_stream_t *s, char *text, size_t cap);
// Whether it can only be from this machine, by the socket that took it in and since no proxy speaks
// for anybody. False: unknown, ask for the address. No system call, unlike nh_stream_peer().
bool nh_stream_is_local(const nh_stream_t *s);
// For people, valid within closed(): "Connection refused", "the name is not known".
const char *nh_stream_reason(const nh_stream_t *s);

// ---- datagram
// ------------------------------------------------------------------------------------

#define NH_DATAGRAM_MAX_BYTES 2048 // a longer one is dropped and counted; sending it: _TOO_LONG
typedef struct nh_datagram nh_datagram_t;
// `address` is numeric; `port` 0: a free one. `bytes` of `input` are borrowed for the call.
// NH_ERR_INVAL, NH_ERR_BUSY, NH_ERR_DENIED, NH_ERR_NOMEM: nothing was opened.
NH_MUST_USE int nh_datagram_open(nh_loop_t *loop, struct nh_mem *mem, const char *address,
                                 uint16_t port,
                                 void (*input)(void *ctx, const uint8_t *bytes, size_t len,
                                               const char *from_address, uint16_t from_port),
                                 void *ctx, nh_datagram_t **out);
// Sends at once or not at all: NH_ERR_AGAIN when the socket's buffer is full, as the network would
// drop it. Broadcast addresses are allowed.
NH_MUST_USE int nh_datagram_send(nh_datagram_t *d, const char *address, uint16_t port,
                                 const void *bytes, size_t len);
// Also takes in what is sent to a multicast group, by the interface that has `interface` (NULL: the
// machine's choice). A socket hears of it only when it is open at all addresses ("0.0.0.0", "::").
// NH_ERR_INVAL: no such group or interface. NH_ERR_EXISTS: it does already. NH_ERR_FULL: more
// groups than the machine lets one socket have (20, on Linux as it comes).
NH_MUST_USE int nh_datagram_join(nh_datagram_t *d, const char *group, const char *interface);
// A socket for a multicast group of IPv4, heard and sent to by one interface; this machine hears it
// as well. Others of it may have the same port. Errors as nh_datagram_open() and _join().
struct nh_datagram_group {
    const char *group, *interface; // numeric; `interface`: one of its addresses
    uint16_t port;
    uint8_t ttl; // how many routers and machines it may pass
};
NH_MUST_USE int nh_datagram_open_group(nh_loop_t *loop, struct nh_mem *mem,
                                       const struct nh_datagram_group *group,
                                       void (*input)(void *ctx, const uint8_t *bytes, size_t len,
                                                     const char *from_address, uint16_t from_port),
                                       void *ctx, nh_datagram_t **out);
uint16_t nh_datagram_port(const nh_datagram_t *d);
struct nh_datagram_info {
    uint64_t received_count, sent_count, dropped_count;
};
void nh_datagram_info(const nh_datagram_t *d, struct nh_datagram_info *out);
void nh_datagram_close(nh_datagram_t *d);

// ---- serial
// --------------------------------------------------------------------------------------

typedef struct nh_serial nh_serial_t;
struct nh_serial_config {
    const char *path;
    uint32_t baud;
}; // 8N1, raw
// NH_ERR_RANGE: a baud rate that is none. NH_ERR_INVAL: not a serial line. NH_ERR_NOT_FOUND,
// NH_ERR_DENIED, NH_ERR_BUSY.
NH_MUST_USE int nh_serial_open(struct nh_mem *mem, const struct nh_serial_config *cfg,
                               nh_serial_t **out);
// Blocks up to `timeout_ms` for at least one byte. Returns how many. NH_ERR_TIMEOUT, _AGAIN
// (woken), _CLOSED, _IO.
NH_MUST_USE int nh_serial_read(nh_serial_t *s, void *out, size_t cap, uint64_t timeout_ms);
// NH_OK: all was handed over. NH_ERR_TIMEOUT: a part may have been. NH_ERR_CLOSED, NH_ERR_IO.
NH_MUST_USE int nh_serial_write(nh_serial_t *s, const void *bytes, size_t len, uint64_t timeout_ms);
// Ends the read that waits, or else the next one, with NH_ERR_AGAIN unless bytes are there. Any
// task, while `s` is open.
void nh_serial_wake(nh_serial_t *s);
void nh_serial_close(nh_serial_t *s);

// ---- console: where log and telemetry lines go
// ---------------------------------------------------

// "stdout", "stderr", "pty" (a new one; its path by nh_console_path()), "pty:LINK" (also a symbolic
// link), "file:PATH" (behind what is there, mode 0640), "none" (all lines are dropped).
// Lines are written whole or, when the reader is slow, dropped whole and counted; never blocks.
typedef struct nh_console nh_console_t;
NH_MUST_USE int nh_console_open(const char *where, nh_console_t **out);
void nh_console_line(nh_console_t *c, const char *line); // any task; adds the line end
// Writes what still waits for a slow reader, as far as it goes. True: nothing waits any more. Any
// task. While false, call it again every 100 ms or so; the next line does it as well.
bool nh_console_flush(nh_console_t *c);
const char *nh_console_path(const nh_console_t *c); // of the pty; NULL: it is none
// Opens a file anew, which may have been moved away. On an error the old one stays.
NH_MUST_USE int nh_console_reopen(nh_console_t *c);
uint64_t nh_console_dropped(const nh_console_t *c);
void nh_console_close(nh_console_t *c);

// ---- kv: small values by key, in name spaces; the role of NVS
// ------------------------------------

#define NH_KV_KEY_MAX_BYTES 64
#define NH_KV_VALUE_MAX_BYTES NH_KIB(64)
typedef struct nh_kv nh_kv_t;
// Opens, or makes, a store in `dir`. NH_ERR_CORRUPT: what is there is damaged and stays untouched.
// NH_ERR_BUSY: another process, or this one, has it open.
NH_MUST_USE int nh_kv_open(struct nh_mem *mem, const char *dir, nh_kv_t **out);
void nh_kv_close(nh_kv_t *kv);
// Copies the value to `out`; returns its length (also when larger than `cap`: then nothing is
// copied). NH_ERR_NOT_FOUND. NH_ERR_CORRUPT: its check sum is wrong. Space and key: 1 to
// NH_KV_KEY_MAX_BYTES bytes, else NH_ERR_INVAL or NH_ERR_TOO_LONG. Any task.
NH_MUST_USE int nh_kv_get(nh_kv_t *kv, const char *space, const char *key, void *out, size_t cap);
// Durable when it returns. Any task. NH_ERR_NOSPC, NH_ERR_IO: the old value stays.
NH_MUST_USE int nh_kv_set(nh_kv_t *kv, const char *space, const char *key, const void *value,
                          size_t len);
// NH_ERR_NOT_FOUND when it was not there.
NH_MUST_USE int nh_kv_remove(nh_kv_t *kv, const char *space, const char *key);
// Several writes, all or nothing.
struct nh_kv_write {
    const char *space, *key;
    const void *value;
    size_t len;
}; // value NULL: remove (what is not there is no error)
NH_MUST_USE int nh_kv_commit(nh_kv_t *kv, const struct nh_kv_write *writes, size_t count);
// Visits the values of a space in the order of their keys, as they were when it began, until
// `visit` returns false. `key` and `value` are borrowed for the call of `visit`, which may call
// nh_kv_get(), _set() and _remove().
NH_MUST_USE int nh_kv_each(nh_kv_t *kv, const char *space,
                           bool (*visit)(void *ctx, const char *key, nh_span_t value), void *ctx);

// ---- records: an ordered store of binary keys, written in whole batches
// -------------------------

// Keys are 1 to NH_RECORDS_KEY_MAX_BYTES bytes, the first one not 0, in byte order. A record has a
// count: who puts it sets it, and one whose count comes to 0 is removed.
#define NH_RECORDS_KEY_MAX_BYTES 64
#define NH_RECORDS_PARTS 4
typedef struct nh_records nh_records_t;
struct nh_records_config {
    struct nh_mem *mem;
    const char *dir;    // made if missing; its parent exists
    uint64_t max_bytes; // 0: 1 GiB. Over it commits succeed, with a warning, for a while yet.
};
// NH_ERR_CORRUPT: what is there is damaged and stays untouched. NH_ERR_BUSY: somebody has it open.
NH_MUST_USE int nh_records_open(const struct nh_records_config *cfg, nh_records_t **out);
void nh_records_close(nh_records_t *r);
enum nh_record_op_kind { NH_RECORD_PUT, NH_RECORD_DELETE, NH_RECORD_COUNT /* adds; 0: removes */ };
struct nh_record_op {
    enum nh_record_op_kind kind;
    int32_t count; // PUT: sets it (1 and more). COUNT: adds it.
    nh_span_t key;
    nh_span_t value[NH_RECORDS_PARTS]; // PUT: one behind the other
};
// All that `next` gives until it says false, or nothing; durable when it returns. One task commits.
// NH_OK; 1: written, and the store is over its max_bytes. NH_ERR_NOSPC, NH_ERR_IO, NH_ERR_NOMEM:
// nothing was written, and the same may be tried again.
NH_MUST_USE int nh_records_commit(nh_records_t *r, bool (*next)(void *ctx, struct nh_record_op *op),
                                  void *ctx);
// Visits records whose key begins with `prefix`, in order, from the first at or after `from` (len
// 0: all) until `visit` returns false, as they were when it began. `value.ptr` NULL: damaged. All
// reads are one task's, not that of the commits; `visit` may read again, one deep.
typedef bool (*nh_record_fn)(void *ctx, nh_span_t key, nh_span_t value);
NH_MUST_USE int nh_records_read(nh_records_t *r, nh_span_t prefix, nh_span_t from,
                                nh_record_fn visit, void *ctx);
// Visits the last such record, if there is one.
NH_MUST_USE int nh_records_last(nh_records_t *r, nh_span_t prefix, nh_record_fn visit, void *ctx);
struct nh_records_info {
    uint64_t used_bytes, file_bytes, max_bytes; // used: of the last commit
};
void nh_records_info(nh_records_t *r, struct nh_records_info *out); // any task

// ---- files
// ---------------------------------------------------------------------------------------

// Paths are relative to the directory given to nh_files_open(), "" being itself; "..", absolute
// ones and symbolic links on the way are NH_ERR_DENIED. Files are owned: close. The store calls
// files through this table, so a test can put a disk in between that loses power.
typedef struct nh_files nh_files_t;
typedef struct nh_file nh_file_t;
enum nh_file_mode { NH_FILE_READ, NH_FILE_WRITE /* new or cut */, NH_FILE_APPEND };
struct nh_file_info {
    char name[256];
    uint64_t size_bytes;
    int64_t mtime_unix_ms;
    bool is_dir;
};
struct nh_files_ops {
    int (*open)(void *ctx, const char *path, enum nh_file_mode mode, nh_file_t **out);
    int (*read)(void *ctx, nh_file_t *f, uint64_t offset, void *out, size_t cap); // 0: end
    int (*write)(void *ctx, nh_file_t *f, const void *bytes, size_t len);         // all or error
    int (*sync)(void *ctx, nh_file_t *f);
    void (*close)(void *ctx, nh_file_t *f);
    int (*rename)(void *ctx, const char *from, const char *to); // atomic, replaces
    int (*remove)(void *ctx, const char *path);
    int (*mkdir)(void *ctx, const char *path); // NH_ERR_EXISTS
    int (*stat)(void *ctx, const char *path, struct nh_file_info *out);
    int (*sync_dir)(void *ctx, const char *path); // names in it are durable
    // Entries one by one, unsorted; `cursor` starts at NULL and is freed by dir_close.
    int (*dir_open)(void *ctx, const char *path, void **cursor);
    int (*dir_next)(void *ctx, void *cursor, struct nh_file_info *out); // NH_ERR_NOT_FOUND: end
    void (*dir_close)(void *ctx, void *cursor);
};
struct nh_fs { // a file system: the table and its state; passed by value
    const struct nh_files_ops *ops;
    void *ctx;
};
// Makes `dir` if it is missing; its parent exists.
NH_MUST_USE int nh_files_open(struct nh_mem *mem, const char *dir, nh_files_t **out);
// Makes nothing: for what may be pulled out, such as a card. NH_ERR_NOT_FOUND: it is not there.
NH_MUST_USE int nh_files_open_existing(struct nh_mem *mem, const char *dir, nh_files_t **out);
struct nh_fs nh_files_fs(nh_files_t *files);
NH_MUST_USE int nh_files_space(nh_files_t *files, uint64_t *used_bytes, uint64_t *total_bytes);
void nh_files_close(nh_files_t *files);

// ---- host facts
// ----------------------------------------------------------------------------------

// What the machine says of this process; a field that cannot be known is -1.
struct nh_host_info {
    int64_t rss_bytes, private_bytes; // of the process
    int64_t host_libc_bytes;          // malloc of libraries that take no allocator
    int64_t host_tls_bytes;           // part of it: the TLS library
    int cpu_usage_pct; // of this process over the last second or longer; -1 until there is one
    int cpu_temperature_c, cpu_freq_mhz, cpu_count;
    int64_t program_bytes;
    int64_t program_unix_s; // when the program's file was written; -1: not known
    char hostname[64];
    const char *reset_reason; // "Power On", "Software"
};
void nh_host_info_get(struct nh_host_info *out);
// The first interface with an IPv4 address that is not the loopback's; without one 127.0.0.1 and
// an empty mac.
struct nh_host_net {
    char address[46], mac[18]; // "10.0.0.5", "02:00:00:00:00:01"
};
void nh_host_net_get(struct nh_host_net *out);
// Asks the host for `want` open connections and files at once. Returns how many it allows now:
// fewer where an administrator set a limit below. Never lowers what was allowed.
uint32_t nh_host_connections_allow(uint32_t want);
void nh_host_reset_reason_set(const char *reason); // static; for a reboot in place
// Tells the service manager ("READY=1", "RELOADING=1", "STOPPING=1") where there is one.
void nh_host_notify(const char *state);

#endif
