"""The table and the chart, out of the lines that measure.py wrote."""
import json
import os
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from . import chart, clients
from .build import say

BASE = "okapi"
POOL = "mux-pool"


@dataclass(frozen=True)
class Figure:
    key: str
    title: str
    less_is_better: bool = True


CPU = Figure("cpu_s_per_mop", "CPU-s/Mop")
RATE = Figure("ops_per_s", "ops/s", less_is_better=False)
P50 = Figure("p50_us", "p50 µs")
SERVER_CPU = Figure("server_cpu_us_per_op", "server's CPU-s/Mop")
ALLOCATED = Figure("alloc_b_per_op", "bytes/op")
# Of the operations that are no calls in a window.
OTHERS = {
    clients.CONNECT: [Figure("p50_ms", "to the first reply, p50 ms"), Figure("first_ms", "the first of the process, ms")],
    clients.WATCHES: [Figure("watches_per_s", "watches/s"), Figure("cpu_us_per_watch", "CPU-µs per watch"), Figure("heap_bytes_per_watch", "heap bytes per watch"),
                      Figure("events_per_s", "events/s"), Figure("cpu_us_per_event", "CPU-µs per event")],
}


def number(value):
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values):
    if not values:
        return "–"
    middle = number(median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))}–{number(max(values))})"


class Results:
    def __init__(self, lines):
        self.about = [each["about"] for each in lines if "about" in each]
        self.failures = [each for each in lines if "failed" in each]
        self.runs = [each for each in lines if "about" not in each and "failed" not in each]
        self.titles, self.kinds = {}, {}
        self._values = defaultdict(dict)
        for run in self.runs:
            self.titles[run["client"]], self.kinds[run["client"]] = run["title"], run["kind"]
            self._values[self.place(run), run["client"]][run["file"], run["round"]] = run

    @staticmethod
    def place(run):
        return run["server"], run["op"], run["window"]

    def places(self, server=None):
        """Server, operation and window of all that are calls in a window."""
        return [each for each in dict.fromkeys(map(self.place, self.runs)) if each[1] not in OTHERS and server in (None, each[0])]

    def servers(self):
        return list(dict.fromkeys(each["server"] for each in self.runs))

    def clients(self, place, kind=None):
        return [each for each in self.titles if (place, each) in self._values and kind in (None, self.kinds[each])]

    def values(self, place, client, figure):
        return [run[figure.key] for run in self._values.get((place, client), {}).values() if figure.key in run]

    def ratios(self, place, client, base, figure, base_place=None):
        """Of the runs of one round: what slowed down a round slowed down both."""
        ours, theirs = self._values.get((place, client), {}), self._values.get((base_place or place, base), {})
        return [ours[each][figure.key] / theirs[each][figure.key] for each in ours
                if figure.key in ours[each] and theirs.get(each, {}).get(figure.key)]

    def best_peer(self, place, figure):
        peers = [each for each in self.clients(place, "peer") if self.values(place, each, figure)]
        choose = min if figure.less_is_better else max
        return choose(peers, key=lambda each: median(self.values(place, each, figure)), default=None)


def table(header, rows):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(row) + " |" for row in rows), ""]


def in_short(results):
    def against(place, figure):
        peer = results.best_peer(place, figure)
        return f"{spread(results.ratios(place, BASE, peer, figure))} {peer}" if peer else "–"

    rows = []
    for place in results.places():
        if results.values(place, BASE, CPU):
            rows.append([*map(str, place), spread(results.values(place, BASE, CPU)), against(place, CPU),
                         spread(results.ratios(place, BASE, POOL, CPU)), against(place, RATE), against(place, P50)])
    header = ["server", "op", "window", "Okapi: CPU-s/Mop", "CPU: Okapi ÷ best peer", "CPU: Okapi ÷ bare multiplexer (pool)",
              "ops/s: Okapi ÷ best peer", "p50: Okapi ÷ best peer"]
    return ["## Okapi and the best peer of each figure", "", *table(header, rows)] if rows else []


def servers_compared(results):
    """The embedded server beside Apache's: what the same client had of the one and of the other, in the same rounds."""
    rows = []
    for _, op, window in results.places("embedded"):
        ours, theirs = ("embedded", op, window), ("apache", op, window)
        for client in results.clients(ours):
            if results.kinds[client] == "peer" or not results.values(theirs, client, CPU):
                continue
            row = [op, str(window), results.titles[client]]
            for figure in (RATE, SERVER_CPU):
                row += [spread(results.values(theirs, client, figure)), spread(results.values(ours, client, figure)),
                        spread(results.ratios(ours, client, client, figure, theirs))]
            rows.append(row)
    header = ["op", "window", "client", "ops/s: Apache", "embedded", "embedded ÷ Apache", "server's CPU-s/Mop: Apache", "embedded", "embedded ÷ Apache"]
    return ["## The embedded server beside Apache ZooKeeper", "", *table(header, rows)] if rows else []


def one_server(results, server):
    rows = []
    for place in results.places(server):
        for client in results.clients(place):
            def values(figure):
                return spread(results.values(place, client, figure))

            def ratio(figure):
                found = results.ratios(place, client, BASE, figure)
                return number(median(found)) if found else "–"

            rows.append([place[1], str(place[2]), results.titles[client], values(CPU), ratio(CPU), values(RATE), ratio(RATE),
                         values(P50), ratio(P50), values(ALLOCATED), str(len(results.values(place, client, CPU)))])
    header = ["op", "window", "client", "CPU-s/Mop", "÷ Okapi", "ops/s", "÷ Okapi", "p50 µs", "÷ Okapi", "bytes/op", "runs"]
    lines = [f"## {chart.SERVER_TITLES.get(server, server)}", ""]
    lines += table(header, rows) if rows else []
    for op, figures in OTHERS.items():
        place = server, op, clients.ONLY_WINDOW[op]
        rows = []
        for client in results.clients(place):
            rows.append([op, results.titles[client]])
            for figure in figures:
                found = results.ratios(place, client, BASE, figure)
                rows[-1] += [spread(results.values(place, client, figure)), number(median(found)) if found else "–"]
        header = ["op", "client", *(column for figure in figures for column in (figure.title, "÷ Okapi"))]
        lines += table(header, rows) if rows else []
    return lines


def preface(results):
    lines = ["# Okapi and its peers", "",
             "Medians of the rounds, with the least and the greatest in brackets; ratios are taken between runs of the same round, and "
             "theirs is the median. CPU-s/Mop: CPU seconds of the client's own process per million operations, which is microseconds "
             "per operation; the figure to trust on a machine where client and server compete for the cores. One connection; window: "
             "operations outstanding.", ""]
    for about in results.about:
        lines.append(f"- {about['cpu']}, {about['cores']} cores, Linux {about['kernel']}; .NET SDK {about['dotnet']}; Okapi {about['commit']}, "
                     f"{about['date']}; {about['rounds']} rounds, {about['payload']} bytes of data, scale {about['scale']:g}")
        lines += [f"- {'; '.join(about['versions'])}"] if about["versions"] else []
        lines += [f"- left out: {name}: {' '.join(reason.split())}" for name, reason in about["absent"].items()]
    foreign = [each["foreign"] for each in results.runs]
    lines.append(f"- other programs took {median(foreign):.2f} of a core meanwhile (median; at most {max(foreign):.2f})")
    if median(foreign) > 0.1:
        lines.append("- **The machine was not quiet: these figures tell little but whether all runs.**")
    return [*lines, ""]


def failures(results):
    rows = [[each["server"], each["op"], str(each["window"]), each["client"], str(each["round"] + 1), " ".join(each["failed"].split())] for each in results.failures]
    return ["## Runs without figures", "", *table(["server", "op", "window", "client", "round", "why"], rows)] if rows else []


def read(files):
    lines = []
    for name in files:
        with open(name) as file:
            lines += [{**json.loads(line), "file": name} for line in file if line.strip()]
    return Results(lines)


def write(files, folder, chart_operation):
    try:
        results = read(files)
    except OSError as reason:
        say(f"there are no results: {reason}")
        return 1
    if not results.runs:
        say("no run brought figures, so there is no table")
        return 1
    os.makedirs(folder, exist_ok=True)
    lines = preface(results) + in_short(results)
    for server in results.servers():
        lines += one_server(results, server)
    lines += servers_compared(results) + failures(results)
    drawn = chart.draw(results, chart_operation, CPU)
    for name, text in (("compare.md", "\n".join(lines)), ("compare.svg", drawn)):
        if text:
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
            say(f"written: {os.path.join(folder, name)}")
    return 0
