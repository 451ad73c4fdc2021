import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBase;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.ExponentialBackoffRetry;

/** Curator's queues on a queue of ours: `put` or `take` so many, of kind `fifo`, `priority` or `delay`; prints what it took. */
public class CuratorQueue {
  private static final QueueSerializer<String> TEXT =
      new QueueSerializer<String>() {
        @Override
        public byte[] serialize(String item) {
          return item.getBytes();
        }

        @Override
        public String deserialize(byte[] bytes) {
          return new String(bytes);
        }
      };

  public static void main(String[] args) throws Exception {
    String path = args[1];
    String kind = args[2];
    boolean takes = args[3].equals("take");
    int count = Integer.parseInt(args[4]);
    CountDownLatch left = new CountDownLatch(takes ? count : 0);
    QueueConsumer<String> consumer =
        new QueueConsumer<String>() {
          @Override
          public void consumeMessage(String message) {
            if (left.getCount() == 0) throw new IllegalStateException("enough");
            System.out.println("took " + message);
            left.countDown();
          }

          @Override
          public void stateChanged(CuratorFramework client, ConnectionState state) {}
        };
    try (CuratorFramework client =
        CuratorFrameworkFactory.newClient(args[0], new ExponentialBackoffRetry(100, 5))) {
      client.start();
      QueueBuilder<String> builder =
          QueueBuilder.builder(client, takes ? consumer : null, TEXT, path + "/entries")
              .lockPath(path + "/taken")
              .putInBackground(false)
              .executor(Runnable::run);
      try (QueueBase<String> queue = build(builder, kind)) {
        queue.start();
        long now = System.currentTimeMillis();
        for (int i = 0; !takes && i < count; i++) put(queue, kind, i, now);
        if (!left.await(60, TimeUnit.SECONDS)) throw new IllegalStateException("not enough came");
        System.out.println("done");
      }
    }
  }

  private static QueueBase<String> build(QueueBuilder<String> builder, String kind) {
    if (kind.equals("priority")) return builder.buildPriorityQueue(0);
    return kind.equals("delay") ? builder.buildDelayQueue() : builder.buildQueue();
  }

  @SuppressWarnings("unchecked")
  private static void put(QueueBase<String> queue, String kind, int i, long now) throws Exception {
    if (kind.equals("priority")) {
      ((DistributedPriorityQueue<String>) queue).put("curator " + i, -i);
    } else if (kind.equals("delay")) {
      ((DistributedDelayQueue<String>) queue).put("curator " + i, now + 1_000 - 200 * i);
    } else {
      ((DistributedQueue<String>) queue).put("curator " + i);
    }
  }
}
