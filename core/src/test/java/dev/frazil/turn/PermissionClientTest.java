package dev.frazil.turn;

import static dev.frazil.turn.TurnHarness.PATH;
import static dev.frazil.turn.TurnHarness.PEER;
import static dev.frazil.turn.TurnHarness.PEER2;
import static dev.frazil.turn.TurnHarness.PEER6;
import static dev.frazil.turn.TurnHarness.SECOND;
import static dev.frazil.turn.TurnHarness.SERVER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.IntegrityKey;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.TurnAllocation.DropReason;
import dev.frazil.turn.TurnAllocation.SendResult;
import dev.frazil.turn.TurnEvent.IcmpReceived;
import dev.frazil.turn.TurnEvent.Lost;
import dev.frazil.turn.TurnEvent.PermissionInstalled;
import dev.frazil.turn.TurnEvent.PermissionRefused;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PermissionClientTest {
  private final TurnHarness harness = TurnHarness.allocated(TurnHarness.settings());

  private static List<TransportAddress> peers(StunMessage message) {
    return message.all(AttributeType.XOR_PEER_ADDRESS);
  }

  @Test
  @Tag("TURN-0850")
  void onePermissionRequestNamesAllPeersAndIsRepeatedTogether() {
    TransportAddress noPort = PEER2.withPort(0);
    harness.permit(PEER, noPort);
    harness.run(SECOND);
    assertThat(harness.asked(Method.CREATE_PERMISSION))
        .singleElement()
        .satisfies(message -> assertThat(peers(message)).containsExactly(PEER, noPort));
    assertThat(harness.events(PermissionInstalled.class))
        .containsExactly(new PermissionInstalled(PEER.ip()), new PermissionInstalled(PEER2.ip()));
    harness.permit(PEER.withPort(9));
    harness.run(118 * SECOND);
    assertThat(harness.asked(Method.CREATE_PERMISSION)).as("ports don't matter").hasSize(1);
    harness.run(2 * SECOND);
    assertThat(harness.asked(Method.CREATE_PERMISSION)).hasSize(2);
    assertThat(peers(harness.last(Method.CREATE_PERMISSION)))
        .containsExactlyInAnyOrder(PEER, noPort);
  }

  @Test
  @Tag("TURN-0850")
  void permissionsThatAreDueWithinHalfAMinuteAreRefreshedByOneRequest() {
    harness.permit(PEER);
    harness.run(20 * SECOND);
    harness.permit(PEER2);
    harness.run(SECOND);
    harness.run(Duration.ofMinutes(20));
    List<StunMessage> refreshes = harness.asked(Method.CREATE_PERMISSION);
    assertThat(refreshes.subList(2, refreshes.size()))
        .hasSize(10)
        .allSatisfy(message -> assertThat(peers(message)).hasSize(2));
    assertThat(harness.events(PermissionInstalled.class)).hasSize(2);
  }

  @Test
  @Tag("TURN-0850")
  void manyPeersAreSpreadOverRequestsThatPassEveryPath() {
    List<TransportAddress> many = new ArrayList<>();
    for (int i = 1; i <= 60; i++) {
      many.add(TransportAddress.udp(IpAddress.ofIpv4(0xCB007100 + i), 0));
    }
    harness.call(now -> harness.allocation.permit(many, now));
    harness.run(SECOND);
    assertThat(harness.asked(Method.CREATE_PERMISSION))
        .hasSize(3)
        .allMatch(message -> message.bytes().remaining() <= 548);
    assertThat(harness.events(PermissionInstalled.class)).hasSize(60);
  }

  @Test
  void permissionsAskedForBeforeTheAllocationFollowIt() {
    TurnHarness early = new TurnHarness(TurnHarness.settings().build());
    early.permit(PEER);
    early.start();
    assertThat(early.send(PEER, "x")).isEqualTo(SendResult.NO_ALLOCATION);
    early.run(SECOND);
    assertThat(early.events(PermissionInstalled.class)).hasSize(1);
  }

  @Test
  @Tag("TURN-0850")
  void dataMayFollowThePermissionAtOnce() {
    assertThat(harness.send(PEER, "x")).isEqualTo(SendResult.NO_PERMISSION);
    harness.permit(PEER);
    assertThat(harness.send(PEER, "together")).isEqualTo(SendResult.SENT);
    harness.run(SECOND);
    assertThat(harness.server.relayed).containsExactly(new TurnHarness.Delivered(PEER, "together"));
  }

  @ParameterizedTest
  @ValueSource(ints = {403, 443})
  @Tag("TURN-0860")
  void refusalOfOnePeerIsNoMatterForTheOthers(int code) {
    harness
        .server
        .refuseNext(Method.CREATE_PERMISSION, code)
        .refuseNext(Method.CREATE_PERMISSION, code);
    harness.permit(PEER, PEER2);
    harness.run(SECOND);
    assertThat(harness.asked(Method.CREATE_PERMISSION)).hasSize(3);
    assertThat(harness.events(PermissionRefused.class)).singleElement().satisfies(refused -> {
      assertThat(refused.peer()).isEqualTo(PEER.ip());
      assertThat(refused.error().code()).isEqualTo(code);
    });
    assertThat(harness.send(PEER, "x")).isEqualTo(SendResult.NO_PERMISSION);
    assertThat(harness.send(PEER2, "x")).isEqualTo(SendResult.SENT);
    harness.permit(PEER);
    harness.run(Duration.ofMinutes(10));
    assertThat(harness.events(PermissionRefused.class))
        .as("told again, not asked")
        .hasSize(2);
    assertThat(harness.asked(Method.CREATE_PERMISSION).subList(3, 5))
        .allSatisfy(message -> assertThat(peers(message)).containsExactly(PEER2));
    assertThat(harness.events(Lost.class)).isEmpty();
  }

  @Test
  @Tag("TURN-0860")
  void serverWithoutRoomIsAskedAgainLater() {
    harness.server.refuseNext(Method.CREATE_PERMISSION, 508);
    harness.permit(PEER);
    harness.run(SECOND);
    assertThat(harness.events(PermissionRefused.class)).hasSize(1);
    harness.run(Duration.ofMinutes(2));
    assertThat(harness.events(PermissionInstalled.class)).hasSize(1);
    assertThat(harness.send(PEER, "x")).isEqualTo(SendResult.SENT);
  }

  @Test
  @Tag("TURN-0860")
  void peerOfAFamilyWithoutARelayedAddressIsRefusedHere() {
    harness.permit(PEER6);
    assertThat(harness.events(PermissionRefused.class))
        .singleElement()
        .satisfies(refused -> assertThat(refused.error().code()).isEqualTo(443));
    assertThat(harness.asked(Method.CREATE_PERMISSION)).isEmpty();
  }

  @Test
  @Tag("TURN-0740")
  void permissionForAnAllocationThatIsGoneLosesIt() {
    harness.server.restart();
    harness.permit(PEER);
    harness.run(SECOND);
    assertThat(harness.events(Lost.class)).hasSize(1);
  }

  @Test
  void serverThatForgetsAllocationsAtOnceIsNotAskedOnAndOn() {
    TurnHarness eager = new TurnHarness(TurnHarness.settings().reallocate(true).build());
    for (int i = 0; i < 1000; i++) {
      eager.server.refuseNext(Method.CREATE_PERMISSION, 437);
    }
    eager.permit(PEER);
    eager.start();
    eager.run(Duration.ofMinutes(10));
    assertThat(eager.events(Lost.class)).hasSizeLessThan(15);
  }

  @Test
  void numberOfPermissionsIsBounded() {
    for (int i = 0; i < 2000; i++) {
      harness.permit(TransportAddress.udp(IpAddress.ofIpv4(0x08000000 + i), 1));
    }
    assertThat(harness.events(PermissionRefused.class)).hasSize(2000 - 1024);
  }

  @Test
  void releasedPeerIsNeitherHeardNorKept() {
    harness.permit(PEER, PEER2);
    harness.run(SECOND);
    harness.allocation.release(PEER.ip());
    assertThat(harness.send(PEER, "x")).isEqualTo(SendResult.NO_PERMISSION);
    harness.server.fromPeer(PATH, PEER, "hello");
    harness.run(Duration.ofMinutes(3));
    assertThat(harness.delivered).isEmpty();
    assertThat(peers(harness.last(Method.CREATE_PERMISSION))).containsExactly(PEER2);
  }

  // data

  @Test
  @Tag("TURN-0950")
  void dataOfAPermittedPeerIsDeliveredAndOthersDropped() {
    harness.permit(PEER);
    harness.server.fromPeer(PATH, PEER.withPort(4711), "hello");
    harness.server.fromPeer(PATH, PEER2, "unsolicited");
    harness.server.fromPeer(PATH, PEER, "");
    harness.run(SECOND);
    assertThat(harness.delivered)
        .containsExactly(
            new TurnHarness.Delivered(PEER.withPort(4711), "hello"),
            new TurnHarness.Delivered(PEER, ""));
    assertThat(harness.allocation.statistics().dropped())
        .containsEntry(DropReason.NO_PERMISSION, 1L);
    assertThat(harness.allocation.statistics().packetsReceived()).isEqualTo(2);
    assertThat(harness.allocation.statistics().bytesReceived()).isEqualTo(5);
  }

  @Test
  @Tag("TURN-0100")
  void integrityInAnIndicationIsIgnored() {
    harness.permit(PEER);
    byte[] garbage = {1, 2, 3};
    harness.receive(
        PATH,
        ScriptedTurnServer.dataIndication(PEER, "signed")
            .integrity(IntegrityKey.ofBytes(garbage))
            .finish());
    assertThat(harness.delivered).containsExactly(new TurnHarness.Delivered(PEER, "signed"));
    harness.send(PEER, "x");
    assertThat(harness.sent.get(harness.sent.size() - 1).message().hasIntegrity())
        .isFalse();
  }

  @Test
  @Tag("TURN-0950")
  @Tag("TURN-0970")
  void icmpIsToldOfPermittedPeersAlone() {
    harness.permit(PEER);
    IcmpMessage tooBig = new IcmpMessage(3, 4, 1400);
    for (TransportAddress peer : List.of(PEER, PEER2)) {
      harness.receive(
          PATH,
          StunBuilder.indication(Method.DATA, new TransactionId(3, 4), ByteBuffer.allocate(100))
              .put(AttributeType.XOR_PEER_ADDRESS, peer)
              .put(AttributeType.ICMP, tooBig)
              .finish());
    }
    assertThat(harness.events(IcmpReceived.class)).containsExactly(new IcmpReceived(PEER, tooBig));
    assertThat(harness.delivered).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 1200})
  void sendIndicationIsWhatTheCodecWouldWrite(int length) {
    TurnHarness dual = new TurnHarness(TurnHarness.settings()
        .families(TurnConfiguration.Families.BOTH)
        .dontFragment(true)
        .build());
    dual.server.relays = List.of(
        TransportAddress.udp("198.51.100.1", 50000), TransportAddress.udp("2001:db8::1", 50000));
    dual.start();
    dual.run(SECOND);
    dual.permit(PEER, PEER6);
    String payload = "x".repeat(length);
    for (TransportAddress peer : List.of(PEER, PEER6)) {
      dual.send(peer, payload);
      TurnHarness.Sent sent = dual.sent.get(dual.sent.size() - 1);
      StunMessage message = sent.message();
      ByteBuffer expected = StunBuilder.indication(
              Method.SEND, message.transactionId(), ByteBuffer.allocate(2000))
          .put(AttributeType.XOR_PEER_ADDRESS, peer)
          .flag(AttributeType.DONT_FRAGMENT)
          .put(AttributeType.DATA, TurnHarness.bytes(payload))
          .finish();
      assertThat(sent.bytes()).isEqualTo(expected);
      boolean inOnePart = sent.header() == sent.bytes().remaining();
      assertThat(inOnePart).as("copied").isEqualTo(length % 4 != 0 || length == 0);
    }
    assertThat(dual.messages()
            .filter(message -> message.is(MessageClass.INDICATION, Method.SEND))
            .map(StunMessage::transactionId))
        .doesNotHaveDuplicates();
  }

  @Test
  void messagesThatAreNothingAreDroppedAndCounted() {
    harness.permit(PEER);
    harness.receive(PATH, ByteBuffer.allocate(0));
    harness.receive(PATH, ByteBuffer.wrap(new byte[] {0x40, 0, 0, 9, 1}));
    harness.receive(PATH, ByteBuffer.wrap(new byte[] {0x40, 0, 0, 1, 1}));
    harness.receive(PATH, ByteBuffer.wrap(new byte[] {0, 0x17, 0, 0}));
    harness.receive(PATH.reversed(), ByteBuffer.wrap(new byte[] {0, 0x17, 0, 0}));
    harness.receive(
        PATH,
        StunBuilder.request(Method.BINDING, new TransactionId(1, 1), ByteBuffer.allocate(99))
            .finish());
    harness.receive(
        PATH,
        StunBuilder.indication(Method.DATA, new TransactionId(1, 1), ByteBuffer.allocate(99))
            .put(AttributeType.XOR_PEER_ADDRESS, PEER)
            .finish());
    harness.receive(
        PATH,
        ScriptedTurnServer.dataIndication(PEER, "x")
            .put(AttributeType.LIFETIME, 1)
            .finish());
    assertThat(harness.allocation.statistics().dropped())
        .containsEntry(DropReason.MALFORMED, 5L)
        .containsEntry(DropReason.UNKNOWN_CHANNEL, 1L)
        .containsEntry(DropReason.UNEXPECTED_STUN, 1L)
        .containsEntry(DropReason.NOT_MINE, 1L);
    assertThat(harness.delivered).isEmpty();
  }

  @Test
  void dataBeforeTheAllocationIsDropped() {
    TurnHarness early = new TurnHarness(TurnHarness.settings().build());
    early.permit(PEER);
    early.start();
    early.server.fromPeer(PATH, PEER, "x");
    early.run(15 * TurnHarness.MS);
    assertThat(early.delivered).isEmpty();
    assertThat(early.allocation.statistics().dropped()).containsEntry(DropReason.NO_ALLOCATION, 1L);
  }

  /** Nothing that comes from the server's address makes the client throw, loop, or send much. */
  @Test
  void garbageFromTheServerHurtsNobody() {
    TurnHarness flooded =
        TurnHarness.allocated(TurnHarness.settings().mobility(true).reallocate(true));
    flooded.permit(PEER);
    flooded.call(now -> flooded.allocation.bind(PEER, now));
    Random random = new Random(11);
    List<ByteBuffer> real = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      flooded.sent.forEach(sent -> real.add(sent.bytes()));
      flooded.sent.clear();
      ByteBuffer message = mutated(random, real);
      flooded.receive(PATH, message);
      if (i % 100 == 0) {
        flooded.run(SECOND);
      }
    }
    assertThat(real.size()).isLessThan(5000);
    assertThat(flooded.allocation.path().remote()).isEqualTo(SERVER);
  }

  /** A request turned into a response, or noise, with some bytes changed. */
  private static ByteBuffer mutated(Random random, List<ByteBuffer> real) {
    ByteBuffer bytes;
    if (random.nextInt(4) == 0 || real.isEmpty()) {
      byte[] noise = new byte[random.nextInt(64)];
      random.nextBytes(noise);
      return ByteBuffer.wrap(noise);
    }
    ByteBuffer chosen = real.get(real.size() - 1 - random.nextInt(Math.min(real.size(), 8)));
    bytes = ByteBuffer.allocate(chosen.remaining()).put(chosen.duplicate()).flip();
    bytes.put(0, (byte) (bytes.get(0) | 1)); // a response
    if (random.nextBoolean()) {
      bytes.put(1, (byte) (bytes.get(1) | 0x10));
    }
    for (int i = random.nextInt(4); i > 0; i--) {
      bytes.put(20 + random.nextInt(Math.max(1, bytes.limit() - 20)) % (bytes.limit() - 1), (byte)
          random.nextInt());
    }
    return bytes;
  }
}
