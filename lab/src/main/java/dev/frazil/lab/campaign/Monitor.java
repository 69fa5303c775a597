package dev.frazil.lab.campaign;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Sighting;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Watches one agent's packets and finds what an agent must never do. Reads STUN with eyes of its own. */
final class Monitor {
  private static final int REQUEST = 0x0001;
  private static final int SUCCESS = 0x0101;
  private static final int ERROR = 0x0111;
  private static final int COOKIE = 0x2112A442;
  private static final int USERNAME = 0x0006;
  private static final int MESSAGE_INTEGRITY = 0x0008;
  private static final int ERROR_CODE = 0x0009;
  private static final int USE_CANDIDATE = 0x0025;
  private static final int ICE_CONTROLLED = 0x8029;
  private static final int ICE_CONTROLLING = 0x802A;
  /** How long an unanswered check may hold back the others of its foundation. */
  private static final long HOLDS_BACK = 3_499_000_000L;

  private static final long CONSENT = 30_000_000_000L;
  private static final long LINGERING = 1_000_000_000L;

  /**
   * A request that this agent sent.
   *
   * @param username as it stands there; empty for one to a STUN server
   */
  private record Request(FiveTuple path, String username) {}

  /** A check that came in and must be answered by a check of ours. */
  private record Owed(FiveTuple path, long by) {}

  final String host;
  private final Ports ports;
  private final Tunnels tunnels;
  private final StreamReader streams = new StreamReader();
  private final Map<String, Request> requests = new HashMap<>();
  private final Map<FiveTuple, Long> succeeded = new HashMap<>();
  /** Paths on which a check of the current generation succeeded. */
  private final Set<FiveTuple> valid = new HashSet<>();

  private final Set<FiveTuple> heardFrom = new HashSet<>();
  /** Where checks of the current generation came in, and from where. */
  private final Set<FiveTuple> asked = new HashSet<>();
  /** Paths on which a check failed because its answer came from elsewhere. */
  private final Set<FiveTuple> asymmetric = new HashSet<>();

  private final Map<FiveTuple, Long> checked = new HashMap<>();
  private final List<Owed> owed = new ArrayList<>();
  private final List<String> violations = new ArrayList<>();
  private long lastStart = Long.MIN_VALUE / 2;
  private long lastCheck = -1;
  private long closedAt = Long.MAX_VALUE;
  /** The last request that this agent sent, and the last one that it was sent; an answer follows at once. */
  private @Nullable ByteBuffer lastAsked;

  private @Nullable ByteBuffer lastHeard;

  /** What the monitor asks about the agent that it watches. */
  interface Ports {
    /** The username fragment of a base's stream in its current generation. */
    String ufrag(TransportAddress base);

    /** The least time between two transactions of the agent, in nanoseconds. */
    long ta();

    /** Whether data takes this path now, so that a request on it may be a consent check. */
    boolean carriesData(FiveTuple path);

    /** How long the agent may take until it checks back on a path; below 0 when it need not. */
    long checkBackWithin(FiveTuple path);

    /** Whether a check on this path has to wait for another one, whose path this is; null when not. */
    @Nullable FiveTuple frozenBehind(FiveTuple path);

    /** Whether nothing may be sent from this address (RFC 8828). */
    boolean isForbidden(TransportAddress base);

    /** Whether nothing may be sent but through relays. */
    boolean isRelayOnly();

    /** Whether nothing more may be nominated for the component of this base in its current generation. */
    boolean isConcluded(TransportAddress base);

    /** Whether checks for this username fragment have to be answered: that of the generation, or of the one before. */
    boolean answersFor(TransportAddress base, String ufrag);

    /** What the agent holds more of than it may, in words; null when nothing. */
    @Nullable String excess();
  }

  Monitor(String host, Ports ports, Tunnels tunnels) {
    this.host = host;
    this.ports = ports;
    this.tunnels = tunnels;
  }

  /** What was found, in words. */
  List<String> violations() {
    return violations;
  }

  /** When the agent last began a check, or -1. */
  long lastCheck() {
    return lastCheck;
  }

  /** Where checks came in since the current generation began, and from where. */
  Set<FiveTuple> asked() {
    return asked;
  }

  /** A new generation begins on these bases. */
  void restarted(Predicate<TransportAddress> its) {
    asked.removeIf(path -> its.test(path.local()));
    valid.removeIf(path -> its.test(path.local()));
  }

  /** From now on the agent must be silent, but for giving allocations back, which takes it a second. */
  void closed(long now) {
    closedAt = now;
  }

  void see(Sighting sighting) {
    boolean sent = sighting.fate() == Sighting.Fate.SENT;
    if (!sighting.place().startsWith(host + "/")
        || !sent && sighting.fate() != Sighting.Fate.DELIVERED) {
      return;
    }
    FiveTuple path = sent
        ? new FiveTuple(sighting.source(), sighting.destination())
        : new FiveTuple(sighting.destination(), sighting.source());
    if (path.local().transport() == Transport.UDP) {
      see(path, sent, List.of(sighting.payload()), sighting.time());
      return;
    }
    List<ByteBuffer> messages = streams.read(path, sent, sighting.payload());
    if (!sent || StreamReader.hasData(sighting.payload())) {
      see(path, sent, messages, sighting.time());
    }
  }

  private void see(FiveTuple path, boolean sent, List<ByteBuffer> messages, long now) {
    List<Tunnels.Seen> seen = messages.stream()
        .map(message -> tunnels.look(path, message))
        .filter(Objects::nonNull)
        .toList();
    if (sent) {
      left(path, !seen.isEmpty(), now);
    }
    for (Tunnels.Seen each : seen) {
      if (sent) {
        sent(each.path(), each.payload(), now);
      } else {
        received(each.path(), each.payload(), now);
      }
    }
  }

  /** A datagram, or a segment with data, left a socket. */
  private void left(FiveTuple path, boolean carriesSomething, long now) {
    if (closedAt < (carriesSomething ? Long.MAX_VALUE : now - LINGERING)) {
      violate(now, "sent after close on " + path);
    }
    if (ports.isForbidden(path.local())) {
      violate(now, "sent from the forbidden address " + path.local());
    }
    if (ports.isRelayOnly() && !tunnels.isServer(path.remote())) {
      violate(now, "sent past the relay on " + path);
    }
  }

  private void sent(FiveTuple path, ByteBuffer payload, long now) {
    int type = type(payload);
    if (type < 0) {
      dataSent(path, now);
    } else if (type == REQUEST) {
      requestSent(path, payload, now);
    } else if (type == SUCCESS) {
      answered(path, payload, now);
    } else if (type == ERROR) {
      refused(path, payload, now);
    }
    overdue(now);
  }

  private void dataSent(FiveTuple path, long now) {
    Long since = succeeded.get(path);
    if (since == null || now - since > CONSENT) {
      violate(now, "data without consent on " + path);
    }
  }

  private void requestSent(FiveTuple path, ByteBuffer payload, long now) {
    String username = username(payload);
    if (requests.putIfAbsent(id(payload), new Request(path, username)) != null) {
      return; // a retransmission
    }
    owed.removeIf(check -> check.path().equals(path));
    lastAsked = username.isEmpty() ? lastAsked : payload;
    boolean useCandidate = find(payload, USE_CANDIDATE) >= 0;
    boolean mayBeConsent = ports.carriesData(path) && !useCandidate;
    if (mayBeConsent) {
      lastCheck = now; // or a check of a new generation on the path of the old one
      return;
    }
    if (now - lastStart < ports.ta() - 1000) {
      violate(now, "transactions " + (now - lastStart) / 1e6 + " ms apart, on " + path);
    }
    lastStart = now;
    String excess = ports.excess();
    if (excess != null) {
      violate(now, excess);
    }
    if (username.isEmpty()) {
      return; // to a STUN server
    }
    lastCheck = now;
    if (useCandidate && !valid.contains(path)) {
      violate(now, "nominated " + path + ", on which no check has succeeded");
    }
    // the selected pair may be nominated again, where the peer seems to use another
    if (useCandidate && ports.isConcluded(path.local()) && !ports.carriesData(path)) {
      violate(now, "nominated " + path + " after nomination was over");
    }
    thawed(path, now);
  }

  /** A check began; was it its turn? */
  private void thawed(FiveTuple path, long now) {
    boolean first = checked.putIfAbsent(path, now) == null;
    FiveTuple before = first ? ports.frozenBehind(path) : null;
    boolean mayStart = before == null
        || succeeded.containsKey(before)
        || asymmetric.contains(before)
        || heardFrom.contains(path);
    Long beforeChecked = before == null ? null : checked.get(before);
    boolean beforeIsOver = beforeChecked != null && now - beforeChecked >= HOLDS_BACK;
    if (!mayStart && !beforeIsOver) {
      violate(now, "checked " + path + " while it was frozen behind " + before);
    }
  }

  private void answered(FiveTuple path, ByteBuffer payload, long now) {
    if (payload.getInt(8) == Stranger.MARK) {
      violate(now, "answered a stranger's check on " + path);
    }
    heardFrom.add(path);
    long within = ports.checkBackWithin(path);
    if (within >= 0
        && !succeeded.containsKey(path)
        && owed.stream().noneMatch(check -> check.path().equals(path))) {
      owed.add(new Owed(path, now + within));
    }
  }

  private void refused(FiveTuple path, ByteBuffer payload, long now) {
    ByteBuffer request = lastHeard;
    if (request == null || !id(request).equals(id(payload)) || request.getInt(8) == Stranger.MARK) {
      return;
    }
    int at = find(payload, ERROR_CODE);
    int code = at < 0 ? 0 : payload.get(at + 6) * 100 + payload.get(at + 7);
    String ufrag = username(request).split(":", 2)[0];
    if (code == 401 && ports.answersFor(path.local(), ufrag)) {
      violate(now, "refused a check of a generation that it has to answer for, on " + path);
    }
    if (code == 487 && mustYield(request)) {
      violate(now, "insisted on a role that the other's tie-breaker wins, on " + path);
    }
  }

  /** Whether a request that was refused for its role wins by RFC 8445 7.3.1.1, as far as can be seen from here. */
  private boolean mustYield(ByteBuffer request) {
    ByteBuffer own = lastAsked;
    if (own == null) {
      return false;
    }
    int ours = Math.max(find(own, ICE_CONTROLLING), find(own, ICE_CONTROLLED));
    int controlling = find(request, ICE_CONTROLLING);
    int theirs = Math.max(controlling, find(request, ICE_CONTROLLED));
    if (ours < 0 || theirs < 0) {
      return false;
    }
    int order = Long.compareUnsigned(own.getLong(ours + 4), request.getLong(theirs + 4));
    return controlling >= 0 ? order < 0 : order >= 0;
  }

  private void received(FiveTuple path, ByteBuffer payload, long now) {
    int type = type(payload);
    if (type == SUCCESS) {
      Request request = requests.get(id(payload));
      boolean holds =
          request != null && !request.username().isEmpty() && find(payload, MESSAGE_INTEGRITY) >= 0;
      if (request != null && holds) {
        succeeded(request, path, now);
      }
    } else if (type == ERROR) {
      lastAsked = null; // after a role conflict there is a new tie-breaker
    } else if (type == REQUEST) {
      lastHeard = payload;
      if (username(payload).startsWith(ports.ufrag(path.local()) + ":")) {
        asked.add(path);
      }
    }
    overdue(now);
  }

  private void succeeded(Request request, FiveTuple path, long now) {
    if (!request.path().equals(path)) {
      asymmetric.add(request.path());
      return;
    }
    succeeded.put(path, now);
    if (request.username().endsWith(":" + ports.ufrag(path.local()))) {
      valid.add(path);
    }
    owed.removeIf(check -> check.path().equals(path));
  }

  private void overdue(long now) {
    if (!owed.isEmpty()) {
      owed.removeIf(check -> {
        if (check.by() >= now) {
          return false;
        }
        if (ports.checkBackWithin(check.path()) >= 0) {
          violate(now, "no triggered check on " + check.path());
        }
        return true;
      });
    }
  }

  private void violate(long now, String what) {
    if (violations.size() < 10) {
      violations.add("%.3f s %s: %s".formatted(now / 1e9, host, what));
    }
  }

  /** The STUN message type, or -1 for what is no STUN. */
  static int type(ByteBuffer payload) {
    return payload.remaining() >= 20 && payload.getInt(4) == COOKIE && (payload.get(0) & 0xC0) == 0
        ? payload.getShort(0)
        : -1;
  }

  private static String id(ByteBuffer payload) {
    return Integer.toHexString(payload.getInt(8)) + ":" + Long.toHexString(payload.getLong(12));
  }

  private static String username(ByteBuffer payload) {
    int at = find(payload, USERNAME);
    if (at < 0) {
      return "";
    }
    byte[] bytes = new byte[payload.getShort(at + 2)];
    payload.get(at + 4, bytes);
    return new String(bytes, StandardCharsets.US_ASCII);
  }

  /** Where an attribute begins, or -1. */
  static int find(ByteBuffer payload, int attribute) {
    for (int at = 20; at + 4 <= payload.limit(); at += 4 + (payload.getShort(at + 2) + 3 & ~3)) {
      if ((payload.getShort(at) & 0xFFFF) == attribute) {
        return at;
      }
    }
    return -1;
  }
}
