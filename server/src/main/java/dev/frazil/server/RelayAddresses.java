package dev.frazil.server;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.server.Settings.FieldException;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Where relayed addresses are, and what clients are told instead of them. */
final class RelayAddresses {
  /**
   * A public address.
   *
   * @param local what it stands for; null for the one relay address of its family
   */
  private record External(IpAddress told, @Nullable IpAddress local) {
    boolean standsFor(IpAddress relay) {
      return local == null ? told.family() == relay.family() : local.equals(relay);
    }
  }

  private final List<IpAddress> relays = new ArrayList<>();
  private final List<External> externals = new ArrayList<>();
  private int firstPort = 49152; // RFC 8656 7.2
  private int lastPort = 65535;

  void relay(String text) {
    relays.add(SettingText.host(text));
  }

  /** {@code PUBLIC} or {@code PUBLIC/LOCAL}. */
  void external(String text) {
    int slash = text.indexOf('/');
    IpAddress told = SettingText.host(slash < 0 ? text : text.substring(0, slash));
    IpAddress local = slash < 0 ? null : SettingText.host(text.substring(slash + 1));
    if (local != null && local.family() != told.family()) {
      throw new IllegalArgumentException("'" + text + "': both have to be of one family");
    }
    boolean taken = externals.stream()
        .filter(other -> other.told().family() == told.family())
        .anyMatch(other ->
            other.local() == null || local == null || Objects.equals(other.local(), local));
    if (taken) {
      throw new IllegalArgumentException("'" + text + "': there is one of this family already; "
          + "of several, each needs its own relay address, as in PUBLIC/LOCAL");
    }
    externals.add(new External(told, local));
  }

  void ports(String text) {
    String[] ends = text.split("-", -1);
    if (ends.length != 2) {
      throw new IllegalArgumentException("'" + text + "': has to be FIRST-LAST");
    }
    firstPort = SettingText.count(ends[0].strip());
    lastPort = SettingText.count(ends[1].strip());
    if (firstPort < 1024 || lastPort > 65535 || firstPort > lastPort) {
      throw new IllegalArgumentException(
          "'" + text + "': has to be within 1024 to 65535, the lower first (RFC 8656 7.2)");
    }
  }

  /** Each public address has to stand for exactly one relay address, as far as these are named. */
  void check() {
    if (relays.isEmpty()) {
      return;
    }
    for (External external : externals) {
      long candidates = relays.stream().filter(external::standsFor).count();
      if (candidates != 1) {
        throw new FieldException(
            Setting.EXTERNAL,
            "'" + external.told() + "': stands for the one relay address of its family"
                + (external.local() == null ? "" : " that is " + external.local())
                + ", and there are " + candidates);
      }
    }
  }

  /** What clients are told instead of a relay address. */
  List<IpAddress> externals() {
    return externals.stream().map(External::told).toList();
  }

  /**
   * The relays of this host.
   *
   * @param listening what is relayed from where nothing was set; else the addresses that the host sends from are
   */
  List<Relay> relays(List<TransportAddress> listening, HostAddresses addresses)
      throws ConfigurationException {
    List<IpAddress> locals = locals(listening, addresses);
    if (locals.isEmpty()) {
      throw new ConfigurationException(
          "relay: has to be given, because this host has no route to the Internet");
    }
    return locals.stream()
        .map(local -> new Relay(local, told(local), firstPort, lastPort))
        .toList();
  }

  /** The addresses that clients know, the likeliest first. */
  Stream<IpAddress> told(List<TransportAddress> listening, HostAddresses addresses) {
    return Stream.concat(
        externals().stream(), locals(listening, addresses).stream().map(this::told));
  }

  /** What is set; else what is listened on; else where the host sends from. */
  private List<IpAddress> locals(List<TransportAddress> listening, HostAddresses addresses) {
    if (!relays.isEmpty()) {
      return relays;
    }
    List<IpAddress> certain = listening.stream()
        .map(TransportAddress::ip)
        .filter(ip -> !ip.isUnspecified())
        .distinct()
        .toList();
    return certain.isEmpty() ? addresses.ofDefaultRoutes() : certain;
  }

  private IpAddress told(IpAddress local) {
    return externals.stream()
        .filter(external -> external.standsFor(local))
        .findFirst()
        .map(External::told)
        .orElse(local);
  }
}
