#!/usr/bin/env bash
# run_home.sh CONFIG DATA [hub options]: the hub with the demo home around it, until one of them ends
# or Ctrl+C. SIM=0 leaves the simulated devices out; SIM_USER and SIM_PASSWORD_FILE let them sign
# in. SIM_BATTERY_FACTOR: how much faster than ours the pack's time runs.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
config=$1
data=$2
shift 2
mkdir -p "$data"

# The devices go where the hub listens: --mqtt on the command line, else the demo's address.
mqtt=127.0.0.1:1883
for ((i = 1; i < $#; i++)); do
    if [ "${!i}" = --mqtt ]; then
        next=$((i + 1))
        mqtt=${!next}
    fi
done

sim=
hub=
# shellcheck disable=SC2317 # called by the trap
stop()
{
    # shellcheck disable=SC2086 # the processes, one word each
    [ -z "$sim" ] || kill $sim 2>/dev/null
    [ -z "$hub" ] || kill -TERM "$hub" 2>/dev/null
}
trap stop INT TERM

build/release/nuthatch run --config "$config" --data "$data" "$@" &
hub=$!
if [ "${SIM:-1}" != 0 ]; then
    sign_in=()
    [ -z "${SIM_USER:-}" ] || sign_in=(--user "$SIM_USER" --password-file "${SIM_PASSWORD_FILE:-}")
    build/release/nuthatch sim home --with-parent --mqtt "$mqtt" "${sign_in[@]}" &
    sim=$!
    build/release/nuthatch sim room --with-parent --mqtt "$mqtt" "${sign_in[@]}" </dev/null >/dev/null &
    sim="$sim $!"
    # The terminal has the name that battery.path of the demo's configuration has.
    build/release/nuthatch sim battery --with-parent --link build/battery.tty --profile day \
        --factor "${SIM_BATTERY_FACTOR:-60}" </dev/null >/dev/null &
    sim="$sim $!"
fi
wait "$hub"
code=$?
# A signal ends the wait, not the hub: it still says its last lines.
if kill -0 "$hub" 2>/dev/null; then
    wait "$hub"
    code=$?
fi
stop
exit "$code"
