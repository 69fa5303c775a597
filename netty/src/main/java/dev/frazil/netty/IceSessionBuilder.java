package dev.frazil.netty;

import dev.frazil.ice.AddressHandling;
import dev.frazil.ice.Candidate;
import dev.frazil.ice.IceEvent;
import dev.frazil.ice.InterfaceAddress;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.IpAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Collects the settings of a session; each has a default. A session keeps the settings that it was built with; the
 * builder may be used for further ones.
 */
public final class IceSessionBuilder {
  IceSessionBuilder(IceRuntime runtime) {}

  /** The role to start with: the initiator controls (RFC 8445 6.1.1). Default {@link Role#CONTROLLED}. */
  public IceSessionBuilder role(Role value) {
    return this;
  }

  /** The number of streams, 1 to 256. Default 1. */
  public IceSessionBuilder streams(int value) {
    return this;
  }

  /** The number of components of each stream, 1 to 256. Default 1. */
  public IceSessionBuilder components(int value) {
    return this;
  }

  /** The STUN servers to ask, at most 16. Default none. */
  public IceSessionBuilder stunServers(List<StunServer> value) {
    return this;
  }

  /** Tell and take candidates as they are found (RFC 8838). Default true. */
  public IceSessionBuilder trickle(boolean value) {
    return this;
  }

  /** Be a lite agent (RFC 8445 2.5): for hosts that are always reachable. Default false. */
  public IceSessionBuilder lite(boolean value) {
    return this;
  }

  /** Take loopback addresses for candidates, local and remote; for tests. Default false (RFC 8445 5.1.1.1). */
  public IceSessionBuilder loopback(boolean value) {
    return this;
  }

  /** The Ta to propose, in milliseconds, 5 to 1000. Default 10; 50 is used with a peer that tells none. */
  public IceSessionBuilder pacing(int millis) {
    return this;
  }

  /** The most pairs over all checklists, 1 to 1000 (RFC 8445 6.1.2.5). Default 100. */
  public IceSessionBuilder maxPairs(int value) {
    return this;
  }

  /** Which addresses to use and tell (RFC 8828). Default {@link AddressHandling#DEFAULT_ROUTE}. */
  public IceSessionBuilder addressHandling(AddressHandling value) {
    return this;
  }

  /** Local addresses behind a 1:1 NAT and the address that the NAT gives each. Default none. */
  public IceSessionBuilder externalAddresses(Map<IpAddress, IpAddress> value) {
    return this;
  }

  /** Offer the ICE option {@code renomination}. Default false. */
  public IceSessionBuilder renomination(boolean value) {
    return this;
  }

  /** Check that the peer consents to receive (RFC 7675). Default true; WebRTC requires it. */
  public IceSessionBuilder consent(boolean value) {
    return this;
  }

  /** Tell what is decided and why, in further events. Default false. */
  public IceSessionBuilder eventLog(boolean value) {
    return this;
  }

  /** Refuses remote candidates beside those that are always refused; called on the event loop. Default takes all. */
  public IceSessionBuilder remoteFilter(Predicate<Candidate> value) {
    return this;
  }

  /**
   * Chooses among the addresses that the rules allow, by interface name, address or family; called on the event loop.
   * Default takes all.
   */
  public IceSessionBuilder interfaceFilter(Predicate<InterfaceAddress> value) {
    return this;
  }

  /** Tells which addresses the host has. Default asks the system. */
  public IceSessionBuilder interfaces(InterfaceProvider value) {
    return this;
  }

  /** The local ports to bind, 1 to 65535, both included. Default lets the system choose. */
  public IceSessionBuilder portRange(int min, int max) {
    return this;
  }

  /** SO_RCVBUF of each socket, in bytes. Default the system's. */
  public IceSessionBuilder receiveBufferSize(int bytes) {
    return this;
  }

  /** SO_SNDBUF of each socket, in bytes. Default the system's. */
  public IceSessionBuilder sendBufferSize(int bytes) {
    return this;
  }

  /** How long gathering may take before it ends without the servers that have not answered. Default 5 s. */
  public IceSessionBuilder gatheringLimit(Duration value) {
    return this;
  }

  /** How long without an answer until DISCONNECTED, 5 to 30 s. Default 10 s. */
  public IceSessionBuilder disconnectedAfter(Duration value) {
    return this;
  }

  /** Takes the session's events, in their order, on its event loop: it must not block. Default passes over them. */
  public IceSessionBuilder onEvent(Consumer<IceEvent> value) {
    return this;
  }

  /** Takes the session's data on its event loop. Default keeps it for {@link IceSession#receive}. */
  public IceSessionBuilder onData(DataHandler value) {
    return this;
  }

  /** Makes a session that does nothing until it is started. */
  public IceSession build() {
    return new IceSession();
  }
}
