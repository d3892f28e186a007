// mqtt_store.h - the broker's records on disk, written by a task of its own.
//
// The broker hands over one batch at a time; the task `store` writes it as one transaction and
// posts the outcome to the loop, so that nothing on the loop waits for a disk but the reading of a
// long queue.

#ifndef NH_HUB_MQTT_STORE_H
#define NH_HUB_MQTT_STORE_H

#include "core/mem/mem.h"
#include "mqtt/broker.h"
#include "platform/platform.h"

typedef struct nh_mqtt_store nh_mqtt_store_t;
struct nh_mqtt_store_config {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_loop_t *loop;
    const char *data_dir; // the store is the folder "mqtt" in it
    uint64_t max_bytes;   // 0: as of nh_records_open()
};
// Opens the store and starts the task. A damaged one is set aside as "mqtt.bad-N", loudly, and a
// new one begun. NH_ERR_BUSY: another process has it open. Nothing was started after an error.
NH_MUST_USE int nh_mqtt_store_start(const struct nh_mqtt_store_config *cfg, nh_mqtt_store_t **out);
// What the broker is to be created with.
struct nh_mqtt_persist nh_mqtt_store_persist(nh_mqtt_store_t *s);
// The broker could not take the store up (NH_ERR_CORRUPT, NH_ERR_UNSUPPORTED): sets it aside and
// begins a new one. The broker must be destroyed before.
NH_MUST_USE int nh_mqtt_store_set_aside(nh_mqtt_store_t *s, int why);
// Outcomes go to `broker` from now on.
void nh_mqtt_store_broker_set(nh_mqtt_store_t *s, nh_mqtt_broker_t *broker);
// Writes what the broker has not written yet, on the caller's task, while the loop does not run.
// Gives up, loudly, when the store fails for `timeout_ms`.
void nh_mqtt_store_flush(nh_mqtt_store_t *s, uint64_t timeout_ms);
void nh_mqtt_store_info(nh_mqtt_store_t *s, struct nh_records_info *out);
// A write under way is ended first. It borrows from the broker, which may be destroyed after this
// only and calls the store no more then. Without a broker: at any time.
void nh_mqtt_store_stop(nh_mqtt_store_t *s);

#endif
