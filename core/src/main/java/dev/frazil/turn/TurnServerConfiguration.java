package dev.frazil.turn;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingServer;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.ServerAuthentication.LongTermOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** What a {@link TurnServer} is told. Immutable; made by {@link #builder}, and replaced while the server runs. */
public final class TurnServerConfiguration {
  /**
   * An IP address that relayed addresses are on.
   *
   * @param local what sockets are bound to
   * @param external what clients are told: another one behind a NAT that maps one to one, else the same
   * @param firstPort 1024 or higher
   * @param lastPort not below the first
   */
  public record Relay(IpAddress local, IpAddress external, int firstPort, int lastPort) {
    public Relay {
      if (local.family() != external.family()) {
        throw new IllegalArgumentException(
            "relay " + local + ": the external address " + external + " is of the other family");
      }
      if (local.isUnspecified() || external.isUnspecified()) {
        throw new IllegalArgumentException("relay " + local + ": must be a certain address");
      }
      // RFC 8656 7.2: never 0 to 1023
      if (firstPort < 1024 || lastPort > 65535 || firstPort > lastPort) {
        throw new IllegalArgumentException("relay " + local + ": ports " + firstPort + " to "
            + lastPort + " must be within 1024 to 65535 (RFC 8656 7.2)");
      }
    }

    /** The address itself, with the ports that RFC 8656 7.2 recommends: 49152 to 65535. */
    public static Relay of(IpAddress ip) {
      return new Relay(ip, ip, 49152, 65535);
    }
  }

  /**
   * Another server for clients to try (RFC 8489 10).
   *
   * @param server its address
   * @param other its address of the other family; null for none
   * @param domain the name in its certificate when it differs from this server's; null for none
   */
  public record Alternate(
      TransportAddress server,
      @Nullable TransportAddress other,
      @Nullable String domain) {
    public Alternate {
      if (other != null && other.ip().family() == server.ip().family()) {
        throw new IllegalArgumentException(
            "alternate " + server + ": " + other + " is not of the other family");
      }
      if (domain != null && domain.getBytes(UTF_8).length > 255) {
        throw new IllegalArgumentException("alternate " + server + ": domain is over 255 bytes");
      }
    }
  }

  /** Who may use the server, and what they are told the realm is. */
  record Realm(String name, TurnAccounts accounts) {}

  /** Third-party authorization (RFC 7635). */
  record Tokens(String serverName, Function<String, byte @Nullable []> keys) {}

  /** Later than whatever expires, earlier than what never does. */
  private static final long UNKNOWN_TIME = Long.MAX_VALUE / 2;

  final RandomGenerator random;
  final int shard;
  final List<Relay> relays;
  final @Nullable Realm realm;
  final Map<TransportAddress, Realm> listenerRealms;
  final boolean anonymous;
  final @Nullable Tokens tokens;
  final List<PasswordAlgorithm> passwordAlgorithms;
  final boolean usernameAnonymity;
  final Duration nonceLifetime;
  final @Nullable Duration epoch;
  final PeerFilter peerFilter;
  final boolean hairpin;
  final Predicate<TransportAddress> relayedElsewhere;
  final @Nullable TurnQuotas quotas;
  final TurnQuotas.Limits limits;
  final int permissions;
  final int channels;
  final int lastChannel;
  final int errorsPerSecond;
  final int errorsPerSecondPerSource;
  final long defaultLifetime;
  final long longestLifetime;
  final long portRest;
  final boolean tcp;
  final boolean mobility;
  final boolean dontFragment;
  final Function<FiveTuple, @Nullable Alternate> redirection;
  final BindingServer.Options binding;
  final boolean bindingOnly;
  final @Nullable String software;

  private TurnServerConfiguration(Builder builder) {
    random = builder.random;
    shard = builder.shard;
    relays = List.copyOf(builder.relays);
    realm = builder.realm;
    listenerRealms = Map.copyOf(builder.listenerRealms);
    anonymous = builder.anonymous;
    tokens = builder.tokens;
    passwordAlgorithms = List.copyOf(builder.passwordAlgorithms);
    usernameAnonymity = builder.usernameAnonymity;
    nonceLifetime = builder.nonceLifetime;
    epoch = builder.epoch;
    Set<IpAddress> own = new HashSet<>();
    for (Relay relay : relays) {
      own.add(relay.local());
      own.add(relay.external());
    }
    peerFilter = builder.peerFilter.withOwn(own);
    hairpin = builder.hairpin;
    relayedElsewhere = builder.relayedElsewhere;
    quotas = builder.quotas;
    limits = new TurnQuotas.Limits(
        builder.allocations,
        builder.allocationsPerUser,
        builder.bytesPerSecond,
        builder.bytesPerSecondPerUser);
    permissions = builder.permissions;
    channels = builder.channels;
    lastChannel = builder.lastChannel;
    errorsPerSecond = builder.errorsPerSecond;
    errorsPerSecondPerSource = builder.errorsPerSecondPerSource;
    defaultLifetime = builder.defaultLifetime.toSeconds();
    longestLifetime = builder.longestLifetime.toSeconds();
    portRest = builder.portRest.toNanos();
    tcp = builder.tcp;
    mobility = builder.mobility;
    dontFragment = builder.dontFragment;
    redirection = builder.redirection;
    binding = builder.binding;
    bindingOnly = builder.bindingOnly;
    software = builder.binding.software();
  }

  /**
   * Starts a configuration. It needs a realm, or {@link Builder#anonymous}; there is no open relay by default.
   *
   * @param random a cryptographically strong generator; a seeded one only in a simulation
   */
  public static Builder builder(RandomGenerator random) {
    return new Builder(random);
  }

  /** The limits of allocations and bandwidth, for those who hold them over several machines. */
  public TurnQuotas.Limits limits() {
    return limits;
  }

  /** How Binding requests are answered, and where NAT behaviour discovery is, for those who bind to its addresses. */
  public BindingServer.Options binding() {
    return binding;
  }

  LongTermOptions longTerm(Realm asked) {
    return new LongTermOptions(asked.name(), passwordAlgorithms, usernameAnonymity, nonceLifetime);
  }

  /** The time in seconds since 1970; later than everything where nobody told. */
  long unixTime(long now) {
    return epoch == null ? UNKNOWN_TIME : epoch.plusNanos(now).toSeconds();
  }

  /** Collects settings; each has a default. */
  public static final class Builder {
    /** RFC 8489 9.2 and RFC 8656 5: a nonce is good for an hour at most. */
    private static final Duration LONGEST_NONCE = Duration.ofHours(1);
    /** Then a challenge stays below 6 times the shortest Allocate request there can be, of 28 bytes. */
    private static final int LONGEST_REALM = 48;

    private static final int MOST_SHARDS = 256;

    private final RandomGenerator random;
    private int shard;
    private final List<Relay> relays = new ArrayList<>();
    private @Nullable Realm realm;
    private final Map<TransportAddress, Realm> listenerRealms = new LinkedHashMap<>();
    private boolean anonymous;
    private @Nullable Tokens tokens;
    private List<PasswordAlgorithm> passwordAlgorithms =
        List.of(PasswordAlgorithm.SHA_256, PasswordAlgorithm.MD5);
    private boolean usernameAnonymity;
    private Duration nonceLifetime = LONGEST_NONCE;
    private @Nullable Duration epoch;
    private PeerFilter peerFilter = PeerFilter.builder().build();
    private boolean hairpin = true;
    private Predicate<TransportAddress> relayedElsewhere = address -> false;
    private @Nullable TurnQuotas quotas;
    private int allocations = 10_000;
    private int allocationsPerUser = 100;
    private long bytesPerSecond;
    private long bytesPerSecondPerUser;
    private int permissions = 1024;
    private int channels = 1024;
    private int lastChannel = ChannelData.LAST_CHANNEL;
    private int errorsPerSecond = 20_000;
    private int errorsPerSecondPerSource = 50;
    private Duration defaultLifetime = Duration.ofMinutes(10);
    private Duration longestLifetime = Duration.ofHours(1);
    private Duration portRest = Duration.ofSeconds(10);
    private boolean tcp;
    private boolean mobility;
    private boolean dontFragment;
    private Function<FiveTuple, @Nullable Alternate> redirection = client -> null;
    private BindingServer.Options binding = BindingServer.Options.DEFAULT;
    private boolean bindingOnly;

    private Builder(RandomGenerator random) {
      this.random = random;
    }

    /**
     * The number of this machine among several that serve the same addresses, 0 to 255: reservation tokens, mobility
     * tickets and connection IDs name it (see {@link TurnServer#shardOf}). Default 0.
     */
    public Builder shard(int value) {
      shard = atLeast("shard", value, 0);
      if (value >= MOST_SHARDS) {
        throw new IllegalArgumentException("shard is below " + MOST_SHARDS + ", not " + value);
      }
      return this;
    }

    /** Adds an IP address for relayed addresses. Of several of a family, each allocation takes one by chance. */
    public Builder relay(Relay value) {
      if (relays.stream().anyMatch(each -> each.local().equals(value.local()))) {
        throw new IllegalArgumentException("relay " + value.local() + " is given twice");
      }
      relays.add(value);
      return this;
    }

    /** The realm and users of all listening addresses that have none of their own; a realm has up to 48 bytes. */
    public Builder realm(String name, TurnAccounts accounts) {
      realm = checked(name, accounts);
      return this;
    }

    /** The realm and users of one listening address, as the local end of clients' paths has it. */
    public Builder realm(TransportAddress listener, String name, TurnAccounts accounts) {
      listenerRealms.put(listener, checked(name, accounts));
      return this;
    }

    private static Realm checked(String name, TurnAccounts accounts) {
      if (name.isEmpty() || name.getBytes(UTF_8).length > LONGEST_REALM) {
        throw new IllegalArgumentException("realm has 1 to " + LONGEST_REALM
            + " bytes, so that challenges can't be used to multiply a flood, not "
            + name.getBytes(UTF_8).length);
      }
      return new Realm(name, accounts);
    }

    /**
     * Lets everybody allocate on listening addresses that have no realm: for a server that only its own network can
     * reach (RFC 8656 5). Default false.
     */
    public Builder anonymous(boolean value) {
      anonymous = value;
      return this;
    }

    /**
     * Takes access tokens of authorization servers beside the realm's users (RFC 7635). Needs {@link #epoch}.
     *
     * @param serverName what clients are told to show to their authorization server, up to 48 bytes
     * @param keys the key of a key ID, which clients send as USERNAME; null for an unknown one; 32 bytes make it
     *     AEAD_AES_256_GCM
     */
    public Builder tokens(String serverName, Function<String, byte @Nullable []> keys) {
      if (serverName.isEmpty() || serverName.getBytes(UTF_8).length > LONGEST_REALM) {
        throw new IllegalArgumentException("serverName has 1 to " + LONGEST_REALM + " bytes");
      }
      tokens = new Tokens(serverName, keys);
      return this;
    }

    /** What is offered to clients, the best first (RFC 8489 9.2). Default SHA-256, then MD5; empty is RFC 5389. */
    public Builder passwordAlgorithms(List<PasswordAlgorithm> value) {
      passwordAlgorithms = value;
      return this;
    }

    /** Whether clients are to send USERHASH instead of USERNAME. Default false. */
    public Builder usernameAnonymity(boolean value) {
      usernameAnonymity = value;
      return this;
    }

    /** How long a nonce is good: at most the default, an hour (RFC 8656 5). */
    public Builder nonceLifetime(Duration value) {
      nonceLifetime = positive("nonceLifetime", value, LONGEST_NONCE);
      return this;
    }

    /**
     * The time since 1970 at the moment that the machine's clock calls 0. Until it is known, users and tokens that
     * expire are taken to have expired.
     */
    public Builder epoch(Duration value) {
      epoch = value;
      return this;
    }

    /** Which peers may be reached. Unless set, private and special ranges are refused. */
    public Builder peerFilter(PeerFilter value) {
      peerFilter = value;
      return this;
    }

    /** Whether relayed addresses may be peers of each other, as when both agents of a session relay. Default true. */
    public Builder hairpin(boolean value) {
      hairpin = value;
      return this;
    }

    /** Tells the live relayed addresses, as they are bound, of machines that share this one's relays. Default none. */
    public Builder relayedElsewhere(Predicate<TransportAddress> value) {
      relayedElsewhere = value;
      return this;
    }

    /** Quotas that machines share; the four limits below then do not count. */
    public Builder quotas(TurnQuotas value) {
      quotas = value;
      return this;
    }

    /** The most allocations of the server (508) and of a user (486). Default 10,000 and 100. */
    public Builder allocations(int most, int mostPerUser) {
      allocations = atLeast("allocations", most, 0);
      allocationsPerUser = atLeast("allocationsPerUser", mostPerUser, 0);
      return this;
    }

    /** Payload bytes a second, both ways, of the server and of a user; more is dropped. Default 0: no limit. */
    public Builder bandwidth(long most, long mostPerUser) {
      if (most < 0 || mostPerUser < 0) {
        throw new IllegalArgumentException(
            "bandwidth is 0 or more, not " + most + ", " + mostPerUser);
      }
      bytesPerSecond = most;
      bytesPerSecondPerUser = mostPerUser;
      return this;
    }

    /** The most permissions and channels of an allocation (508). Default 1,024 each. */
    public Builder peers(int mostPermissions, int mostChannels) {
      permissions = atLeast("permissions", mostPermissions, 1);
      channels = atLeast("channels", mostChannels, 0);
      return this;
    }

    /**
     * Whether channels may have numbers up to 0x7FFF, as RFC 5766 had it: for clients that choose theirs by chance.
     * Default false: up to 0x4FFF (RFC 8656 12).
     */
    public Builder oldChannelNumbers(boolean value) {
      lastChannel = value ? ChannelData.LAST_CHANNEL_OF_RFC5766 : ChannelData.LAST_CHANNEL;
      return this;
    }

    /**
     * The most error responses a second to requests that were not authenticated, of all and to a source (an IPv4 address
     * or an IPv6 /64); more requests are dropped. Default 20,000 and 50; 0 sets no limit.
     */
    public Builder errors(int perSecond, int perSecondPerSource) {
      errorsPerSecond = atLeast("errorsPerSecond", perSecond, 0);
      errorsPerSecondPerSource = atLeast("errorsPerSecondPerSource", perSecondPerSource, 0);
      return this;
    }

    /** The lifetimes of allocations in whole seconds (RFC 8656 7.2). Default 600 s, and at most 3,600 s. */
    public Builder lifetimes(Duration standard, Duration longest) {
      defaultLifetime = positive("default lifetime", standard, longest);
      longestLifetime = positive("longest lifetime", longest, Duration.ofDays(1));
      return this;
    }

    /** How long a relayed port rests before somebody else gets it. Default 10 s. */
    public Builder portRest(Duration value) {
      if (value.isNegative() || value.compareTo(Duration.ofDays(1)) > 0) {
        throw new IllegalArgumentException("portRest is 0 to a day, not " + value);
      }
      portRest = value;
      return this;
    }

    /** Whether clients may have TCP allocations (RFC 6062). Default false. */
    public Builder tcp(boolean value) {
      tcp = value;
      return this;
    }

    /** Whether clients may take their allocations to other addresses (RFC 8016). Default false. */
    public Builder mobility(boolean value) {
      mobility = value;
      return this;
    }

    /** Whether the runtime can set IPv4's DF bit, see {@link TurnServerOutbox#transmitUnfragmented}. Default false. */
    public Builder dontFragment(boolean value) {
      dontFragment = value;
      return this;
    }

    /** Which clients are sent to another server instead of being given an allocation (300); null for none. */
    public Builder redirection(Function<FiveTuple, @Nullable Alternate> value) {
      redirection = value;
      return this;
    }

    /** How Binding requests are answered, and what SOFTWARE says. */
    public Builder binding(BindingServer.Options value) {
      binding = value;
      return this;
    }

    /** Whether Binding requests alone are answered, as by a STUN server; then it needs neither relay nor realm. Default no. */
    public Builder bindingOnly(boolean value) {
      bindingOnly = value;
      return this;
    }

    private static int atLeast(String field, int value, int least) {
      if (value < least) {
        throw new IllegalArgumentException(field + " is " + least + " or more, not " + value);
      }
      return value;
    }

    private static Duration positive(String field, Duration value, Duration longest) {
      if (value.toSeconds() < 1 || value.compareTo(longest) > 0) {
        throw new IllegalArgumentException(
            field + " is at least a second and at most " + longest + ", not " + value);
      }
      return value;
    }

    /**
     * Makes the configuration.
     *
     * @throws IllegalStateException when there is no relay, or nothing that says who may use it
     */
    public TurnServerConfiguration build() {
      if (relays.isEmpty() && !bindingOnly) {
        throw new IllegalStateException("no relay: allocations have nowhere to be");
      }
      if (realm == null && listenerRealms.isEmpty() && !anonymous && !bindingOnly) {
        throw new IllegalStateException("neither a realm nor anonymous: nobody could allocate");
      }
      TurnServerConfiguration configuration = new TurnServerConfiguration(this);
      if (realm != null) {
        configuration.longTerm(realm);
      }
      listenerRealms.values().forEach(configuration::longTerm); // which refuse what can't be sent
      return configuration;
    }
  }
}
