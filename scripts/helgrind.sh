#!/bin/sh
# The battery's threaded tests under Helgrind: any report fails. Slow, so it is not part of `make test`,
# which runs the same tests under the thread sanitizer.
#
#   scripts/helgrind.sh [TEST...]
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- test_battery_snapshot test_battery_worker test_publish_threads
cmake --preset helgrind >/dev/null
failed=0
for test in "$@"; do
    cmake --build --preset helgrind --target "$test" >/dev/null
    program=$(find build/helgrind -type f -name "$test" -perm -u+x)
    if NH_STORM_ROUNDS=2000 valgrind --tool=helgrind --error-exitcode=99 -q "$program"; then
        echo "$test: no report"
    else
        echo "$test: FAILED"
        failed=1
    fi
done
exit $failed
