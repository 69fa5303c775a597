package dev.frazil.server;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.TlsIdentity;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** What is allowed, but better were otherwise: in plain words, with what to do. */
final class Advice {
  private static final int SHORTEST_SECRET = 16;
  private static final int SHORTEST_PASSWORD = 8;
  private static final Duration SOON = Duration.ofDays(14);
  private static final int CAP_NET_BIND_SERVICE = 10;
  private static final int PRIVILEGED = 1024;

  private final List<String> words = new ArrayList<>();

  private Advice() {}

  /** About a configuration, on this host and now. */
  static List<String> of(ServerConfiguration configuration, Draft draft, Instant now) {
    Advice advice = new Advice();
    advice.secrets(draft);
    advice.peers(draft);
    advice.identity(configuration, draft, now);
    advice.metrics(draft);
    if (!configuration.relays()) {
      return advice.words;
    }
    try {
      advice.addresses(
          draft.relay.relays(configuration.listen(), HostAddresses.now()), !draft.listen.isEmpty());
    } catch (IOException | ConfigurationException e) {
      // told when the server starts
    }
    return advice.words;
  }

  private void secrets(Draft draft) {
    long weak = draft.secrets.stream()
        .filter(secret -> secret.length() < SHORTEST_SECRET)
        .count();
    if (weak > 0) {
      words.add("secret: " + weak + " of " + draft.secrets.size() + " has fewer than "
          + SHORTEST_SECRET
          + " characters; whoever sees one request can try out short ones. Make one by: "
          + "openssl rand -base64 32");
    }
    for (LongTermCredential user : draft.users.values()) {
      if (user.password().length() < SHORTEST_PASSWORD) {
        words.add("user: the password of " + EventLog.quoted(user.username()) + " has fewer than "
            + SHORTEST_PASSWORD
            + " characters; whoever sees one request can try out short ones. Make one by: "
            + "openssl rand -base64 18");
      }
    }
  }

  private void peers(Draft draft) {
    if (draft.peers.loopback) {
      words.add(
          "allow-loopback-peers: whatever listens on this host alone can be reached by every user; leave it to "
              + "tests");
    }
  }

  private void identity(ServerConfiguration configuration, Draft draft, Instant now) {
    TlsIdentity identity = configuration.identity();
    if (identity == null) {
      return;
    }
    Instant expiry = identity.expiry();
    if (expiry.isBefore(now)) {
      words.add(
          "cert: has expired at " + expiry + "; clients refuse it. Renew it, then reload (SIGHUP)");
    } else if (expiry.isBefore(now.plus(SOON))) {
      words.add("cert: expires at " + expiry + ", in "
          + Duration.between(now, expiry).toDays() + " days. Renew it, then reload (SIGHUP)");
    }
    if (draft.host == null) {
      words.add(
          "host: is not set; clients verify the name in the certificate, so --print-credentials has to tell it");
    }
  }

  private void metrics(Draft draft) {
    TransportAddress metrics = draft.metrics;
    if (metrics != null && !metrics.ip().isLoopback()) {
      words.add(
          "metrics: " + metrics + " can be read by whoever reaches it; keep it behind a firewall");
    }
  }

  private void addresses(List<Relay> relays, boolean chosen) {
    for (Relay relay : relays) {
      IpAddress told = relay.external();
      if (told.isPrivate() && !told.isLoopback() && !chosen) {
        words.add(
            "external: is not set, and clients are told the private address " + told
                + "; outside of its network nobody reaches that. Behind a NAT that maps one to one, set external");
      }
    }
  }

  /**
   * Why a port can't be bound, when that is for want of a right; empty else.
   *
   * @param listeners what is to be listened on
   * @param proc where the system tells of the process: /proc
   */
  static List<String> aboutPorts(List<TransportAddress> listeners, Path proc) {
    List<Integer> ports = listeners.stream()
        .map(TransportAddress::port)
        .filter(port -> port > 0 && port < unprivileged(proc))
        .distinct()
        .toList();
    if (ports.isEmpty() || mayBindAny(proc)) {
      return List.of();
    }
    return List.of("listen: ports " + ports
        + " need the capability CAP_NET_BIND_SERVICE, which this process does not "
        + "have: start it by systemd with AmbientCapabilities=CAP_NET_BIND_SERVICE, or lower "
        + "net.ipv4.ip_unprivileged_port_start");
  }

  private static int unprivileged(Path proc) {
    try {
      return Integer.parseInt(
          Files.readString(proc.resolve("sys/net/ipv4/ip_unprivileged_port_start"))
              .strip());
    } catch (IOException | NumberFormatException e) {
      return PRIVILEGED;
    }
  }

  /** Where the system does not tell, yes: the bind itself will. */
  private static boolean mayBindAny(Path proc) {
    try {
      return Files.readAllLines(proc.resolve("self/status")).stream()
          .filter(line -> line.startsWith("CapEff:"))
          .map(line -> Long.parseUnsignedLong(line.substring("CapEff:".length()).strip(), 16))
          .allMatch(rights -> (rights >> CAP_NET_BIND_SERVICE & 1) == 1);
    } catch (IOException | NumberFormatException e) {
      return true;
    }
  }
}
