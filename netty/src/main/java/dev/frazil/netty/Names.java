package dev.frazil.netty;

import dev.frazil.net.IpAddress;
import dev.frazil.netty.io.SocketAddresses;
import dev.frazil.netty.io.Sockets;
import io.netty.channel.ChannelException;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramChannel;
import io.netty.resolver.ResolvedAddressTypes;
import io.netty.resolver.dns.DnsNameResolver;
import io.netty.resolver.dns.DnsNameResolverBuilder;
import io.netty.resolver.dns.DnsNameResolverChannelStrategy;
import io.netty.resolver.dns.DnsNameResolverTimeoutException;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Looks names up without blocking: addresses as text, {@code localhost}, the hosts file, then the name servers that the
 * system is set to. Everything but {@link #lookUp} happens on one event loop.
 */
final class Names {
  /** One query; the server may be asked again until the limit. */
  private static final long QUERY_MILLIS = 1300;
  /** A look-up. */
  private static final Duration LIMIT = Duration.ofSeconds(4);
  /** RFC 8305 3: how long an IPv6 address is waited for when an IPv4 one is there. */
  private static final Duration RESOLUTION_DELAY = Duration.ofMillis(50);

  private static final int MAX_QUERIES = 8;
  private static final int MAX_SAME_LOOK_UPS = 64;

  private final EventLoop eventLoop;
  private final Sockets sockets;
  private final @Nullable DnsServerAddressStreamProvider servers;
  private final Set<DatagramChannel> channels = new HashSet<>();
  private @Nullable DnsNameResolver ipv4;
  private @Nullable DnsNameResolver ipv6;
  private boolean closed;

  /**
   * Does nothing until the first look-up.
   *
   * @param servers null for the system's name servers
   */
  Names(EventLoop eventLoop, Sockets sockets, @Nullable DnsServerAddressStreamProvider servers) {
    this.eventLoop = eventLoop;
    this.sockets = sockets;
    this.servers = servers;
  }

  /**
   * From any thread: looks a name up.
   *
   * @param answer gets the addresses of both families on a thread of this object's choice, or none within a few seconds
   */
  void lookUp(String name, Consumer<List<IpAddress>> answer) {
    List<IpAddress> known = withoutServers(name);
    if (!known.isEmpty() || name.isEmpty()) {
      answer.accept(known);
    } else if (eventLoop.inEventLoop()) {
      new LookUp(name, answer).begin();
    } else {
      eventLoop.execute(() -> new LookUp(name, answer).begin());
    }
  }

  private static List<IpAddress> withoutServers(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (lower.equals("localhost") || lower.endsWith(".localhost")) { // RFC 6761 6.3
      return List.of(IpAddress.parse("127.0.0.1"), IpAddress.parse("::1"));
    }
    if (lower.indexOf(':') < 0 && !lower.chars().allMatch(c -> c == '.' || c >= '0' && c <= '9')) {
      return List.of();
    }
    try {
      return List.of(IpAddress.parse(name));
    } catch (IllegalArgumentException e) {
      return List.of();
    }
  }

  private DnsNameResolver ipv4() {
    if (ipv4 == null) {
      ipv4 = resolver(ResolvedAddressTypes.IPV4_ONLY);
    }
    return ipv4;
  }

  private DnsNameResolver ipv6() {
    if (ipv6 == null) {
      ipv6 = resolver(ResolvedAddressTypes.IPV6_ONLY);
    }
    return ipv6;
  }

  private DnsNameResolver resolver(ResolvedAddressTypes types) {
    DnsNameResolverBuilder settings = new DnsNameResolverBuilder(eventLoop)
        .datagramChannelFactory(this::newChannel)
        // no socket but while a look-up runs
        .datagramChannelStrategy(DnsNameResolverChannelStrategy.ChannelPerResolution)
        .resolvedAddressTypes(types)
        .queryTimeoutMillis(QUERY_MILLIS)
        .maxQueriesPerResolve(MAX_QUERIES)
        .consolidateCacheSize(MAX_SAME_LOOK_UPS);
    if (servers != null) {
      settings.nameServerProvider(servers);
    }
    return settings.build();
  }

  /** A socket of one look-up. Kept in mind because Netty forgets those that are in use when its event loop ends. */
  private DatagramChannel newChannel() {
    if (closed) {
      throw new ChannelException("the runtime is closed");
    }
    DatagramChannel channel = sockets.datagramChannel();
    channels.add(channel);
    channel.closeFuture().addListener(done -> channels.remove(channel));
    return channel;
  }

  /** From any thread. */
  void close() {
    eventLoop.execute(() -> {
      closed = true;
      if (ipv4 != null) {
        ipv4.close();
      }
      if (ipv6 != null) {
        ipv6.close();
      }
      List.copyOf(channels).forEach(DatagramChannel::close);
    });
  }

  /** One look-up: both families at once. */
  private final class LookUp {
    private final String name;
    private final Consumer<List<IpAddress>> answer;
    private final List<IpAddress> found = new ArrayList<>();
    private int open = 2;
    private boolean answered;
    private @Nullable Future<?> limit;

    LookUp(String name, Consumer<List<IpAddress>> answer) {
      this.name = name;
      this.answer = answer;
    }

    void begin() {
      if (closed) {
        finish();
        return;
      }
      limit = after(LIMIT);
      ask(ipv4(), true);
      ask(ipv6(), false);
    }

    private Future<?> after(Duration wait) {
      return eventLoop.schedule(this::finish, wait.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void ask(DnsNameResolver resolver, boolean first) {
      if (answered) {
        return;
      }
      Future<List<InetAddress>> reply = resolver.resolveAll(name);
      reply.addListener((Future<List<InetAddress>> done) -> {
        if (isTimeout(done.cause())) {
          ask(resolver, first); // a lost datagram should not cost the server
          return;
        }
        if (done.isSuccess()) {
          done.getNow().forEach(address -> found.add(SocketAddresses.toIp(address)));
        }
        if (--open == 0) {
          finish();
        } else if (first && !found.isEmpty()) {
          after(RESOLUTION_DELAY);
        }
      });
    }

    private static boolean isTimeout(@Nullable Throwable cause) {
      for (Throwable t = cause; t != null; t = t.getCause()) {
        if (t instanceof DnsNameResolverTimeoutException) {
          return true;
        }
      }
      return false;
    }

    private void finish() {
      if (!answered) {
        answered = true;
        if (limit != null) {
          limit.cancel(false);
        }
        answer.accept(List.copyOf(found));
      }
    }
  }
}
