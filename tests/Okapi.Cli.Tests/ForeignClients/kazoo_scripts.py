"""What the tests do with kazoo: kazoo_scripts.py SCRIPT HOST:PORT. A script that finds something wrong ends with a traceback and not with 0."""
import logging
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import (AuthFailedError, BadVersionError, NoAuthError, NoChildrenForEphemeralsError, NodeExistsError, NoNodeError,
                              NotEmptyError, RolledBackError, RuntimeInconsistency)
from kazoo.protocol.states import EventType
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.security import make_acl, make_digest_acl

PATIENCE = 30
logging.basicConfig(level=logging.WARNING)


def connect(address, **more):
    client = KazooClient(address, **more)
    client.start(PATIENCE)
    return client


class Events:
    """Takes what watches tell, and hands it out in order."""

    def __init__(self):
        self._events, self._come = [], threading.Condition()

    def __call__(self, event):
        with self._come:
            self._events.append(event)
            self._come.notify_all()

    def take(self):
        with self._come:
            assert self._come.wait_for(lambda: self._events, PATIENCE), "no event came"
            return self._events.pop(0)

    def until(self, is_right):
        while not is_right(self.take()):
            pass


def refused(error, call, *arguments, **more):
    try:
        call(*arguments, **more)
    except error:
        return
    raise AssertionError("%s was not refused with %s" % (call.__name__, error.__name__))


def znodes(address):
    zk = connect(address)
    assert zk.create("/a", b"x") == "/a"
    refused(NodeExistsError, zk.create, "/a")
    refused(NoNodeError, zk.create, "/none/b")
    assert zk.create("/deep/down/here", makepath=True) == "/deep/down/here"
    assert zk.create("/a/s-", sequence=True) == "/a/s-0000000000"
    assert zk.create("/a/e", b"mine", ephemeral=True) == "/a/e"
    assert zk.create("/a/es-", ephemeral=True, sequence=True) == "/a/es-0000000002"
    refused(NoChildrenForEphemeralsError, zk.create, "/a/e/below")
    path, stat = zk.create("/a/two", b"12", include_data=True)
    assert path == "/a/two" and stat.version == 0 and stat.dataLength == 2
    data, stat = zk.get("/a")
    assert data == b"x" and stat.numChildren == 4 and stat.ephemeralOwner == 0
    assert zk.get("/a/e")[1].ephemeralOwner == zk.client_id[0]
    assert zk.set("/a", b"\x00\xff" * 1000).version == 1
    assert zk.get("/a")[0] == b"\x00\xff" * 1000
    refused(BadVersionError, zk.set, "/a", b"", version=0)
    assert zk.exists("/none") is None and zk.exists("/a").version == 1
    assert sorted(zk.get_children("/a")) == ["e", "es-0000000002", "s-0000000000", "two"]
    children, stat = zk.get_children("/a", include_data=True)
    assert len(children) == 4 and stat.cversion == 4
    refused(NotEmptyError, zk.delete, "/a")
    refused(BadVersionError, zk.delete, "/a/two", version=5)
    assert zk.sync("/a") == "/a"
    pending = [zk.create_async("/many-", sequence=True) for _ in range(1000)]
    assert [each.get(PATIENCE) for each in pending] == ["/many-%010d" % i for i in range(2, 1002)]
    zk.delete("/a", recursive=True)
    assert zk.exists("/a") is None

    # An ephemeral goes with its session.
    other = connect(address)
    other.create("/gone", ephemeral=True)
    gone = Events()
    assert zk.exists("/gone", watch=gone)
    other.stop()
    assert gone.take().type == EventType.DELETED
    inside = connect(address + "/deep")
    assert inside.get_children("/") == ["down"]
    inside.stop()
    zk.stop()


def acls(address):
    ann, stranger = connect(address), connect(address)
    ann.add_auth("digest", "ann:secret")
    ann.create("/p", b"private", acl=[make_digest_acl("ann", "secret", all=True)])
    assert ann.get("/p")[0] == b"private"
    refused(NoAuthError, stranger.get, "/p")
    refused(NoAuthError, stranger.set, "/p", b"")
    refused(NoAuthError, stranger.create, "/p/q")
    acl, stat = ann.get_acls("/p")
    assert acl[0].id.id == "ann:7RJfAeIvrl4zdj6sS2fXrQHDvHM=" and acl[0].perms == 31 and stat.aversion == 0
    assert ann.set_acls("/p", [make_acl("auth", "", all=True), make_acl("world", "anyone", read=True)]).aversion == 1
    assert stranger.get("/p")[0] == b"private"
    refused(NoAuthError, stranger.set, "/p", b"")
    refused(AuthFailedError, stranger.add_auth, "nosuchscheme", "x")
    for each in (ann, stranger):
        each.stop()


def watches(address):
    zk, other = connect(address), connect(address)
    events = Events()
    assert zk.exists("/w", watch=events) is None
    other.create("/w", b"1")
    event = events.take()
    assert (event.type, event.path) == (EventType.CREATED, "/w")
    zk.get("/w", watch=events)
    other.set("/w", b"2")
    assert events.take().type == EventType.CHANGED
    zk.get_children("/w", watch=events)
    other.create("/w/c")
    assert events.take().type == EventType.CHILD
    zk.get("/w/c", watch=events)
    other.delete("/w/c")
    assert events.take().type == EventType.DELETED
    for each in (zk, other):
        each.stop()


def data_and_children_watch(address):
    zk, other = connect(address), connect(address)
    data, children = Events(), Events()
    zk.DataWatch("/d", lambda value, stat: data(value))
    assert data.take() is None
    other.create("/d", b"0")
    data.until(lambda value: value == b"0")
    zk.ChildrenWatch("/d", lambda names: children(sorted(names)))
    assert children.take() == []
    for i in range(1, 20):
        other.set("/d", b"%d" % i)
        other.create("/d/%02d" % i)
    # One may be told of several changes at once; the last is never missed.
    data.until(lambda value: value == b"19")
    children.until(lambda names: len(names) == 19)
    other.delete("/d", recursive=True)
    data.until(lambda value: value is None)
    for each in (zk, other):
        each.stop()


def transactions(address):
    zk = connect(address)
    change = zk.transaction()
    change.create("/t", b"1")
    change.create("/t/s-", sequence=True)
    change.set_data("/t", b"2")
    change.check("/t", 1)
    change.delete("/t/s-0000000000")
    results = change.commit()
    assert results[0] == "/t" and results[1] == "/t/s-0000000000" and results[2].version == 1 and results[3:] == [True, True], results
    change = zk.transaction()
    change.set_data("/t", b"3")
    change.check("/t", 7)
    change.create("/u")
    results = change.commit()
    assert [type(each) for each in results] == [RolledBackError, BadVersionError, RuntimeInconsistency], results
    assert zk.get("/t")[0] == b"2" and zk.exists("/u") is None
    zk.stop()


def locks(address):
    first, second = connect(address), connect(address)
    held = first.Lock("/lock", "first")
    assert held.acquire(timeout=PATIENCE)
    waiting = second.Lock("/lock", "second")
    assert not waiting.acquire(blocking=False)
    taken = threading.Event()

    def wait():
        if waiting.acquire(timeout=PATIENCE):
            taken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    queued = Events()
    second.ChildrenWatch("/lock", lambda names: queued(len(names)))
    queued.until(lambda count: count == 2)
    assert held.contenders() == ["first", "second"] and not taken.is_set()
    first.stop()  # with its session goes its lock
    assert taken.wait(PATIENCE)
    thread.join(PATIENCE)
    waiting.release()

    # Many threads, one at a time.
    clients, inside, most = [connect(address) for _ in range(4)], [0], [0]

    def work(client):
        for _ in range(10):
            with client.Lock("/many"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                client.get_children("/many")
                inside[0] -= 1

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
        assert not each.is_alive()
    assert most[0] == 1
    semaphore = second.Semaphore("/semaphore", max_leases=2)
    assert semaphore.acquire(timeout=PATIENCE) and len(semaphore.lease_holders()) == 1
    semaphore.release()
    for each in clients + [second]:
        each.stop()


def counters_queues_and_election(address):
    clients = [connect(address) for _ in range(3)]

    def count(client):
        counter = client.Counter("/counter")
        for _ in range(20):
            counter += 1

    threads = [threading.Thread(target=count, args=(client,)) for client in clients]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    assert clients[0].Counter("/counter").value == 60

    queue = clients[0].Queue("/queue")
    for i in range(10):
        queue.put(b"%d" % i, priority=9 - i)
    assert len(queue) == 10 and [clients[1].Queue("/queue").get() for _ in range(10)] == [b"%d" % i for i in reversed(range(10))]

    elected = []
    for client in clients:
        client.Election("/election", str(client.client_id[0])).run(lambda: elected.append(client.client_id[0]))
    assert elected == [client.client_id[0] for client in clients]

    barrier, entered = [client.DoubleBarrier("/barrier", 3) for client in clients], []
    threads = [threading.Thread(target=lambda each=each: (each.enter(), entered.append(1), each.leave())) for each in barrier]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    assert len(entered) == 3
    for each in clients:
        each.stop()


def tree_cache(address):
    zk, other = connect(address), connect(address)
    other.create("/tree/a/b", b"1", makepath=True)
    cache, events = TreeCache(zk, "/tree"), Events()
    cache.listen(lambda event: events(event.event_type))
    cache.start()
    events.until(lambda kind: kind == TreeEvent.INITIALIZED)
    assert cache.get_data("/tree/a/b").data == b"1"
    other.set("/tree/a/b", b"2")
    events.until(lambda kind: kind == TreeEvent.NODE_UPDATED)
    assert cache.get_data("/tree/a/b").data == b"2"
    other.delete("/tree/a/b")
    events.until(lambda kind: kind == TreeEvent.NODE_REMOVED)
    assert not cache.get_children("/tree/a")
    cache.close()
    for each in (zk, other):
        each.stop()


def words(address):
    zk = connect(address)
    assert "Mode: standalone" in zk.command(b"srvr"), zk.command(b"srvr")
    zk.stop()


def sasl(address):
    zk = connect(address, sasl_options={"mechanism": "DIGEST-MD5", "service": "zookeeper", "principal": "zk-sasl-md5", "username": "ann", "password": "secret"})
    zk.create("/p", b"private", acl=[make_acl("sasl", "ann", all=True)])
    assert zk.get("/p")[0] == b"private"
    stranger = connect(address)
    refused(NoAuthError, stranger.get, "/p")
    liar = KazooClient(address, sasl_options={"mechanism": "DIGEST-MD5", "service": "zookeeper", "principal": "zk-sasl-md5", "username": "ann", "password": "wrong"})
    began = time.monotonic()
    try:
        liar.start(PATIENCE)
    except liar.handler.timeout_exception:
        # What start says when the refusal has closed the client before it looked.
        assert time.monotonic() - began < PATIENCE / 2
    else:
        # There was a session for a moment; that the password is wrong is told after that.
        refused(AuthFailedError, liar.get, "/p")
    for each in (zk, stranger):
        each.stop()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
