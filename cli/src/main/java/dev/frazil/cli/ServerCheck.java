package dev.frazil.cli;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.StunUri;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Gathers from one STUN server: asks each of its addresses from each of this host's that could reach it. */
final class ServerCheck {
  /**
   * What one address of a server answered to one of this host's. Exactly one of candidate and problem is there.
   *
   * @param server as it was given
   * @param address where it was asked; null when it has no address
   * @param candidate what an agent could tell a peer
   * @param local the address of this host that asked
   * @param rttMillis the round trip
   * @param sends how many requests it took
   * @param problem what went wrong, in plain words
   */
  record Row(
      String server,
      @Nullable String address,
      @Nullable Candidate candidate,
      @Nullable TransportAddress local,
      @Nullable Double rttMillis,
      int sends,
      @Nullable String problem)
      implements CheckRow {
    @Override
    public boolean isGood() {
      return problem == null;
    }

    private static Row failed(String server, String problem) {
      return new Row(server, null, null, null, null, 0, problem);
    }
  }

  private static final int MAX_SOURCES = 16;

  private final String server;
  private final Duration timeout;

  private ServerCheck(String server, Duration timeout) {
    this.server = server;
    this.timeout = timeout;
  }

  /** Checks the server that a URI names, of STUN or TURN. */
  static List<? extends CheckRow> run(String server, TurnCheck.Settings settings) {
    StunUri uri;
    try {
      uri = StunUri.parse(server);
    } catch (IllegalArgumentException e) {
      return List.of(Row.failed(server, String.valueOf(e.getMessage())));
    }
    return switch (uri.scheme()) {
      case STUN -> new ServerCheck(server, settings.timeout()).run(uri);
      case STUNS ->
        List.of(Row.failed(server, "stuns: is not supported: ask turns: where the server relays"));
      case TURN, TURNS -> TurnCheck.run(server, uri, settings);
    };
  }

  /** Asks every address of the server from every address of this host, one after another. */
  private List<Row> run(StunUri uri) {
    List<Row> rows = new ArrayList<>();
    try {
      for (InetAddress address : InetAddress.getAllByName(uri.host())) {
        InetSocketAddress asked = new InetSocketAddress(address, uri.portOrDefault());
        List<InetAddress> sources = sources(address);
        if (sources.isEmpty()) {
          String family = address instanceof Inet4Address ? "IPv4" : "IPv6";
          String problem = "this machine has no " + family + " address to ask from";
          rows.add(new Row(
              server, BindingQuery.address(asked).toString(), null, null, null, 0, problem));
        }
        sources.forEach(source -> rows.add(ask(source, asked)));
      }
    } catch (SocketException e) {
      rows.add(Row.failed(server, "this machine's addresses can't be listed: " + e.getMessage()));
    } catch (UnknownHostException e) {
      rows.add(Row.failed(server, "the name can't be resolved: no such host, or no DNS here"));
    }
    return rows;
  }

  /** The addresses of this host that an agent would gather from: those that could reach the server. */
  private static List<InetAddress> sources(InetAddress server) throws SocketException {
    return NetworkInterface.networkInterfaces()
        .flatMap(NetworkInterface::inetAddresses)
        .filter(source -> source.getClass() == server.getClass()
            && source.isLoopbackAddress() == server.isLoopbackAddress()
            && source.isLinkLocalAddress() == server.isLinkLocalAddress())
        .limit(MAX_SOURCES)
        .toList();
  }

  private Row ask(InetAddress from, InetSocketAddress address) {
    BindingQuery.Answer answer = new BindingQuery(from, address, timeout).ask();
    TransportAddress mapped = answer.mapped();
    String asked = BindingQuery.address(address).toString();
    if (mapped == null) {
      return new Row(server, asked, null, answer.local(), null, answer.sends(), answer.problem());
    }
    return new Row(
        server,
        asked,
        candidate(mapped, answer.local()),
        answer.local(),
        answer.rttMillis(),
        answer.sends(),
        null);
  }

  private static Candidate candidate(TransportAddress mapped, @Nullable TransportAddress local) {
    CandidateType type = mapped.equals(local) ? CandidateType.HOST : CandidateType.SERVER_REFLEXIVE;
    int priority = Candidate.priority(type.preference(), 65535, 1);
    return new Candidate(
        "1", 1, priority, mapped, type, type == CandidateType.HOST ? null : local, Map.of());
  }
}
