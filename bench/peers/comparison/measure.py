"""Starts the servers and runs the drivers, in rounds."""
import contextlib
import json
import os
import platform
import re
import selectors
import shutil
import subprocess
import time
from dataclasses import dataclass

from . import build, clients, processes
from .build import say

SERVERS = ("null", "apache", "embedded")
NEEDS = {"null": "nullserver", "apache": "apache", "embedded": "okapi"}
# The script's own settings are for a quick start; these are what a JVM does by itself.
JVM = ["--jvm", "-XX:TieredStopAtLevel=4", "--jvm", "-XX:-UseSerialGC", "--jvm", "-XX:+UseG1GC", "--heap", "2g", "--tick", "2000"]
START_LIMIT = 90
REPEATS = 3


class Failed(Exception):
    """A server that does not start, or a run that brings no figures."""


@dataclass
class Server:
    name: str
    connect: str
    pid: int


def first_line(process, limit):
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline().decode() if selector.select(limit) else ""


@contextlib.contextmanager
def process_server(name, command, log, connect_of):
    with open(log, "w") as errors:
        process = processes.start(command, stdout=subprocess.PIPE, stderr=errors)
        try:
            connect = connect_of(first_line(process, START_LIMIT).strip())
            if not connect:
                raise Failed(f"the {name} server does not start; see {log}")
            yield Server(name, connect, process.pid)
        finally:
            processes.end(process, gently=True)
            process.stdout.close()


@contextlib.contextmanager
def apache_server(_):
    text, code = processes.output([build.APACHE, "start", "--owner", str(os.getpid()), *JVM], START_LIMIT)
    answer = next((each for each in text.splitlines() if each.startswith("{")), None)
    if code != 0 or not answer:
        raise Failed(f"Apache ZooKeeper does not start: {text.strip()[-500:]}")
    answer = json.loads(answer)
    try:
        yield Server("apache", answer["connect"], answer["nodes"][0]["pid"])
    finally:
        processes.output([build.APACHE, "stop", answer["dir"]], 60)


def null_server(folder):
    return process_server("null", [f"{build.MADE}/nullserver", "0"], f"{folder}/null.log",
                          lambda line: f"127.0.0.1:{line}" if line.isdigit() else "")


def embedded_server(folder):
    # "… on 127.0.0.1:2181, …"
    def connect_of(line):
        found = re.search(r" on (127\.0\.0\.1:\d+)", line)
        return found[1] if found else ""

    command = ["dotnet", f"{build.OKAPI}/okapi.dll", "serve", "--listen", "127.0.0.1:0", "--max-client-connections", "0"]
    return process_server("embedded", command, f"{folder}/embedded.log", connect_of)


START = {"null": null_server, "apache": apache_server, "embedded": embedded_server}


def figures_of(op, text):
    """What a driver printed, as one object; an exception when something is missing."""
    answers = [json.loads(each) for each in text.splitlines() if each.startswith("{")]
    if op == clients.WATCHES:
        by_kind = {each["op"]: each for each in answers}
        added, events = by_kind["watch-add"], by_kind["watch-events"]
        if events.get("timeout") or events["events"] < added["watches"]:
            raise ValueError("events are missing")
        added["watches_per_s"] = added.pop("ops_per_s")
        return {**events, **added}
    figures = answers[-1] if answers else {}
    for each in ("p50_ms",) if op == clients.CONNECT else ("cpu_s_per_mop", "ops_per_s", "p50_us"):
        figures[each]
    return figures


def outcome_of(figures):
    known = {"cpu_s_per_mop": "CPU-s/Mop", "ops_per_s": "ops/s", "p50_us": "µs p50", "p50_ms": "ms p50", "watches_per_s": "watches/s",
             "cpu_us_per_watch": "CPU-µs each", "events_per_s": "events/s", "cpu_us_per_event": "CPU-µs each"}
    return ", ".join(f"{figures[key]:,.10g} {unit}" for key, unit in known.items() if key in figures)


class Session:
    """One measurement of all clients against all servers."""

    def __init__(self, options, available, results):
        self.options, self.clients, self.results = options, available, results
        self.folder = os.path.dirname(results)
        self.configurations = [(op, window) for op in options.ops
                               for window in ([clients.ONLY_WINDOW[op]] if op in clients.ONLY_WINDOW else options.windows)]
        self.done, self.failures = 0, 0
        self.can_touch = build.is_made("zkc")
        if clients.WATCHES in options.ops and not self.can_touch:
            say("watches are measured on the null server alone: it takes the C driver to set znodes on the others")

    def total(self, servers):
        each_round = sum(op in client.operations for op, _ in self.configurations for client in self.clients)
        return self.options.rounds * len(servers) * each_round

    def record(self, line):
        with open(self.results, "a") as file:
            file.write(json.dumps(line) + "\n")

    def drive(self, server, client, op, window, count, warm_up):
        """One run of one driver: what it printed."""
        command = client.arguments(server.connect, op, window, count, self.options.payload, warm_up)
        environment = {**os.environ, **client.environment}
        log = os.path.join(self.folder, "driver.log")
        with open(log, "w") as errors:
            if op != clients.WATCHES:
                text, code = processes.output(command, self.options.limit, stderr=errors, env=environment)
            elif server.name == "null":
                text, code = processes.output(command, self.options.limit, stderr=errors, env={**environment, "BLAST": "1"})
            else:
                text, code = self.watch(server, command, count, stderr=errors, env=environment)
        if code is None:
            raise Failed(f"it took more than {self.options.limit} s")
        try:
            figures = figures_of(op, text)
        except (KeyError, TypeError, ValueError):
            with open(log) as errors:
                raise Failed(f"exit code {code}, no figures: {(text + errors.read()).strip()[-300:]}") from None
        if figures.get("errs"):
            raise Failed(f"{figures['errs']} operations failed")
        return figures

    def znodes(self, server, what, count):
        """Makes ("prep") or sets ("touch") the znodes that are watched, in a process of its own."""
        processes.output([f"{build.MADE}/zkc", server.connect, what, "256", str(count), "16"], self.options.limit, env={**os.environ, "ZKC_TUNED": "1"})

    def watch(self, server, command, count, **options):
        """As processes.output, but sets the znodes when the driver has its watches."""
        answers = os.path.join(self.folder, "driver.out")
        deadline, touched = time.monotonic() + self.options.limit, False
        with open(answers, "w+") as file:
            process = processes.start(command, stdout=file, **options)
            try:
                while process.poll() is None and time.monotonic() < deadline:
                    with open(answers) as so_far:
                        ready = "READY" in so_far.read()
                    if ready and not touched:
                        touched = True
                        self.znodes(server, "touch", count)
                    time.sleep(0.02)
                code = process.poll()
            finally:
                processes.end(process)
        with open(answers) as file:
            return file.read(), code

    def measured(self, server, client, op, window):
        """As drive, with what the rest of the machine did meanwhile."""
        count, warm_up = client.amount(server.name, op, window, self.options.scale)
        machine, serving, ours, began = processes.cpu_of_machine(), processes.cpu_of(server.pid), processes.cpu_of_us_and_children(), time.monotonic()
        figures = self.drive(server, client, op, window, count, warm_up)
        wall = time.monotonic() - began
        serving = processes.cpu_of(server.pid) - serving
        foreign = processes.cpu_of_machine() - machine - serving - (processes.cpu_of_us_and_children() - ours)
        return {**figures, "foreign": round(max(0.0, foreign / wall), 3), "server_cpu_us_per_op": round(serving / (count + warm_up) * 1e6, 3)}

    def quietest(self, *what):
        best = self.measured(*what)
        for _ in range(REPEATS if self.options.max_foreign is not None else 0):
            if best["foreign"] <= self.options.max_foreign:
                break
            time.sleep(2)
            best = min(best, self.measured(*what), key=lambda each: each["foreign"])
        return best

    def run(self, round_, server, client, op, window):
        self.done += 1
        where = {"server": server.name, "round": round_, "op": op, "window": window, "client": client.name}
        known = {"title": client.title, "kind": client.kind}
        try:
            figures = self.quietest(server, client, op, window)
            outcome = outcome_of(figures)
        except (Failed, OSError) as reason:  # the server has ended
            self.failures += 1
            figures, outcome = {"failed": str(reason)}, f"failed: {reason}"
        self.record({**figures, **known, **where})
        say(f"{self.done}: round {round_ + 1}, {server.name}, {op} at {window}, {client.name}: {outcome}")

    def warm(self, server):
        """A server that has just started is not yet what it will be, and the first client would pay for that."""
        by_name = {each.name: each for each in self.clients}
        warmer = by_name.get("raw-c") or by_name.get("okapi") or self.clients[0]
        # Reads and writes as the drivers do, and each operation that is to come.
        for op in dict.fromkeys(["get", "set", *(each for each in self.options.ops if each in clients.CALLS)]):
            count = max(100, int((50_000 if op == "create" else 200_000) * min(1.0, self.options.scale)))
            with contextlib.suppress(Failed):
                self.drive(server, warmer, op, 64, count, 0)

    def round(self, number, servers):
        turn = number % len(self.clients)
        order = self.clients[turn:] + self.clients[:turn]
        if number % 2:
            order.reverse()
        for name in servers:
            try:
                with START[name](self.folder) as server:
                    self.drive_all(number, server, order)
            except Failed as reason:  # the server did not start; the others may
                self.failures += 1
                say(str(reason))
                self.record({"failed": str(reason), "server": name, "round": number, "op": "–", "window": "–", "client": "–"})

    def drive_all(self, number, server, order):
        if server.name != "null":
            self.warm(server)
            if clients.WATCHES in self.options.ops and self.can_touch:
                self.znodes(server, "prep", self.clients[0].amount(server.name, clients.WATCHES, 0, self.options.scale)[0])
        for op, window in self.configurations:
            for client in order:
                if op in client.operations and (op != clients.WATCHES or server.name == "null" or self.can_touch):
                    self.run(number, server, client, op, window)


def first_line_of(command):
    text, _ = processes.output(command, 30) if shutil.which(command[0]) else ("", None)
    return text.strip().splitlines()[0] if text and text.strip() else ""


def versions():
    packages = ["libzookeeper-mt-dev", "libzookeeper-java", "golang-github-samuel-go-zookeeper-dev", "python3-kazoo"]
    text, _ = processes.output(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages], 30, stderr=subprocess.DEVNULL) if shutil.which("dpkg-query") else ("", None)
    lines = [each for each in text.splitlines() if len(each.split()) == 2]
    return lines + [each for each in (first_line_of(["java", "-version"]), first_line_of(["go", "version"])) if each]


def about(options, absent):
    with open("/proc/cpuinfo") as file:
        models = re.findall(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    commit = first_line_of(["git", "-C", build.ROOT, "describe", "--always", "--dirty"])
    return {"commit": commit, "date": time.strftime("%Y-%m-%d", time.gmtime()), "cpu": models[0] if models else platform.machine(),
            "cores": os.cpu_count(), "kernel": platform.release(), "dotnet": first_line_of(["dotnet", "--version"]), "versions": versions(),
            "payload": options.payload, "rounds": options.rounds, "scale": options.scale, "absent": absent}


def run(options, missing, results):
    """Measures; one line of JSON for each run goes to the file. 0 when all runs brought figures."""
    available, absent = clients.chosen(options, missing)
    servers = [each for each in options.servers if NEEDS[each] not in missing and build.is_made(NEEDS[each])]
    absent |= {f"{each} server": missing.get(NEEDS[each], "it is not built") for each in options.servers if each not in servers}
    for name, reason in absent.items():
        say(f"without {name}: {reason}")
    if not available or not servers:
        say("nothing is left to measure")
        return 3
    os.makedirs(os.path.dirname(results), exist_ok=True)
    with open(results, "w") as file:
        file.write(json.dumps({"about": about(options, absent)}) + "\n")
    session = Session(options, available, results)
    say(f"{session.total(servers)} runs; the results go to {results}")
    try:
        for number in range(options.rounds):
            session.round(number, servers)
    except (KeyboardInterrupt, SystemExit):
        say("interrupted; \"bench/compare report\" tells of the runs that were made")
        raise
    return 1 if session.failures else 0
