"""Contenders by kazoo's recipes, each a thread with a session of its own.

Arguments and commands: see contender-process.ts, which does the same by ours. RECIPE: mutex or election.
"""
import os
import sys
import threading
import time
import traceback

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionClosedError

hosts, recipe, count, session_timeout_ms = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def begin():
    client = KazooClient(hosts=hosts, timeout=session_timeout_ms / 1000)
    client.start(timeout=60)
    return client


clients = [begin() for _ in range(count)]


def or_die(action, *args):
    try:
        action(*args)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def contend(who, path, end_ns, hold_ms, closes, held):
    def hold():
        start = time.monotonic_ns()
        if hold_ms > 0:
            time.sleep(hold_ms / 1000)
        held.append((start, time.monotonic_ns()))
        if closes:
            clients[who].stop()
            clients[who].close()

    while True:
        if recipe == "mutex":
            with clients[who].Lock(path, str(who)):
                hold()
        else:
            try:
                clients[who].Election(path, str(who)).run(hold)
            except ConnectionClosedError:
                # With the session the lock is gone that it wants to release.
                if not closes:
                    raise
        if closes:
            clients[who] = begin()
        if time.monotonic_ns() >= end_ns:
            return


def run(path, run_ms, hold_ms, end):
    end_ns = time.monotonic_ns() + int(run_ms) * 1000000
    holdings = [[] for _ in range(count)]
    threads = [
        threading.Thread(target=or_die, args=(contend, i, path, end_ns, int(hold_ms), end == "close", holdings[i]))
        for i in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = ["held %d %d %d\n" % (i, start, until) for i in range(count) for start, until in holdings[i]]
    print("".join(lines) + "done", flush=True)


def lead():
    print("leads %d" % time.monotonic_ns(), flush=True)
    threading.Event().wait()


def stand(path):
    threading.Thread(target=or_die, args=(clients[0].Election(path, "0").run, lead), daemon=True).start()


print("ready", flush=True)
for line in sys.stdin:
    command, *words = line.split()
    if command == "stand":
        stand(*words)
    else:
        run(*words)
os._exit(0)
