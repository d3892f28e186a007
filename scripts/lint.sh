#!/usr/bin/env bash
# lint.sh [CHECK...]: the checks that are no tests. Without names: all of them. Each counts as one
# in the closing line.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
jobs=${JOBS:-$(nproc)}
mkdir -p build
rm -f build/lint_totals
python=/usr/bin/python3

tracked()
{
    git ls-files --cached --others --exclude-standard "$@" | while read -r file; do
        [ ! -e "$file" ] || echo "$file"
    done
}

check_format()
{
    tracked '*.c' '*.h' | xargs -r clang-format --dry-run -Werror
}

check_layering()
{
    "$python" scripts/check_layering.py && "$python" scripts/check_layering.py --self-test
}

check_docs()
{
    "$python" scripts/check_docs.py && "$python" scripts/mqtt_conformance.py --check
}

check_scripts()
{
    tracked '*.py' | xargs -r "$python" scripts/check_python.py &&
        tracked '*.sh' .ci/run scripts/run-mcu | xargs -r shellcheck
}

# A header stands on its own: whoever includes it first needs nothing before it.
check_headers()
{
    local header flags status=0
    flags=$(pkg-config --cflags libwebsockets libuv cairo freetype2 2>/dev/null)
    while read -r header; do
        # shellcheck disable=SC2086 # several flags
        gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Isrc -Itests $flags \
            -include "$header" -x c /dev/null || status=1
    done < <(tracked 'src/*.h')
    return "$status"
}

# gcc compiles everything in the tests; here the other compiler does, warnings being errors too.
check_clang()
{
    cmake --preset clang && cmake --build --preset clang -- --quiet
}

# What the check before compiled, with its flags. The slowest check: a few files a process. The
# analyser's shallow mode takes a tenth of the time of the deep one and finds nearly the same.
check_tidy()
{
    local shallow=(--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang
        --extra-arg=mode=shallow)
    "$python" scripts/compiled_files.py build/clang/compile_commands.json |
        xargs -r -P "$jobs" -n 3 clang-tidy -p build/clang --quiet "${shallow[@]}" \
            2>build/lint_tidy_noise.log || return
    # A fault of .clang-tidy itself is an error that leaves its exit status at 0.
    ! grep -E '\berror:' build/lint_tidy_noise.log
}

check_cppcheck()
{
    mkdir -p build/cppcheck
    "$python" scripts/compiled_files.py build/clang/compile_commands.json | grep '/src/' |
        cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --file-list=- -Isrc \
            -D_GNU_SOURCE -DNH_VERSION='""' --suppressions-list=scripts/cppcheck.txt \
            --enable=warning,performance,portability -j "$jobs" \
            --cppcheck-build-dir=build/cppcheck
}

[ -f build/clang/compile_commands.json ] || cmake --preset clang >/dev/null || exit 1
checks=("$@")
[ ${#checks[@]} -gt 0 ] || checks=(format layering docs headers scripts clang tidy cppcheck)
passed=0
failed=0
for check in "${checks[@]}"; do
    started=$SECONDS
    log=build/lint_$check.log
    if "check_$check" >"$log" 2>&1; then
        echo "ok   $check ($((SECONDS - started)) s)"
        passed=$((passed + 1))
    else
        tail -n 200 "$log"
        echo "FAIL $check ($((SECONDS - started)) s)"
        failed=$((failed + 1))
    fi
done
echo "$passed $failed" >build/lint_totals
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
