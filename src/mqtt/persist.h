// persist.h - what the broker asks of a store of records, so that what was acknowledged is on disk.
//
// Records are bytes under a key of at most NH_MQTT_KEY_MAX_BYTES bytes; every byte of both is
// described in docs/mqtt-store-format.md, why it is so in docs/mqtt-durability.md. The broker
// gathers changes in a batch, hands the batch over, and goes on with the next one while the store
// writes: one commit at a time, all or nothing. The store may do that on a task of its own.

#ifndef NH_MQTT_PERSIST_H
#define NH_MQTT_PERSIST_H

#include "core/base/base.h"

#define NH_MQTT_KEY_MAX_BYTES 16
#define NH_MQTT_PARTS 4

enum nh_mqtt_op_kind {
    NH_MQTT_OP_PUT,    // writes the record; its count becomes `count`
    NH_MQTT_OP_DELETE, // removes it; what is not there is no error
    NH_MQTT_OP_COUNT,  // adds `count` to its count; at 0 or below the record is removed
};

struct nh_mqtt_op {
    enum nh_mqtt_op_kind kind;
    int32_t count;                  // PUT: 1 and more. COUNT: not 0.
    nh_span_t key;                  // all borrowed from the batch
    nh_span_t value[NH_MQTT_PARTS]; // PUT: the value, in pieces, the last ones empty
};

typedef struct nh_mqtt_batch nh_mqtt_batch_t;
// The operation at `*at` (start with 0), in the order to apply them; `*at` moves on. False: past
// the last. Any task, while the batch is handed over.
bool nh_mqtt_batch_next(const nh_mqtt_batch_t *batch, size_t *at, struct nh_mqtt_op *out);

// `value.ptr` NULL: the record is damaged. Borrowed for the call. False: enough.
typedef bool (*nh_mqtt_record_fn)(void *ctx, nh_span_t key, nh_span_t value);

// How much an acknowledgement is worth.
enum nh_mqtt_durability {
    NH_MQTT_DURABLE,  // what is acknowledged is on disk
    NH_MQTT_INTERVAL, // it is there a little later: a crash may lose or repeat the last moments
};

struct nh_mqtt_persist {
    void *ctx;
    // Begins to write `batch`, which is borrowed until nh_mqtt_broker_saved() is called with the
    // outcome: later, on the broker's task, never from within this.
    void (*commit)(void *ctx, const nh_mqtt_batch_t *batch);
    // Visits the records whose key begins with `prefix`, in order of keys, the first at or after
    // `from` (empty: all), as the last finished commit left them. `visit` may read again, one deep.
    // NH_ERR_IO, NH_ERR_NOMEM.
    int (*read)(void *ctx, nh_span_t prefix, nh_span_t from, nh_mqtt_record_fn visit, void *vctx);
    // Visits the last record whose key begins with `prefix`, if there is one.
    int (*last)(void *ctx, nh_span_t prefix, nh_mqtt_record_fn visit, void *vctx);
};

#endif
