import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

/**
 * Contenders by Curator's recipes, each a thread with a session of its own. Arguments and commands: see contender-process.ts,
 * which does the same by ours. RECIPE: mutex, latch or selector.
 */
public class CuratorContenders {
  /** One command `run`. */
  static class Run {
    String path;
    long endNs;
    long holdMs;
    boolean closes;
  }

  static String hosts;
  static String recipe;
  static int sessionTimeoutMs;
  static CuratorFramework[] clients;

  public static void main(String[] args) throws Exception {
    hosts = args[0];
    recipe = args[1];
    clients = new CuratorFramework[Integer.parseInt(args[2])];
    sessionTimeoutMs = Integer.parseInt(args[3]);
    for (int i = 0; i < clients.length; i++) clients[i] = begin();
    for (CuratorFramework client : clients) connected(client);
    System.out.println("ready");
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split(" ");
      if (words[0].equals("stand")) stand(words[1]);
      else run(words);
    }
    System.exit(0);
  }

  static CuratorFramework begin() {
    CuratorFramework client =
        CuratorFrameworkFactory.newClient(hosts, sessionTimeoutMs, 15_000, new ExponentialBackoffRetry(100, 5));
    client.start();
    return client;
  }

  static CuratorFramework connected(CuratorFramework client) throws InterruptedException {
    if (!client.blockUntilConnected(60, TimeUnit.SECONDS)) throw new IllegalStateException("not connected in 60 s");
    return client;
  }

  static void run(String[] words) throws Exception {
    Run run = new Run();
    run.path = words[1];
    run.endNs = System.nanoTime() + Long.parseLong(words[2]) * 1_000_000;
    run.holdMs = Long.parseLong(words[3]);
    run.closes = words[4].equals("close");
    List<List<long[]>> holdings = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < clients.length; i++) {
      int who = i;
      List<long[]> held = new ArrayList<>();
      holdings.add(held);
      threads.add(new Thread(() -> orDie(() -> contend(who, run, held))));
    }
    for (Thread thread : threads) thread.start();
    for (Thread thread : threads) thread.join();
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < clients.length; i++) {
      for (long[] h : holdings.get(i)) lines.append("held " + i + " " + h[0] + " " + h[1] + "\n");
    }
    System.out.println(lines + "done");
  }

  static void contend(int who, Run run, List<long[]> held) throws Exception {
    switch (recipe) {
      case "mutex":
        InterProcessMutex mutex = new InterProcessMutex(clients[who], run.path);
        do {
          mutex.acquire();
          hold(run, held);
          mutex.release();
        } while (System.nanoTime() < run.endNs);
        break;
      case "latch":
        do {
          LeaderLatch latch = new LeaderLatch(clients[who], run.path);
          latch.start();
          latch.await();
          hold(run, held);
          if (run.closes) {
            clients[who].close();
            clients[who] = connected(begin());
          } else {
            latch.close();
          }
        } while (System.nanoTime() < run.endNs);
        break;
      default:
        select(clients[who], run, held);
    }
  }

  static void select(CuratorFramework client, Run run, List<long[]> held) throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    LeaderSelector selector =
        new LeaderSelector(
            client,
            run.path,
            new LeaderSelectorListenerAdapter() {
              @Override
              public void takeLeadership(CuratorFramework leader) throws Exception {
                if (ended.getCount() == 0) return;
                hold(run, held);
                if (System.nanoTime() >= run.endNs) ended.countDown();
              }
            });
    selector.autoRequeue();
    selector.start();
    ended.await();
    selector.close();
  }

  static void hold(Run run, List<long[]> held) throws InterruptedException {
    long from = System.nanoTime();
    if (run.holdMs > 0) Thread.sleep(run.holdMs);
    held.add(new long[] {from, System.nanoTime()});
  }

  static void stand(String path) throws Exception {
    if (recipe.equals("latch")) {
      LeaderLatch latch = new LeaderLatch(clients[0], path);
      latch.start();
      new Thread(
              () ->
                  orDie(
                      () -> {
                        latch.await();
                        System.out.println("leads " + System.nanoTime());
                      }))
          .start();
    } else {
      new LeaderSelector(
              clients[0],
              path,
              new LeaderSelectorListenerAdapter() {
                @Override
                public void takeLeadership(CuratorFramework leader) throws Exception {
                  System.out.println("leads " + System.nanoTime());
                  Thread.sleep(Long.MAX_VALUE);
                }
              })
          .start();
    }
  }

  interface Action {
    void run() throws Exception;
  }

  static void orDie(Action action) {
    try {
      action.run();
    } catch (Exception error) {
      error.printStackTrace();
      System.exit(1);
    }
  }
}
