package dev.frazil.lab.campaign;

import dev.frazil.ice.Candidate;
import dev.frazil.ice.CandidateType;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.VirtualSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * Someone who got in between with a little knowledge, but no password: has itself told to both agents as a candidate,
 * answers their checks as a STUN server would, without integrity, and sends them checks under a password of its own
 * (RFC 8445 19.2).
 */
final class Stranger {
  /** The first four bytes of the transaction IDs of its checks. */
  static final int MARK = 0x53545247;

  private static final List<String> ADDRESSES = List.of("192.0.2.2", "2001:db8::2");
  private static final int PORT = 3479;
  private static final int CHECKS = 6;
  /** More than an agent keeps. */
  private static final int FLOOD = 200;

  private final Host host;
  private final RandomGenerator random;
  private final boolean floods;
  private final List<VirtualSocket> sockets = new ArrayList<>();
  private final IntegrityKey key = IntegrityKey.shortTerm("a password of its own");

  /** @param floods whether it also tells more candidates than anybody has */
  Stranger(Host host, RandomGenerator random, boolean floods) {
    this.host = host;
    this.random = random;
    this.floods = floods;
    for (String ip : ADDRESSES) {
      VirtualSocket[] socket = new VirtualSocket[1];
      socket[0] = host.bind(
          TransportAddress.udp(ip, PORT), (path, payload, now) -> answer(socket[0], path, payload));
      sockets.add(socket[0]);
    }
  }

  private static void answer(VirtualSocket socket, FiveTuple path, ByteBuffer payload) {
    StunMessage request = StunMessage.tryParse(payload);
    if (request != null && request.is(MessageClass.REQUEST, Method.BINDING)) {
      socket.send(
          path.remote(),
          StunBuilder.success(Method.BINDING, request.transactionId(), ByteBuffer.allocate(100))
              .put(AttributeType.XOR_MAPPED_ADDRESS, path.remote())
              .fingerprint()
              .finish());
    }
  }

  /** An agent was just told the peer's parameters of a stream; here come the stranger's candidates, and its checks. */
  void meddle(Contender victim, Contender peer, int stream, long now) {
    for (String ip : ADDRESSES) {
      tell(victim, stream, TransportAddress.udp(ip, PORT), now);
    }
    for (int i = 1; floods && i <= FLOOD; i++) {
      tell(victim, stream, TransportAddress.udp(ADDRESSES.get(0), PORT + i), now);
    }
    for (int i = 0; i < CHECKS; i++) {
      host.internet().schedule(Duration.ofMillis(random.nextInt(10_000)), () -> {
        String username = victim.ufrag(stream) + ":" + peer.ufrag(stream);
        victim.told(stream).forEach(to -> check(to, username));
      });
    }
  }

  private void tell(Contender victim, int stream, TransportAddress address, long now) {
    int priority = random.nextInt(1, Integer.MAX_VALUE);
    victim
        .agent
        .agent()
        .addRemoteCandidate(
            stream,
            null,
            new Candidate(
                "stranger", 1, priority, address, CandidateType.SERVER_REFLEXIVE, null, Map.of()),
            now);
  }

  private void check(TransportAddress to, String username) {
    for (VirtualSocket socket : sockets) {
      if (socket.local().ip().family() == to.ip().family()) {
        TransactionId id = new TransactionId(MARK, random.nextLong());
        socket.send(
            to,
            StunBuilder.request(Method.BINDING, id, ByteBuffer.allocate(200))
                .put(AttributeType.USERNAME, username)
                .put(AttributeType.PRIORITY, random.nextInt(1, Integer.MAX_VALUE))
                .put(AttributeType.ICE_CONTROLLING, random.nextLong())
                .flag(AttributeType.USE_CANDIDATE)
                .integrity(key)
                .fingerprint()
                .finish());
      }
    }
  }
}
