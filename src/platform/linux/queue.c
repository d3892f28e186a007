#include "core/mem/mem.h"
#include "platform/linux/port.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

struct nh_queue {
    nh_mem_t *mem;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    size_t item_bytes;
    size_t head; // index of the oldest item
    struct nh_queue_info info;
    uint8_t items[]; // a ring of info.count items
};

int nh_queue_create(struct nh_mem *mem, size_t item_bytes, size_t count, nh_queue_t **out)
{
    *out = NULL;
    if (item_bytes == 0 || count == 0 || count > (SIZE_MAX / 2) / item_bytes)
        return NH_ERR_RANGE;
    nh_queue_t *q = nh_mem_alloc_zero(mem, sizeof *q + item_bytes * count, NH_MEM_HOT);
    if (!q)
        return NH_ERR_NOMEM;
    q->mem = mem;
    q->item_bytes = item_bytes;
    q->info.count = count;
    pthread_mutex_init(&q->lock, NULL);
    nh_linux__cond_init(&q->cond);
    *out = q;
    return NH_OK;
}

void nh_queue_destroy(nh_queue_t *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->cond);
    pthread_mutex_destroy(&q->lock);
    nh_mem_free(q->mem, q);
}

int nh_queue_put(nh_queue_t *q, const void *item)
{
    int rc = NH_OK;
    pthread_mutex_lock(&q->lock);
    if (q->info.depth == q->info.count) {
        q->info.full_count++;
        rc = NH_ERR_FULL;
    } else {
        size_t at = (q->head + q->info.depth) % q->info.count;
        memcpy(q->items + at * q->item_bytes, item, q->item_bytes);
        q->info.put_count++;
        if (++q->info.depth > q->info.depth_max)
            q->info.depth_max = q->info.depth;
        pthread_cond_signal(&q->cond);
    }
    pthread_mutex_unlock(&q->lock);
    return rc;
}

int nh_queue_get(nh_queue_t *q, void *item, uint64_t timeout_ms)
{
    const struct timespec until = nh_linux__until(timeout_ms);
    int rc = 0;
    pthread_mutex_lock(&q->lock);
    while (q->info.depth == 0 && timeout_ms > 0 && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&q->cond, &q->lock, &until);
    bool has = q->info.depth > 0;
    if (has) {
        memcpy(item, q->items + q->head * q->item_bytes, q->item_bytes);
        q->head = (q->head + 1) % q->info.count;
        q->info.depth--;
    }
    pthread_mutex_unlock(&q->lock);
    return has ? NH_OK : NH_ERR_TIMEOUT;
}

void nh_queue_info(nh_queue_t *q, struct nh_queue_info *out)
{
    pthread_mutex_lock(&q->lock);
    *out = q->info;
    pthread_mutex_unlock(&q->lock);
}
