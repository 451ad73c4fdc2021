"""What a Python program does with kazoo, against the server at argv[1]. Prints one line a check; raises on the first failure."""
import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, NodeExistsError, NoNodeError, NotEmptyError, RolledBackError

hosts = sys.argv[1]


def client(**options):
    c = KazooClient(hosts=hosts, timeout=10, **options)
    c.start(timeout=15)
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


a = client()
b = client()

check("state", a.state == KazooState.CONNECTED)
check("ruok", a.command(b"ruok") == "imok")
check("srvr", a.command(b"srvr").startswith("Zookeeper version: 3."))

a.ensure_path("/app/nodes")
check("create", a.create("/app/n", b"one") == "/app/n")
check("create2", a.create("/app/m", b"x", include_data=True)[1].version == 0)
check("exists already", refuses(NodeExistsError, a.create, "/app/n", b""))
data, stat = a.get("/app/n")
check("get", data == b"one" and stat.version == 0)
check("set", a.set("/app/n", b"two").version == 1)
check("bad version", refuses(BadVersionError, a.set, "/app/n", b"", version=0))
check("read by another", b.get("/app/n")[0] == b"two")
check("not empty", refuses(NotEmptyError, a.delete, "/app"))
check("no node", refuses(NoNodeError, a.get, "/nothing"))
check("children", sorted(a.get_children("/app")) == ["m", "n", "nodes"])
check("children with stat", a.get_children("/app", include_data=True)[1].numChildren == 3)
names = [a.create("/app/nodes/s-", b"", sequence=True) for _ in range(3)]
check("sequence", [n[-10:] for n in names] == ["0000000000", "0000000001", "0000000002"])
check("sync", a.sync("/app") == "/app")
check("acl", a.get_acls("/app")[0][0].id.scheme == "world")

seen = threading.Event()
events = []


def on_event(event):
    events.append(event)
    seen.set()


check("exists is none", b.exists("/app/later", watch=on_event) is None)
a.create("/app/later", b"")
check("one-shot watch", seen.wait(10) and events[0].type == "CREATED" and events[0].path == "/app/later")

values = []
changed = threading.Condition()


@b.DataWatch("/app/n")
def on_data(value, stat):
    with changed:
        values.append(value)
        changed.notify()


for i in range(5):
    a.set("/app/n", b"v%d" % i)
with changed:
    check("data watch", changed.wait_for(lambda: values[-1] == b"v4", timeout=10))

transaction = a.transaction()
transaction.check("/app/n", a.get("/app/n")[1].version)
transaction.create("/app/t", b"")
transaction.set_data("/app/t", b"set")
transaction.delete("/app/m")
results = transaction.commit()
check("transaction", results[0] is True and results[1] == "/app/t" and results[2].version == 1 and results[3] is True)
transaction = a.transaction()
transaction.create("/app/u", b"")
transaction.check("/app/n", 4711)
results = transaction.commit()
check("rolled back", isinstance(results[0], RolledBackError) and isinstance(results[1], BadVersionError))
check("rolled back leaves nothing", a.exists("/app/u") is None)

lock_a = a.Lock("/app/lock", "a")
lock_b = b.Lock("/app/lock", "b")
lock_a.acquire(timeout=10)
check("lock is exclusive", not lock_b.acquire(blocking=False))
check("lock contenders", lock_a.contenders() == ["a"])
got = threading.Event()
waiter = threading.Thread(target=lambda: lock_b.acquire(timeout=20) and got.set())
waiter.start()
lock_a.release()
check("lock is handed over", got.wait(20))
waiter.join()
lock_b.release()

order = []
leading = threading.Event()
let_go = threading.Event()


def lead(who):
    order.append(who)
    leading.set()
    let_go.wait(20)


first = threading.Thread(target=a.Election("/app/election", "a").run, args=(lead, "a"))
first.start()
check("elected", leading.wait(10) and order == ["a"])
second = threading.Thread(target=b.Election("/app/election", "b").run, args=(lead, "b"))
second.start()
let_go.set()
first.join(20)
second.join(20)
check("election moves on", order == ["a", "b"])

a.create("/app/ephemeral", b"", ephemeral=True)
gone = threading.Event()
b.exists("/app/ephemeral", watch=lambda e: gone.set())
session = a.client_id[0]
check("ephemeral owner", b.exists("/app/ephemeral").ephemeralOwner == session)
a.stop()
check("ephemeral goes with its session", gone.wait(10) and b.exists("/app/ephemeral") is None)

authed = client(auth_data=[("digest", "bob:secret")])
from kazoo.security import make_digest_acl  # noqa: E402
from kazoo.exceptions import NoAuthError  # noqa: E402

authed.create("/private", b"s", acl=[make_digest_acl("bob", "secret", all=True)])
check("digest acl", authed.get("/private")[0] == b"s")
check("no auth", refuses(NoAuthError, b.get, "/private"))
authed.delete("/private")
b.delete("/app", recursive=True)
authed.stop()
b.stop()
for c in (a, authed, b):
    c.close()
print("done", flush=True)
