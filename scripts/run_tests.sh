#!/usr/bin/env bash
# run_tests.sh PRESET...: builds each preset, runs its tests through ctest, and closes with one line
# of totals. A build that fails counts as one failed test; the other presets still run.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
jobs=${JOBS:-$(nproc)}
passed=0
failed=0
mkdir -p build
rm -f build/test_totals

# run_preset PRESET [ctest options]: builds it, runs it, adds to the totals.
run_preset()
{
    local preset=$1 log=build/test_$1.log total bad
    shift
    echo "== $preset: build"
    if ! cmake --preset "$preset" >"$log" 2>&1 || ! cmake --build --preset "$preset" -- --quiet >>"$log" 2>&1; then
        tail -n 60 "$log"
        echo "== $preset: the build failed"
        failed=$((failed + 1))
        return
    fi
    echo "== $preset: test"
    ctest --preset "$preset" -j "$jobs" "$@" </dev/null 2>&1 | tee "$log"
    total=$(sed -n 's/.*tests\{0,1\} failed out of \([0-9]*\)$/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/.*tests\{0,1\} passed, \([0-9]*\) tests\{0,1\} failed out of .*/\1/p' "$log" | tail -n 1)
    if [ -z "$total" ]; then
        echo "== $preset: no test ran"
        failed=$((failed + 1))
        return
    fi
    passed=$((passed + total - bad))
    failed=$((failed + bad))
}

for preset in "$@"; do
    run_preset "$preset"
    if [ "$preset" = rv32 ]; then
        run_preset rv32imc
        run_preset rv32ub
        [ ! -f build/rv32/size_table.md ] || cat build/rv32/size_table.md
    fi
done
echo "$passed $failed" >build/test_totals
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
