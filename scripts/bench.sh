#!/usr/bin/env bash
# bench.sh [NAME...]: builds and runs the benchmarks of bench/<part>/: each program bench_*, then each
# executable script. Scripts get the release command as NUTHATCH and the folder of the load programs'
# build as NH_BUILD_DIR. A name picks the benchmarks whose path contains it.
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
    if [ $# -gt 0 ] && ! printf '%s\n' "$@" | grep -qF -f - <(echo "$item"); then
        continue
    fi
    echo "== $item"
    case $item in
    *.py) /usr/bin/python3 "$item" </dev/null || status=1 ;;
    *) "$item" </dev/null || status=1 ;;
    esac
    ran=$((ran + 1))
done < <(find build/bench/bench -name 'bench_*' -type f -perm -u+x | sort
    find bench -mindepth 2 -name '*.py' -perm -u+x | sort)
if [ "$ran" -eq 0 ]; then
    echo "no benchmark of that name"
    exit 1
fi
exit "$status"
