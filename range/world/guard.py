"""The guard under test: how it is started, asked and replayed."""

import json
import os
import signal
import subprocess
import time

from . import net
from .box import DIR

CONFIG = """\
mode = "enforce"

[source]
find = false
files = ["{files}"]

[kernel]
# All honest people of the range live in one /24, which no real network's limit is made for.
prefix_connections_per_minute = 0
prefix_concurrent_max = 0

[state]
dir = "{state}"
"""


def program():
    path = os.path.abspath(os.environ["MAILWARD"])
    if not os.access(path, os.X_OK):
        raise SystemExit(f"range: no program at {path}: build it with `cargo build --release -p mailward`, "
                         "or name it in MAILWARD")
    return path


class Guard:
    """`mailward up` on the mail host."""

    def __init__(self, logs, output):
        self.config, self.state = f"{DIR}/mailward.toml", f"{DIR}/state"
        os.makedirs(self.state, exist_ok=True)
        with open(self.config, "w", encoding="ascii") as out:
            out.write(CONFIG.format(files='", "'.join(logs), state=self.state))
        self.output = output
        self._process = None

    def up(self, limit_s=20):
        """Starts it and waits until its table stands in the kernel."""
        self._process = subprocess.Popen(
            net.on_mail_host(program(), "up", "--config", self.config),
            stdin=subprocess.DEVNULL, stdout=open(self.output, "a"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + limit_s
        while not table():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"range: `mailward up` did not come up, it said:\n{open(self.output).read()}")
            time.sleep(0.1)

    def down(self):
        """Ctrl-C; true where it ended in order."""
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(15) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            return False

    def bans(self):
        """What `mailward bans` says: the subjects, as text."""
        done = subprocess.run(
            net.on_mail_host(program(), "bans", "--format", "json", "--config", self.config),
            capture_output=True, text=True, check=False, timeout=20)
        if done.returncode:
            raise RuntimeError(f"mailward bans: {done.stderr.strip()}")
        return [subject for decision in objects(done.stdout) if (subject := subject_of(decision))]


def objects(text):
    """JSON, one object a line or one array."""
    text = text.strip()
    if text.startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def subject_of(decision):
    """The address or network that a ban is about; None for other decisions."""
    subject = decision.get("subject") or {}
    if decision.get("measure", "ban") != "ban":
        return None
    return subject.get("client") or subject.get("network")


def table():
    """The guard's table in the kernel, as `nft -j` tells it."""
    done = subprocess.run(
        net.on_mail_host("nft", "-j", "list", "table", "inet", "mailward"), capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def dropped_packets():
    """Packets that the table's counters of bans counted."""
    total = 0
    for item in (table() or {}).get("nftables", ()):
        counter = item.get("counter")
        if counter and "ban" in counter.get("name", ""):
            total += counter["packets"]
        expressions = item.get("rule", {}).get("expr", ())
        if any("drop" in expression for expression in expressions):
            total += sum(e["counter"]["packets"] for e in expressions if isinstance(e.get("counter"), dict))
    return total


def replay(*logs):
    """What `mailward replay` would have found and decided: decisions, findings and the summary."""
    done = subprocess.run([program(), "replay", "--format", "json", *logs],
                          capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"mailward replay: exit {done.returncode}: {done.stderr.strip()}")
    lines = objects(done.stdout)
    of_type = lambda word: [line for line in lines if line.get("type") == word]
    return of_type("decision"), of_type("finding"), lines[-1] if lines else {}


def parsed_clients(*logs):
    """Every client that `mailward parse` reads from hostile events."""
    done = subprocess.run([program(), "parse", "--format", "json", *logs],
                          capture_output=True, text=True, errors="replace", check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"mailward parse: exit {done.returncode}: {done.stderr.strip()}")
    return {event["client"] for line in done.stdout.splitlines()
            if (event := json.loads(line).get("event")) and event.get("client")}
