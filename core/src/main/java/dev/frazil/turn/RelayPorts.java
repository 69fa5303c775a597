package dev.frazil.turn;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The ports that relayed addresses are taken from: by chance, so that nobody can guess the next (RFC 6056), and not again
 * before they have rested.
 */
final class RelayPorts {
  /** Which ports will do (RFC 8656 7.2, EVEN-PORT). */
  enum Wanted {
    ANY,
    EVEN,
    /** An even one with the next. */
    PAIR
  }

  /** Ports of other shards, or of others on this host, can't be told before they are tried; each then rests too. */
  private static final int MOST_ATTEMPTS = 64;

  private final class Pool {
    private final Relay relay;
    private final BitSet taken = new BitSet();
    private final int size;

    Pool(Relay relay) {
      this.relay = relay;
      this.size = relay.lastPort() - relay.firstPort() + 1;
    }

    /** A free port at or behind a random one; 0 when there is none. */
    int find(Wanted wanted) {
      int start = random.nextInt(size);
      int port = find(wanted, start, size);
      return port != 0 ? port : find(wanted, 0, start);
    }

    private int find(Wanted wanted, int from, int to) {
      for (int i = taken.nextClearBit(from); i < to; i = taken.nextClearBit(i + 1)) {
        int port = relay.firstPort() + i;
        boolean even = (port & 1) == 0;
        boolean fits = switch (wanted) {
          case ANY -> true;
          case EVEN -> even;
          case PAIR -> even && i + 1 < size && !taken.get(i + 1);
        };
        if (fits) {
          return port;
        }
      }
      return 0;
    }

    void rest(int port, long now) {
      taken.set(port - relay.firstPort());
      allocations.schedule(new Resting(this, port), now + allocations.configuration.portRest);
    }
  }

  /** A port that nobody has, and nobody gets yet. */
  private static final class Resting extends Allocations.Expiring {
    private final Pool pool;
    private final int port;

    Resting(Pool pool, int port) {
      this.pool = pool;
      this.port = port;
    }

    @Override
    void expire(long now) {
      pool.taken.clear(port - pool.relay.firstPort());
    }
  }

  private final Allocations allocations;
  private final RandomGenerator random;
  private final List<Pool> pools = new ArrayList<>();

  RelayPorts(Allocations allocations, List<Relay> relays) {
    this.allocations = allocations;
    this.random = allocations.random;
    relays.forEach(relay -> pools.add(new Pool(relay)));
  }

  boolean hasFamily(int family) {
    return pools.stream().anyMatch(pool -> pool.relay.local().family() == family);
  }

  /** Whether an IP address is one that sockets are bound to. */
  boolean isLocal(IpAddress ip) {
    return pools.stream().anyMatch(pool -> pool.relay.local().equals(ip));
  }

  /** Marks a port that is open already. */
  void claim(TransportAddress local) {
    Pool pool = pool(local);
    if (pool != null) {
      pool.taken.set(local.port() - pool.relay.firstPort());
    }
  }

  /**
   * Opens a relayed address, or two with neighbouring ports, on any of the server's addresses of a family.
   *
   * @return empty when there is none
   */
  List<TransportAddress> open(int family, Transport transport, Wanted wanted, long now) {
    int start = pools.isEmpty() ? 0 : random.nextInt(pools.size());
    for (int i = 0; i < pools.size(); i++) {
      Pool pool = pools.get((start + i) % pools.size());
      if (pool.relay.local().family() == family) {
        List<TransportAddress> opened = open(pool, transport, wanted, now);
        if (!opened.isEmpty()) {
          return opened;
        }
      }
    }
    return List.of();
  }

  private List<TransportAddress> open(Pool pool, Transport transport, Wanted wanted, long now) {
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      int port = pool.find(wanted);
      if (port == 0) {
        return List.of();
      }
      TransportAddress first = new TransportAddress(pool.relay.local(), port, transport);
      TransportAddress second = first.withPort(port + (wanted == Wanted.PAIR ? 1 : 0));
      if (!bind(pool, first, now)) {
        continue;
      } else if (wanted != Wanted.PAIR) {
        return List.of(first);
      } else if (bind(pool, second, now)) {
        return List.of(first, second);
      }
      close(first, now);
    }
    return List.of();
  }

  private boolean bind(Pool pool, TransportAddress local, long now) {
    if (!allocations.outbox.bind(local)) {
      pool.rest(local.port(), now);
      return false;
    }
    pool.taken.set(local.port() - pool.relay.firstPort());
    return true;
  }

  /** Closes a relayed address; its port rests. */
  void close(TransportAddress local, long now) {
    allocations.outbox.unbind(local);
    Pool pool = pool(local);
    if (pool != null) {
      pool.rest(local.port(), now);
    }
  }

  /** The address as clients are told it. */
  TransportAddress external(TransportAddress local) {
    Pool pool = pool(local);
    return pool == null
        ? local
        : new TransportAddress(pool.relay.external(), local.port(), local.transport());
  }

  /** An address as packets have it: towards a relayed address, what it is bound to. */
  TransportAddress wire(TransportAddress peer) {
    for (Pool pool : pools) {
      if (pool.relay.external().equals(peer.ip())) {
        return new TransportAddress(pool.relay.local(), peer.port(), peer.transport());
      }
    }
    return peer;
  }

  private @Nullable Pool pool(TransportAddress local) {
    for (Pool pool : pools) {
      Relay relay = pool.relay;
      if (relay.local().equals(local.ip())
          && local.port() >= relay.firstPort()
          && local.port() <= relay.lastPort()) {
        return pool;
      }
    }
    return null;
  }
}
