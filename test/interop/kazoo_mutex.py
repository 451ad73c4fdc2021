"""Holds kazoo's Lock so many times; prints when, on the machine's monotonic clock, in ns: `held FROM UNTIL`."""
import sys
import time

from kazoo.client import KazooClient

hosts, path, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = KazooClient(hosts=hosts, timeout=10)
client.start(timeout=30)
lock = client.Lock(path, "kazoo", extra_lock_patterns=["-lock-"])
print("ready", flush=True)
for _ in range(rounds):
    lock.acquire(timeout=60)
    start = time.monotonic_ns()
    time.sleep(0.002)
    print("held %d %d" % (start, time.monotonic_ns()), flush=True)
    lock.release()
client.stop()
client.close()
