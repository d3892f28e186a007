"""The measurements: each starts from a broker that has done nothing yet and gives its figures."""
import json
import os
import subprocess
import time

from brokers import LOAD, LOAD_CORE, TICK_HZ, pinned

FAULTS = ("lost", "repeated", "reordered", "damaged", "refused", "wrong")
TIMEOUT_S = 300


class Machine:
    """How much processor time others took meanwhile, in cores."""

    def __init__(self):
        self.begin_s, self.before = time.monotonic(), self.busy_s()
        self.children_before = self.children_s()

    @staticmethod
    def busy_s():
        with open("/proc/stat") as f:
            user, nice, system, _idle, _wait, irq, soft, steal = map(int, f.readline().split()[1:9])
        return (user + nice + system + irq + soft + steal) / TICK_HZ

    @staticmethod
    def children_s():
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system

    def others(self, broker_s):
        busy = self.busy_s() - self.before - (self.children_s() - self.children_before) - broker_s
        return max(0.0, busy / max(1e-3, time.monotonic() - self.begin_s))


def wait_for_calm(others_max, wait_s):
    """Until others leave the machine alone for half a second, but not for ever."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        machine = Machine()
        time.sleep(0.5)
        if machine.others(0) <= others_max:
            return


def load(broker, unix=False, **options):
    command = [LOAD] + (["--unix", broker.unix_path] if unix else ["--port", str(broker.port)])
    for name, value in options.items():
        command += ["--" + name, str(value)]
    return pinned(LOAD_CORE, command)


def read_line(process):
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"the load failed: {process.args}")
    return json.loads(line)


def flow(broker, options):
    before, begin = broker.cpu_s(), time.monotonic()
    run = subprocess.run(load(broker, **options), stdout=subprocess.PIPE, text=True,
                         timeout=TIMEOUT_S)
    if not run.stdout:
        raise SystemExit(f"{broker.name}: the load failed: {run.args}")
    result = json.loads(run.stdout)
    used = broker.cpu_s() - before
    result["cpu_us_per_delivered"] = used * 1e6 / max(1, result["delivered"])
    result["broker_share"] = used / (time.monotonic() - begin)
    return result


def connect(broker, options):
    run = subprocess.run(load(broker, mode="connect", **options), stdout=subprocess.PIPE, text=True,
                         timeout=TIMEOUT_S, check=True)
    return json.loads(run.stdout)


def hold(broker, mode, options):
    """A load that waits on its standard input while the broker's memory is read."""
    return subprocess.Popen(load(broker, mode=mode, **options), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def idle(broker, options):
    before = broker.private_bytes()
    with hold(broker, "idle", options) as process:
        result = read_line(process)
        result["bytes_each"] = (broker.private_bytes() - before) / result["connections"]
        process.stdin.close()
        if process.wait(TIMEOUT_S) != 0:
            raise SystemExit(f"{broker.name}: an idle connection was lost")
    return result


def retained(broker, options):
    before = broker.private_bytes()
    with hold(broker, "retained", options) as process:
        result = read_line(process)
        result["bytes_each"] = (broker.private_bytes() - before) / result["stored"]
        process.stdin.write("go\n")
        process.stdin.flush()
        result.update(read_line(process))
    return result


KINDS = {"flow": flow, "connect": connect, "idle": idle, "retained": retained}


def measure(broker_kind, kind, options, others_max, tries, wait_s):
    """Measures on a fresh broker; anew, up to `tries` times, when others disturbed it."""
    best = None
    for _ in range(tries):
        with broker_kind() as broker:
            wait_for_calm(others_max, wait_s)
            machine = Machine()
            before = broker.cpu_s()
            result = KINDS[kind](broker, options)
            used = broker.cpu_s() - before
            result["cpu_us_each"] = used * 1e6 / max(1, result.get("connections", 1))
            result["others_cores"] = machine.others(used)
        result["faults"] = sum(result.get(name, 0) for name in FAULTS)
        if best is None or result["faults"] or result["others_cores"] < best["others_cores"]:
            result["faults"] = max(result["faults"], best["faults"] if best else 0)
            best = result
        if best["others_cores"] <= others_max:
            break
    return best
