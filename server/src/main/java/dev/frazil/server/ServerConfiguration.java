package dev.frazil.server;

import dev.frazil.net.IpAddress;
import dev.frazil.net.IpPrefix;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.TlsIdentity;
import dev.frazil.netty.TurnListener;
import dev.frazil.server.Settings.FieldException;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.turn.RestCredentials;
import dev.frazil.turn.TurnServerConfiguration;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link FrazilServer} is told: immutable, and checked as far as it can be without the host. Made by {@link
 * Settings#build}. Without users and secrets nobody may relay, and Binding requests alone are answered.
 */
public final class ServerConfiguration {
  private static final int MOST_REFUSALS = 20_000;
  private static final Duration DEFAULT_LIFETIME = Duration.ofMinutes(10); // RFC 8656 3.2
  private static final String DEFAULT_REALM = "frazil";

  /** Nobody else has it, and nothing in it changes any more. */
  private final Draft draft;

  private final List<TransportAddress> listen;
  private final String realm;
  private final Accounts accounts;
  private final BindingServer.Options binding;
  private final @Nullable TlsIdentity identity;
  final Duration drain;
  final Duration statistics;
  final boolean fullAddresses;

  ServerConfiguration(Draft draft) {
    this.draft = draft;
    listen = draft.listen.isEmpty()
        ? List.of(
            TransportAddress.udp(IpAddress.ANY4, Draft.DEFAULT_PORT),
            TransportAddress.udp(IpAddress.ANY6, Draft.DEFAULT_PORT))
        : List.copyOf(draft.listen);
    realm = draft.realm != null ? draft.realm : draft.host != null ? draft.host : DEFAULT_REALM;
    accounts = new Accounts(draft.users, draft.userKeys, draft.secrets);
    drain = Duration.ofSeconds(draft.drain);
    statistics = Duration.ofSeconds(draft.statistics);
    fullAddresses = draft.fullAddresses;
    draft.relay.check();
    identity = readIdentity(draft);
    String software = draft.software.isEmpty() ? null : draft.software;
    binding = new BindingServer.Options(software, !draft.noOldStun, 0, false, discovery());
    for (TurnListener.Kind kind : draft.transports) {
      if (kind.isSecure() && identity == null) {
        throw new FieldException(
            Setting.TRANSPORT, "'" + Names.of(kind) + "': needs a certificate: set cert and key");
      }
    }
  }

  /** Where clients find out how their NATs behave; null where there is no second address. */
  private BindingServer.@Nullable Discovery discovery() {
    TransportAddress alternate = draft.alternate;
    if (alternate == null) {
      return null;
    } else if (!isServed(TurnListener.Kind.UDP)) {
      throw new FieldException(Setting.ALTERNATE, alternate + ": needs the transport udp");
    }
    TransportAddress primary = listen.stream()
        .filter(at -> at.ip().family() == alternate.ip().family()
            && !at.ip().isUnspecified()
            && !at.ip().equals(alternate.ip()))
        .findFirst()
        .orElseThrow(() -> new FieldException(
            Setting.ALTERNATE,
            alternate + ": needs another address of its family beside it: name it by listen"));
    if (isServed(TurnListener.Kind.DTLS) && alternate.port() == draft.tlsPort) {
      throw new FieldException(
          Setting.ALTERNATE, alternate + ": its port is that of DTLS; choose another");
    }
    try {
      return new BindingServer.Discovery(primary, alternate);
    } catch (IllegalArgumentException e) {
      throw new FieldException(Setting.ALTERNATE, String.valueOf(e.getMessage()));
    }
  }

  private static @Nullable TlsIdentity readIdentity(Draft draft) {
    Path certificate = draft.certificate;
    Path key = draft.key == null ? certificate : draft.key;
    if (certificate == null || key == null) {
      if (draft.key != null) {
        throw new FieldException(Setting.KEY, "has no certificate beside it: set cert");
      }
      return null;
    }
    try {
      return TlsIdentity.fromPem(certificate, key);
    } catch (NoSuchFileException | AccessDeniedException e) {
      throw new FieldException(Setting.CERT, PlainErrors.of(e));
    } catch (IOException | IllegalArgumentException e) {
      throw new FieldException(Setting.CERT, String.valueOf(e.getMessage()));
    }
  }

  /** The addresses to listen on; with 0.0.0.0 or :: all of the host. */
  public List<TransportAddress> listen() {
    return listen;
  }

  /** What to listen on, over every transport that is served. */
  public List<TurnListener> listeners() {
    List<TurnListener> all = new ArrayList<>();
    for (TurnListener.Kind kind : TurnListener.Kind.values()) {
      if (isServed(kind)) {
        listen.stream()
            .map(at -> TurnListener.of(kind, at.ip(), kind.isSecure() ? draft.tlsPort : at.port()))
            .distinct()
            .forEach(all::add);
      }
    }
    BindingServer.Discovery discovery = binding.discovery();
    if (discovery != null) {
      discovery.addresses().stream()
          .map(at -> new TurnListener(TurnListener.Kind.UDP, at))
          .filter(listener -> !all.contains(listener))
          .forEach(all::add);
    }
    return all;
  }

  private boolean isServed(TurnListener.Kind kind) {
    return draft.transports.isEmpty()
        ? identity != null || !kind.isSecure()
        : draft.transports.contains(kind);
  }

  /** Who is believed when saying whom a connection is from. */
  List<IpPrefix> proxies() {
    return List.copyOf(draft.proxies);
  }

  /** How many event loops share the clients. */
  int threads() {
    return draft.threads;
  }

  /**
   * A runtime for the server, to be closed by the caller.
   *
   * @throws ConfigurationException when the host lacks what it is to run on
   */
  IceRuntime runtime() throws ConfigurationException {
    try {
      return IceRuntime.builder()
          .eventLoops(draft.threads)
          .transport(draft.engine)
          .batching(Duration.of(draft.batching, ChronoUnit.MICROS))
          .build();
    } catch (IllegalStateException e) {
      throw new ConfigurationException("engine: " + e.getMessage());
    }
  }

  /** What the server shows over TLS and DTLS; null for nothing. */
  @Nullable TlsIdentity identity() {
    return identity;
  }

  /** What is allowed, but better were otherwise on this host: sentences with what to do. */
  public List<String> advice() {
    List<String> all = new ArrayList<>(Advice.of(this, draft, Instant.now()));
    all.addAll(Advice.aboutPorts(
        listeners().stream().map(TurnListener::address).toList(), Path.of("/proc")));
    return all;
  }

  /** Where metrics are told; null for nowhere. */
  @Nullable TransportAddress metrics() {
    return draft.metrics;
  }

  /** Where the server's owner may ask it; empty where nobody chose. */
  public Optional<Path> control() {
    return Optional.ofNullable(draft.control);
  }

  /** Whether the owner may ask the server at all. */
  public boolean hasControl() {
    return !draft.noControl;
  }

  /** Whether a username from the network is a user's: it may have a time before the name. */
  boolean isOf(String username, String user) {
    return username.equals(user) || accounts.owner(username).equals(user);
  }

  /** The most allocations. */
  int allocations() {
    return draft.allocations;
  }

  /** Whether relaying was turned off. */
  public boolean stunOnly() {
    return draft.stunOnly;
  }

  /** Whether there is somebody who may relay. */
  public boolean relays() {
    boolean nobody = draft.users.isEmpty()
        && draft.userKeys.isEmpty()
        && draft.secrets.isEmpty()
        && draft.oauthKeys.isEmpty();
    return !draft.stunOnly && !nobody;
  }

  /** How Binding requests are answered. */
  BindingServer.Options binding() {
    return binding;
  }

  /** Adds what this configuration says to one that the runtime began. */
  TurnServerConfiguration turn(TurnServerConfiguration.Builder builder, HostAddresses addresses)
      throws ConfigurationException {
    if (!relays()) {
      return builder.bindingOnly(true).binding(binding).build();
    }
    try {
      draft.relay.relays(listen, addresses).forEach(builder::relay);
      if (!draft.oauthKeys.isEmpty()) {
        builder.tokens(
            draft.oauthServerName == null ? realm : draft.oauthServerName, draft.oauthKeys);
      }
      return builder
          .realm(realm, accounts)
          .passwordAlgorithms(accounts.algorithms())
          .nonceLifetime(Duration.ofSeconds(draft.nonceLifetime))
          .lifetimes(DEFAULT_LIFETIME, Duration.ofSeconds(draft.longestLifetime))
          .peerFilter(draft.peers.filter(addresses, draft.relay.externals()))
          .oldChannelNumbers(draft.oldChannelNumbers)
          .mobility(draft.mobility)
          .tcp(draft.tcpRelay)
          .allocations(draft.allocations, draft.allocationsPerUser)
          .bandwidth(draft.bandwidth, draft.bandwidthPerUser)
          .errors(MOST_REFUSALS, draft.refusalsPerSource)
          .binding(binding)
          .build();
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Makes the entry of {@code iceServers} for a user: with the password of one that is named here, else with a credential
   * of the first secret that is good until {@code expiry}.
   *
   * @throws ConfigurationException when there is no such user and no secret, or only a key is known
   */
  public IceServer iceServer(String name, Instant expiry)
      throws ConfigurationException, IOException {
    LongTermCredential credential = credential(name, expiry);
    String host = hostName();
    List<String> urls = new ArrayList<>();
    Set<TurnListener.Kind> told = EnumSet.noneOf(TurnListener.Kind.class);
    for (TurnListener listener : listeners()) {
      if (told.add(listener.kind())) {
        urls.addAll(urls(listener, host + ":" + listener.address().port()));
      }
    }
    return new IceServer(urls, credential.username(), credential.password());
  }

  private static List<String> urls(TurnListener listener, String authority) {
    return switch (listener.kind()) {
      case UDP -> List.of("stun:" + authority, "turn:" + authority + "?transport=udp");
      case TCP -> List.of("turn:" + authority + "?transport=tcp");
      case TLS -> List.of("turns:" + authority + "?transport=tcp");
      case DTLS -> List.of("turns:" + authority + "?transport=udp");
    };
  }

  private LongTermCredential credential(String name, Instant expiry) throws ConfigurationException {
    @Nullable LongTermCredential user = draft.users.get(name);
    if (user != null) {
      return user;
    } else if (draft.userKeys.containsKey(name)) {
      throw new ConfigurationException(
          "user '" + name + "': is known by a key alone, from which no password can be told");
    } else if (draft.secrets.isEmpty()) {
      throw new ConfigurationException("user '" + name + "': is not there, and there is no secret");
    }
    return RestCredentials.credential(draft.secrets.get(0), expiry.getEpochSecond(), name);
  }

  private String hostName() throws ConfigurationException, IOException {
    String host = draft.host;
    if (host == null) {
      host = draft
          .relay
          .told(listen, HostAddresses.now())
          .findFirst()
          .orElseThrow(() -> new ConfigurationException("host: has to be given to be told"))
          .toString();
    }
    return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
  }

  /** How the log is written. */
  public LogSettings log() {
    return new LogSettings(
        Optional.ofNullable(draft.logFile), draft.jsonLog, Optional.ofNullable(draft.logLevel));
  }

  /** In {@code key=value}, without secrets. */
  String summary() {
    return "realm=" + EventLog.quoted(realm) + " users="
        + (draft.users.size() + draft.userKeys.size()) + " secrets=" + draft.secrets.size()
        + (draft.oauthKeys.isEmpty() ? "" : " oauth-keys=" + draft.oauthKeys.size());
  }

  /** Tells how many secrets there are, none of them. */
  @Override
  public String toString() {
    return "ServerConfiguration[listen=" + listen + " " + summary() + "]";
  }
}
