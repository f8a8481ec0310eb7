#!/usr/bin/env python3
"""Measures the console over a large journal, while events come in: what docs/benchmarks.md says of it.

    cargo build --release && cargo build --release -p testkit --example world
    bench/console.py [ACCOUNTS [DIR]]

A world of testkit is read by a real guard without root; its console is asked over HTTP while 2 000 lines a second are
written to another log. Prints medians and the largest of each question. DIR is left behind for another run.
"""
import http.client, json, os, re, statistics, subprocess, sys, threading, time
from datetime import datetime, timedelta, timezone

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ACCOUNTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1300
DIR = sys.argv[2] if len(sys.argv) > 2 else "/tmp/mailward-console-bench"
LIVE_LINES_A_SECOND = 2000
RUNS = 15
DASHBOARDS = 100


def program(name):
    return f"{ROOT}/target/release/{name}"


def make_log(path):
    """A month of a large site that ended a minute ago: what lies in the future would count as now."""
    world = [program("examples/world"), "--plan", "everything-month", "--seed", "11", "--set", f"accounts={ACCOUNTS}"]
    made = f"{path}.plan"
    with open(made, "wb") as out:
        subprocess.run(world, stdout=out, stderr=subprocess.DEVNULL, check=True)
    with open(made, "rb") as lines:
        lines.seek(-65536, os.SEEK_END)
        last = datetime.fromisoformat(lines.read().splitlines()[-1].split()[0].decode())
    by = (datetime.now(timezone.utc) - timedelta(minutes=1) - last) // timedelta(minutes=1) * timedelta(minutes=1)
    minutes = {}  # the first 16 bytes of a stamp, 2026-12-01T00:00, and what they become
    with open(made, "rb") as lines, open(path, "wb") as out:
        for line in lines:
            minute = line[:16]
            if minute not in minutes:
                minutes[minute] = (datetime.fromisoformat(minute.decode()) + by).strftime("%Y-%m-%dT%H:%M").encode()
            out.write(minutes[minute] + line[16:])
    os.remove(made)


class Console:
    def __init__(self, link):
        self.host, path = re.match(r"http://([^/]+)(/.*)", link).groups()
        answer = self.ask("POST", path, {"Origin": f"http://{self.host}"})
        self.cookie = re.search(r"mailward=([^;]+)", answer.getheader("set-cookie"))[1]

    def ask(self, method, path, headers):
        self.connection = http.client.HTTPConnection(self.host, timeout=60)
        self.connection.request(method, path, headers=headers)
        return self.connection.getresponse()

    def get(self, path, accept="identity"):
        answer = self.ask("GET", path, {"Cookie": f"mailward={self.cookie}", "Accept-Encoding": accept})
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:300])
        return body


def process(pid):
    """CPU seconds (by the kernel's own clock of the process: ticks are too coarse) and resident megabytes."""
    with open(f"/proc/{pid}/status") as status:
        return time.clock_gettime(~pid << 3 | 2), int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def feed(path, stop):
    number = 0
    with open(path, "ab", buffering=0) as log:
        while not stop.is_set():
            stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
            rows = []
            for _ in range(LIVE_LINES_A_SECOND // 10):
                number += 1
                client = f"198.18.{number // 200 % 200}.{number % 200}"
                rows.append(f"{stamp} mx1 dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): "
                            f"user=<user{number % 3000}@example.org>, method=PLAIN, rip={client}, lip=192.0.2.1, session=<{number:016x}>\n")
            log.write("".join(rows).encode())
            time.sleep(0.1)


def drain(answer, updates):
    """Reads a stream of updates to its end, and counts them."""
    try:
        while part := answer.read1(65536):
            updates.append(part.count(b"event: panels"))
    except (http.client.HTTPException, OSError, ValueError):
        pass  # the console ended


def measure(console, name, path):
    times = []
    for _ in range(RUNS):
        began = time.monotonic()
        body = console.get(path)
        times.append((time.monotonic() - began) * 1000)
    print(f"{name:<44} median {statistics.median(times):7.1f} ms   most {max(times):7.1f} ms   {len(body) / 1000:7.1f} kB", flush=True)


def wait_until_read(console, lines):
    while True:
        try:
            status = json.loads(console.get("/api/v1/status"))
        except AssertionError:  # the guard takes up what it knew
            time.sleep(1)
            continue
        read = status["lines"]  # over all starts: what an earlier run read is not read again
        if read >= lines:
            return
        print(f"\r{read:,} lines read", end="", file=sys.stderr, flush=True)
        time.sleep(2)


def main():
    os.makedirs(DIR, exist_ok=True)
    past, live = f"{DIR}/past.log", f"{DIR}/live.log"
    if not os.path.exists(past):
        make_log(past)
    lines = int(subprocess.run(["wc", "-l", past], capture_output=True, text=True).stdout.split()[0])
    open(live, "a").close()
    with open(f"{DIR}/mailward.toml", "w") as config:
        config.write(f'mode = "observe"\nsource.find = false\nsource.from_beginning = true\nsource.zone = "UTC"\nsource.files = ["{past}", "{live}"]\n'
                     f'state.dir = "{DIR}/state"\nstate.keep_days = 4000\nconsole.listen = ["127.0.0.1:0"]\n')
    guard = subprocess.Popen([program("mailward"), "up", "--config", f"{DIR}/mailward.toml"], stdout=subprocess.PIPE, text=True)
    link = next(re.search(r"http://\S+", line)[0] for line in guard.stdout if "console: http" in line)
    threading.Thread(target=lambda: [None for _ in guard.stdout], daemon=True).start()
    console = Console(link)
    began = time.monotonic()
    wait_until_read(console, lines)
    print(f"\n{lines:,} lines read in {time.monotonic() - began:.0f} s", flush=True)
    time.sleep(20)
    series = [row for row in json.loads(console.get("/api/v1/series?from=1420070400&until=2000000000&q="))["series"] if row["allowed"] + row["blocked"]]
    events = sum(row["allowed"] + row["deferred"] + row["blocked"] for row in series)
    with open(past, "rb") as log:
        stamp = re.match(rb"\S+", log.readline())[0].decode()
    first = int(datetime.fromisoformat(stamp).timestamp())
    print(f"{events:,} events on record, from {stamp} on", flush=True)
    month = f"from={first}&until={first + 31 * 86400}"
    ours = next(int(pid) for pid in subprocess.run(["pgrep", "-f", "console serve"], capture_output=True, text=True).stdout.split()
                if DIR.encode() in open(f"/proc/{pid}/cmdline", "rb").read())
    stop = threading.Event()
    threading.Thread(target=feed, args=(live, stop), daemon=True).start()
    time.sleep(5)
    for name, query in [("a month, everything", f"{month}&q="), ("a month, all but allowed", f"{month}&q=outcome%21%3Dallowed"), ("the last hour", "last=1h&q="), ("the last 24 hours", "last=24h&q=")]:
        measure(console, f"dashboard, {name}", f"/?{query}")
        for topic in ["outcomes", "series", "clients", "networks", "accounts"]:
            measure(console, f"  {topic}, {name}", f"/api/v1/{topic}?{query}")
        measure(console, f"events, first page, {name}", f"/events?{query}")
    account = json.loads(console.get(f"/api/v1/accounts?{month}&q="))["accounts"][20]["value"]
    client = json.loads(console.get(f"/api/v1/clients?{month}&q="))["clients"][20]["value"]
    for name, term in [("an account", f"account:{account}"), ("an address", f"client:{client}"), ("a text", '"no such user"')]:
        query = f"{month}&q=" + term.replace(":", "%3A").replace('"', "%22").replace(" ", "+").replace("@", "%40")
        measure(console, f"dashboard, a month, {name}", f"/?{query}")
        measure(console, f"events, first page, a month, {name}", f"/events?{query}")
    html, css, js = (len(console.get(path, "gzip")) for path in ("/?last=24h", *re.findall(r'(?:href|src)="(/assets/\S+app\.(?:css|js))"', console.get("/").decode())))
    print(f"first visit, compressed: page {html / 1000:.1f} kB, style {css / 1000:.1f} kB, script {js / 1000:.1f} kB", flush=True)
    _, resident = process(ours)
    print(f"console: {resident:.0f} MB resident", flush=True)
    streams = []
    time.sleep(5)
    before, _ = process(ours)
    time.sleep(60)
    idle = process(ours)[0] - before
    print(f"no dashboard open: {idle / 60 * 100:.2f} % of a core", flush=True)
    for count in (1, DASHBOARDS):
        while len(streams) < count:
            answer, updates = console.ask("GET", "/live?last=24h", {"Cookie": f"mailward={console.cookie}"}), []
            streams.append((console.connection, updates))
            threading.Thread(target=drain, args=(answer, updates), daemon=True).start()
        time.sleep(5)
        (before, _), seen = process(ours), sum(streams[0][1])
        time.sleep(60)
        (after, resident), drawn = process(ours), sum(streams[0][1]) - seen
        print(f"{count} dashboards open: {(after - before) / 60 * 100:.2f} % of a core, {(after - before - idle) / drawn * 1000:.1f} ms an update "
              f"({drawn} in 60 s), {resident:.0f} MB resident", flush=True)
    stop.set()
    guard.terminate()
    guard.wait()


main()
