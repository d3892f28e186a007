// A command for a register, by MQTT: whatever comes, an answer; what is taken is a register of the
// table and, for a write, within its range and none that needs a confirmation.

#include "components/battery_bridge/battery_command.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nh_battery_command c;
    char why[160];
    const nh_span_t payload = {data, size};
    int64_t raw;
    int err = nh_battery_command_read(payload, &c, why, sizeof why);
    if (err > 0)
        abort();
    if (err < 0)
        return 0;
    if (!c.reg || why[0])
        abort();
    if (c.is_write && (!isfinite(c.value) || (c.reg->flags & NH_TINYBMS_DANGEROUS) ||
                       nh_tinybms_raw_of(c.reg, c.value, &raw) < 0))
        abort();
    return 0;
}
