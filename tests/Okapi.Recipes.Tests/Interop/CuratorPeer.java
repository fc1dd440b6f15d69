import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.UriSpec;
import org.apache.curator.x.discovery.details.JsonInstanceSerializer;
import org.apache.zookeeper.CreateMode;

/**
 * Curator's recipes, told what to do line by line. A line is "NUMBER CLIENT VERB WORDS...", separated by tabs; the answer is "NUMBER ok VALUE" or "NUMBER error WHAT", in whatever order answers
 * come. Each client has a session and a thread of its own (Curator's locks belong to threads), and does what it is told one after the other.
 */
public final class CuratorPeer {
    private static final PrintStream ANSWERS = System.out;
    private static final Map<String, Client> CLIENTS = new ConcurrentHashMap<>();

    public static void main(String[] arguments) throws Exception {
        System.setOut(System.err);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split("\t", -1);
            String[] rest = Arrays.copyOfRange(words, 3, words.length);
            CLIENTS.computeIfAbsent(words[1], Client::new).tell(words[0], words[2], rest);
        }
        Runtime.getRuntime().halt(0); // whoever told us what to do is gone: sessions end by themselves
    }

    static void answer(String number, String kind, Object value) {
        synchronized (ANSWERS) {
            ANSWERS.print(number + "\t" + kind + "\t" + String.valueOf(value).replace('\n', ' ') + "\n");
            ANSWERS.flush();
        }
    }

    private static final class Client {
        private final ExecutorService thread = Executors.newSingleThreadExecutor();
        private final Map<String, Object> things = new HashMap<>();
        private final Map<String, InterProcessLock> locks = new HashMap<>();
        private final String name;
        private CuratorFramework zk;
        private String[] lastJoined;

        Client(String name) {
            this.name = name;
        }

        void tell(String number, String verb, String[] words) {
            thread.execute(() -> {
                try {
                    answer(number, "ok", perform(verb, words));
                } catch (Throwable e) {
                    answer(number, "error", e);
                }
            });
        }

        private Object perform(String verb, String[] w) throws Exception {
            switch (verb) {
                case "connect": return connect(w[0]);
                case "close": return close();
                case "acquire": return acquire(w[0], w[1], w[2], Long.parseLong(w[4]));
                case "again": return again(w[0], Long.parseLong(w[1]));
                case "lease": return lease(w[0], w[1], Integer.parseInt(w[2]), Long.parseLong(w[4]));
                case "release": return release(w[0]);
                case "contenders": return contenders(w[0], w[1]);
                case "count-up": return countUp(w[0], w[1], Integer.parseInt(w[2]));
                case "crowd": return crowd(w[0], Integer.parseInt(w[1]), w[2], Integer.parseInt(w[3]));
                case "stand": return stand(w[0], w[1], w[2]);
                case "select": return select(w[0], w[1], w[2]);
                case "led": return led(w[0], Long.parseLong(w[1]));
                case "candidates": return candidates(w[0]);
                case "leader": return leader(w[0]);
                case "atomic-long": return atomicLong(w);
                case "atomic-int": return atomicInt(w);
                case "shared-count": return sharedCount(w);
                case "shared-value": return sharedValue(w);
                case "barrier": return barrier(w);
                case "double-barrier": return doubleBarrier(w);
                case "queue": return queue(w);
                case "take": return taken(w[0], Long.parseLong(w[1]));
                case "join": return join(w[0], w[1], w[2], w[3]);
                case "leave": return release(w[0]);
                case "rejoin": return join(lastJoined[0], lastJoined[1], lastJoined[2], lastJoined[3]); // a member of Curator's comes but once
                case "members": return members(w[0]);
                case "register": return register(w);
                case "find": return w.length > 2 ? find(w[0], w[1], Details.class) : find(w[0], w[1], String.class);
                case "services": return services(w[0]);
                default: throw new IllegalArgumentException("unknown: " + verb);
            }
        }

        private Object connect(String address) throws Exception {
            zk = CuratorFrameworkFactory.builder().connectString(address).sessionTimeoutMs(20_000).connectionTimeoutMs(20_000).retryPolicy(new RetryNTimes(20, 50)).build();
            // Recipes do things once more when they are told of a connection: service discovery deletes and creates what it has just registered. So they begin when all have been told.
            CountDownLatch told = new CountDownLatch(1);
            zk.getConnectionStateListenable().addListener((client, state) -> told.countDown());
            zk.start();
            if (!told.await(20, TimeUnit.SECONDS)) throw new IllegalStateException("not connected");
            return Long.toHexString(zk.getZookeeperClient().getZooKeeper().getSessionId());
        }

        private Object close() {
            for (Object thing : things.values()) {
                if (thing instanceof AutoCloseable) {
                    try {
                        ((AutoCloseable) thing).close();
                    } catch (Exception e) {
                        e.printStackTrace();
                    }
                }
            }
            if (zk != null) zk.close();
            CLIENTS.remove(name);
            thread.shutdown();
            return "closed";
        }

        // Locks. A time of -1 is for ever.

        private Object acquire(String thing, String kind, String path, long millis) throws Exception {
            InterProcessLock lock =
                kind.equals("read") ? new InterProcessReadWriteLock(zk, path).readLock()
                : kind.equals("write") ? new InterProcessReadWriteLock(zk, path).writeLock()
                : new InterProcessMutex(zk, path);
            locks.put(thing, lock);
            return again(thing, millis);
        }

        /** The object that was used before. */
        private Object again(String thing, long millis) throws Exception {
            InterProcessLock lock = locks.get(thing);
            if (millis < 0) lock.acquire();
            else if (!lock.acquire(millis, TimeUnit.MILLISECONDS)) return "no";
            things.put(thing, (AutoCloseable) lock::release);
            return "held";
        }

        private Object lease(String thing, String path, int max, long millis) throws Exception {
            InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(zk, path, max);
            Lease lease = millis < 0 ? semaphore.acquire() : semaphore.acquire(millis, TimeUnit.MILLISECONDS);
            if (lease == null) return "no";
            things.put(thing, (AutoCloseable) lease::close);
            return "held";
        }

        private Object release(String thing) throws Exception {
            ((AutoCloseable) things.remove(thing)).close();
            return "released";
        }

        private Object contenders(String kind, String path) throws Exception {
            if (kind.equals("semaphore")) return new InterProcessSemaphoreV2(zk, path, 1).getParticipantNodes().size();
            InterProcessReadWriteLock both = new InterProcessReadWriteLock(zk, path);
            Collection<String> nodes =
                kind.equals("mutex") ? new InterProcessMutex(zk, path).getParticipantNodes()
                : kind.equals("read") ? both.readLock().getParticipantNodes() : both.writeLock().getParticipantNodes();
            return nodes.size();
        }

        /** Adds to a znode's number without a thought of others: right only under the lock. */
        private Object countUp(String path, String counter, int times) throws Exception {
            for (int i = 0; i < times; i++) {
                InterProcessMutex lock = new InterProcessMutex(zk, path);
                lock.acquire();
                try {
                    zk.setData().forPath(counter, bytes(Integer.toString(Integer.parseInt(text(zk.getData().forPath(counter))) + 1)));
                } finally {
                    lock.release();
                }
            }
            return "done";
        }

        /** Takes leases and tells how many were inside at most. */
        private Object crowd(String path, int max, String inside, int times) throws Exception {
            int most = 0;
            for (int i = 0; i < times; i++) {
                try (Lease lease = new InterProcessSemaphoreV2(zk, path, max).acquire()) {
                    String mine = zk.create().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(inside + "/in-");
                    most = Math.max(most, zk.getChildren().forPath(inside).size());
                    zk.delete().forPath(mine);
                }
            }
            return most;
        }

        // Elections.

        private Object stand(String thing, String path, String id) throws Exception {
            LeaderLatch latch = new LeaderLatch(zk, path, id);
            latch.start();
            things.put(thing, latch);
            return "stands";
        }

        private Object select(String thing, String path, String id) {
            Selected selected = new Selected();
            selected.selector = new LeaderSelector(zk, path, selected);
            selected.selector.setId(id);
            selected.selector.start();
            things.put(thing, selected);
            return "stands";
        }

        private Object led(String thing, long millis) throws Exception {
            Object candidate = things.get(thing);
            boolean leads = candidate instanceof LeaderLatch
                ? ((LeaderLatch) candidate).await(millis, TimeUnit.MILLISECONDS)
                : ((Selected) candidate).leads.await(millis, TimeUnit.MILLISECONDS);
            return leads ? "leads" : "no";
        }

        private Object candidates(String thing) throws Exception {
            List<String> ids = new ArrayList<>();
            Object candidate = things.get(thing);
            for (Participant each : candidate instanceof LeaderLatch ? ((LeaderLatch) candidate).getParticipants() : ((Selected) candidate).selector.getParticipants()) ids.add(each.getId());
            return String.join(",", ids);
        }

        private Object leader(String thing) throws Exception {
            Object candidate = things.get(thing);
            return (candidate instanceof LeaderLatch ? ((LeaderLatch) candidate).getLeader() : ((Selected) candidate).selector.getLeader()).getId();
        }

        // Counters and values: "get", or "add", "set" and "try" with a number or text.

        private Object atomicLong(String[] w) throws Exception {
            DistributedAtomicLong value = new DistributedAtomicLong(zk, w[1], new RetryNTimes(1000, 1));
            switch (w[0]) {
                case "get": return succeeded(value.get());
                case "add": return succeeded(value.add(Long.parseLong(w[2])));
                case "swap": return value.compareAndSet(Long.parseLong(w[2]), Long.parseLong(w[3])).succeeded();
                case "initialize": return value.initialize(Long.parseLong(w[2]));
                case "count-up":
                    for (int i = Integer.parseInt(w[2]); i > 0; i--) succeeded(value.increment());
                    return "done";
                default:
                    value.forceSet(Long.parseLong(w[2]));
                    return "set";
            }
        }

        private Object atomicInt(String[] w) throws Exception {
            DistributedAtomicInteger value = new DistributedAtomicInteger(zk, w[1], new RetryNTimes(1000, 1));
            return succeeded(w[0].equals("get") ? value.get() : value.add(Integer.parseInt(w[2])));
        }

        private static <T> T succeeded(AtomicValue<T> value) {
            if (!value.succeeded()) throw new IllegalStateException("did not succeed");
            return value.postValue();
        }

        private Object sharedCount(String[] w) throws Exception {
            try (SharedCount count = new SharedCount(zk, w[1], 0)) {
                count.start();
                if (w[0].equals("get")) return count.getCount();
                if (w[0].equals("try")) return count.trySetCount(count.getVersionedValue(), Integer.parseInt(w[2]));
                count.setCount(Integer.parseInt(w[2]));
                return "set";
            }
        }

        private Object sharedValue(String[] w) throws Exception {
            try (SharedValue value = new SharedValue(zk, w[1], new byte[0])) {
                value.start();
                if (w[0].equals("get")) return text(value.getValue());
                if (w[0].equals("try")) return value.trySetValue(value.getVersionedValue(), bytes(w[2]));
                value.setValue(bytes(w[2]));
                return "set";
            }
        }

        // Barriers.

        private Object barrier(String[] w) throws Exception {
            DistributedBarrier barrier = new DistributedBarrier(zk, w[1]);
            if (w[0].equals("wait")) return barrier.waitOnBarrier(Long.parseLong(w[2]), TimeUnit.MILLISECONDS) ? "passed" : "no";
            if (w[0].equals("set")) barrier.setBarrier();
            else barrier.removeBarrier();
            return w[0];
        }

        private Object doubleBarrier(String[] w) throws Exception {
            if (w[0].equals("leave")) return ((DistributedDoubleBarrier) things.remove(w[1])).leave(Long.parseLong(w[2]), TimeUnit.MILLISECONDS) ? "left" : "no";
            DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(zk, w[2], Integer.parseInt(w[3]));
            things.put(w[1], barrier);
            return barrier.enter(Long.parseLong(w[4]), TimeUnit.MILLISECONDS) ? "entered" : "no";
        }

        // Queues.

        /**
         * "put KIND PATH ITEM PRIORITY"; or "consume NAME KIND PATH", after which items are to be had by "take"; or "hold NAME KIND PATH LOCKS", which holds what it takes until "done NAME".
         */
        private Object queue(String[] w) throws Exception {
            if (w[0].equals("put")) return put(w[1], w[2], w[3], w[4]);
            if (w[0].equals("done")) {
                ((Consumer) things.get(w[1])).done.release();
                return "done";
            }
            Consumer consumer = new Consumer(w[0].equals("hold"));
            QueueBuilder<String> builder = QueueBuilder.builder(zk, consumer, new Texts(), w[3]);
            if (w.length > 4) builder.lockPath(w[4]);
            if (w[2].equals("priority")) {
                DistributedPriorityQueue<String> queue = builder.buildPriorityQueue(0);
                queue.start();
                consumer.queue = queue;
            } else {
                DistributedQueue<String> queue = builder.buildQueue();
                queue.start();
                consumer.queue = queue;
            }
            things.put(w[1], consumer);
            return "consumes";
        }

        private Object put(String kind, String path, String item, String priority) throws Exception {
            QueueBuilder<String> builder = QueueBuilder.builder(zk, null, new Texts(), path);
            if (kind.equals("priority")) {
                try (DistributedPriorityQueue<String> queue = builder.buildPriorityQueue(0)) {
                    queue.start();
                    queue.put(item, Integer.parseInt(priority));
                }
            } else {
                try (DistributedQueue<String> queue = builder.buildQueue()) {
                    queue.start();
                    queue.put(item);
                }
            }
            return "put";
        }

        private Object taken(String thing, long millis) throws Exception {
            String item = ((Consumer) things.get(thing)).items.poll(millis, TimeUnit.MILLISECONDS);
            return item == null ? "none" : item;
        }

        // Members and services.

        private Object join(String thing, String path, String id, String data) {
            lastJoined = new String[] {thing, path, id, data};
            GroupMember member = new GroupMember(zk, path, id, bytes(data));
            member.start();
            things.put(thing, member);
            return "joined";
        }

        private Object members(String thing) {
            TreeSet<String> members = new TreeSet<>();
            ((GroupMember) things.get(thing)).getCurrentMembers().forEach((id, data) -> members.add(id + "=" + text(data)));
            return String.join(",", members);
        }

        /** "NAME BASE SERVICE ID ADDRESS PORT PAYLOAD", or with ZONE and WEIGHT for a payload that is an object. */
        private Object register(String[] w) throws Exception {
            if (w.length == 7) return register(w, String.class, w[6]);
            Details details = new Details();
            details.zone = w[6];
            details.weight = Integer.parseInt(w[7]);
            return register(w, Details.class, details);
        }

        private <T> Object register(String[] w, Class<T> type, T payload) throws Exception {
            ServiceInstance<T> instance = ServiceInstance.<T>builder().name(w[2]).id(w[3]).address(w[4]).port(Integer.parseInt(w[5])).payload(payload)
                .uriSpec(new UriSpec("{scheme}://{address}:{port}/{name}")).build();
            ServiceDiscovery<T> discovery = discovery(w[1], type);
            things.put(w[0], discovery);
            discovery.registerService(instance);
            return instance.getRegistrationTimeUTC();
        }

        /** Instances as Curator would write them, and what it makes of them. */
        private <T> Object find(String path, String service, Class<T> type) throws Exception {
            TreeMap<String, String> found = new TreeMap<>();
            JsonInstanceSerializer<T> json = new JsonInstanceSerializer<>(type);
            try (ServiceDiscovery<T> discovery = discovery(path, type)) {
                for (ServiceInstance<T> each : discovery.queryForInstances(service)) found.put(each.getId(), text(json.serialize(each)) + " " + each.buildUriSpec() + " " + each.isEnabled());
            }
            return String.join("\t", found.values());
        }

        private Object services(String path) throws Exception {
            try (ServiceDiscovery<String> discovery = discovery(path, String.class)) {
                return String.join(",", new TreeSet<>(discovery.queryForNames()));
            }
        }

        private <T> ServiceDiscovery<T> discovery(String path, Class<T> type) throws Exception {
            ServiceDiscovery<T> discovery = ServiceDiscoveryBuilder.builder(type).client(zk).basePath(path).serializer(new JsonInstanceSerializer<>(type)).build();
            discovery.start();
            return discovery;
        }
    }

    /** What a service tells of its instances. */
    public static final class Details {
        public String zone;
        public int weight;
    }

    /** Leads until it is closed. */
    private static final class Selected extends LeaderSelectorListenerAdapter implements AutoCloseable {
        final CountDownLatch leads = new CountDownLatch(1);
        private final CountDownLatch over = new CountDownLatch(1);
        LeaderSelector selector;

        @Override
        public void takeLeadership(CuratorFramework zk) throws Exception {
            leads.countDown();
            over.await();
        }

        @Override
        public void close() {
            over.countDown();
            selector.close();
        }
    }

    /** Keeps what was taken from a queue until it is asked for. */
    private static final class Consumer implements QueueConsumer<String>, AutoCloseable {
        final BlockingQueue<String> items = new LinkedBlockingQueue<>();
        final Semaphore done = new Semaphore(0);
        private final boolean holds;
        AutoCloseable queue;

        Consumer(boolean holds) {
            this.holds = holds;
        }

        @Override
        public void consumeMessage(String item) throws Exception {
            items.add(item);
            if (holds) done.acquire();
        }

        @Override
        public void stateChanged(CuratorFramework zk, ConnectionState state) {
        }

        @Override
        public void close() throws Exception {
            queue.close();
        }
    }

    private static final class Texts implements QueueSerializer<String> {
        @Override
        public byte[] serialize(String item) {
            return bytes(item);
        }

        @Override
        public String deserialize(byte[] data) {
            return text(data);
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] data) {
        return new String(data, StandardCharsets.UTF_8);
    }
}
