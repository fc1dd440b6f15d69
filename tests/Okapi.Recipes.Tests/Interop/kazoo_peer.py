"""kazoo's recipes, told what to do line by line.

A line is "NUMBER CLIENT VERB WORDS...", separated by tabs; the answer is "NUMBER ok VALUE" or "NUMBER error WHAT", in whatever order answers come. Each client has a session and a thread of
its own, and does what it is told one after the other. The verbs are those of CuratorPeer.java where both have the recipe.
"""
import logging
import os
import queue
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout

logging.basicConfig(level=logging.ERROR)
answers, writing, clients = sys.stdout, threading.Lock(), {}
sys.stdout = sys.stderr


def answer(number, kind, value):
    with writing:
        answers.write("%s\t%s\t%s\n" % (number, kind, str(value).replace("\n", " ")))
        answers.flush()


def seconds(millis):
    return int(millis) / 1000


class Election:
    """A candidate, which leads until it is released."""

    def __init__(self, zk, path, name):
        self._election = zk.Election(path, name)
        self._leads, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._election.run, args=(self._lead,), daemon=True)
        self._thread.start()

    def _lead(self):
        self._leads.set()
        self._over.wait()

    def led(self, timeout):
        return self._leads.wait(timeout)

    def contenders(self):
        return self._election.contenders()

    def release(self):
        self._over.set()
        self._election.cancel()
        self._thread.join(30)


class Share:
    """A member of a party that divides a set, and takes each share that it is given."""

    def __init__(self, zk, path, items, name):
        self._partitioner = zk.SetPartitioner(path, items, identifier=name, time_boundary=0.2, max_reaction_time=0.2)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over.is_set() and not self._partitioner.failed:
            if self._partitioner.release:
                self._partitioner.release_set()
            elif self._partitioner.allocating:
                self._partitioner.wait_for_acquire(0.05)
            else:
                self._over.wait(0.02)
        self._partitioner.finish()

    def items(self):
        share = list(self._partitioner)
        return ",".join(share) if self._partitioner.acquired else "none"

    def release(self):
        self._over.set()
        self._thread.join(30)


class Client:
    def __init__(self, name):
        self._name, self._orders, self._things, self._zk = name, queue.Queue(), {}, None
        threading.Thread(target=self._run, daemon=True).start()

    def tell(self, number, verb, words):
        self._orders.put((number, verb, words))

    def _run(self):
        verb = None
        while verb != "close":
            number, verb, words = self._orders.get()
            try:
                answer(number, "ok", getattr(self, "do_" + verb.replace("-", "_"))(*words))
            except BaseException as error:
                answer(number, "error", "%s: %s" % (type(error).__name__, error))

    def do_connect(self, address):
        self._zk = KazooClient(address, timeout=20)
        self._zk.start(20)
        return "%x" % self._zk.client_id[0]

    def do_close(self):
        clients.pop(self._name, None)
        if self._zk:
            self._zk.stop()
            self._zk.close()
        return "closed"

    # Locks. A time of -1 is for ever. A lock that is made again under its name is used again.

    def _acquire(self, thing, lock, millis):
        self._things[thing] = lock
        try:
            held = lock.acquire(blocking=millis != "0", timeout=None if int(millis) <= 0 else seconds(millis))
        except LockTimeout:
            held = False
        return "held" if held else "no"

    def _lock(self, kind, path, identity):
        kinds = {"mutex": self._zk.Lock, "read": self._zk.ReadLock, "write": self._zk.WriteLock}
        return kinds[kind](path, identity)

    def do_acquire(self, thing, kind, path, identity, millis):
        return self._acquire(thing, self._lock(kind, path, identity), millis)

    def do_again(self, thing, millis):
        return self._acquire(thing, self._things[thing], millis)

    def do_lease(self, thing, path, most, identity, millis):
        return self._acquire(thing, self._zk.Semaphore(path, identity, int(most)), millis)

    def do_release(self, thing):
        self._things[thing].release()
        return "released"

    def do_contenders(self, kind, path):
        return len(self._zk.Semaphore(path).lease_holders() if kind == "semaphore" else self._lock(kind, path, "").contenders())

    def do_identities(self, kind, path):
        return ",".join(sorted(self._zk.Semaphore(path).lease_holders()) if kind == "semaphore" else self._lock(kind, path, "").contenders())

    def do_count_up(self, path, counter, times):
        """Adds to a znode's number without a thought of others: right only under the lock."""
        for _ in range(int(times)):
            with self._zk.Lock(path):
                self._zk.set(counter, b"%d" % (int(self._zk.get(counter)[0]) + 1))
        return "done"

    def do_crowd(self, path, most, inside, times):
        """Takes leases and tells how many were inside at most."""
        seen = 0
        for _ in range(int(times)):
            with self._zk.Semaphore(path, max_leases=int(most)):
                mine = self._zk.create(inside + "/in-", ephemeral=True, sequence=True)
                seen = max(seen, len(self._zk.get_children(inside)))
                self._zk.delete(mine)
        return seen

    # Elections.

    def do_stand(self, thing, path, name):
        self._things[thing] = Election(self._zk, path, name)
        return "stands"

    def do_led(self, thing, millis):
        return "leads" if self._things[thing].led(seconds(millis)) else "no"

    def do_candidates(self, thing):
        return ",".join(self._things[thing].contenders())

    def do_leader(self, thing):
        return self._things[thing].contenders()[0]

    # Counters, of kazoo's kind or of Curator's.

    def _counter(self, kind, path):
        return self._zk.Counter(path, default=0.0) if kind == "float" else self._zk.Counter(path, support_curator=kind == "curator")

    def do_counter(self, verb, kind, path, number="0"):
        counter = self._counter(kind, path)
        if verb == "count-up":
            for _ in range(int(number)):
                counter += 1
            return "done"
        if verb == "add":
            counter += float(number) if kind == "float" else int(number)
        return counter.value

    # Barriers.

    def do_barrier(self, verb, path, millis="0"):
        barrier = self._zk.Barrier(path)
        if verb == "wait":
            return "passed" if barrier.wait(seconds(millis)) else "no"
        if verb == "set":
            barrier.create()
        else:
            barrier.remove()
        return verb

    def do_double_barrier(self, verb, thing, *words):
        if verb == "leave":
            self._things[thing].leave()
            return "left"
        path, count, _ = words
        if thing not in self._things or self._things[thing].path != path:
            self._things[thing] = self._zk.DoubleBarrier(path, int(count))
        self._things[thing].enter()
        return "entered" if self._things[thing].participating else "no"

    # Queues.

    def do_queue(self, verb, path, item="", priority="100"):
        entries = self._zk.Queue(path)
        if verb == "put":
            entries.put(item.encode(), int(priority))
            return "put"
        taken = entries.get()
        return "none" if taken is None else taken.decode()

    def do_locking_queue(self, verb, thing, *words):
        if verb == "put":
            self._zk.LockingQueue(words[0]).put(words[1].encode(), int(words[2]))
            return "put"
        if verb == "get":
            self._things[thing] = self._zk.LockingQueue(words[0])
            taken = self._things[thing].get(seconds(words[1]))
            return "none" if taken is None else taken.decode()
        return self._things[thing].consume() if verb == "consume" else self._things[thing].release()

    # Members.

    def do_join(self, thing, path, name, _, shallow=""):
        self._things[thing] = self._zk.ShallowParty(path, name) if shallow else self._zk.Party(path, name)
        self._things[thing].join()
        return "joined"

    def do_leave(self, thing):
        return self._things[thing].leave()

    def do_rejoin(self, thing):
        return self._things[thing].join()

    def do_members(self, thing):
        return ",".join(sorted(self._things[thing]))

    # Shares of a set.

    def do_partition(self, thing, path, items, name):
        self._things[thing] = Share(self._zk, path, items.split(","), name)
        return "joined"

    def do_share(self, thing):
        return self._things[thing].items()


for line in sys.stdin:
    number, name, verb, *words = line.rstrip("\n").split("\t")
    if name not in clients:
        clients[name] = Client(name)
    clients[name].tell(number, verb, words)
os._exit(0)  # whoever told us what to do is gone: sessions end by themselves
