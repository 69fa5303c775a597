package dev.frazil.server;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.server.Settings.FieldException;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.RestCredentials;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link FrazilServer} is told: immutable, and checked as far as it can be without the host. Made by {@link
 * Settings#build}. Without users and secrets nobody may relay, and Binding requests alone are answered.
 */
public final class ServerConfiguration {
  /** RFC 8489 18.5: of STUN and TURN. */
  private static final int DEFAULT_PORT = 3478;

  private static final int MOST_REFUSALS = 20_000;

  private static final String DEFAULT_REALM = "frazil";

  /** What is collected, value by value. */
  static final class Draft {
    final List<TransportAddress> listen = new ArrayList<>();
    final List<IpAddress> relays = new ArrayList<>();
    final List<IpAddress> externals = new ArrayList<>();
    final Map<String, LongTermCredential> users = new LinkedHashMap<>();
    final List<String> secrets = new ArrayList<>();
    final List<String> allowed = new ArrayList<>();
    final List<String> denied = new ArrayList<>();
    boolean loopbackPeers;
    boolean oldChannelNumbers;
    int firstPort = 49152; // RFC 8656 7.2
    int lastPort = 65535;
    int allocations = 10_000;
    int allocationsPerUser = 100;
    int bandwidth;
    int bandwidthPerUser;
    int refusalsPerSource = 50;
    int drain = 60;
    int statistics = 60;

    @Nullable String realm;

    @Nullable String host;

    boolean stunOnly;
    boolean fullAddresses;

    void listen(String text) {
      listen.add(endpoint(text));
    }

    void relay(String text) {
      relays.add(certain(text));
    }

    void external(String text) {
      IpAddress ip = certain(text);
      if (externals.stream().anyMatch(other -> other.family() == ip.family())) {
        throw new IllegalArgumentException("'" + text + "': there is one of this family already");
      }
      externals.add(ip);
    }

    void ports(String text) {
      String[] ends = text.split("-", -1);
      if (ends.length != 2) {
        throw new IllegalArgumentException("'" + text + "': has to be FIRST-LAST");
      }
      firstPort = count(ends[0].strip());
      lastPort = count(ends[1].strip());
      if (firstPort < 1024 || lastPort > 65535 || firstPort > lastPort) {
        throw new IllegalArgumentException(
            "'" + text + "': has to be within 1024 to 65535, the lower first (RFC 8656 7.2)");
      }
    }

    void user(String text) {
      int colon = text.indexOf(':');
      if (colon < 1) {
        throw new IllegalArgumentException("(hidden): has to be NAME:PASSWORD");
      }
      LongTermCredential user =
          new LongTermCredential(text.substring(0, colon), text.substring(colon + 1));
      if (users.putIfAbsent(user.username(), user) != null) {
        throw new IllegalArgumentException("'" + user.username() + "' is given twice");
      }
    }

    void secret(String text) {
      if (text.isEmpty()) {
        throw new IllegalArgumentException("must not be empty");
      }
      secrets.add(text);
    }

    void allow(String range) {
      PeerFilter.builder().allow(range); // refuses what is none
      allowed.add(range);
    }

    void deny(String range) {
      PeerFilter.builder().deny(range);
      denied.add(range);
    }

    int count(String text) {
      try {
        int number = Integer.parseInt(text);
        if (number >= 0) {
          return number;
        }
      } catch (NumberFormatException e) {
        // told below
      }
      throw new IllegalArgumentException(
          "'" + text + "': has to be a whole number from 0 to " + Integer.MAX_VALUE);
    }

    private static IpAddress certain(String text) {
      IpAddress ip = IpAddress.parse(text);
      if (ip.isUnspecified() || ip.isMulticast()) {
        throw new IllegalArgumentException("'" + text + "': has to be an address of one host");
      }
      return ip;
    }

    /** {@code IP}, {@code IPV4:PORT} or {@code [IPV6]:PORT}. */
    private TransportAddress endpoint(String text) {
      boolean bracketed = text.startsWith("[");
      int colon = text.lastIndexOf(':');
      boolean port = bracketed ? colon == text.indexOf(']') + 1 : colon == text.indexOf(':');
      String ip = port && colon > 0 ? text.substring(0, colon) : text;
      if (bracketed && ip.endsWith("]")) {
        ip = ip.substring(1, ip.length() - 1);
      }
      int number = port && colon > 0 ? count(text.substring(colon + 1)) : DEFAULT_PORT;
      if (number > 65535) {
        throw new IllegalArgumentException("'" + text + "': a port is 0 to 65535");
      }
      return TransportAddress.udp(ip, number);
    }
  }

  private final List<TransportAddress> listen;
  private final List<IpAddress> relays;
  private final List<IpAddress> externals;
  private final int firstPort;
  private final int lastPort;
  private final String realm;
  private final Map<String, LongTermCredential> users;
  private final List<String> secrets;
  private final List<String> allowed;
  private final List<String> denied;
  private final boolean loopbackPeers;
  private final boolean oldChannelNumbers;
  private final int allocations;
  private final int allocationsPerUser;
  private final int bandwidth;
  private final int bandwidthPerUser;
  private final int refusalsPerSource;
  private final @Nullable String host;
  private final boolean stunOnly;
  final Duration drain;
  final Duration statistics;
  final boolean fullAddresses;

  ServerConfiguration(Draft draft) {
    listen = draft.listen.isEmpty()
        ? List.of(
            TransportAddress.udp(IpAddress.ANY4, DEFAULT_PORT),
            TransportAddress.udp(IpAddress.ANY6, DEFAULT_PORT))
        : List.copyOf(draft.listen);
    relays = List.copyOf(draft.relays);
    externals = List.copyOf(draft.externals);
    firstPort = draft.firstPort;
    lastPort = draft.lastPort;
    host = draft.host;
    realm = draft.realm != null ? draft.realm : draft.host != null ? draft.host : DEFAULT_REALM;
    users = Map.copyOf(draft.users);
    secrets = List.copyOf(draft.secrets);
    allowed = List.copyOf(draft.allowed);
    denied = List.copyOf(draft.denied);
    loopbackPeers = draft.loopbackPeers;
    oldChannelNumbers = draft.oldChannelNumbers;
    allocations = draft.allocations;
    allocationsPerUser = draft.allocationsPerUser;
    bandwidth = draft.bandwidth;
    bandwidthPerUser = draft.bandwidthPerUser;
    refusalsPerSource = draft.refusalsPerSource;
    stunOnly = draft.stunOnly;
    drain = Duration.ofSeconds(draft.drain);
    statistics = Duration.ofSeconds(draft.statistics);
    fullAddresses = draft.fullAddresses;
    checkExternals();
  }

  private void checkExternals() {
    for (IpAddress external : externals) {
      long candidates =
          relays.stream().filter(relay -> relay.family() == external.family()).count();
      if (!relays.isEmpty() && candidates != 1) {
        throw new FieldException(
            Setting.EXTERNAL,
            "'" + external + "': stands for the one relay address of its family, and there are "
                + candidates);
      }
    }
  }

  /** The addresses to listen on; with 0.0.0.0 or :: all of the host. */
  public List<TransportAddress> listen() {
    return listen;
  }

  /** Whether relaying was turned off. */
  public boolean stunOnly() {
    return stunOnly;
  }

  /** Whether there is somebody who may relay. */
  public boolean relays() {
    return !stunOnly && !(users.isEmpty() && secrets.isEmpty());
  }

  /** Adds what this configuration says to one that the runtime began. */
  TurnServerConfiguration turn(TurnServerConfiguration.Builder builder, HostAddresses addresses)
      throws ConfigurationException {
    try {
      relays(addresses).forEach(builder::relay);
      return builder
          .realm(realm, new Accounts(users, secrets))
          .peerFilter(peerFilter(addresses))
          .oldChannelNumbers(oldChannelNumbers)
          .allocations(allocations, allocationsPerUser)
          .bandwidth(bandwidth, bandwidthPerUser)
          .errors(MOST_REFUSALS, refusalsPerSource)
          .build();
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(String.valueOf(e.getMessage()));
    }
  }

  private PeerFilter peerFilter(HostAddresses addresses) {
    PeerFilter.Builder filter = PeerFilter.builder().loopback(loopbackPeers);
    allowed.forEach(filter::allow);
    denied.forEach(filter::deny);
    addresses.refuseIn(filter);
    externals.forEach(filter::own);
    return filter.build();
  }

  private List<Relay> relays(HostAddresses addresses) throws ConfigurationException {
    List<IpAddress> locals = relayAddresses(addresses);
    if (locals.isEmpty()) {
      throw new ConfigurationException(
          "relay: has to be given, because this host has no route to the Internet");
    }
    return locals.stream()
        .map(local -> new Relay(local, external(local), firstPort, lastPort))
        .toList();
  }

  /** What is set; else what is listened on; else where the host sends from. */
  private List<IpAddress> relayAddresses(HostAddresses addresses) {
    if (!relays.isEmpty()) {
      return relays;
    }
    List<IpAddress> listening = listen.stream()
        .map(TransportAddress::ip)
        .filter(ip -> !ip.isUnspecified())
        .distinct()
        .toList();
    return listening.isEmpty() ? addresses.ofDefaultRoutes() : listening;
  }

  private IpAddress external(IpAddress local) {
    return externals.stream()
        .filter(ip -> ip.family() == local.family())
        .findFirst()
        .orElse(local);
  }

  /**
   * Makes the entry of {@code iceServers} for a user: with the password of one that is named here, else with a credential
   * of the first secret that is good until {@code expiry}.
   *
   * @throws ConfigurationException when there is no such user and no secret
   */
  public IceServer iceServer(String name, Instant expiry)
      throws ConfigurationException, IOException {
    LongTermCredential credential = users.get(name);
    if (credential == null && secrets.isEmpty()) {
      throw new ConfigurationException("user '" + name + "': is not there, and there is no secret");
    } else if (credential == null) {
      credential = RestCredentials.credential(secrets.get(0), expiry.getEpochSecond(), name);
    }
    String authority = authority();
    return new IceServer(
        List.of("stun:" + authority, "turn:" + authority + "?transport=udp"),
        credential.username(),
        credential.password());
  }

  private String authority() throws ConfigurationException, IOException {
    int port = listen.get(0).port();
    if (host != null) {
      return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
    }
    Stream<IpAddress> known =
        Stream.concat(externals.stream(), relayAddresses(HostAddresses.now()).stream());
    IpAddress ip = known
        .findFirst()
        .orElseThrow(() -> new ConfigurationException("host: has to be given to be told"));
    return ip.isIpv4() ? ip + ":" + port : "[" + ip + "]:" + port;
  }

  /** Tells how many secrets there are, none of them. */
  @Override
  public String toString() {
    return "ServerConfiguration[listen=" + listen + ", realm=" + realm + ", users=" + users.size()
        + ", secrets=" + secrets.size() + "]";
  }
}
