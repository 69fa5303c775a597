package dev.frazil.turn;

import dev.frazil.net.Transport;
import dev.frazil.stun.ClientAuthentication.ThirdPartyToken;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.StunClient;
import java.time.Duration;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** What a {@link TurnAllocation} is told once, when it is made. Immutable; made by {@link #builder}. */
public final class TurnConfiguration {
  /** Of which address families relayed addresses are wanted. */
  public enum Families {
    IPV4,
    IPV6,
    /** Both at once (RFC 8656 7.1); a server that has or knows but one gives that one. */
    BOTH
  }

  final RandomGenerator random;
  final @Nullable LongTermCredential credential;
  final @Nullable ThirdPartyToken accessToken;
  final Families families;
  final Transport transport;
  final int lifetimeSeconds;
  final boolean evenPort;
  final boolean reserveNext;
  final @Nullable Long reservationToken;
  final boolean dontFragment;
  final boolean mobility;
  final boolean reallocate;
  final int channelAfter;
  final StunClient.Options options;

  private TurnConfiguration(Builder builder) {
    random = builder.random;
    credential = builder.credential;
    accessToken = builder.accessToken;
    families = builder.families;
    transport = builder.transport;
    lifetimeSeconds = (int) builder.lifetime.toSeconds();
    evenPort = builder.evenPort;
    reserveNext = builder.reserveNext;
    reservationToken = builder.reservationToken;
    dontFragment = builder.dontFragment;
    mobility = builder.mobility;
    reallocate = builder.reallocate;
    channelAfter = builder.channelAfter;
    options = builder.options;
  }

  /**
   * Starts a configuration.
   *
   * @param random a cryptographically strong generator; a seeded one only in a simulation
   */
  public static Builder builder(RandomGenerator random) {
    return new Builder(random);
  }

  /** Collects settings; each has a default. */
  public static final class Builder {
    private final RandomGenerator random;
    private @Nullable LongTermCredential credential;
    private @Nullable ThirdPartyToken accessToken;
    private Families families = Families.IPV4;
    private Transport transport = Transport.UDP;
    private Duration lifetime = Duration.ZERO;
    private boolean evenPort;
    private boolean reserveNext;
    private @Nullable Long reservationToken;
    private boolean dontFragment;
    private boolean mobility;
    private boolean reallocate;
    private int channelAfter = 20;
    private StunClient.Options options = StunClient.Options.DEFAULT;

    private Builder(RandomGenerator random) {
      this.random = random;
    }

    /** The account on the server. Default none: only a server open to everybody lets that in. */
    public Builder credential(LongTermCredential value) {
      credential = value;
      return this;
    }

    /** A token from an authorization server (RFC 7635), instead of an account. Default none. */
    public Builder accessToken(ThirdPartyToken value) {
      accessToken = value;
      return this;
    }

    /** The families of the relayed addresses. Default {@link Families#IPV4}, which every server knows. */
    public Builder families(Families value) {
      families = value;
      return this;
    }

    /**
     * The protocol between relay and peers. TCP (RFC 6062) takes a stream to the server, and its data connections are
     * streams of their own. Default UDP.
     */
    public Builder transport(Transport value) {
      transport = value;
      return this;
    }

    /** The lifetime to ask for, 1 s to a day; the server has the last word. Default what the server likes. */
    public Builder lifetime(Duration value) {
      if (value.toSeconds() < 1 || value.compareTo(Duration.ofDays(1)) > 0) {
        throw new IllegalArgumentException("lifetime " + value + ": must be 1 s to 24 h");
      }
      lifetime = value;
      return this;
    }

    /**
     * Ask for an even relayed port (RFC 8656 18.6). Given up when the server can't.
     *
     * @param next whether to reserve the port behind it, for a second allocation by {@link #reservationToken}
     */
    public Builder evenPort(boolean next) {
      evenPort = true;
      reserveNext = next;
      return this;
    }

    /** Ask for the port that an earlier allocation reserved. Given up when the server can't. */
    public Builder reservationToken(long value) {
      reservationToken = value;
      return this;
    }

    /** Have the relay send with DF set (RFC 8656 18.8). Given up when the server can't. Default false. */
    public Builder dontFragment(boolean value) {
      dontFragment = value;
      return this;
    }

    /** Ask for a ticket to take the allocation to other addresses of this host (RFC 8016). Default false. */
    public Builder mobility(boolean value) {
      mobility = value;
      return this;
    }

    /**
     * Allocate again when the allocation is lost, and after a refusal that ends with time. The relayed addresses are then
     * others. Default false.
     */
    public Builder reallocate(boolean value) {
      reallocate = value;
      return this;
    }

    /**
     * After how many datagrams to one peer within two minutes a channel is bound: its ChannelBind costs as much as some
     * ten headers of Send indications. 0 leaves it to {@link TurnAllocation#bind}. Default 20.
     */
    public Builder channelAfter(int datagrams) {
      if (datagrams < 0) {
        throw new IllegalArgumentException("channelAfter " + datagrams + ": must be at least 0");
      }
      channelAfter = datagrams;
      return this;
    }

    /** What requests have in common. */
    public Builder options(StunClient.Options value) {
      options = value;
      return this;
    }

    /**
     * The configuration.
     *
     * @throws IllegalArgumentException when settings exclude each other
     */
    public TurnConfiguration build() {
      require(credential == null || accessToken == null, "credential and accessToken");
      require(reservationToken == null || !evenPort, "reservationToken and evenPort");
      boolean both = families == Families.BOTH;
      require(reservationToken == null || !both, "reservationToken and families BOTH");
      require(!reserveNext || !both, "evenPort with the next one and families BOTH");
      if (transport == Transport.TCP) {
        require(!evenPort, "transport TCP and evenPort");
        require(reservationToken == null, "transport TCP and reservationToken");
        require(!dontFragment, "transport TCP and dontFragment");
        require(!mobility, "transport TCP and mobility");
      }
      return new TurnConfiguration(this);
    }

    private static void require(boolean holds, String settings) {
      if (!holds) {
        throw new IllegalArgumentException(
            settings + ": exclude each other (RFC 8656 7.1, RFC 6062 4.1)");
      }
    }
  }
}
