package dev.frazil.testkit;

import java.time.Duration;

/**
 * How a NAT behaves, in the words of RFC 4787.
 *
 * @param mapping which packets of an internal endpoint share a mapping (4.1)
 * @param filtering whose packets a mapping lets in (5)
 * @param portPreserving whether a mapping takes the internal port number when it is free (4.2.1); no two mappings ever
 *     share an external port
 * @param parityPreserving whether an even port is mapped to an even one and an odd to an odd one, as long as there are
 *     any (4.2.2)
 * @param portAllocation how the port is chosen when it is not preserved
 * @param firstPort the first external port for internal ports from 1024, 1 to 65535; internal ports below 1024 are
 *     mapped to ports below 1024 (4.2.1)
 * @param lastPort the last such port
 * @param hairpinning what the NAT does with packets from inside to its own external addresses (6)
 * @param mappingTimeout how long a mapping, and a permission of its filter, lives after the last packet that refreshes
 *     it (4.3); an outbound packet always does
 * @param inboundRefresh whether inbound packets refresh too
 * @param pooling which of several external addresses a new mapping takes (4.1)
 */
public record NatBehavior(
    Dependence mapping,
    Dependence filtering,
    boolean portPreserving,
    boolean parityPreserving,
    PortAllocation portAllocation,
    int firstPort,
    int lastPort,
    Hairpinning hairpinning,
    Duration mappingTimeout,
    boolean inboundRefresh,
    Pooling pooling) {
  /** What a mapping or a filter looks at, of the external endpoint. */
  public enum Dependence {
    /** Nothing: one mapping for all, or everybody may send. */
    ENDPOINT_INDEPENDENT,
    /** The IP address. */
    ADDRESS_DEPENDENT,
    /** The IP address and the port. */
    ADDRESS_AND_PORT_DEPENDENT
  }

  /** How an external port is chosen. */
  public enum PortAllocation {
    /** The next free one after the last. */
    SEQUENTIAL,
    /** Any free one. */
    RANDOM
  }

  /** What becomes of packets from inside to the NAT's external addresses. */
  public enum Hairpinning {
    /** They are dropped. */
    NONE,
    /** They come back in from the sender's external endpoint, as RFC 4787 6 requires (REQ-9a). */
    EXTERNAL_SOURCE,
    /** They come back in from the sender's internal endpoint, which some NATs do. */
    INTERNAL_SOURCE
  }

  /** Which external address a mapping takes. */
  public enum Pooling {
    /** All mappings of an internal address take the same one. */
    PAIRED,
    /** Each takes any. */
    ARBITRARY
  }

  /** RFC 3489's full cone: one mapping for all, everybody may send. */
  public static final NatBehavior FULL_CONE =
      builder().filtering(Dependence.ENDPOINT_INDEPENDENT).build();

  /** RFC 3489's restricted cone: one mapping for all, addresses that were sent to may send. */
  public static final NatBehavior RESTRICTED_CONE =
      builder().filtering(Dependence.ADDRESS_DEPENDENT).build();

  /** RFC 3489's port restricted cone: one mapping for all, endpoints that were sent to may send. */
  public static final NatBehavior PORT_RESTRICTED_CONE = builder().build();

  /** RFC 3489's symmetric NAT: a mapping on a random port for each endpoint, and only that endpoint may send. */
  public static final NatBehavior SYMMETRIC = builder()
      .mapping(Dependence.ADDRESS_AND_PORT_DEPENDENT)
      .portPreserving(false)
      .portAllocation(PortAllocation.RANDOM)
      .build();

  /** Checks the port range and the time-out. */
  public NatBehavior {
    if (firstPort < 1 || lastPort > 65535 || firstPort > lastPort) {
      throw new IllegalArgumentException(
          "ports: a range within 1 to 65535, not " + firstPort + " to " + lastPort);
    }
    if (mappingTimeout.isNegative()
        || mappingTimeout.isZero()
        || mappingTimeout.compareTo(Duration.ofDays(3653)) > 0) {
      throw new IllegalArgumentException(
          "mappingTimeout: more than 0 and at most 10 years, not " + mappingTimeout);
    }
  }

  /**
   * Starts from a port restricted cone NAT that keeps RFC 4787: preserves ports and parity, hairpins, holds mappings
   * for five minutes, pairs addresses.
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Starts from this behavior. */
  public Builder toBuilder() {
    return new Builder()
        .mapping(mapping)
        .filtering(filtering)
        .portPreserving(portPreserving)
        .parityPreserving(parityPreserving)
        .portAllocation(portAllocation)
        .ports(firstPort, lastPort)
        .hairpinning(hairpinning)
        .mappingTimeout(mappingTimeout)
        .inboundRefresh(inboundRefresh)
        .pooling(pooling);
  }

  /** Collects a {@link NatBehavior}; see its components. */
  public static final class Builder {
    private Dependence mapping = Dependence.ENDPOINT_INDEPENDENT;
    private Dependence filtering = Dependence.ADDRESS_AND_PORT_DEPENDENT;
    private boolean portPreserving = true;
    private boolean parityPreserving = true;
    private PortAllocation portAllocation = PortAllocation.SEQUENTIAL;
    private int firstPort = 1024;
    private int lastPort = 65535;
    private Hairpinning hairpinning = Hairpinning.EXTERNAL_SOURCE;
    private Duration mappingTimeout = Duration.ofMinutes(5);
    private boolean inboundRefresh;
    private Pooling pooling = Pooling.PAIRED;

    private Builder() {}

    /** Sets which packets share a mapping. */
    public Builder mapping(Dependence value) {
      mapping = value;
      return this;
    }

    /** Sets whose packets are let in. */
    public Builder filtering(Dependence value) {
      filtering = value;
      return this;
    }

    /** Sets whether port numbers are preserved where possible. */
    public Builder portPreserving(boolean value) {
      portPreserving = value;
      return this;
    }

    /** Sets whether even stays even and odd odd. */
    public Builder parityPreserving(boolean value) {
      parityPreserving = value;
      return this;
    }

    /** Sets how ports are chosen that are not preserved. */
    public Builder portAllocation(PortAllocation value) {
      portAllocation = value;
      return this;
    }

    /** Sets the range of external ports. */
    public Builder ports(int first, int last) {
      firstPort = first;
      lastPort = last;
      return this;
    }

    /** Sets what becomes of packets to the NAT's own external addresses. */
    public Builder hairpinning(Hairpinning value) {
      hairpinning = value;
      return this;
    }

    /** Sets how long an unused mapping lives. */
    public Builder mappingTimeout(Duration value) {
      mappingTimeout = value;
      return this;
    }

    /** Sets whether inbound packets refresh a mapping. */
    public Builder inboundRefresh(boolean value) {
      inboundRefresh = value;
      return this;
    }

    /** Sets which external address a mapping takes. */
    public Builder pooling(Pooling value) {
      pooling = value;
      return this;
    }

    /** The behavior. */
    public NatBehavior build() {
      return new NatBehavior(
          mapping,
          filtering,
          portPreserving,
          parityPreserving,
          portAllocation,
          firstPort,
          lastPort,
          hairpinning,
          mappingTimeout,
          inboundRefresh,
          pooling);
    }
  }
}
