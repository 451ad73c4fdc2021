import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.ExponentialBackoffRetry;

/**
 * Holds one of Curator's recipes so many times: mutex, read-write (in turns), semaphore (of one lease), latch. Prints when,
 * on the machine's monotonic clock, in ns: `held FROM UNTIL`.
 */
public class CuratorHolder {
  interface Held {
    void release() throws Exception;
  }

  public static void main(String[] args) throws Exception {
    String connectString = args[0];
    String path = args[1];
    int rounds = Integer.parseInt(args[2]);
    String recipe = args[3];
    try (CuratorFramework client =
        CuratorFrameworkFactory.newClient(connectString, new ExponentialBackoffRetry(100, 5))) {
      client.start();
      System.out.println("ready");
      for (int i = 0; i < rounds; i++) {
        Held held = hold(client, path, recipe, i);
        long from = System.nanoTime();
        Thread.sleep(2);
        System.out.println("held " + from + " " + System.nanoTime());
        held.release();
      }
    }
  }

  static Held hold(CuratorFramework client, String path, String recipe, int round) throws Exception {
    switch (recipe) {
      case "mutex":
        return hold(new InterProcessMutex(client, path));
      case "read-write": {
        InterProcessReadWriteLock lock = new InterProcessReadWriteLock(client, path);
        return hold(round % 2 == 0 ? lock.writeLock() : lock.readLock());
      }
      case "semaphore": {
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, path, 1);
        Lease lease = semaphore.acquire(60, TimeUnit.SECONDS);
        if (lease == null) throw new IllegalStateException("not acquired in 60 s");
        return () -> semaphore.returnLease(lease);
      }
      case "latch": {
        LeaderLatch latch = new LeaderLatch(client, path);
        latch.start();
        if (!latch.await(60, TimeUnit.SECONDS)) throw new IllegalStateException("not elected in 60 s");
        return latch::close;
      }
      default:
        throw new IllegalArgumentException(recipe);
    }
  }

  static Held hold(InterProcessMutex mutex) throws Exception {
    if (!mutex.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired in 60 s");
    return mutex::release;
  }
}
