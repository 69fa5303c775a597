package dev.frazil.turn;

import dev.frazil.net.DeadlineQueue;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunClient.Failure;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ClientLine.Refusal;
import dev.frazil.turn.ClientSession.Timer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Has the server let peers through, several in one request, and keeps it so (RFC 8656 9, 10). */
final class PermissionClient {
  /** RFC 8656 9: a permission lasts 300 s. After two minutes three tries and more fit. */
  private static final long REFRESH_AFTER = 120 * ClientSession.SECOND;
  /** Those that are due so soon are refreshed by the same request. */
  private static final long TOGETHER = 30 * ClientSession.SECOND;

  private static final long RETRY_AFTER = ClientSession.MINUTE;
  /** With credentials a request stays below 576 bytes (RFC 8489 6.1). */
  private static final int MOST_BYTES = 300;

  private static final int MOST_PERMISSIONS = 1024;

  private static final class Permission extends DeadlineQueue.Entry {
    final TransportAddress peer; // the port does not matter
    boolean asking;
    boolean installed;

    @Nullable Refusal refusal;

    Permission(TransportAddress peer) {
      this.peer = peer;
    }
  }

  private final ClientSession session;
  private final Map<IpAddress, Permission> permissions = new HashMap<>();
  private final DeadlineQueue<Permission> due = new DeadlineQueue<>();
  private final Timer timer = new Timer(this::refreshDue);

  PermissionClient(ClientSession session) {
    this.session = session;
  }

  void permit(Collection<TransportAddress> peers, long now) {
    List<Permission> added = new ArrayList<>();
    for (TransportAddress peer : peers) {
      Permission known = permissions.get(peer.ip());
      if (known == null && permissions.size() < MOST_PERMISSIONS) {
        Permission permission = new Permission(peer);
        permissions.put(peer.ip(), permission);
        added.add(permission);
      } else if (known == null) {
        tellRefused(peer.ip(), refusedHere(ErrorCode.INSUFFICIENT_CAPACITY));
      } else if (known.refusal != null) {
        tellRefused(peer.ip(), known.refusal);
      }
    }
    if (session.isAllocated()) {
      ask(added, now);
    }
  }

  void release(IpAddress peer) {
    Permission permission = permissions.remove(peer);
    if (permission != null) {
      due.cancel(permission);
      arm();
    }
  }

  /** Whether data may go to a peer and come from it: the server was asked, and has not refused. */
  boolean covers(IpAddress peer) {
    Permission permission = permissions.get(peer);
    return permission != null
        && permission.refusal == null
        && (permission.asking || permission.installed);
  }

  // asking

  private void ask(List<Permission> wanted, long now) {
    List<Permission> together = new ArrayList<>();
    int bytes = 0;
    for (Permission permission : wanted) {
      due.cancel(permission);
      if (!session.relays(permission.peer)) {
        refuse(permission, refusedHere(ErrorCode.PEER_ADDRESS_FAMILY_MISMATCH));
        continue;
      }
      int size = permission.peer.ip().isIpv4() ? 12 : 24;
      if (bytes + size > MOST_BYTES) {
        send(together, now);
        together = new ArrayList<>();
        bytes = 0;
      }
      together.add(permission);
      bytes += size;
    }
    if (!together.isEmpty()) {
      send(together, now);
    }
    arm();
  }

  private void send(List<Permission> together, long now) {
    together.forEach(permission -> permission.asking = true);
    session
        .line()
        .request(
            Method.CREATE_PERMISSION,
            builder -> together.forEach(
                permission -> builder.put(AttributeType.XOR_PEER_ADDRESS, permission.peer)),
            new Batch(together),
            now);
  }

  private void refreshDue(long now) {
    List<Permission> wanted = new ArrayList<>();
    Permission permission;
    while ((permission = due.poll(now + TOGETHER)) != null) {
      wanted.add(permission);
    }
    ask(wanted, now);
  }

  private void arm() {
    session.schedule(timer, due.nextDeadline());
  }

  /** The peers of one request. */
  private final class Batch implements ClientLine.Asker {
    private final List<Permission> peers;

    Batch(List<Permission> peers) {
      this.peers = peers;
    }

    @Override
    public void answered(StunMessage response, long askedAt, long now) {
      wanted().forEach(permission -> installed(permission, askedAt));
      arm();
    }

    @Override
    public void refused(Refusal refusal, long now) {
      List<Permission> wanted = wanted();
      wanted.forEach(permission -> permission.asking = false);
      int code = refusal.code();
      if (code == ErrorCode.ALLOCATION_MISMATCH) {
        session.lost("the server does not know the allocation", refusal.error(), false, now);
      } else if (code == 0 || session.wantsToken(refusal)) {
        long again = refusal.failure() == Failure.TIMEOUT ? ClientSession.SECOND : RETRY_AFTER;
        wanted.forEach(permission -> permission.asking = true);
        wanted.forEach(permission -> due.schedule(permission, now + again));
      } else if (peers.size() > 1 && refusal.failure() == Failure.ERROR_RESPONSE) {
        wanted.forEach(
            permission -> ask(List.of(permission), now)); // RFC 8656 10.2: all or nothing
      } else {
        wanted.forEach(permission -> refuse(permission, refusal));
        if (code == ErrorCode.INSUFFICIENT_CAPACITY || code == ErrorCode.SERVER_ERROR) {
          wanted.forEach(permission -> due.schedule(permission, now + RETRY_AFTER));
        }
      }
      arm();
    }

    private List<Permission> wanted() {
      return peers.stream()
          .filter(permission -> permissions.get(permission.peer.ip()) == permission)
          .toList();
    }
  }

  private void installed(Permission permission, long askedAt) {
    boolean fresh = !permission.installed || permission.refusal != null;
    permission.asking = false;
    permission.installed = true;
    permission.refusal = null;
    due.schedule(permission, askedAt + REFRESH_AFTER);
    if (fresh) {
      session.outbox.event(new TurnEvent.PermissionInstalled(permission.peer.ip()));
    }
  }

  private void refuse(Permission permission, Refusal refusal) {
    boolean fresh = permission.refusal == null;
    permission.asking = false;
    permission.installed = false;
    permission.refusal = refusal;
    if (fresh) {
      tellRefused(permission.peer.ip(), refusal);
    }
  }

  private static Refusal refusedHere(int code) {
    return new Refusal(Failure.ERROR_RESPONSE, null, false, ErrorCode.of(code));
  }

  private void tellRefused(IpAddress peer, Refusal refusal) {
    session.outbox.event(new TurnEvent.PermissionRefused(peer, refusal.failure(), refusal.error()));
  }

  // what happens elsewhere

  /** A ChannelBind installed or refreshed the permission too (RFC 8656 12.2). */
  void boundChannel(TransportAddress peer, long askedAt) {
    Permission permission = permissions.get(peer.ip());
    if (permission != null && !permission.asking) {
      installed(permission, askedAt);
      arm();
    }
  }

  /** The server refused a channel to this peer, and with it the peer. */
  void refusedChannel(TransportAddress peer, Refusal refusal) {
    Permission permission = permissions.get(peer.ip());
    if (permission != null) {
      due.cancel(permission);
      refuse(permission, refusal);
      arm();
    }
  }

  /** There is a new allocation: it knows no peer yet. */
  void allocated(long now) {
    ask(new ArrayList<>(permissions.values()), now);
  }

  /** What was asked over the old path, or with the old token, is asked again. */
  void askAgain(long now) {
    ask(permissions.values().stream().filter(permission -> permission.asking).toList(), now);
  }

  /** The allocation is gone; the wishes stay. */
  void end() {
    for (Permission permission : permissions.values()) {
      due.cancel(permission);
      permission.asking = false;
      permission.installed = false;
      permission.refusal = null;
    }
    session.cancel(timer);
  }
}
