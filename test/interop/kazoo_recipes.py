"""Every recipe of kazoo, and what its client can do besides, against the server at argv[1].

Prints one line a check; raises on the first failure. Not reconfig: this kazoo hangs on the answer that it is switched off.
"""
import datetime
import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import CancelledError, NoAuthError
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.watchers import PatientChildrenWatch
from kazoo.security import CREATOR_ALL_ACL, READ_ACL_UNSAFE, make_acl

hosts = sys.argv[1]
patience = 60


def client(chroot="", **options):
    c = KazooClient(hosts=hosts + chroot, timeout=20, **options)
    c.start(timeout=patience)
    return c


def check(name, condition):
    if not condition:
        raise AssertionError(name)
    print("ok " + name, flush=True)


def refuses(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return True
    return False


def in_thread(call, *args, **kwargs):
    box = []
    thread = threading.Thread(target=lambda: box.append(call(*args, **kwargs)))
    thread.start()

    def result():
        thread.join(patience)
        if thread.is_alive():
            raise AssertionError("still running: %r" % (call,))
        return box[0]

    return result


class Changes:
    """What came, and waiting until it is as it should be."""

    def __init__(self):
        self.values = []
        self.changed = threading.Condition()

    def add(self, value):
        with self.changed:
            self.values.append(value)
            self.changed.notify_all()

    def until(self, condition):
        with self.changed:
            return self.changed.wait_for(lambda: self.values and condition(self.values), timeout=patience)


a = client()
b = client()

# Locks.
write = a.WriteLock("/rw", "w")
read_1 = a.ReadLock("/rw", "r1")
read_2 = b.ReadLock("/rw", "r2")
check("two readers", read_1.acquire(timeout=patience) and read_2.acquire(timeout=patience))
check("no writer beside readers", not write.acquire(blocking=False))
read_1.release()
read_2.release()
check("a writer after them", write.acquire(timeout=patience))
check("no reader beside a writer", not b.ReadLock("/rw", "r3").acquire(blocking=False))
write.release()
waits = b.Lock("/cancelled", "b")
holds = a.Lock("/cancelled", "a")
holds.acquire(timeout=patience)


def acquire_until_cancelled():
    try:
        waits.acquire()
    except CancelledError:
        return "cancelled"


waiting = in_thread(acquire_until_cancelled)
while len(holds.contenders()) < 2:
    pass
waits.cancel()
check("a waiting lock is cancelled", waiting() == "cancelled")
holds.release()

leases = [c.Semaphore("/semaphore", n, max_leases=2) for n, c in enumerate((a, b, a))]
check("semaphore", leases[0].acquire(timeout=patience) and leases[1].acquire(timeout=patience))
check("semaphore is full", not leases[2].acquire(blocking=False))
leases[0].release()
check("semaphore has room again", leases[2].acquire(timeout=patience))

# Counters.
counter_a = a.Counter("/counter", default=7)
counter_b = b.Counter("/counter", default=7)
counter_a += 2
counter_b -= 1
check("counter", counter_a.value == 8 and counter_b.value == 8)
counter_f = a.Counter("/counter-float", default=1.0)
counter_f += 0.5
check("counter of floats", counter_f.value == 1.5)


def count(c):
    counter = c.Counter("/many")
    for _ in range(25):
        counter += 1
    return counter.value


counting = [in_thread(count, c) for c in (a, b)]
for each in counting:
    each()
check("counters in competition", a.Counter("/many").value == 50)

# Membership.
party_a, party_b = a.Party("/party", "a"), b.Party("/party", "b")
party_a.join()
party_b.join()
check("party", sorted(party_a) == ["a", "b"] and len(party_b) == 2)
party_b.leave()
check("party without one", sorted(party_a) == ["a"])
shallow = b.ShallowParty("/shallow", "b")
shallow.join()
check("shallow party", list(shallow) == ["b"])

parts = [c.SetPartitioner("/parts", set(range(6)), identifier=n, time_boundary=0.1) for n, c in (("a", a), ("b", b))]


def partition(partitioner):
    while not partitioner.acquired:
        if partitioner.release:
            partitioner.release_set()
        elif partitioner.allocating:
            partitioner.wait_for_acquire(1)
        elif partitioner.failed:
            raise AssertionError("partitioning failed")
    return set(partitioner)


while True:
    shares = [in_thread(partition, p) for p in parts]
    one, two = [share() for share in shares]
    if len(one) == 3 and len(two) == 3:
        break
    # The one that came first had all of it: it lets go when it has seen the other.
    for p in parts:
        if p.acquired and len(set(p)) != 3:
            while p.acquired:
                pass
check("partitioner", one | two == set(range(6)) and not one & two)
for p in parts:
    p.finish()

# Barriers.
barrier = a.Barrier("/barrier")
barrier.create()
passing = in_thread(b.Barrier("/barrier").wait, patience)
barrier.remove()
check("barrier", passing() is True)
doubles = [c.DoubleBarrier("/double", 2, identifier=n) for n, c in (("a", a), ("b", b))]
entering = [in_thread(d.enter) for d in doubles]
for e in entering:
    e()
check("double barrier entered", all(d.participating for d in doubles))
leaving = [in_thread(d.leave) for d in doubles]
for e in leaving:
    e()
check("double barrier left", not any(d.participating for d in doubles))

# Queues.
queue = a.Queue("/queue")
for value, priority in ((b"late", 200), (b"soon", 10), (b"usual", 100)):
    queue.put(value, priority)
check("queue", len(queue) == 3 and [b.Queue("/queue").get() for _ in range(3)] == [b"soon", b"usual", b"late"])
locking = a.LockingQueue("/locking")
locking.put_all([b"1", b"2"])
other = b.LockingQueue("/locking")
check("locking queue", locking.get(timeout=patience) == b"1" and other.get(timeout=patience) == b"2")
check("locking queue holds", locking.holds_lock() and other.consume())
check("locking queue releases", locking.release() and other.get(timeout=patience) == b"1" and other.consume())

# Leases.
lease = a.NonBlockingLease("/lease", datetime.timedelta(minutes=10), identifier="a")
check("lease", bool(lease))
check("lease is taken", not b.NonBlockingLease("/lease", datetime.timedelta(minutes=10), identifier="b"))
check("lease is renewed", bool(a.NonBlockingLease("/lease", datetime.timedelta(minutes=10), identifier="a")))
check(
    "several leases",
    [bool(a.MultiNonBlockingLease(2, "/leases", datetime.timedelta(minutes=10), identifier=i)) for i in "abc"]
    == [True, True, False],
)

# Watchers and caches.
a.ensure_path("/seen/x")
children = Changes()
b.ChildrenWatch("/seen")(lambda names: children.add(sorted(names)))
a.create("/seen/y")
check("children watch", children.until(lambda v: v[-1] == ["x", "y"]))
data = Changes()
b.DataWatch("/seen/z")(lambda value, stat, event: data.add(value))
a.create("/seen/z", b"1")
a.set("/seen/z", b"2")
check("data watch before there is a node", data.until(lambda v: v[-1] == b"2"))
a.delete("/seen/z")
check("data watch after it", data.until(lambda v: v[-1] is None))
patient = PatientChildrenWatch(b, "/seen", time_boundary=0.1).start()
check("patient children watch", sorted(patient.get(timeout=patience)[0]) == ["x", "y"])
cache = TreeCache(b, "/seen")
events = Changes()
cache.listen(lambda event: events.add(event.event_type))
cache.start()
check("tree cache", events.until(lambda v: TreeEvent.INITIALIZED in v) and sorted(cache.get_children("/seen")) == ["x", "y"])
a.create("/seen/y/deep", b"d")
check("tree cache hears", events.until(lambda v: v.count(TreeEvent.NODE_ADDED) >= 4) and cache.get_data("/seen/y/deep").data == b"d")
cache.close()

# The client itself.
inside = client("/seen")
check("chroot", inside.get("/y/deep")[0] == b"d" and sorted(inside.get_children("/")) == ["x", "y"])
check("version", a.server_version()[0] == 3)
check("asynchronous", a.get_async("/seen/y/deep").get(timeout=patience)[0] == b"d" and a.exists_async("/nix").get(timeout=patience) is None)
check("makepath", a.create("/far/away/from/here", b"", makepath=True) == "/far/away/from/here")
check("recursive delete", a.delete("/far", recursive=True) is not False and a.exists("/far") is None)
check("null", a.create("/empty", b"") == "/empty" and a.get("/empty")[0] == b"")
a.add_auth("digest", "ann:pw")
a.create("/private", b"s", acl=CREATOR_ALL_ACL)
check("creator's access list", refuses(NoAuthError, b.get, "/private") and a.get("/private")[0] == b"s")
a.set_acls("/private", READ_ACL_UNSAFE)
check("changed access list", b.get("/private")[0] == b"s" and refuses(NoAuthError, b.set, "/private", b""))
a.create("/by-address", b"", acl=[make_acl("ip", "127.0.0.1", all=True)])
check("access by address", b.get("/by-address")[1].version == 0)
states = Changes()
b.add_listener(lambda state: states.add(state))
b.restart()
check("restart", states.until(lambda v: v[-1] == KazooState.CONNECTED) and b.exists("/empty") is not None)
b.stop()
check("states", states.until(lambda v: v[-1] == KazooState.LOST))
for c in (a, inside):
    c.stop()
for c in (a, b, inside):
    c.close()
print("done", flush=True)
