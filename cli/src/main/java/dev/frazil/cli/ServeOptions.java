package dev.frazil.cli;

import dev.frazil.server.Setting;
import dev.frazil.server.Settings;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The settings of {@code frazil serve} as options; the server checks the values. */
final class ServeOptions {
  @Option(
      names = "--listen",
      paramLabel = "IP[:PORT]",
      description =
          "Where clients send to, an IPv6 address with a port in brackets; may be repeated. Default: port 3478 of all "
              + "addresses.")
  private @Nullable List<String> listen;

  @Option(
      names = "--relay",
      paramLabel = "IP",
      description =
          "An address of this host to relay from; may be repeated. Default: those listened on, else those of the default "
              + "routes.")
  private @Nullable List<String> relay;

  @Option(
      names = "--external",
      paramLabel = "IP",
      description =
          "The public address in front of the relay address, when a NAT maps it one to one; one per family.")
  private @Nullable List<String> external;

  @Option(
      names = "--ports",
      paramLabel = "FIRST-LAST",
      description = "The ports to relay from. Default: 49152-65535.")
  private @Nullable String ports;

  @Option(
      names = "--realm",
      paramLabel = "NAME",
      description = "What users belong to. Default: that of --host, else frazil.")
  private @Nullable String realm;

  @Option(
      names = "--user",
      paramLabel = "NAME:PASSWORD",
      description =
          "Who may relay; may be repeated. Others on this machine can read it: better in the file.")
  private @Nullable List<String> user;

  @Option(
      names = "--secret",
      paramLabel = "TEXT",
      description =
          "What a web application signs credentials with; may be repeated while it is changed. Better in the file.")
  private @Nullable List<String> secret;

  @Option(
      names = "--allow",
      paramLabel = "RANGE",
      description = "Peers that may be reached though they are private, as in 10.1.0.0/16.")
  private @Nullable List<String> allow;

  @Option(
      names = "--deny",
      paramLabel = "RANGE",
      description = "Peers that may not be reached. The longest prefix decides.")
  private @Nullable List<String> deny;

  @Option(
      names = "--allow-loopback-peers",
      description = "Let 127.0.0.0/8 and ::1 be reached: for tests.")
  private boolean allowLoopbackPeers;

  @Option(
      names = "--old-channel-numbers",
      description = "Take channel numbers up to 0x7FFF (RFC 5766), as coturn's clients choose.")
  private boolean oldChannelNumbers;

  @Option(
      names = "--allocations",
      paramLabel = "N",
      description = "The most allocations. Default: 10000.")
  private @Nullable String allocations;

  @Option(
      names = "--allocations-per-user",
      paramLabel = "N",
      description = "The most allocations of a user. Default: 100.")
  private @Nullable String allocationsPerUser;

  @Option(
      names = "--bandwidth",
      paramLabel = "BYTES",
      description = "The most payload a second, both ways. Default: 0, no limit.")
  private @Nullable String bandwidth;

  @Option(
      names = "--bandwidth-per-user",
      paramLabel = "BYTES",
      description = "The most payload a second of a user. Default: 0, no limit.")
  private @Nullable String bandwidthPerUser;

  @Option(
      names = "--refusals-per-source",
      paramLabel = "N",
      description =
          "The most refusals a second to an IPv4 address or IPv6 /64 that did not say who it is; what is more is dropped. "
              + "0 is no limit. Default: 50.")
  private @Nullable String refusalsPerSource;

  @Option(
      names = "--host",
      paramLabel = "NAME",
      description = "The name that clients know the server by.")
  private @Nullable String host;

  @Option(names = "--stun-only", description = "Answer Binding requests, relay nothing.")
  private boolean stunOnly;

  @Option(
      names = "--drain",
      paramLabel = "S",
      description = "Seconds that allocations have to end on SIGTERM. Default: 60.")
  private @Nullable String drain;

  @Option(
      names = "--statistics",
      paramLabel = "S",
      description = "Seconds between lines of statistics; 0 for none. Default: 60.")
  private @Nullable String statistics;

  @Option(
      names = "--full-addresses",
      description = "Log whole addresses of clients and peers, not their networks.")
  private boolean fullAddresses;

  /** Adds what was given. */
  void addTo(Settings settings) {
    add(settings, Setting.LISTEN, listen);
    add(settings, Setting.RELAY, relay);
    add(settings, Setting.EXTERNAL, external);
    add(settings, Setting.PORTS, ports);
    add(settings, Setting.REALM, realm);
    add(settings, Setting.USER, user);
    add(settings, Setting.SECRET, secret);
    add(settings, Setting.ALLOW, allow);
    add(settings, Setting.DENY, deny);
    add(settings, Setting.ALLOW_LOOPBACK_PEERS, allowLoopbackPeers);
    add(settings, Setting.OLD_CHANNEL_NUMBERS, oldChannelNumbers);
    add(settings, Setting.ALLOCATIONS, allocations);
    add(settings, Setting.ALLOCATIONS_PER_USER, allocationsPerUser);
    add(settings, Setting.BANDWIDTH, bandwidth);
    add(settings, Setting.BANDWIDTH_PER_USER, bandwidthPerUser);
    add(settings, Setting.REFUSALS_PER_SOURCE, refusalsPerSource);
    add(settings, Setting.HOST, host);
    add(settings, Setting.STUN_ONLY, stunOnly);
    add(settings, Setting.DRAIN, drain);
    add(settings, Setting.STATISTICS, statistics);
    add(settings, Setting.FULL_ADDRESSES, fullAddresses);
  }

  private static void add(Settings settings, Setting setting, @Nullable List<String> values) {
    if (values != null) {
      settings.set(setting, values);
    }
  }

  private static void add(Settings settings, Setting setting, @Nullable String value) {
    add(settings, setting, value == null ? null : List.of(value));
  }

  private static void add(Settings settings, Setting setting, boolean given) {
    add(settings, setting, given ? "true" : null);
  }
}
