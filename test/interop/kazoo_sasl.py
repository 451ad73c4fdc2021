"""kazoo authenticates by SASL DIGEST-MD5 (pure-sasl, which Debian's kazoo depends on): prints who it is, or that it is nobody."""
import json
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_acl

hosts, username, password = sys.argv[1:4]
client = KazooClient(
    hosts=hosts,
    timeout=30,
    sasl_options={"mechanism": "DIGEST-MD5", "username": username, "password": password},
)
path = "/of-" + username
try:
    client.start(timeout=60)
    client.create(path, b"x", acl=[make_acl("auth", "", all=True)])
except (KazooException, KazooTimeoutError):
    # Which of them depends on when it notices: the server's log says why.
    print("refused")
    sys.exit(0)
acl, _ = client.get_acls(path)
client.set(path, b"y")
print("%s %s" % (json.dumps([[a.id.scheme, a.id.id] for a in acl]), client.get(path)[0].decode()))
client.stop()
client.close()
