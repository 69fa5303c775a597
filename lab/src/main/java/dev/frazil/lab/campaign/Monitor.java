package dev.frazil.lab.campaign;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.Sighting;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Watches one agent's packets and finds what an agent must never do. Reads STUN with eyes of its own. */
final class Monitor {
  private static final int REQUEST = 0x0001;
  private static final int SUCCESS = 0x0101;
  private static final int COOKIE = 0x2112A442;
  private static final int USERNAME = 0x0006;
  private static final int USE_CANDIDATE = 0x0025;
  /** How long an unanswered check may hold back the others of its foundation. */
  private static final long HOLDS_BACK = 3_499_000_000L;

  private static final long CONSENT = 30_000_000_000L;

  /** A request that this agent sent. */
  private record Request(FiveTuple path, boolean useCandidate) {}

  /** A check that came in and must be answered by a check of ours. */
  private record Owed(FiveTuple path, long by) {}

  final String host;
  private final Ports ports;
  private final Map<String, Request> requests = new HashMap<>();
  private final Map<FiveTuple, Long> succeeded = new HashMap<>();
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
  private long checks;
  private boolean closed;

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
  }

  Monitor(String host, Ports ports) {
    this.host = host;
    this.ports = ports;
  }

  /** What was found, in words. */
  List<String> violations() {
    return violations;
  }

  /** When the agent last began a check, or -1. */
  long lastCheck() {
    return lastCheck;
  }

  /** How many checks the agent began. */
  long checks() {
    return checks;
  }

  /** Where checks came in since the current generation began, and from where. */
  Set<FiveTuple> asked() {
    return asked;
  }

  /** A new generation begins. */
  void restarted() {
    asked.clear();
  }

  /** From now on the agent must be silent. */
  void closed() {
    closed = true;
  }

  void see(Sighting sighting) {
    if (sighting.fate() == Sighting.Fate.SENT && sighting.place().startsWith(host + "/")) {
      sent(
          new FiveTuple(sighting.source(), sighting.destination()),
          sighting.payload(),
          sighting.time());
    } else if (sighting.fate() == Sighting.Fate.DELIVERED
        && sighting.place().startsWith(host + "/")) {
      received(
          new FiveTuple(sighting.destination(), sighting.source()),
          sighting.payload(),
          sighting.time());
    }
  }

  private void sent(FiveTuple path, ByteBuffer payload, long now) {
    if (closed) {
      violate(now, "sent after close on " + path);
    }
    int type = type(payload);
    if (type < 0) {
      dataSent(path, now);
    } else if (type == REQUEST) {
      requestSent(path, payload, now);
    } else if (type == SUCCESS) {
      answered(path, now);
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
    boolean useCandidate = has(payload, USE_CANDIDATE);
    if (requests.putIfAbsent(id(payload), new Request(path, useCandidate)) != null) {
      return; // a retransmission
    }
    owed.removeIf(check -> check.path().equals(path));
    boolean mayBeConsent = ports.carriesData(path) && !useCandidate;
    if (mayBeConsent) {
      lastCheck = now; // or a check of a new generation on the path of the old one
      return;
    }
    if (now - lastStart < ports.ta() - 1000) {
      violate(now, "transactions " + (now - lastStart) / 1e6 + " ms apart, on " + path);
    }
    lastStart = now;
    if (!hasUsername(payload)) {
      return; // to a STUN server
    }
    lastCheck = now;
    checks++;
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

  private void answered(FiveTuple path, long now) {
    heardFrom.add(path);
    long within = ports.checkBackWithin(path);
    if (within >= 0
        && !succeeded.containsKey(path)
        && owed.stream().noneMatch(check -> check.path().equals(path))) {
      owed.add(new Owed(path, now + within));
    }
  }

  private void received(FiveTuple path, ByteBuffer payload, long now) {
    if (type(payload) == SUCCESS) {
      Request request = requests.get(id(payload));
      if (request != null && request.path().equals(path)) {
        succeeded.put(path, now);
        owed.removeIf(check -> check.path().equals(path));
      } else if (request != null) {
        asymmetric.add(request.path());
      }
    } else if (type(payload) == REQUEST
        && username(payload).startsWith(ports.ufrag(path.local()) + ":")) {
      asked.add(path);
    }
    overdue(now);
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
  private static int type(ByteBuffer payload) {
    return payload.remaining() >= 20 && payload.getInt(4) == COOKIE && (payload.get(0) & 0xC0) == 0
        ? payload.getShort(0)
        : -1;
  }

  private static String id(ByteBuffer payload) {
    return Integer.toHexString(payload.getInt(8)) + ":" + Long.toHexString(payload.getLong(12));
  }

  private static boolean hasUsername(ByteBuffer payload) {
    return !username(payload).isEmpty();
  }

  private static String username(ByteBuffer payload) {
    for (int at = 20; at + 4 <= payload.limit(); at += 4 + (payload.getShort(at + 2) + 3 & ~3)) {
      if (payload.getShort(at) == USERNAME) {
        byte[] bytes = new byte[payload.getShort(at + 2)];
        payload.get(at + 4, bytes);
        return new String(bytes, StandardCharsets.US_ASCII);
      }
    }
    return "";
  }

  private static boolean has(ByteBuffer payload, int attribute) {
    for (int at = 20; at + 4 <= payload.limit(); at += 4 + (payload.getShort(at + 2) + 3 & ~3)) {
      if ((payload.getShort(at) & 0xFFFF) == attribute) {
        return true;
      }
    }
    return false;
  }
}
