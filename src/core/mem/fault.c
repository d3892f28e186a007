// Fault injection: which allocation is to fail, by number, by chance, or of one owner.

#include "core/mem/mem.h"
#include "core/mem/system.h"

void nh_mem_fault_set(nh_mem_system_t *sys, const struct nh_mem_fault *fault)
{
    nh_lock_acquire(&sys->lock);
    sys->fault = fault ? *fault : (struct nh_mem_fault){0};
    sys->has_fault = sys->fault.fail_nth || sys->fault.fail_per_million;
    sys->fault_seen = 0;
    sys->fault_hits = 0;
    sys->fault_random = sys->fault.seed;
    nh_lock_release(&sys->lock);
}

uint64_t nh_mem_fault_hits(const nh_mem_system_t *sys)
{
    nh_lock_acquire(&sys->lock);
    uint64_t hits = sys->fault_hits;
    nh_lock_release(&sys->lock);
    return hits;
}

// A number below one million; any seed will do, 0 too.
static uint32_t chance(nh_mem_system_t *sys)
{
    sys->fault_random = sys->fault_random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(sys->fault_random >> 33) % 1000000u;
}

bool nh_mem__fault_strikes(nh_mem_t *mem)
{
    nh_mem_system_t *sys = mem->sys;
    const struct nh_mem_fault *f = &sys->fault;
    if (!sys->has_fault || (f->only_owner && f->only_owner != mem))
        return false;
    sys->fault_seen++;
    bool strikes = sys->fault_seen == f->fail_nth;
    if (f->fail_per_million)
        strikes |= chance(sys) < f->fail_per_million;
    sys->fault_hits += strikes;
    return strikes;
}
