#!/usr/bin/env bash
# run_home.sh CONFIG DATA [hub options]: the hub with the demo home around it, until one of them ends
# or Ctrl+C. SIM=0 leaves the simulated devices out; SIM_USER and SIM_PASSWORD_FILE let them sign
# in. SIM_BATTERY_FACTOR: how much faster than ours the pack's time runs; SIM_BATTERY_LINK: the
# name of its terminal, if the configuration has another one. NUTHATCH: the program.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
nuthatch=${NUTHATCH:-build/release/nuthatch}
config=$1
data=$2
shift 2
mkdir -p "$data"

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

# The devices come once everything listens: not to another hub that has the ports, or the data folder.
# What is told before and after is passed on, the line that says so only if it was asked for.
exec 3< <(exec "$nuthatch" run --config "$config" --data "$data" --ready-json "$@" </dev/null)
hub=$!
is_up=0
while IFS= read -r line <&3; do
    if [ "${line#\{\"http\"}" = "$line" ]; then
        printf '%s\n' "$line"
        continue
    fi
    is_up=1
    # The devices go where the hub says that it listens.
    mqtt=${line#*\"mqtt\":\"}
    mqtt=${mqtt%%\"*}
    console=${line#*\"console\":\"}
    case " $* " in
    *" --ready-json "*) printf '%s\n' "$line" ;;
    *) [ "$console" = "$line" ] || printf 'telemetry on %s\n' "${console%%\"*}" ;;
    esac
    break
done
cat <&3 &
passes_on=$!
if [ "$is_up" = 1 ] && [ "${SIM:-1}" != 0 ]; then
    sign_in=()
    [ -z "${SIM_USER:-}" ] || sign_in=(--user "$SIM_USER" --password-file "${SIM_PASSWORD_FILE:-}")
    "$nuthatch" sim home --with-parent --mqtt "$mqtt" "${sign_in[@]}" 3<&- &
    sim=$!
    "$nuthatch" sim room --with-parent --mqtt "$mqtt" "${sign_in[@]}" </dev/null >/dev/null 3<&- &
    sim="$sim $!"
    # The terminal has the name that battery.path of the demo's configuration has.
    "$nuthatch" sim battery --with-parent --link "${SIM_BATTERY_LINK:-build/battery.tty}" \
        --profile day --factor "${SIM_BATTERY_FACTOR:-60}" </dev/null >/dev/null 3<&- &
    sim="$sim $!"
fi
exec 3<&-
wait "$hub"
code=$?
# A signal ends the wait, not the hub: it still says its last lines.
if kill -0 "$hub" 2>/dev/null; then
    wait "$hub"
    code=$?
fi
stop
wait "$passes_on"
exit "$code"
