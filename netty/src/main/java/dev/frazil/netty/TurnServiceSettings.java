package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.net.IpPrefix;
import dev.frazil.netty.io.ClientStreams;
import dev.frazil.netty.io.StreamListener;
import dev.frazil.turn.TurnServerConfiguration;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What a {@link TurnService} is told at its start. Immutable; made by {@link #builder}. */
public final class TurnServiceSettings {
  final Consumer<TurnServerConfiguration.Builder> configuration;
  final List<TurnListener> listeners;
  final ClientStreams.Limits streams;
  final StreamListener.Proxies proxies;
  final @Nullable TlsIdentity identity;
  final int shards;

  private TurnServiceSettings(Builder builder) {
    configuration = builder.configuration;
    listeners = List.copyOf(builder.listeners);
    streams = new ClientStreams.Limits(
        builder.streams,
        builder.unusedStreams,
        builder.unusedStreamsPerSource,
        builder.streamPatience);
    proxies = StreamListener.Proxies.of(builder.proxies, builder.streamPatience);
    identity = builder.identity;
    shards = builder.shards;
  }

  /**
   * Starts the settings of a service; it needs a listener.
   *
   * @param configuration says on a builder, which has the runtime's source of randomness and its clock already, what the
   *     server allows to whom; it is asked whenever a configuration is made, so it has to say the same each time
   */
  public static Builder builder(Consumer<TurnServerConfiguration.Builder> configuration) {
    return new Builder(configuration);
  }

  /** Collects settings; each but the listeners has a default. */
  public static final class Builder {
    private final Consumer<TurnServerConfiguration.Builder> configuration;
    private final Set<TurnListener> listeners = new LinkedHashSet<>();
    private final Set<IpPrefix> proxies = new LinkedHashSet<>();
    private int streams = ClientStreams.Limits.DEFAULT.most();
    private int unusedStreams = ClientStreams.Limits.DEFAULT.mostUnused();
    private int unusedStreamsPerSource = ClientStreams.Limits.DEFAULT.mostUnusedPerSource();
    private Duration streamPatience = ClientStreams.Limits.DEFAULT.patience();

    private @Nullable TlsIdentity identity;
    private int shards = 1;

    private Builder(Consumer<TurnServerConfiguration.Builder> configuration) {
      this.configuration = Objects.requireNonNull(configuration, "configuration");
    }

    /** Adds a listener; one that is given twice counts once. */
    public Builder listen(TurnListener value) {
      listeners.add(Objects.requireNonNull(value, "listener"));
      return this;
    }

    /** Adds a listener at an IP address and a port, see {@link TurnListener}. */
    public Builder listen(TurnListener.Kind kind, String ip, int port) {
      return listen(TurnListener.of(kind, IpAddress.parse(ip), port));
    }

    /** What TLS and DTLS listeners show of themselves; they can't be without. */
    public Builder identity(TlsIdentity value) {
      identity = Objects.requireNonNull(value, "identity");
      return this;
    }

    /**
     * How many event loops serve, each with a machine and sockets of its own, between which the kernel shares clients out;
     * no more than the runtime has, and one where ports can't be shared: they can on Linux, but not with io_uring. Limits
     * of streams hold for each. 1 to 256, default 1.
     */
    public Builder shards(int value) {
      if (value > 256) {
        throw new IllegalArgumentException("shards " + value + ": must be 1 to 256");
      }
      shards = positive("shards", value);
      return this;
    }

    /**
     * How many streams there may be at the same time. Those without an allocation are bounded more tightly: in all, where
     * a further one ends the oldest, and for each source (an IPv4 address or an IPv6 /64), where a further one is
     * refused. Default 20,000, 4,096 and 256.
     */
    public Builder streams(int most, int mostUnused, int mostUnusedPerSource) {
      streams = positive("streams", most);
      unusedStreams = positive("unused streams", mostUnused);
      unusedStreamsPerSource = positive("unused streams per source", mostUnusedPerSource);
      return this;
    }

    /**
     * Adds addresses of proxies, as {@code 192.0.2.0/24} or one alone, which say by the PROXY protocol (version 1 or 2)
     * whom a connection of TCP or TLS is from: at its very beginning and within five seconds, else it is closed. What they
     * say is believed, so that nobody else may have these addresses. Others connect as before. Default: none.
     *
     * @throws IllegalArgumentException when it is no range, naming it
     */
    public Builder proxy(String range) {
      try {
        proxies.add(IpPrefix.parse(range));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("proxy range '" + range + "': " + e.getMessage(), e);
      }
      return this;
    }

    /** How long a stream may be without an allocation, 100 ms to a day. Default 30 s. */
    public Builder streamPatience(Duration value) {
      if (value.toMillis() < 100 || value.compareTo(Duration.ofDays(1)) > 0) {
        throw new IllegalArgumentException("streamPatience " + value + ": must be 100 ms to a day");
      }
      streamPatience = value;
      return this;
    }

    private static int positive(String name, int value) {
      if (value < 1) {
        throw new IllegalArgumentException(name + " " + value + ": must be at least 1");
      }
      return value;
    }

    /**
     * Makes the settings.
     *
     * @throws IllegalStateException when there is no listener, or one of TLS or DTLS but no identity
     */
    public TurnServiceSettings build() {
      if (listeners.isEmpty()) {
        throw new IllegalStateException("listeners: one at least");
      }
      for (TurnListener listener : listeners) {
        if (listener.kind().isSecure() && identity == null) {
          throw new IllegalStateException("identity: " + listener + " needs one");
        }
      }
      return new TurnServiceSettings(this);
    }
  }
}
