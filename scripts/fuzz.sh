#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET...]: runs each fuzz target for that long, one after the other with a
# worker a core, from its committed corpus. New inputs stay in build/fuzz/corpus, a crash in
# build/fuzz/crashes; a find becomes a file in tests/fuzz/corpus/<target> and so a test of every
# build.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
jobs=${JOBS:-$(nproc)}
seconds=${1:?usage: fuzz.sh SECONDS [TARGET...]}
shift
cmake --preset fuzz >/dev/null && cmake --build --preset fuzz || exit 1
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        [ ! -e "$source" ] || targets+=("$(basename "$source" .c)")
    done
fi

passed=0
failed=0
mkdir -p build/fuzz/crashes
for target in "${targets[@]}"; do
    log=build/fuzz/$target.log
    options=()
    program=$(find build/fuzz -name "$target" -type f -perm -u+x | head -n 1)
    mkdir -p "build/fuzz/corpus/$target"
    [ ! -f "tests/fuzz/$target.dict" ] || options+=("-dict=tests/fuzz/$target.dict")
    if [ -n "$program" ] && "$program" -fork="$jobs" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=1024 -artifact_prefix="build/fuzz/crashes/$target-" "${options[@]}" \
        "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
        echo "ok   $target: $(grep -c . <(find "build/fuzz/corpus/$target" -type f)) new inputs," \
            "$(tail -n 1 "$log" | cut -c1-60)"
        passed=$((passed + 1))
    else
        tail -n 40 "$log"
        echo "FAIL $target"
        failed=$((failed + 1))
    fi
done
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
