package dev.frazil.turn;

import static dev.frazil.turn.TurnHarness.PEER;
import static dev.frazil.turn.TurnHarness.SECOND;
import static dev.frazil.turn.TurnHarness.STREAM;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.TurnConfiguration.Families;
import dev.frazil.turn.TurnEvent.Closed;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A server that answers whatever it likes, to a client that asks for no proof: nothing of that makes the client throw, or
 * ask without end.
 */
class HostileServerTest {
  private static final List<Integer> CODES = List.of(
      300, 300, 400, 401, 403, 405, 420, 437, 437, 438, 440, 441, 442, 443, 446, 447, 486, 500, 508,
      699);
  private static final int MINUTES = 20;
  private static final int MOST_REQUESTS = MINUTES * 60;

  static IntStream seeds() {
    return IntStream.range(0, 60);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void clientOfAnEvilServerNeitherFailsNorFloods(int seed) {
    Random random = new Random(seed);
    boolean stream = seed % 3 == 0;
    boolean tcp = seed % 6 == 0;
    TurnConfiguration.Builder settings = tcp
        ? TurnConfiguration.builder(new Random(seed)).transport(Transport.TCP).reallocate(true)
        : configuration(random);
    TurnHarness harness = new TurnHarness(settings.build());
    harness.server.impostor = (path, request) -> answer(random, path, request);
    harness.elsewhere = harness.server;
    FiveTuple path = stream ? STREAM : TurnHarness.PATH;
    harness.call(now -> harness.allocation.start(path, now));
    for (int second = 0; second < MINUTES * 60; second++) {
      harness.run(SECOND);
      push(random, harness);
      if (tcp) {
        connect(harness);
      } else {
        act(random, harness, path);
      }
    }
    assertThat(harness
            .messages()
            .filter(m -> m.messageClass() == MessageClass.REQUEST)
            .count())
        .isLessThan(MOST_REQUESTS);
    harness.call(harness.allocation::close);
    harness.run(2 * SECOND);
    assertThat(harness.events).endsWith(new Closed());
    int sent = harness.sent.size();
    harness.run(3600 * SECOND);
    assertThat(harness.sent).as("nothing follows a close").hasSize(sent);
  }

  private static TurnConfiguration.Builder configuration(Random random) {
    TurnConfiguration.Builder settings =
        TurnConfiguration.builder(new Random(random.nextLong())).reallocate(random.nextBoolean());
    switch (random.nextInt(4)) {
      case 0 -> settings.mobility(true).families(Families.BOTH);
      case 1 -> settings.evenPort(true).dontFragment(true);
      case 2 -> settings.reservationToken(1).families(Families.IPV6);
      default -> settings.families(Families.BOTH).dontFragment(true).mobility(true);
    }
    return settings;
  }

  private static ByteBuffer answer(Random random, FiveTuple path, StunMessage request) {
    ByteBuffer out = ByteBuffer.allocate(20_000);
    TransactionId id = request.transactionId();
    boolean success = random.nextInt(4) > 0;
    StunBuilder builder = success
        ? StunBuilder.success(request.method(), id, out)
        : StunBuilder.error(request.method(), id, out, CODES.get(random.nextInt(CODES.size())));
    if (success && request.method() == Method.ALLOCATE && random.nextInt(5) > 0) {
      builder
          .put(AttributeType.XOR_RELAYED_ADDRESS, TransportAddress.udp("198.51.100.1", 50000))
          .put(AttributeType.XOR_MAPPED_ADDRESS, path.local());
    }
    for (int i = random.nextInt(8); i > 0; i--) {
      attribute(random, builder);
    }
    return builder.finish();
  }

  private static void attribute(Random random, StunBuilder builder) {
    switch (random.nextInt(13)) {
      case 0 -> builder.put(AttributeType.XOR_RELAYED_ADDRESS, address(random));
      case 1 -> builder.put(AttributeType.XOR_MAPPED_ADDRESS, address(random));
      case 2 -> builder.put(AttributeType.LIFETIME, lifetime(random));
      case 3, 4 -> builder.put(AttributeType.ALTERNATE_SERVER, address(random));
      case 5 ->
        builder.put(
            AttributeType.UNKNOWN_ATTRIBUTES,
            new int[] {0x1A, 0x8000, 0x8030, 0x18, 0x22, random.nextInt(0x10000)});
      case 6 ->
        builder.put(
            AttributeType.ADDRESS_ERROR_CODE,
            new AddressErrorCode(
                1 + random.nextInt(2), ErrorCode.of(random.nextBoolean() ? 440 : 508)));
      case 7 -> builder.put(AttributeType.MOBILITY_TICKET, bytes(random, 2000));
      case 8 -> builder.put(AttributeType.THIRD_PARTY_AUTHORIZATION, bytes(random, 300));
      case 9 -> builder.put(AttributeType.REALM, "realm").put(AttributeType.NONCE, "nonce");
      case 10 -> builder.put(AttributeType.CONNECTION_ID, random.nextInt(4));
      case 11 -> builder.put(AttributeType.RESERVATION_TOKEN, random.nextLong());
      default -> builder.put(AttributeType.ALTERNATE_DOMAIN, "a.example");
    }
  }

  private static int lifetime(Random random) {
    return switch (random.nextInt(4)) {
      case 0 -> 0;
      case 1 -> -1;
      case 2 -> 1 + random.nextInt(20);
      default -> 600;
    };
  }

  private static ByteBuffer bytes(Random random, int most) {
    byte[] bytes = new byte[random.nextInt(most)];
    random.nextBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }

  private static TransportAddress address(Random random) {
    IpAddress ip = random.nextInt(3) == 0
        ? IpAddress.ofIpv6(0x20010DB8_00000000L, random.nextInt(4))
        : IpAddress.ofIpv4(0xC6336400 + random.nextInt(8));
    return TransportAddress.udp(
        random.nextInt(9) == 0 ? IpAddress.ANY4 : ip, random.nextInt(4) * 1000);
  }

  /** What nobody asked for. */
  private static void push(Random random, TurnHarness harness) {
    FiveTuple path = harness.allocation.path();
    if (path == null) {
      return;
    }
    TransactionId id = new TransactionId(1, random.nextLong());
    StunBuilder builder = StunBuilder.indication(
        random.nextBoolean() ? Method.DATA : Method.CONNECTION_ATTEMPT,
        id,
        ByteBuffer.allocate(20_000));
    for (int i = random.nextInt(4); i > 0; i--) {
      attribute(random, builder);
    }
    if (random.nextBoolean()) {
      builder.put(AttributeType.XOR_PEER_ADDRESS, address(random));
      builder.put(AttributeType.DATA, bytes(random, 100));
    }
    harness.receive(path, builder.finish());
    harness.receive(path, bytes(random, 60));
    harness.receive(path, ScriptedTurnServer.channelData(0x4000 + random.nextInt(3), "x"));
  }

  /** What the owner does. */
  private static void act(Random random, TurnHarness harness, FiveTuple path) {
    TurnAllocation allocation = harness.allocation;
    long now = harness.now();
    TransportAddress peer = PEER.withPort(1 + random.nextInt(3));
    switch (random.nextInt(8)) {
      case 0 -> allocation.permit(List.of(peer, TransportAddress.udp("203.0.113.9", 1)), now);
      case 1 -> allocation.bind(peer, now);
      case 2 -> allocation.send(peer, TurnHarness.bytes("data"), now);
      case 3 -> allocation.release(peer.ip());
      case 4 -> {
        if (allocation.isMobile()) {
          FiveTuple next = new FiveTuple(
              path.local().withPort(20_000 + (int) (now / SECOND % 10_000)),
              allocation.path().remote());
          allocation.move(next, now);
        }
      }
      case 5 -> {
        if (allocation.path() != null && path.local().transport() == Transport.TCP) {
          allocation.handleUnreachable(allocation.path(), now);
        }
      }
      case 6 -> {
        if (allocation.path() == null) {
          restart(random, harness, path);
        }
      }
      default -> allocation.handleTimeout(now);
    }
  }

  private static void connect(TurnHarness harness) {
    TransportAddress peer = new TransportAddress(PEER.ip(), 80, Transport.TCP);
    harness.permit(peer);
    if (!harness.allocation.relayed().isEmpty() && harness.now() / SECOND % 5 == 0) {
      harness.call(now -> harness.allocation.connect(peer, now));
    }
  }

  /** At any of the servers, which are all alike. */
  private static void restart(Random random, TurnHarness harness, FiveTuple path) {
    TransportAddress server = new TransportAddress(
        IpAddress.ofIpv4(0xC6336400 + random.nextInt(64)), 3478, path.remote().transport());
    harness.call(now -> harness.allocation.start(new FiveTuple(path.local(), server), now));
  }
}
