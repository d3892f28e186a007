#!/usr/bin/env bash
# soak.sh [MINUTES]: thousands of kills under load and a queue of nearly a million messages, with the
# release build; then the tests of the whole command under ASan and TSan in turn, over and over,
# until the time (default 60) is up or one fails. NH_KILLS and NH_QUEUED: how many of each.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
end=$((SECONDS + ${1:-60} * 60))
rounds=0
for preset in release asan tsan; do
    cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" || exit 1
done
NH_KILLS=${NH_KILLS:-2000} NH_QUEUED=${NH_QUEUED:-900000} NUTHATCH=$PWD/build/release/nuthatch \
    /usr/bin/python3 tests/e2e/test_durable.py Killed </dev/null || exit 1
while [ "$SECONDS" -lt "$end" ]; do
    for preset in asan tsan; do
        if ! ctest --preset "$preset" -L e2e --schedule-random </dev/null >build/soak.log 2>&1; then
            tail -n 100 build/soak.log
            echo "round $((rounds + 1)), $preset: failed after $SECONDS s"
            exit 1
        fi
    done
    rounds=$((rounds + 1))
done
echo "$rounds rounds held in $SECONDS s"
