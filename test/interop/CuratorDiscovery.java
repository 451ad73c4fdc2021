import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceProvider;
import org.apache.curator.x.discovery.ServiceType;
import org.apache.curator.x.discovery.UriSpec;
import org.apache.curator.x.discovery.details.JsonInstanceSerializer;

/** Curator's service discovery, told by lines on standard input what to do; it answers each with a line. */
public class CuratorDiscovery {
  public static void main(String[] args) throws Exception {
    try (CuratorFramework client =
        CuratorFrameworkFactory.newClient(args[0], 6_000, 10_000, new ExponentialBackoffRetry(100, 5))) {
      client.start();
      try (ServiceDiscovery<Object> discovery =
          ServiceDiscoveryBuilder.builder(Object.class)
              .client(client)
              .basePath(args[1])
              .serializer(new JsonInstanceSerializer<>(Object.class, false))
              .build()) {
        discovery.start();
        Map<String, ServiceProvider<Object>> providers = new HashMap<>();
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready");
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
          System.out.println(answer(discovery, providers, line.split(" ")));
        }
        for (ServiceProvider<Object> provider : providers.values()) provider.close();
      }
    }
  }

  private static String answer(
      ServiceDiscovery<Object> discovery, Map<String, ServiceProvider<Object>> providers, String[] words)
      throws Exception {
    switch (words[0]) {
      case "register":
        discovery.registerService(instance(words));
        return "ok";
      case "update":
        discovery.updateService(instance(words));
        return "ok";
      case "unregister":
        discovery.unregisterService(discovery.queryForInstance(words[1], words[2]));
        return "ok";
      case "names":
        return String.join(" ", discovery.queryForNames());
      case "instances":
        Map<String, String> described = new TreeMap<>();
        for (ServiceInstance<Object> one : discovery.queryForInstances(words[1])) {
          described.put(one.getId(), describe(one));
        }
        return String.join(" ", described.values());
      case "pick":
        ServiceProvider<Object> provider = providers.get(words[1]);
        if (provider == null) {
          provider = discovery.serviceProviderBuilder().serviceName(words[1]).build();
          provider.start();
          providers.put(words[1], provider);
        }
        ServiceInstance<Object> picked = provider.getInstance();
        return picked == null ? "none" : picked.getId();
      default:
        throw new IllegalArgumentException(words[0]);
    }
  }

  /** `command name id type port payload` */
  private static ServiceInstance<Object> instance(String[] words) throws Exception {
    return ServiceInstance.<Object>builder()
        .name(words[1])
        .id(words[2])
        .serviceType(ServiceType.valueOf(words[3]))
        .address("10.0.0.1")
        .port(Integer.parseInt(words[4]))
        .payload(payload(words[5]))
        .uriSpec(new UriSpec("{scheme}://{address}:{port}"))
        .build();
  }

  private static Object payload(String kind) {
    switch (kind) {
      case "map":
        Map<String, Object> map = new TreeMap<>();
        map.put("version", "1.4");
        return map;
      case "list":
        List<Object> list = new ArrayList<>();
        list.add("a");
        list.add(1);
        return list;
      default:
        return kind;
    }
  }

  private static String describe(ServiceInstance<Object> one) {
    Object payload = one.getPayload();
    return String.join(
        "|",
        one.getId(),
        String.valueOf(one.getServiceType()),
        String.valueOf(one.getPort()),
        payload == null ? "null" : payload.toString().replace(" ", ""),
        one.isEnabled() ? "enabled" : "disabled",
        one.buildUriSpec());
  }
}
