import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** What a Java program does with Curator, against the server at args[0]: one line a check, ends with an error at the first that fails. */
public class CuratorRecipes {
  static final long PATIENCE_S = 60;

  interface Condition {
    boolean holds() throws Exception;
  }

  static void check(String name, boolean condition) {
    if (!condition) throw new AssertionError(name);
    System.out.println("ok " + name);
  }

  /** Waits for what has no event of its own. */
  static void eventually(String name, Condition condition) throws Exception {
    long giveUp = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
    while (!condition.holds()) {
      if (System.nanoTime() > giveUp) throw new AssertionError(name);
      Thread.sleep(10);
    }
    System.out.println("ok " + name);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  public static void main(String[] args) throws Exception {
    ExecutorService threads = Executors.newCachedThreadPool();
    try (CuratorFramework a = client(args[0], null);
        CuratorFramework b = client(args[0], null);
        CuratorFramework ann = client(args[0], "ann:pw")) {
      locks(a, b);
      elections(a, b);
      watches(a, b);
      transactions(a);
      accessLists(ann, b);
      lifetimes(a, b, threads);
      barriers(a, b, threads);
      counters(a, b);
      members(a, b);
    }
    threads.shutdownNow();
    System.out.println("done");
    System.exit(0);
  }

  static CuratorFramework client(String connectString, String credentials) throws Exception {
    CuratorFrameworkFactory.Builder builder =
        CuratorFrameworkFactory.builder().connectString(connectString).retryPolicy(new ExponentialBackoffRetry(100, 5));
    if (credentials != null) builder.authorization("digest", bytes(credentials));
    CuratorFramework client = builder.build();
    client.start();
    check("connected", client.blockUntilConnected((int) PATIENCE_S, TimeUnit.SECONDS));
    return client;
  }

  static void locks(CuratorFramework a, CuratorFramework b) throws Exception {
    InterProcessMutex mine = new InterProcessMutex(a, "/lock");
    InterProcessMutex theirs = new InterProcessMutex(b, "/lock");
    mine.acquire();
    check("mutex", !theirs.acquire(0, TimeUnit.SECONDS) && mine.getParticipantNodes().size() == 1);
    mine.release();
    check("mutex handed over", theirs.acquire(PATIENCE_S, TimeUnit.SECONDS));
    theirs.release();
    InterProcessReadWriteLock rw = new InterProcessReadWriteLock(a, "/rw");
    InterProcessReadWriteLock other = new InterProcessReadWriteLock(b, "/rw");
    rw.readLock().acquire();
    check("two readers", other.readLock().acquire(PATIENCE_S, TimeUnit.SECONDS));
    rw.readLock().release();
    check("no writer beside a reader", !rw.writeLock().acquire(0, TimeUnit.SECONDS));
    other.readLock().release();
    check("a writer", rw.writeLock().acquire(PATIENCE_S, TimeUnit.SECONDS));
    rw.writeLock().release();
    InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(a, "/semaphore", 2);
    List<Lease> leases = List.copyOf(semaphore.acquire(2));
    check("semaphore is full", semaphore.acquire(0, TimeUnit.SECONDS) == null);
    semaphore.returnLease(leases.get(0));
    check("semaphore has room", semaphore.acquire(PATIENCE_S, TimeUnit.SECONDS) != null);
    InterProcessMultiLock several = new InterProcessMultiLock(b, Arrays.asList("/several/a", "/several/b"));
    check("several locks as one", several.acquire(PATIENCE_S, TimeUnit.SECONDS));
    several.release();
  }

  static void elections(CuratorFramework a, CuratorFramework b) throws Exception {
    LeaderLatch one = new LeaderLatch(a, "/latch", "one");
    one.start();
    check("latch", one.await(PATIENCE_S, TimeUnit.SECONDS));
    try (LeaderLatch two = new LeaderLatch(b, "/latch", "two")) {
      two.start();
      eventually("latch knows both", () -> two.getParticipants().size() == 2 && two.getLeader().getId().equals("one"));
      check("latch has one leader", !two.hasLeadership());
      one.close();
      check("latch moves on", two.await(PATIENCE_S, TimeUnit.SECONDS));
    }
    CountDownLatch led = new CountDownLatch(2);
    LeaderSelectorListenerAdapter listener =
        new LeaderSelectorListenerAdapter() {
          @Override
          public void takeLeadership(CuratorFramework client) {
            led.countDown();
          }
        };
    try (LeaderSelector x = new LeaderSelector(a, "/selector", listener);
        LeaderSelector y = new LeaderSelector(b, "/selector", listener)) {
      x.start();
      y.start();
      check("selector elects both in turn", led.await(PATIENCE_S, TimeUnit.SECONDS));
    }
  }

  static void watches(CuratorFramework a, CuratorFramework b) throws Exception {
    a.create().forPath("/tree");
    LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
    b.getData().usingWatcher((org.apache.zookeeper.Watcher) e -> heard.add(e.getType() + " " + e.getPath())).forPath("/tree");
    a.setData().forPath("/tree", bytes("1"));
    check("one-shot watch", "NodeDataChanged /tree".equals(heard.poll(PATIENCE_S, TimeUnit.SECONDS)));
    try (PersistentWatcher persistent = new PersistentWatcher(b, "/tree", true)) {
      persistent.getListenable().addListener(e -> heard.add(e.getType() + " " + e.getPath()));
      CountDownLatch isSet = new CountDownLatch(1);
      persistent.getResetListenable().addListener(isSet::countDown);
      persistent.start();
      check("persistent watch is set", isSet.await(PATIENCE_S, TimeUnit.SECONDS));
      a.create().forPath("/tree/a");
      a.setData().forPath("/tree/a", bytes("2"));
      a.delete().forPath("/tree/a");
      for (String type : Arrays.asList("NodeCreated", "NodeDataChanged", "NodeDeleted")) {
        check("persistent watch " + type, (type + " /tree/a").equals(heard.poll(PATIENCE_S, TimeUnit.SECONDS)));
      }
    }
    try (CuratorCache cache = CuratorCache.build(b, "/tree")) {
      cache.start();
      a.create().creatingParentsIfNeeded().forPath("/tree/x/y/z", bytes("deep"));
      eventually("cache", () -> cache.get("/tree/x/y/z").map(d -> Arrays.equals(d.getData(), bytes("deep"))).orElse(false));
      a.delete().deletingChildrenIfNeeded().forPath("/tree/x");
      eventually("cache forgets", () -> cache.get("/tree/x").isEmpty());
    }
  }

  static void transactions(CuratorFramework a) throws Exception {
    List<CuratorTransactionResult> results =
        a.transaction()
            .forOperations(
                a.transactionOp().create().forPath("/tx", bytes("1")),
                a.transactionOp().setData().withVersion(0).forPath("/tx", bytes("2")),
                a.transactionOp().check().withVersion(1).forPath("/tx"),
                a.transactionOp().create().withMode(CreateMode.PERSISTENT_SEQUENTIAL).forPath("/tx/s-")) ;
    check("transaction", results.size() == 4 && results.get(3).getResultPath().equals("/tx/s-0000000000"));
    try {
      a.transaction()
          .forOperations(
              a.transactionOp().delete().forPath("/tx/s-0000000000"), a.transactionOp().check().withVersion(9).forPath("/tx"));
      throw new AssertionError("a failed check");
    } catch (KeeperException.BadVersionException expected) {
      check("a transaction that fails leaves no trace", a.checkExists().forPath("/tx/s-0000000000") != null);
    }
  }

  static void accessLists(CuratorFramework ann, CuratorFramework b) throws Exception {
    ann.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath("/private", bytes("s"));
    try {
      b.getData().forPath("/private");
      throw new AssertionError("somebody else's node");
    } catch (KeeperException.NoAuthException expected) {
      check("access list", Arrays.equals(ann.getData().forPath("/private"), bytes("s")));
    }
    ann.setACL().withACL(Collections.singletonList(new ACL(ZooDefs.Perms.READ, new Id("ip", "127.0.0.0/8")))).forPath("/private");
    check("access by address", Arrays.equals(b.getData().forPath("/private"), bytes("s")));
    check("access list is read", ann.getACL().forPath("/private").get(0).getId().getScheme().equals("ip"));
  }

  static void lifetimes(CuratorFramework a, CuratorFramework b, ExecutorService threads) throws Exception {
    a.create().withMode(CreateMode.CONTAINER).forPath("/box");
    a.create().forPath("/box/child");
    a.delete().forPath("/box/child");
    eventually("a container goes after its last child", () -> a.checkExists().forPath("/box") == null);
    a.create().withTtl(1).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/ttl");
    eventually("a time to live ends", () -> a.checkExists().forPath("/ttl") == null);
    try (PersistentTtlNode node = new PersistentTtlNode(a, "/kept", 600_000, bytes("k"))) {
      node.start();
      check("persistent TTL node", node.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS));
    }
    PersistentNode node = new PersistentNode(b, CreateMode.EPHEMERAL, false, "/again", bytes("e"));
    node.start();
    check("persistent ephemeral node", node.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS));
    Stat before = a.checkExists().forPath("/again");
    a.delete().forPath("/again");
    eventually(
        "is made again when somebody deletes it",
        () -> {
          Stat now = a.checkExists().forPath("/again");
          return now != null && now.getCzxid() > before.getCzxid();
        });
    node.close();
  }

  static void barriers(CuratorFramework a, CuratorFramework b, ExecutorService threads) throws Exception {
    DistributedBarrier barrier = new DistributedBarrier(a, "/barrier");
    barrier.setBarrier();
    Future<Boolean> passed = threads.submit(() -> new DistributedBarrier(b, "/barrier").waitOnBarrier(PATIENCE_S, TimeUnit.SECONDS));
    barrier.removeBarrier();
    check("barrier", passed.get());
    DistributedDoubleBarrier one = new DistributedDoubleBarrier(a, "/double", 2);
    DistributedDoubleBarrier two = new DistributedDoubleBarrier(b, "/double", 2);
    Future<Boolean> entered = threads.submit(() -> two.enter(PATIENCE_S, TimeUnit.SECONDS));
    check("double barrier entered", one.enter(PATIENCE_S, TimeUnit.SECONDS) && entered.get());
    Future<Boolean> left = threads.submit(() -> two.leave(PATIENCE_S, TimeUnit.SECONDS));
    check("double barrier left", one.leave(PATIENCE_S, TimeUnit.SECONDS) && left.get());
  }

  static void counters(CuratorFramework a, CuratorFramework b) throws Exception {
    DistributedAtomicLong mine = new DistributedAtomicLong(a, "/atomic", new ExponentialBackoffRetry(5, 20));
    DistributedAtomicLong theirs = new DistributedAtomicLong(b, "/atomic", new ExponentialBackoffRetry(5, 20));
    for (int i = 0; i < 10; i++) {
      check("atomic", mine.increment().succeeded() && theirs.add(2L).succeeded());
    }
    check("atomic long", mine.get().postValue() == 30);
    try (SharedCount one = new SharedCount(a, "/shared", 1);
        SharedCount two = new SharedCount(b, "/shared", 1)) {
      one.start();
      two.start();
      one.setCount(5);
      eventually("shared count", () -> two.getCount() == 5);
    }
  }

  static void members(CuratorFramework a, CuratorFramework b) throws Exception {
    try (GroupMember one = new GroupMember(a, "/members", "one");
        GroupMember two = new GroupMember(b, "/members", "two")) {
      one.start();
      two.start();
      eventually("members", () -> one.getCurrentMembers().size() == 2 && two.getCurrentMembers().containsKey("one"));
    }
  }
}
