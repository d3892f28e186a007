#!/bin/sh
# Instructions per operation of the same trace, by valgrind: the figure that no other load disturbs.
# usage: bench/heap/instructions.sh [path of bench_heap] [its options, such as --pattern hub]
bench=${1:-build/bench/bench/heap/bench_heap}
[ $# -gt 0 ] && shift
ops=1000000
measure() {
    target=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="replay_$target" \
        "$bench" --ops $ops --only "$target" "$@" 2>&1 | sed -n 's/.*Collected : //p'
}
empty=$(measure empty "$@")
for target in heap mem libc; do
    n=$(measure "$target" "$@")
    echo "$target $(((n - empty) / ops)) instructions per operation"
done
