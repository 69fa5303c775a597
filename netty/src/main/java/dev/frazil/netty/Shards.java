package dev.frazil.netty;

import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.Driver;
import dev.frazil.netty.io.ServerTls;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerEvent;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the machines of one service share: each has an event loop of its own, and all listen on the same addresses. */
final class Shards {
  private static final System.Logger LOGGER = System.getLogger(Shards.class.getName());

  final IceRuntime runtime;
  final TurnServiceSettings settings;
  final Consumer<TurnServerEvent> listener;
  final List<DrivenTurn> all;
  final BindingServer.@Nullable Discovery discovery;
  private final SharedQuotas quotas = new SharedQuotas();
  private final Set<TransportAddress> relayed = ConcurrentHashMap.newKeySet();
  private volatile @Nullable ServerTls tls;

  Shards(IceRuntime runtime, TurnServiceSettings settings, Consumer<TurnServerEvent> listener) {
    this.runtime = runtime;
    this.settings = settings;
    this.listener = listener;
    List<Driver> drivers = runtime.drivers(sharesPorts(runtime) ? settings.shards : 1);
    if (drivers.size() < settings.shards) {
      LOGGER.log(
          Level.WARNING,
          () -> "TURN service: " + drivers.size() + " of " + settings.shards
              + " shards: the runtime has so many event loops, or ports can't be shared here");
    }
    List<TurnServerConfiguration> configurations =
        configurations(settings.configuration, drivers.size());
    quotas.setLimits(configurations.get(0).limits());
    discovery = configurations.get(0).binding().discovery();
    List<DrivenTurn> machines = new ArrayList<>();
    for (int i = 0; i < drivers.size(); i++) {
      machines.add(new DrivenTurn(this, drivers.get(i), configurations.get(i)));
    }
    all = List.copyOf(machines);
  }

  /** On Linux; with io_uring, a stream that changes its event loop may lose what was just read. */
  private static boolean sharesPorts(IceRuntime runtime) {
    return System.getProperty("os.name").equals("Linux")
        && runtime.transport() != IoTransport.IO_URING;
  }

  /** One for each machine, and their limits for all together. */
  private List<TurnServerConfiguration> configurations(
      Consumer<TurnServerConfiguration.Builder> said, int count) {
    List<TurnServerConfiguration> configurations = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      TurnServerConfiguration.Builder builder =
          TurnService.configuration(runtime).shard(i);
      if (count > 1) {
        builder.quotas(quotas).relayedElsewhere(relayed::contains);
      }
      said.accept(builder);
      configurations.add(builder.build());
    }
    return configurations;
  }

  void reconfigure(Consumer<TurnServerConfiguration.Builder> said) {
    List<TurnServerConfiguration> configurations = configurations(said, all.size());
    if (!Objects.equals(discovery, configurations.get(0).binding().discovery())) {
      throw new IllegalArgumentException(
          "discovery: its addresses are bound at the start and can't change");
    }
    quotas.setLimits(configurations.get(0).limits());
    for (int i = 0; i < all.size(); i++) {
      DrivenTurn machine = all.get(i);
      TurnServerConfiguration configuration = configurations.get(i);
      machine
          .driver()
          .execute(() -> machine.turn(now -> machine.machine().reconfigure(configuration, now)));
    }
  }

  void close() {
    all.forEach(shard -> shard.driver().execute(shard::shutDown));
  }

  /** The machine that made what a request names; null when it names nothing. */
  @Nullable DrivenTurn named(ByteBuffer message) {
    if (isOne() || message.remaining() < StunMessage.HEADER_LENGTH) {
      return null;
    }
    int type = message.getShort(message.position());
    boolean mayName =
        type == Method.ALLOCATE || type == Method.REFRESH || type == Method.CONNECTION_BIND;
    int shard = mayName ? TurnServer.shardOf(message) : -1;
    return shard < 0 || shard >= all.size() ? null : all.get(shard);
  }

  /** The first binds alone, so that another server's port is not taken for its own, and shares the port afterwards. */
  boolean isFirst(DrivenTurn shard) {
    return shard == all.get(0);
  }

  boolean isOne() {
    return all.size() == 1;
  }

  ServerTls tls() {
    return Objects.requireNonNull(tls, "identity");
  }

  void setTls(ServerTls value) {
    tls = value;
  }

  void opened(TransportAddress address) {
    relayed.add(address);
  }

  void closed(TransportAddress address) {
    relayed.remove(address);
  }
}
