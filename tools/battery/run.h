// run.h - the simulated board on a pseudo terminal: `nuthatch sim battery`.

#ifndef NH_TOOLS_BATTERY_RUN_H
#define NH_TOOLS_BATTERY_RUN_H

#include "board.h"

#include <sys/types.h>

#define NH_SIM_FIRST_LINE_MAX_COUNT 32

struct nh_sim_battery_options {
    struct nh_sim_board_config board;
    const char *link;                            // a stable name for the terminal; NULL: none
    char first[NH_SIM_FIRST_LINE_MAX_COUNT][64]; // lines that the options stand for
    size_t first_count;
    int64_t end_ms; // INT64_MAX: until a signal
    pid_t parent;   // 0: none to live with
};

// Until a signal, the end of its time, or "quit". Returns the exit code.
int nh_sim_battery_run(const struct nh_sim_battery_options *o);
// tools/cmd_sim_battery.c: argv[0] is "nuthatch sim battery".
int nh_sim_battery(int argc, char **argv);

#endif
