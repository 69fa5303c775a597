package dev.frazil.ice;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Retransmission;
import dev.frazil.stun.StunUri;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/** What an agent is told once, when it is made. Immutable; made by {@link #builder}. */
public final class IceConfiguration {
  /**
   * A TURN server that gives the agent relayed addresses, and an account on it.
   *
   * @param host a name or an IP address without brackets
   * @param port 1 to 65535
   * @param transport how the agent speaks with the server; the relay speaks UDP with peers
   * @param secure whether by TLS, or over UDP by DTLS
   * @param credential the account
   */
  public record TurnServer(
      String host, int port, Transport transport, boolean secure, LongTermCredential credential) {
    /** The default port (RFC 8656 18.1). */
    public static final int DEFAULT_PORT = 3478;

    public TurnServer {
      if (host.isEmpty() || host.length() > 255) {
        throw new IllegalArgumentException(
            "TURN server host \"" + host + "\": must be 1 to 255 characters");
      }
      if (port < 1 || port > 65535) {
        throw new IllegalArgumentException("TURN server port " + port + ": must be 1 to 65535");
      }
    }

    /** A server that the agent speaks with over UDP. */
    public static TurnServer udp(String host, int port, LongTermCredential credential) {
      return new TurnServer(host, port, Transport.UDP, false, credential);
    }

    /**
     * The server that a URI names (RFC 7065). Where it says nothing of the transport it is UDP, and TCP for {@code turns:}.
     *
     * @throws IllegalArgumentException for another scheme than turn and turns, or another transport than udp and tcp
     */
    public static TurnServer of(StunUri uri, LongTermCredential credential) {
      boolean secure = uri.scheme() == StunUri.Scheme.TURNS;
      if (!secure && uri.scheme() != StunUri.Scheme.TURN) {
        throw new IllegalArgumentException("TURN server " + uri + ": must be turn: or turns:");
      }
      Transport transport = secure ? Transport.TCP : Transport.UDP;
      if (uri.transport() != null) {
        transport = switch (uri.transport()) {
          case "udp" -> Transport.UDP;
          case "tcp" -> Transport.TCP;
          default ->
            throw new IllegalArgumentException(
                "TURN server " + uri + ": the transport must be udp or tcp");
        };
      }
      return new TurnServer(uri.host(), uri.portOrDefault(), transport, secure, credential);
    }

    /** Whether a connection to it is opened, while plain UDP goes by the sockets that the agent has. */
    boolean isConnected() {
      return secure || transport == Transport.TCP;
    }

    /** The server as a URI (RFC 7065), without the account. */
    @Override
    public String toString() {
      return (secure ? "turns:" : "turn:")
          + (host.indexOf(':') < 0 ? host : "[" + host + "]")
          + ":" + port + "?transport=" + (transport == Transport.UDP ? "udp" : "tcp");
    }
  }

  /** How many STUN servers, and how many TURN servers, an agent asks. */
  static final int MAX_SERVERS = 16;

  final RandomGenerator random;
  final Role role;
  final boolean lite;
  final boolean trickle;
  final boolean renomination;
  final boolean consent;
  final boolean loopback;
  final boolean eventLog;
  final int pacing;
  final int maxPairs;
  final AddressHandling addressHandling;
  final Set<CandidateType> candidateTypes;
  final List<StunServer> stunServers;
  final List<TurnServer> turnServers;
  final Map<IpAddress, IpAddress> externalAddresses;
  final Predicate<Candidate> remoteFilter;
  final Predicate<InterfaceAddress> interfaceFilter;
  final Predicate<FiveTuple> nominationFilter;
  final Retransmission retransmission;
  final Pacer pacer;
  final long gatheringLimit;
  final long keepaliveInterval;
  final long disconnectedAfter;
  final long failedAfter;
  final long releaseAfter;
  final long endOfCandidatesLimit;

  private IceConfiguration(Builder builder) {
    random = builder.random;
    role = builder.role;
    lite = builder.lite;
    trickle = builder.trickle;
    renomination = builder.renomination;
    consent = builder.consent;
    loopback = builder.loopback;
    eventLog = builder.eventLog;
    pacing = builder.pacing;
    maxPairs = builder.maxPairs;
    addressHandling = builder.addressHandling;
    candidateTypes = Set.copyOf(builder.candidateTypes);
    stunServers = List.copyOf(builder.stunServers);
    turnServers = List.copyOf(builder.turnServers);
    externalAddresses = Map.copyOf(builder.externalAddresses);
    remoteFilter = builder.remoteFilter;
    interfaceFilter = builder.interfaceFilter;
    nominationFilter = builder.nominationFilter;
    retransmission = builder.retransmission;
    pacer = builder.pacer;
    gatheringLimit = builder.gatheringLimit.toNanos();
    keepaliveInterval = builder.keepaliveInterval.toNanos();
    disconnectedAfter = builder.disconnectedAfter.toNanos();
    failedAfter = builder.failedAfter.toNanos();
    releaseAfter = builder.releaseAfter.toNanos();
    endOfCandidatesLimit = builder.endOfCandidatesLimit.toNanos();
  }

  /**
   * Starts a configuration.
   *
   * @param role the role to start with: the initiator controls (RFC 8445 6.1.1)
   * @param random a cryptographically strong generator; a seeded one only in a simulation
   */
  public static Builder builder(Role role, RandomGenerator random) {
    return new Builder(role, random);
  }

  /** Whether the peer may know of host addresses (RFC 8828 5.2, mode 3, forbids it). */
  boolean tellsHosts() {
    return addressHandling != AddressHandling.DEFAULT_ROUTE_PUBLIC_ONLY
        && candidateTypes.contains(CandidateType.HOST);
  }

  /** Whether nothing but relays is used, so that nobody but their servers learns an address of this host. */
  boolean isRelayOnly() {
    return candidateTypes.equals(Set.of(CandidateType.RELAYED));
  }

  /** Whether TURN servers are asked; a lite agent has host candidates only (RFC 8445 5.2). */
  boolean asksTurnServers() {
    return !lite && candidateTypes.contains(CandidateType.RELAYED);
  }

  /** Whether a remote candidate may not be used, be it signalled or learnt from a check. */
  boolean refuses(Candidate remote) {
    IpAddress ip = remote.address().ip();
    return remote.address().port() == 0
        || remote.address().transport() != Transport.UDP
        || ip.isUnspecified()
        || ip.isMulticast()
        || ip.isBroadcast()
        || ip.isLoopback() && !loopback
        || ip.isIpv4Mapped()
        || !remoteFilter.test(remote);
  }

  /** Whether the event log is on. */
  public boolean eventLog() {
    return eventLog;
  }

  /** Collects settings; each has a default. No duration is longer than a day. */
  public static final class Builder {
    private static final Duration LONGEST = Duration.ofDays(1);
    /** RFC 7675 5.1: consent ends at the latest this long after the last answer. */
    private static final Duration CONSENT_EXPIRY = Duration.ofSeconds(30);

    private final RandomGenerator random;
    private final Role role;
    private boolean lite;
    private boolean trickle = true;
    private boolean renomination;
    private boolean consent = true;
    private boolean loopback;
    private boolean eventLog;
    private int pacing = 10;
    private int maxPairs = 100;
    private AddressHandling addressHandling = AddressHandling.DEFAULT_ROUTE;
    private Set<CandidateType> candidateTypes = EnumSet.allOf(CandidateType.class);
    private List<StunServer> stunServers = List.of();
    private List<TurnServer> turnServers = List.of();
    private Map<IpAddress, IpAddress> externalAddresses = Map.of();
    private Predicate<Candidate> remoteFilter = candidate -> true;
    private Predicate<InterfaceAddress> interfaceFilter = address -> true;
    private Predicate<FiveTuple> nominationFilter = path -> true;
    private Retransmission retransmission = Retransmission.DEFAULT;
    private Pacer pacer = Pacer.standard();
    private Duration gatheringLimit = Duration.ofSeconds(5);
    private Duration keepaliveInterval = Duration.ofSeconds(15);
    private Duration disconnectedAfter = Duration.ofSeconds(10);
    private Duration failedAfter = CONSENT_EXPIRY;
    private Duration releaseAfter = Duration.ofSeconds(40);
    private Duration endOfCandidatesLimit = Duration.ofSeconds(90);

    private Builder(Role role, RandomGenerator random) {
      this.role = role;
      this.random = random;
    }

    /** Be a lite agent (RFC 8445 2.5): for hosts that are always reachable. Default false. */
    public Builder lite(boolean value) {
      lite = value;
      return this;
    }

    /** Tell and take candidates as they are found (RFC 8838). Default true. */
    public Builder trickle(boolean value) {
      trickle = value;
      return this;
    }

    /** Offer the ICE option {@code renomination}. Default false. */
    public Builder renomination(boolean value) {
      renomination = value;
      return this;
    }

    /** Check that the peer consents to receive (RFC 7675). Default true; WebRTC requires it. */
    public Builder consent(boolean value) {
      consent = value;
      return this;
    }

    /** Take loopback addresses for candidates, local and remote; for tests. Default false (RFC 8445 5.1.1.1). */
    public Builder loopback(boolean value) {
      loopback = value;
      return this;
    }

    /** Emit the event log. Default false. */
    public Builder eventLog(boolean value) {
      eventLog = value;
      return this;
    }

    /** The Ta to propose, in milliseconds, 5 to 1000. Default 10; 50 is used with a peer that tells none. */
    public Builder pacing(int millis) {
      pacing = inRange("pacing", millis, 5, 1000);
      return this;
    }

    /** The most pairs over all checklists, 1 to 1000 (RFC 8445 6.1.2.5). Default 100. */
    public Builder maxPairs(int value) {
      maxPairs = inRange("maxPairs", value, 1, 1000);
      return this;
    }

    /** Which addresses to use and tell (RFC 8828). Default {@link AddressHandling#DEFAULT_ROUTE}. */
    public Builder addressHandling(AddressHandling value) {
      addressHandling = value;
      return this;
    }

    /**
     * The types of candidates to gather and tell, at least one; peer-reflexive ones are never told. Without {@link
     * CandidateType#HOST} no candidate names the address of an interface. With {@link CandidateType#RELAYED} alone, only
     * relays are used: no candidate names any other address, nothing is sent but to TURN servers, and checks that come
     * in elsewhere are not answered. Default all.
     */
    public Builder candidateTypes(Set<CandidateType> value) {
      if (value.isEmpty()) {
        throw new IllegalArgumentException("candidateTypes: must be at least one");
      }
      candidateTypes = value;
      return this;
    }

    /** The STUN servers to ask, at most 16. Default none. */
    public Builder stunServers(List<StunServer> value) {
      inRange("number of stunServers", value.size(), 0, MAX_SERVERS);
      stunServers = value;
      return this;
    }

    /**
     * The TURN servers to ask for relayed addresses, all of them at once, at most 16; a lite agent asks none. The same
     * server may be there once for each transport. Default none.
     */
    public Builder turnServers(List<TurnServer> value) {
      inRange("number of turnServers", value.size(), 0, MAX_SERVERS);
      turnServers = value;
      return this;
    }

    /**
     * Local addresses behind a 1:1 NAT and the address that the NAT gives each, of the same family and one that a host
     * can have. Default none.
     */
    public Builder externalAddresses(Map<IpAddress, IpAddress> value) {
      value.forEach((local, external) -> {
        boolean usable = !external.isUnspecified()
            && !external.isLoopback()
            && !external.isMulticast()
            && !external.isBroadcast();
        if (local.family() != external.family() || !usable) {
          throw new IllegalArgumentException("externalAddresses " + local + "=" + external
              + ": must be a host's address of the same family, and no loopback");
        }
      });
      externalAddresses = value;
      return this;
    }

    /**
     * Refuses remote candidates beside those that are always refused, learnt ones included: a check from such an address
     * is answered with error 403. Default takes all.
     */
    public Builder remoteFilter(Predicate<Candidate> value) {
      remoteFilter = value;
      return this;
    }

    /** Chooses among the addresses that the rules allow. Default takes all. */
    public Builder interfaceFilter(Predicate<InterfaceAddress> value) {
      interfaceFilter = value;
      return this;
    }

    /** Refuses nominations of paths, with error 400 (RFC 8445 7.3.1.5). Default takes all. */
    public Builder nominationFilter(Predicate<FiveTuple> value) {
      nominationFilter = value;
      return this;
    }

    /** The retransmission of checks and of requests to STUN servers. An RTO below 500 ms is refused (RFC 8445 14.3). */
    public Builder retransmission(Retransmission value) {
      if (value.initialRto().compareTo(Retransmission.DEFAULT.initialRto()) < 0) {
        throw new IllegalArgumentException(
            "RTO " + value.initialRto() + ": must be at least PT0.5S (RFC 8445 14.3)");
      }
      retransmission = value;
      return this;
    }

    /** The pace of all agents of the process (RFC 8445 14.2). Default one of this agent's own. */
    public Builder pacer(Pacer value) {
      pacer = value;
      return this;
    }

    /** How long gathering may take before it ends without the servers that have not answered. Default 5 s. */
    public Builder gatheringLimit(Duration value) {
      gatheringLimit = inRange("gatheringLimit", value, Duration.ofMillis(1), LONGEST);
      return this;
    }

    /** Tr of RFC 8445 11, at least 15 s. Default 15 s. */
    public Builder keepaliveInterval(Duration value) {
      keepaliveInterval = inRange("keepaliveInterval", value, Duration.ofSeconds(15), LONGEST);
      return this;
    }

    /** How long without an answer until DISCONNECTED, 5 to 30 s, at most {@link #failedAfter}. Default 10 s. */
    public Builder disconnectedAfter(Duration value) {
      disconnectedAfter =
          inRange("disconnectedAfter", value, Duration.ofSeconds(5), CONSENT_EXPIRY);
      return this;
    }

    /**
     * How long without an answer until consent is taken as lost and the path is given up, 10 to 30 s (RFC 7675 5.1
     * allows no more). Default 30 s. Has no effect with {@link #consent} off.
     */
    public Builder failedAfter(Duration value) {
      failedAfter = inRange("failedAfter", value, Duration.ofSeconds(10), CONSENT_EXPIRY);
      return this;
    }

    /**
     * How long after the end of nomination the candidates that were not selected are freed, at least 3 s (RFC 8445
     * 8.3.1). Default 40 s, when nothing that the peer began before can need them any more.
     */
    public Builder releaseAfter(Duration value) {
      releaseAfter = inRange("releaseAfter", value, Duration.ofSeconds(3), LONGEST);
      return this;
    }

    /** How long after the last word from the peer a missing end-of-candidates is taken as given. Default 90 s. */
    public Builder endOfCandidatesLimit(Duration value) {
      endOfCandidatesLimit = inRange("endOfCandidatesLimit", value, Duration.ofSeconds(1), LONGEST);
      return this;
    }

    /**
     * The configuration.
     *
     * @throws IllegalArgumentException when settings contradict each other
     */
    public IceConfiguration build() {
      if (disconnectedAfter.compareTo(failedAfter) > 0) {
        throw new IllegalArgumentException("disconnectedAfter " + disconnectedAfter
            + ": must be at most failedAfter, " + failedAfter);
      }
      return new IceConfiguration(this);
    }

    private static int inRange(String name, int value, int min, int max) {
      if (value < min || value > max) {
        throw new IllegalArgumentException(name + " " + value + ": must be " + min + " to " + max);
      }
      return value;
    }

    private static Duration inRange(String name, Duration value, Duration min, Duration max) {
      if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
        throw new IllegalArgumentException(name + " " + value + ": must be " + min + " to " + max);
      }
      return value;
    }
  }
}
