"""kazoo's LockingQueue on a queue of ours: `put PREFIX COUNT PRIORITY` or `take COUNT`; prints what it took."""
import sys

from kazoo.client import KazooClient

hosts, path, what = sys.argv[1:4]
client = KazooClient(hosts=hosts, timeout=10)
client.start(timeout=30)
queue = client.LockingQueue(path)
if what == "put":
    prefix, count, priority = sys.argv[4], int(sys.argv[5]), int(sys.argv[6])
    for i in range(count):
        queue.put(("%s %d" % (prefix, i)).encode(), priority=priority)
elif what == "hold":
    print("took " + queue.get(timeout=30).decode(), flush=True)
    sys.stdin.readline()
else:
    for _ in range(int(sys.argv[4])):
        value = queue.get(timeout=30)
        if value is None:
            raise SystemExit("nothing came")
        print("took " + value.decode(), flush=True)
        assert queue.consume()
print("done", flush=True)
client.stop()
client.close()
