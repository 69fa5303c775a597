package dev.frazil.lab.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.PeerFilter;
import dev.frazil.turn.TurnServer;
import dev.frazil.turn.TurnServerConfiguration;
import dev.frazil.turn.TurnServerConfiguration.Relay;
import dev.frazil.turn.TurnServerEvent;
import dev.frazil.turn.TurnServerOutbox;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;

/**
 * A TURN server under a scenario that the input tells step by step: what clients and peers send, and how time passes.
 * Whatever it is, nothing is thrown, no refused peer is reached, quotas hold, and in the end every port is back. See
 * {@link StunFuzzTest} for how to run it.
 */
class TurnServerFuzzTest {
  @FuzzTest(maxDuration = "10s")
  @Tag("TURN-2000")
  @Tag("TURN-2230")
  void scenario(byte[] data) {
    Scenario scenario = new Scenario(data);
    while (scenario.hasMore()) {
      scenario.step();
    }
    scenario.end();
  }

  private static void verify(boolean condition, Object what) {
    if (!condition) {
      throw new AssertionError(what);
    }
  }

  private static final class Scenario implements TurnServerOutbox {
    private static final int MOST_PER_USER = 3;
    private static final int MOST = 5;
    private static final int MOST_PEERS = 4;
    private static final int MOST_STEPS = 2000;
    private static final String REALM = "example.org";
    private static final List<LongTermCredential> USERS =
        List.of(new LongTermCredential("a", "1"), new LongTermCredential("b", "2"));
    private static final IpAddress IP4 = IpAddress.parse("192.0.2.1");
    private static final IpAddress IP6 = IpAddress.parse("2001:db8::1");
    private static final List<IpAddress> PEERS = List.of(
        IpAddress.parse("198.51.100.7"),
        IpAddress.parse("198.51.100.8"),
        IpAddress.parse("2001:db8:7::7"),
        IpAddress.parse("::ffff:198.51.100.7"),
        IP4,
        IP6,
        IpAddress.parse("127.0.0.1"),
        IpAddress.parse("10.0.0.1"),
        IpAddress.parse("::ffff:127.0.0.1"),
        IpAddress.parse("64:ff9b::10.0.0.1"),
        IpAddress.parse("2002:7f00:1::1"),
        IpAddress.parse("0.0.0.0"));
    private static final Set<IpAddress> REFUSED = Set.copyOf(PEERS.subList(6, PEERS.size()));

    private final ByteBuffer input;
    private final Random random = new Random(1);
    private final Set<TransportAddress> bound = new LinkedHashSet<>();
    private final Set<FiveTuple> streams = new HashSet<>();
    private final Set<FiveTuple> connecting = new LinkedHashSet<>();
    private final Map<FiveTuple, String> nonces = new HashMap<>();
    private final List<ByteBuffer> tickets = new ArrayList<>();
    private final List<Long> reservations = new ArrayList<>();
    private final List<Integer> connectionIds = new ArrayList<>();
    private final TurnServer server;
    private int allocations;
    private long now;
    private int steps;

    Scenario(byte[] data) {
      input = ByteBuffer.wrap(data);
      server = new TurnServer(configuration(true), this);
    }

    private TurnServerConfiguration configuration(boolean hairpin) {
      return TurnServerConfiguration.builder(random)
          .realm(REALM, Scenario::key)
          .relay(new Relay(IP4, IP4, 50_000, 50_015))
          .relay(new Relay(IP6, IP6, 50_000, 50_015))
          .peerFilter(PeerFilter.builder().build())
          .hairpin(hairpin)
          .allocations(MOST, MOST_PER_USER)
          .peers(MOST_PEERS, MOST_PEERS)
          .tcp(true)
          .mobility(true)
          .dontFragment(true)
          .build();
    }

    private static IntegrityKey key(String username, String realm, PasswordAlgorithm algorithm) {
      return USERS.stream()
          .filter(user -> user.username().equals(username))
          .map(user -> user.key(realm, algorithm))
          .findFirst()
          .orElse(null);
    }

    boolean hasMore() {
      return input.hasRemaining() && steps++ < MOST_STEPS;
    }

    private int next(int bound) {
      return input.hasRemaining() ? (input.get() & 0xFF) % bound : 0;
    }

    void step() {
      switch (next(12)) {
        case 0 -> pass(1 + next(200) * 3L);
        case 1 -> request(Method.ALLOCATE);
        case 2 -> request(Method.REFRESH);
        case 3 -> request(Method.CREATE_PERMISSION);
        case 4 -> request(Method.CHANNEL_BIND);
        case 5 -> request(next(2) == 0 ? Method.CONNECT : Method.CONNECTION_BIND);
        case 6 -> indication();
        case 7 -> channelData();
        case 8 -> fromPeer();
        case 9 -> streamEvent();
        case 10 -> raw();
        default -> command();
      }
      verify(allocations <= MOST, "quota of all");
      for (LongTermCredential user : USERS) {
        long count = server.sessions().stream()
            .filter(session -> session.username().equals(user.username()))
            .count();
        verify(count <= MOST_PER_USER, "quota of a user");
      }
      verify(server.sessions().size() == allocations, "events and sessions");
      for (TurnServer.Session session : server.sessions()) {
        verify(session.permissions() <= MOST_PEERS, "permissions");
        verify(session.channels() <= MOST_PEERS, "channels");
      }
    }

    private void pass(long seconds) {
      long until = now + seconds * 1_000_000_000L;
      while (server.nextTimeout() <= until) {
        now = Math.max(now, server.nextTimeout());
        server.handleTimeout(now);
      }
      now = until;
    }

    private FiveTuple client() {
      int which = next(8);
      Transport transport = which < 4 ? Transport.UDP : Transport.TCP;
      return new FiveTuple(
          new TransportAddress(IP4, 3478, transport),
          new TransportAddress(IpAddress.parse("203.0.113.9"), 5000 + which, transport));
    }

    private TransportAddress peer() {
      IpAddress ip = PEERS.get(next(PEERS.size()));
      List<TransportAddress> relayed = List.copyOf(bound);
      if ((ip == IP4 || ip == IP6) && !relayed.isEmpty()) {
        return TransportAddress.udp(ip, relayed.get(next(relayed.size())).port());
      }
      return TransportAddress.udp(ip, next(4) == 0 ? 0 : 4000 + next(3));
    }

    private void request(int method) {
      FiveTuple path = client();
      LongTermCredential user = USERS.get(next(5) == 0 ? 1 : 0);
      StunBuilder builder = StunBuilder.request(
          method, new TransactionId(method, next(6)), ByteBuffer.allocate(4000));
      for (int i = next(4) + 1; i > 0; i--) {
        attribute(builder, method, i == 1);
      }
      String nonce = nonces.get(path);
      if (nonce != null) {
        builder
            .put(AttributeType.USERNAME, user.username())
            .put(AttributeType.REALM, REALM)
            .put(AttributeType.NONCE, nonce)
            .integrity(user.key(REALM, PasswordAlgorithm.MD5));
      }
      server.handleDatagram(path, builder.finish(), now);
    }

    /** One attribute: that which the method needs, or any. */
    private void attribute(StunBuilder b, int method, boolean needed) {
      int what = needed ? method : next(14);
      switch (what) {
        case Method.ALLOCATE -> b.put(AttributeType.REQUESTED_TRANSPORT, next(4) == 0 ? 6 : 17);
        case Method.REFRESH, 0 -> b.put(AttributeType.LIFETIME, next(3) * 400);
        case Method.CHANNEL_BIND -> {
          b.put(AttributeType.CHANNEL_NUMBER, 0x4000 + next(5));
          b.put(AttributeType.XOR_PEER_ADDRESS, peer());
        }
        case Method.CREATE_PERMISSION, Method.CONNECT, 1 ->
          b.put(AttributeType.XOR_PEER_ADDRESS, peer());
        case Method.CONNECTION_BIND -> {
          int size = connectionIds.size();
          b.put(AttributeType.CONNECTION_ID, size == 0 ? 5 : connectionIds.get(next(size)));
        }
        case 2 -> b.put(AttributeType.EVEN_PORT, next(2) == 0);
        case 5 -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, next(4));
        case 6 -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 1 + next(2));
        case 7 -> {
          int size = reservations.size();
          b.put(AttributeType.RESERVATION_TOKEN, size == 0 ? 9L : reservations.get(next(size)));
        }
        default -> {
          int size = tickets.size();
          b.put(
              AttributeType.MOBILITY_TICKET,
              size == 0 || next(2) == 0 ? ByteBuffer.allocate(0) : tickets.get(next(size)));
        }
      }
    }

    private void indication() {
      StunBuilder builder =
          StunBuilder.indication(Method.SEND, new TransactionId(0, 1), ByteBuffer.allocate(2000));
      FiveTuple path = client();
      builder.put(AttributeType.XOR_PEER_ADDRESS, peer());
      if (next(8) == 0) {
        builder.flag(AttributeType.DONT_FRAGMENT);
      }
      builder.put(AttributeType.DATA, ByteBuffer.allocate(next(100)));
      server.handleDatagram(path, builder.finish(), now);
    }

    private void channelData() {
      ByteBuffer message = ByteBuffer.allocate(4 + next(50));
      message.putShort((short) (0x4000 + next(6))).putShort((short) next(50));
      server.handleDatagram(client(), message.clear(), now);
    }

    private void fromPeer() {
      if (!bound.isEmpty()) {
        TransportAddress relayed = List.copyOf(bound).get(next(bound.size()));
        FiveTuple path = new FiveTuple(relayed, at(peer(), relayed));
        if (relayed.transport() == Transport.TCP) {
          streams.add(path);
          server.handleAccepted(path, now);
        } else if (next(6) == 0) {
          server.handleIcmp(path, new IcmpMessage(next(13), next(6), 1400), now);
        } else {
          server.handleDatagram(path, ByteBuffer.allocate(next(60)), now);
        }
      }
    }

    private static TransportAddress at(TransportAddress peer, TransportAddress relayed) {
      return new TransportAddress(peer.ip(), peer.port(), relayed.transport());
    }

    private void streamEvent() {
      List<FiveTuple> waiting = List.copyOf(connecting);
      if (waiting.isEmpty() || next(3) == 0) {
        server.handleClosed(client(), now);
      } else {
        FiveTuple path = waiting.get(next(waiting.size()));
        connecting.remove(path);
        if (next(2) == 0) {
          streams.add(path);
          server.handleConnected(path, now);
        } else {
          server.handleConnectFailed(path, now);
        }
      }
    }

    private void raw() {
      byte[] bytes = new byte[Math.min(input.remaining(), next(60))];
      FiveTuple path = client();
      bytes = bytes.length > input.remaining() ? new byte[input.remaining()] : bytes;
      input.get(bytes);
      TurnServer.shardOf(ByteBuffer.wrap(bytes));
      server.handleDatagram(path, ByteBuffer.wrap(bytes), now);
    }

    private void command() {
      switch (next(6)) {
        case 0 -> server.reconfigure(configuration(next(2) == 0), now);
        case 1 -> server.end(next(20), now);
        default -> server.handleTimeout(now);
      }
    }

    void end() {
      server.close(now);
      verify(bound.isEmpty(), "ports that were not returned: " + bound);
      verify(streams.isEmpty(), "streams that were not closed: " + streams);
      verify(allocations == 0, "allocations");
      pass(60);
      verify(server.statistics().deadlines() == 0, "deadlines");
      verify(server.statistics().rows() <= steps, "rows: what was released");
    }

    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      if (path.local().port() != 3478) {
        reached(path);
        return;
      }
      StunMessage message = StunMessage.tryParse(header);
      if (message == null) {
        return;
      }
      String nonce = message.get(AttributeType.NONCE);
      if (nonce != null) {
        nonces.put(path, nonce);
      }
      ByteBuffer ticket = message.get(AttributeType.MOBILITY_TICKET);
      if (ticket != null) {
        tickets.add(ByteBuffer.allocate(ticket.remaining()).put(ticket).flip());
      }
      if (message.has(AttributeType.RESERVATION_TOKEN)) {
        reservations.add(message.longValue(AttributeType.RESERVATION_TOKEN, 0));
      }
      if (message.has(AttributeType.CONNECTION_ID)) {
        connectionIds.add(message.intValue(AttributeType.CONNECTION_ID, 0));
      }
    }

    @Override
    public void transmitUnfragmented(FiveTuple path, ByteBuffer payload) {
      reached(path);
    }

    /** A peer is sent to: from a live address, and never one that is refused. */
    private void reached(FiveTuple path) {
      TransportAddress peer = path.remote();
      verify(bound.contains(path.local()), "from " + path);
      verify(!REFUSED.contains(peer.ip()) && peer.port() != 0, "refused peer " + peer);
      boolean own = peer.ip().equals(IP4) || peer.ip().equals(IP6);
      verify(!own || bound.contains(peer), "own address " + peer);
    }

    @Override
    public boolean bind(TransportAddress relayed) {
      return relayed.port() % 7 != 0 && bound.add(relayed);
    }

    @Override
    public void unbind(TransportAddress relayed) {
      verify(bound.remove(relayed), relayed + " is not bound");
    }

    @Override
    public void connect(FiveTuple path) {
      reached(path);
      verify(connecting.add(path), path + " twice");
    }

    @Override
    public void join(FiveTuple client, FiveTuple peer) {
      verify(streams.contains(peer), peer + " is no stream");
    }

    @Override
    public void close(FiveTuple stream) {
      streams.remove(stream);
      connecting.remove(stream);
    }

    @Override
    public void event(TurnServerEvent event) {
      if (event instanceof TurnServerEvent.AllocationCreated) {
        allocations++;
      } else if (event instanceof TurnServerEvent.AllocationEnded) {
        allocations--;
      }
    }
  }
}
