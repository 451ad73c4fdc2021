"""kazoo's barriers and locks, told what to do line by line: `<recipe> <verb>`; answers `done <recipe> <verb>`."""
import sys
import threading

from kazoo.client import KazooClient
from kazoo.recipe.barrier import Barrier, DoubleBarrier
from kazoo.recipe.lock import Lock

client = KazooClient(hosts=sys.argv[1])
client.start()
barrier = Barrier(client, "/barrier")
lock = Lock(client, "/shards/locks/a", identifier="kazoo", extra_lock_patterns=["-lock-"])
double = None
out = threading.Lock()


def enter():
    global double
    double = DoubleBarrier(client, "/double", 2, identifier="kazoo")
    double.enter()


verbs = {
    "barrier create": barrier.create,
    "barrier wait": lambda: barrier.wait(30),
    "barrier remove": barrier.remove,
    "double enter": enter,
    "double leave": lambda: double.leave(),
    "lock acquire": lock.acquire,
    "lock release": lock.release,
}


def perform(command):
    verbs[command]()
    with out:
        print("done " + command, flush=True)


for line in sys.stdin:
    threading.Thread(target=perform, args=(line.strip(),), daemon=True).start()
client.stop()
