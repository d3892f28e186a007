#!/usr/bin/env bash
# bench.sh [NAME...]: builds and runs the benchmarks under bench/: each program bench_*, then each
# script bench_*.py, which gets the release command as NUTHATCH. A name picks those that contain it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
cmake --preset release >/dev/null && cmake --build --preset release || exit 1
cmake --preset bench >/dev/null && cmake --build --preset bench || exit 1
NUTHATCH=$PWD/build/release/nuthatch
NH_BUILD_DIR=$PWD/build/bench
export NUTHATCH NH_BUILD_DIR

status=0
ran=0
while read -r item; do
    name=$(basename "$item")
    if [ $# -gt 0 ] && ! printf '%s\n' "$@" | grep -qF -f - <(echo "$name"); then
        continue
    fi
    echo "== $name"
    case $item in
    *.py) /usr/bin/python3 "$item" </dev/null || status=1 ;;
    *) "$item" </dev/null || status=1 ;;
    esac
    ran=$((ran + 1))
done < <(find build/bench/bench -maxdepth 2 -name 'bench_*' -type f -perm -u+x | sort
    find bench -name 'bench_*.py' | sort)
if [ "$ran" -eq 0 ]; then
    echo "no benchmark of that name"
    exit 1
fi
exit "$status"
