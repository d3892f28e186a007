#!/usr/bin/env bash
# soak.sh [MINUTES]: the tests of the whole command under ASan and TSan in turn, over and over, until
# the time (default 60) is up or one fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
end=$((SECONDS + ${1:-60} * 60))
rounds=0
for preset in asan tsan; do
    cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" || exit 1
done
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
