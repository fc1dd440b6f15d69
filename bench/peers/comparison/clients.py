"""The clients that are compared, how their drivers are run, and how much each is given to do."""
import os
import shlex
from dataclasses import dataclass, field

from . import build

CALLS = ("get", "set", "create", "exists", "children", "mixed")
# What is no matter of a window: how long it takes to open a session, and what watches and their events cost.
CONNECT, WATCHES = "connect", "watches"
OPERATIONS = (*CALLS, CONNECT, WATCHES)
ONLY_WINDOW = {CONNECT: 1, WATCHES: 256}
COUNT = {CONNECT: 100, WATCHES: 100_000}

PEER, FLOOR, OKAPI, EXTRA = "peer", "floor", "okapi", "extra"

# Operations to measure and to warm up with at windows 1, 16 and 256: some seconds each on the null server.
FAST = {1: (60_000, 30_000), 16: (600_000, 200_000), 256: (2_000_000, 500_000)}
# Apache's server does 20,000 to 30,000 a second, whatever the client; the embedded server several times as many.
MOST = {"null": (4_000_000, 500_000), "apache": (200_000, 100_000), "embedded": (1_000_000, 300_000)}


@dataclass
class Client:
    name: str
    title: str
    kind: str
    command: list
    needs: str  # what build() makes or finds for it
    work: dict = field(default_factory=lambda: FAST)
    environment: dict = field(default_factory=dict)
    operations: tuple = OPERATIONS

    def arguments(self, connect, operation, window, count, payload, warm_up):
        if self.kind == OKAPI and operation in ONLY_WINDOW:
            return self.command + [operation, "--connect", connect, "--count", str(count)]
        if self.kind == OKAPI:
            return self.command + ["drive", "--connect", connect, "--op", operation, "--window", str(window),
                                   "--ops", str(count), "--payload", str(payload), "--warm-up", str(warm_up)]
        return self.command + [connect, operation, str(window), str(count), str(payload), str(warm_up)]

    def amount(self, server, operation, window, scale):
        """Operations to measure, and to warm up with."""
        if operation in COUNT:
            return max(10, int(COUNT[operation] * scale)), 0
        known = [each for each in sorted(self.work) if each <= window]
        return [max(window, 100, int(min(each, most) * scale)) for each, most in zip(self.work[known[-1] if known else min(self.work)], MOST[server])]


def okapi(name, folder, needs="okapi"):
    return Client(name, "Okapi" if name == "okapi" else f"Okapi ({name})", OKAPI, ["dotnet", os.path.join(folder, "Okapi.Bench.dll")], needs)


def _all():
    made = build.MADE
    mux = ["dotnet", f"{made}/rawnet/RawNet.dll"]
    jars = [f"{build.JARS}/{each}.jar" for each in ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-log4j12", "log4j-1.2")]
    return [
        okapi("okapi", build.OKAPI),
        Client("mux-pool", "bare .NET multiplexer, completions on the pool", FLOOR, mux + ["mux-pool"], "rawnet", operations=CALLS),
        Client("mux-inline", "bare .NET multiplexer, inline completions", FLOOR, mux + ["mux-inline"], "rawnet", operations=CALLS),
        Client("raw-c", "pipelined loop in C, no client (the floor)", FLOOR, [f"{made}/rawpipe"], "rawpipe",
               {1: (60_000, 5_000), 16: (800_000, 50_000), 256: (4_000_000, 200_000)}, operations=CALLS),
        Client("c", "C client", PEER, [f"{made}/zkc"], "zkc",
               {1: (30_000, 3_000), 16: (40_000, 5_000), 256: (50_000, 5_000)}),
        Client("c-tuned", "C client, name resolution per loop off", PEER, [f"{made}/zkc"], "zkc",
               {1: (40_000, 5_000), 16: (100_000, 10_000), 256: (200_000, 20_000)}, {"ZKC_TUNED": "1"}),
        Client("java", "Java client", PEER, ["java", "-cp", ":".join([f"{made}/java", *jars]), "ZkJava"], "java",
               {1: (60_000, 60_000), 16: (250_000, 200_000), 256: (250_000, 200_000)}),
        Client("go", "go-zookeeper", PEER, [f"{made}/zkgo"], "zkgo",
               {1: (40_000, 5_000), 16: (200_000, 20_000), 256: (250_000, 20_000)}),
        Client("kazoo", "kazoo (Python)", PEER, [build.PYTHON, f"{build.PEERS}/kazoo/zkkazoo.py"], "kazoo",
               {1: (15_000, 2_000), 16: (30_000, 4_000), 256: (30_000, 4_000)}),
    ]


NAMES = [each.name for each in _all()]


def chosen(options, missing):
    """Those that are wanted and can be had, and a reason for each that is wanted and cannot."""
    clients = _all()
    for each in options.okapi:
        name, folder = each.split("=", 1)
        clients.append(okapi(name, folder, needs=os.path.join(folder, "Okapi.Bench.dll")))
    for each in options.client:
        name, command = each.split("=", 1)
        clients.append(Client(name, name, EXTRA, shlex.split(command), "", environment={"BENCH_NAME": name}))
    extra = {each.split("=", 1)[0] for each in options.okapi + options.client}
    wanted = [each for each in clients if not options.clients or each.name in options.clients or each.name in extra]
    absent = {each.name: missing.get(each.needs) or "it is not built" for each in wanted if each.needs in missing or not build.is_made(each.needs)}
    absent |= {each: "there is no such client" for each in options.clients or [] if each not in {client.name for client in clients}}
    return [each for each in wanted if each.name not in absent], absent
