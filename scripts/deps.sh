#!/usr/bin/env bash
# deps.sh GROUP...: installs the Debian packages of the groups, and the npm modules that they need.
# Quick and silent when nothing is missing. Groups: run, rv32, test, lint.
# NH_SKIP_DEPS=1 leaves the packages to you (another distribution, an image built beforehand).
set -euo pipefail
cd "$(dirname "$0")/.."

packages_run="cmake ninja-build gcc libc6-dev pkg-config python3 libwebsockets-dev
    libwebsockets-evlib-uv libuv1-dev liblmdb-dev libsodium-dev libyaml-dev libssl-dev zopfli
    libsndfile1-dev libsamplerate0-dev libasound2-dev libcairo2-dev libfreetype-dev
    libfribidi-dev libgif-dev libgpiod-dev libjpeg-dev libncurses-dev zlib1g-dev fonts-dejavu-core fonts-wqy-microhei fonts-symbola
    clang lld"
packages_rv32="cmake ninja-build python3 gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
    qemu-system-misc"
packages_test="libcmocka-dev libpng-dev libsdl2-2.0-0 libcjson-dev libjsmn-dev libyajl-dev libjson-c-dev clang
    libclang-rt-14-dev valgrind mosquitto mosquitto-clients python3-paho-mqtt
    python3-pymodbus mbpoll chromium curl openssl
    strace util-linux binutils procps"
packages_lint="clang clang-format clang-tidy cppcheck shellcheck git"

# A Node.js from elsewhere serves as well, and would conflict with Debian's npm.
has_node()
{
    command -v node >/dev/null && command -v npm >/dev/null &&
        node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'
}

wanted=()
npm_dirs=()
for group in "$@"; do
    case $group in
    run)
        read -r -d '' -a list <<<"$packages_run" || true
        wanted+=("${list[@]}")
        npm_dirs+=(web)
        ;;
    rv32)
        read -r -d '' -a list <<<"$packages_rv32" || true
        wanted+=("${list[@]}")
        ;;
    test)
        read -r -d '' -a list <<<"$packages_test" || true
        wanted+=("${list[@]}")
        npm_dirs+=(tests/browser)
        ;;
    lint)
        read -r -d '' -a list <<<"$packages_lint" || true
        wanted+=("${list[@]}")
        ;;
    *)
        echo "deps.sh: no group '$group' (run, rv32, test, lint)" >&2
        exit 2
        ;;
    esac
done
if [ ${#npm_dirs[@]} -gt 0 ] && ! has_node; then
    wanted+=(nodejs npm)
fi

install_packages()
{
    local installed missing=() package as_root=()
    # shellcheck disable=SC2016 # the format is dpkg-query's, not the shell's
    installed=" $({ dpkg-query -W -f '${db:Status-Status}:${Package}\n' "$@" 2>/dev/null || true; } |
        sed -n 's/^installed://p' | tr '\n' ' ') "
    for package in "$@"; do
        case $installed in
        *" $package "*) ;;
        *) missing+=("$package") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing: ${missing[*]}" >&2
            echo "As root: apt-get install --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "Installing: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq </dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

if [ -z "${NH_SKIP_DEPS:-}" ]; then
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian. Install the equivalents of these, then set NH_SKIP_DEPS=1:" >&2
        echo "${wanted[*]}" >&2
        exit 1
    fi
    install_packages "${wanted[@]}"
fi

# The stamp holds the lock file that node_modules was made from.
for dir in "${npm_dirs[@]}"; do
    lock=$dir/package-lock.json
    stamp=build/npm/$(echo "$dir" | tr / _).lock
    if [ ! -f "$lock" ] || { [ -d "$dir/node_modules" ] && cmp -s "$lock" "$stamp"; }; then
        continue
    fi
    echo "Installing npm modules in $dir"
    (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
    mkdir -p build/npm
    cp "$lock" "$stamp"
done
