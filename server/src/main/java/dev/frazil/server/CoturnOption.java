package dev.frazil.server;

import dev.frazil.server.CoturnFile.Line;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of an option of coturn.
 *
 * @param taker what takes its value; null when it has no effect
 * @param why it has no effect; empty when it is no loss that it has none
 */
record CoturnOption(@Nullable Taker taker, String why) {
  /** Takes what a line says. */
  @FunctionalInterface
  interface Taker {
    /** Throws an {@link IllegalArgumentException} that says the rule. */
    void take(CoturnTranslation translation, Line line) throws ConfigurationException;
  }

  private static final String DATABASE =
      "no database is read; put users, or secrets that a web application signs with, into the file";
  private static final String TELNET =
      "there is no telnet interface; `frazil sessions` asks the server over a local socket";
  private static final String WEB = "there is no web page; see `frazil sessions` and --metrics";
  private static final String CIPHERS =
      "the TLS library's own choice of ciphers and curves, from TLS 1.2 on, is used";
  private static final String OUTDATED = "";
  private static final String PROCESS = "is for systemd or the container to set";
  private static final String DEVICE = "name the device's address instead";
  private static final String JOURNAL =
      "the log goes to standard error, which systemd hands to its journal, unless log-file is set";
  private static final String FIXED = "RFC 8656 fixes it";
  private static final String ORIGIN = "the ORIGIN attribute is not looked at";

  /** Every option of coturn 4.6 and of its later releases that a file may have. */
  private static final Map<String, CoturnOption> TABLE = new Table()
      .takes("listening-ip", CoturnTranslation::listeningIp)
      .takes("listening-port", CoturnTranslation::listeningPort)
      .takes("tls-listening-port", Setting.TLS_PORT)
      .takes("cert", CoturnTranslation::cert)
      .takes("pkey", CoturnTranslation::pkey)
      .takes("no-udp", CoturnTranslation::noTransport)
      .takes("no-tcp", CoturnTranslation::noTransport)
      .takes("no-tls", CoturnTranslation::noTransport)
      .takes("no-dtls", CoturnTranslation::noTransport)
      .takes("no-tcp-relay", CoturnTranslation::noTcpRelay)
      .takes("aux-server", CoturnTranslation::auxServer)
      .takes("relay-ip", Setting.RELAY)
      .takes("external-ip", Setting.EXTERNAL)
      .takes("min-port", CoturnTranslation::minPort)
      .takes("max-port", CoturnTranslation::maxPort)
      .none(
          "oauth",
          "its keys are in coturn's database: name them as oauth-key in a file for --config")
      .takes("server-name", Setting.OAUTH_SERVER_NAME)
      .takes("realm", Setting.REALM)
      .takes("user", CoturnTranslation::user)
      .takes("static-auth-secret", Setting.SECRET)
      .takes("use-auth-secret", CoturnTranslation::useAuthSecret)
      .takes("no-auth", CoturnTranslation::noAuth)
      .takes("lt-cred-mech", (translation, line) -> line.isOn())
      .takes("user-quota", CoturnTranslation::userQuota)
      .takes("total-quota", CoturnTranslation::totalQuota)
      .takes("max-bps", CoturnTranslation::maxBps)
      .takes("bps-capacity", CoturnTranslation::bpsCapacity)
      .takes("allowed-peer-ip", CoturnTranslation::allowedPeer)
      .takes("denied-peer-ip", CoturnTranslation::deniedPeer)
      .flag("allow-loopback-peers", Setting.ALLOW_LOOPBACK_PEERS)
      .flag("stun-only", Setting.STUN_ONLY)
      .flag("mobility", Setting.MOBILITY)
      .takes("prometheus", CoturnTranslation::prometheus)
      .takes("prometheus-port", CoturnTranslation::prometheusPort)
      .takes("log-file", CoturnTranslation::logFile)
      .none("syslog", JOURNAL)
      .takes("verbose", CoturnTranslation::verbose)
      .takes("Verbose", CoturnTranslation::verbose)
      .takes("relay-threads", CoturnTranslation::relayThreads)
      .takes("stale-nonce", CoturnTranslation::staleNonce)
      .takes("max-allocate-lifetime", Setting.LONGEST_LIFETIME)
      .takes("no-software-attribute", CoturnTranslation::noSoftware)
      .takes("prod", CoturnTranslation::noSoftware)
      .flag("no-stun-backward-compatibility", Setting.NO_OLD_STUN)
      // What holds without being asked for.
      .takes("alt-listening-port", CoturnTranslation::altListeningPort)
      .none("alt-tls-listening-port", "NAT behaviour is discovered over UDP alone")
      .none(
          "tcp-proxy-port",
          "proxies have no port of their own: name them as proxy in a file for --config; they connect "
              + "where clients do")
      .takes("no-rfc5780", CoturnTranslation::noRfc5780)
      .takes("rfc5780", CoturnTranslation::rfc5780)
      .none("no-multicast-peers", OUTDATED)
      .none("no-loopback-peers", OUTDATED)
      .none("response-origin-only-with-rfc5780", OUTDATED)
      .none("fingerprint", OUTDATED) // as clients that need it ask with one
      .none("no-cli", OUTDATED)
      .none("no-stdout-log", OUTDATED)
      .none("no-sslv2", OUTDATED)
      .none("no-sslv3", OUTDATED)
      .none("no-tlsv1", OUTDATED)
      .none("no-tlsv1_1", OUTDATED)
      .none("no-dynamic-ip-list", OUTDATED)
      .none("no-dynamic-realms", OUTDATED)
      .none("no-auth-pings", OUTDATED)
      .none("new-log-timestamp", OUTDATED)
      .none("simple-log", OUTDATED)
      // What has no counterpart.
      .none("userdb", DATABASE)
      .none("db", DATABASE)
      .none("psql-userdb", DATABASE)
      .none("mysql-userdb", DATABASE)
      .none("mongo-userdb", DATABASE)
      .none("redis-userdb", DATABASE)
      .none("secret-key-file", DATABASE)
      .none("redis-statsdb", "nothing is told to Redis; see --metrics")
      .none("cli-ip", TELNET)
      .none("cli-port", TELNET)
      .none("cli-password", TELNET)
      .none("cli-max-output-sessions", TELNET)
      .none("web-admin", WEB)
      .none("web-admin-ip", WEB)
      .none("web-admin-port", WEB)
      .none("web-admin-listen-on-workers", WEB)
      .none("acme-redirect", "the ports of STUN speak no HTTP; serve it on port 80")
      .none("cipher-list", CIPHERS)
      .none("ec-curve-name", CIPHERS)
      .none("dh-file", CIPHERS)
      .none("dh566", CIPHERS)
      .none("dh1066", CIPHERS)
      .none("dh2066", CIPHERS)
      .none("no-tlsv1_2", CIPHERS)
      .none("tlsv1_3", OUTDATED)
      .none("CA-file", "clients are known by their credentials, not by certificates")
      .none("pkey-pwd", "the key has to be without a password: openssl pkey -in KEY -out PLAIN")
      .none("listening-device", DEVICE)
      .none("relay-device", DEVICE)
      .none("proc-user", PROCESS)
      .none("proc-group", PROCESS)
      .none("pidfile", PROCESS)
      .none("daemon", PROCESS)
      .none("ne", "the engine is chosen by what the host can do")
      .none("udp-self-balance", "the system spreads clients over the threads")
      .none("channel-lifetime", FIXED)
      .none("permission-lifetime", FIXED)
      .none("max-allocate-timeout", FIXED)
      .none("check-origin-consistency", ORIGIN)
      .none("rest-api-separator", "the separator is a colon always")
      .none(
          "secure-stun",
          "Binding requests are answered to everybody; what a source may ask is limited")
      .none("no-stun", "Binding requests are answered always")
      .none("no-udp-relay", "relaying over UDP cannot be switched off alone")
      .none("server-relay", "peers without a permission are never let through")
      .none("keep-address-family", "clients that name no family get IPv4 (RFC 8656 7.2)")
      .takes("allocation-default-address-family", CoturnTranslation::defaultFamily)
      .none("alternate-server", "clients are not sent elsewhere")
      .none("tls-alternate-server", "clients are not sent elsewhere")
      .none("syslog-facility", PROCESS)
      .none("new-log-timestamp-format", "the log has times of its own")
      .none("log-binding", "Binding requests are counted, not logged")
      .none(
          "prometheus-username-labels",
          "metrics of each user would have no bound; see `frazil sessions`")
      .rows;

  /** What becomes of an option; null when coturn has none of this name. */
  static @Nullable CoturnOption of(String name) {
    return TABLE.get(name);
  }

  private static final class Table {
    private final Map<String, CoturnOption> rows = new TreeMap<>();

    Table takes(String name, Taker taker) {
      rows.put(name, new CoturnOption(taker, ""));
      return this;
    }

    Table takes(String name, Setting setting) {
      return takes(name, (translation, line) -> translation.add(setting, line, line.value()));
    }

    Table flag(String name, Setting setting) {
      return takes(
          name,
          (translation, line) -> translation.add(setting, line, Boolean.toString(line.isOn())));
    }

    Table none(String name, String why) {
      rows.put(name, new CoturnOption(null, why));
      return this;
    }
  }
}
