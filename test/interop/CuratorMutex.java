import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

/** Holds Curator's mutex so many times; prints when, on the machine's monotonic clock, in ns: `held FROM UNTIL`. */
public class CuratorMutex {
  public static void main(String[] args) throws Exception {
    String connectString = args[0];
    String path = args[1];
    int rounds = Integer.parseInt(args[2]);
    try (CuratorFramework client =
        CuratorFrameworkFactory.newClient(connectString, new ExponentialBackoffRetry(100, 5))) {
      client.start();
      InterProcessMutex mutex = new InterProcessMutex(client, path);
      System.out.println("ready");
      for (int i = 0; i < rounds; i++) {
        if (!mutex.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired in 60 s");
        long from = System.nanoTime();
        Thread.sleep(2);
        System.out.println("held " + from + " " + System.nanoTime());
        mutex.release();
      }
    }
  }
}
