package dev.frazil.turn;

import static dev.frazil.turn.ServerHarness.PEER;
import static dev.frazil.turn.ServerHarness.PEER6;
import static dev.frazil.turn.ServerHarness.code;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import dev.frazil.turn.ServerHarness.Client;
import dev.frazil.turn.TurnServerEvent.AllocationEnded;
import dev.frazil.turn.TurnServerEvent.EndReason;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Refresh requests (RFC 8656 8.2) and mobility (RFC 8016). */
class ServerRefreshTest {
  private final ServerHarness net = new ServerHarness(builder -> builder.mobility(true));
  private final Client client = net.client(5000);

  private static ByteBuffer ticket(StunMessage response) {
    ByteBuffer ticket = response.get(AttributeType.MOBILITY_TICKET);
    return ByteBuffer.allocate(ticket.remaining()).put(ticket).flip();
  }

  private StunMessage allocateMobile() {
    return client.allocate(b -> b.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0)));
  }

  private static StunMessage move(Client to, ByteBuffer ticket) {
    return to.request(Method.REFRESH, b -> b.put(AttributeType.MOBILITY_TICKET, ticket));
  }

  @Test
  @Tag("TURN-0700")
  void familyThatIsNotThereIsAMismatch() {
    client.allocate();
    assertThat(client.refresh(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 2)))
        .isEqualTo(443);
    assertThat(client.refresh(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 1)))
        .isZero();
    assertThat(client.refresh(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 7)))
        .isEqualTo(400);
  }

  @Test
  @Tag("TURN-0710")
  void lifetimeZeroReleasesAtOnce() {
    TransportAddress relayed = client.allocate();
    client.permit(PEER);
    StunMessage response = client.request(Method.REFRESH, b -> b.put(AttributeType.LIFETIME, 0));
    assertThat(response.intValue(AttributeType.LIFETIME, -1)).isZero();
    assertThat(net.bound).isEmpty();
    assertThat(net.peerSends(relayed, PEER, (byte) 1)).isEmpty();
    assertThat(net.events)
        .anySatisfy(event -> assertThat(event)
            .isInstanceOfSatisfying(
                AllocationEnded.class,
                ended -> assertThat(ended.reason()).isEqualTo(EndReason.RELEASED)));
    assertThat(client.refresh(b -> {})).isEqualTo(437);
  }

  @Test
  @Tag("TURN-0710")
  void refreshGrantsALifetimeAsAllocateDoes() {
    client.allocate();
    net.passSeconds(500);
    StunMessage response = client.request(Method.REFRESH, b -> b.put(AttributeType.LIFETIME, 1200));
    assertThat(response.intValue(AttributeType.LIFETIME, -1)).isEqualTo(1200);
    net.passSeconds(1199);
    assertThat(net.server.sessions()).hasSize(1);
    net.passSeconds(1);
    assertThat(net.server.sessions()).isEmpty();
  }

  @Test
  @Tag("TURN-0720")
  void oneFamilyOfTwoIsReleasedByItself() {
    client.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    assertThat(client.bind(0x4000, PEER)).isZero();
    assertThat(client.bind(0x4001, PEER6)).isZero();
    assertThat(client.channelData(0x4001, (byte) 1)).hasSize(1);
    assertThat(client.refresh(
            b -> b.put(AttributeType.LIFETIME, 0).put(AttributeType.REQUESTED_ADDRESS_FAMILY, 2)))
        .isZero();
    assertThat(client.channelData(0x4000, (byte) 1)).hasSize(1);
    assertThat(client.channelData(0x4001, (byte) 1)).isEmpty();
    assertThat(client.permit(PEER6)).isEqualTo(443);
    assertThat(net.bound).hasSize(1);
    // The number is free, and the rest goes by a refresh of both.
    assertThat(client.bind(0x4001, PEER.withPort(1))).isZero();
    assertThat(client.release()).isZero();
    assertThat(net.bound).isEmpty();
    assertThat(net.server.sessions()).isEmpty();
  }

  @Test
  @Tag("TURN-0720")
  void oneFamilyOfTwoIsRefreshedByItself() {
    client.allocate(b -> b.put(AttributeType.ADDITIONAL_ADDRESS_FAMILY, 2));
    net.passSeconds(500);
    assertThat(client.refresh(b -> b.put(AttributeType.REQUESTED_ADDRESS_FAMILY, 2)))
        .isZero();
    net.passSeconds(100);
    assertThat(net.bound)
        .singleElement()
        .satisfies(left -> assertThat(left.ip().isIpv6()).isTrue());
    assertThat(client.permit(PEER6)).isZero();
    assertThat(client.permit(PEER)).isEqualTo(443);
    net.passSeconds(500);
    assertThat(net.server.sessions()).isEmpty();
  }

  @Test
  @Tag("TURN-0750")
  void dataDoesNotRefreshAndExpiryFreesEverything() {
    TransportAddress relayed = client.allocate();
    for (int i = 0; i < 6; i++) {
      client.permit(PEER);
      client.bind(0x4000, PEER);
      client.channelData(0x4000, (byte) 1);
      net.peerSends(relayed, PEER, (byte) 1);
      assertThat(net.server.statistics().traffic().packetsToPeers()).isEqualTo(i + 1);
      net.passSeconds(100);
    }
    assertThat(net.server.sessions()).isEmpty();
    assertThat(net.server.statistics().traffic())
        .as("of allocations that ended, too")
        .isEqualTo(new TurnServer.Traffic(6, 6, 6, 6));
    assertThat(net.bound).isEmpty();
    assertThat(client.channelData(0x4000, (byte) 1)).isEmpty();
    assertThat(net.server.statistics().rows()).isZero();
    net.passSeconds(10); // ports have rested
    assertThat(net.server.statistics().deadlines()).isZero();
    assertThat(net.events.get(net.events.size() - 1))
        .isEqualTo(
            new AllocationEnded(1, "user", EndReason.EXPIRED, new TurnServer.Traffic(6, 6, 6, 6)));
  }

  @Test
  @Tag("TURN-0080")
  void anotherUserOnThePathHasWrongCredentials() {
    client.allocate();
    Client thief = net.client(5000).as(ServerHarness.OTHER);
    assertThat(thief.release()).isEqualTo(441);
    assertThat(thief.permit(PEER)).isEqualTo(441);
    assertThat(thief.bind(0x4000, PEER)).isEqualTo(441);
    assertThat(code(thief.allocate(b -> {}))).isEqualTo(437);
    assertThat(net.server.sessions()).hasSize(1);
  }

  /** Regression: no allocation. */
  @Test
  @Tag("TURN-0070")
  void withoutAnAllocationEveryRequestIsAMismatch() {
    assertThat(client.refresh(b -> {})).isEqualTo(437);
    assertThat(client.permit(PEER)).isEqualTo(437);
    assertThat(client.bind(0x4000, PEER)).isEqualTo(437);
    assertThat(code(client.bare(Method.REFRESH, b -> b.put(AttributeType.LIFETIME, 1))))
        .isEqualTo(401);
  }

  @Test
  @Tag("TURN-1600")
  void ticketIsGivenToWhoAsksWithAnEmptyOne() {
    assertThat(ticket(allocateMobile()).remaining()).isEqualTo(36);
    assertThat(code(net.client(5001)
            .allocate(b -> b.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(1)))))
        .isEqualTo(400);
    assertThat(net.client(5002).allocate(b -> {}).has(AttributeType.MOBILITY_TICKET))
        .isFalse();
    ServerHarness off = new ServerHarness();
    assertThat(code(off.client(5000)
            .allocate(b -> b.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0)))))
        .isEqualTo(405);
  }

  @Test
  void ticketIsTextForClientsThatTakeItForAString() {
    for (int i = 0; i < 50; i++) {
      ByteBuffer ticket = ticket(net.client(6000 + i)
          .allocate(b -> b.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0))));
      for (int at = ticket.position(); at < ticket.limit(); at++) {
        assertThat(ticket.get(at)).isBetween((byte) '-', (byte) 'z');
      }
    }
  }

  @Test
  @Tag("TURN-1610")
  @Tag("TURN-1620")
  void clientMovesWithAllItHas() {
    StunMessage allocated = allocateMobile();
    TransportAddress relayed = allocated.get(AttributeType.XOR_RELAYED_ADDRESS);
    ByteBuffer first = ticket(allocated);
    client.bind(0x4000, PEER);
    Client moved = client.movedTo(6000);
    StunMessage response = move(moved, first);
    assertThat(code(response)).isZero();
    ByteBuffer second = ticket(response);
    assertThat(second).isNotEqualTo(first);
    // Late packets on the old path, and data to it, until the new one is used.
    assertThat(client.channelData(0x4000, (byte) 1)).hasSize(1);
    assertThat(net.peerSends(relayed, PEER, (byte) 1).get(0).path()).isEqualTo(client.path);
    assertThat(moved.channelData(0x4000, (byte) 2)).hasSize(1);
    assertThat(net.peerSends(relayed, PEER, (byte) 1).get(0).path()).isEqualTo(moved.path);
    assertThat(client.channelData(0x4000, (byte) 1)).as("the old path is gone").isEmpty();
    assertThat(code(move(client.movedTo(7000), first))).as("so is its ticket").isEqualTo(437);
    Client again = client.movedTo(7001);
    assertThat(code(move(again, second))).isZero();
    again.indicate(PEER, (byte) 1);
    assertThat(net.server.sessions()).singleElement().satisfies(session -> {
      assertThat(session.client()).isEqualTo(again.path);
      assertThat(session.channels()).isEqualTo(1);
    });
  }

  @Test
  @Tag("TURN-1610")
  void ticketIsBoundToItsUserAndToThePathsThatHaveNothing() {
    ByteBuffer ticket = ticket(allocateMobile());
    assertThat(code(move(client.movedTo(6000).as(ServerHarness.OTHER), ticket))).isEqualTo(441);
    ByteBuffer forged = ByteBuffer.allocate(36).put(0, ticket, 0, 35).put(35, (byte) '!');
    assertThat(code(move(client.movedTo(6001), forged))).isEqualTo(437);
    Client taken = client.movedTo(6002);
    taken.allocate();
    assertThat(code(move(taken, ticket))).isEqualTo(400);
    assertThat(net.server.sessions()).hasSize(2);
  }

  @Test
  @Tag("TURN-1610")
  void retransmittedMoveGetsTheSameTicketAndARefreshWithoutMoveNone() {
    ByteBuffer ticket = ticket(allocateMobile());
    Client moved = client.movedTo(6000);
    moved.login();
    ByteBuffer request = moved.signed(
        Method.REFRESH, moved.newId(), b -> b.put(AttributeType.MOBILITY_TICKET, ticket));
    ByteBuffer first = moved.send(request).bytes();
    assertThat(moved.send(request).bytes()).isEqualTo(first);
    moved.indicate(PEER);
    assertThat(moved.request(Method.REFRESH, b -> {}).has(AttributeType.MOBILITY_TICKET))
        .isFalse();
  }

  /** Regression: mobility chains. */
  @Test
  void quotasAreExactAfterAnyChainOfMoves() {
    Random chance = new Random(7);
    ServerHarness chained =
        new ServerHarness(builder -> builder.mobility(true).allocations(1000, 5).errors(0, 0));
    for (int i = 0; i < 300; i++) {
      Client start = chained.client(10_000 + i * 100);
      StunMessage response =
          start.allocate(b -> b.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0)));
      assertThat(code(response)).as("round " + i).isZero();
      Client at = start;
      ByteBuffer ticket = ticket(response);
      for (int step = 1; step < 1 + chance.nextInt(5); step++) {
        Client next = at.movedTo(10_000 + i * 100 + step);
        StunMessage moved = move(next, ticket);
        assertThat(code(moved)).isZero();
        if (chance.nextBoolean()) {
          next.indicate(PEER, (byte) 1); // which without a permission moves nothing
        }
        ticket = ticket(moved);
        at = next;
      }
      assertThat(at.release()).isZero();
    }
    assertThat(chained.server.sessions()).isEmpty();
    assertThat(chained.bound).isEmpty();
    chained.passSeconds(20);
    assertThat(chained.server.statistics().deadlines()).isZero();
    for (int i = 0; i < 5; i++) {
      chained.client(5000 + i).allocate();
    }
    assertThat(code(chained.client(6000).allocate(b -> {}))).isEqualTo(486);
  }

  @Test
  void closedStreamEndsAnAllocationUnlessItIsMobile() {
    Client fixed = net.streamClient(5000);
    fixed.allocate();
    net.server.handleClosed(fixed.path, net.now);
    assertThat(net.server.sessions()).isEmpty();
    Client mobile = net.streamClient(5001);
    ByteBuffer ticket =
        ticket(mobile.allocate(b -> b.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0))));
    net.server.handleClosed(mobile.path, net.now);
    assertThat(net.server.sessions()).hasSize(1);
    assertThat(code(move(net.client(5002), ticket))).isZero();
  }

  @Test
  void tokensTicketsAndReservationsNameTheShard() {
    ServerHarness third = new ServerHarness(b -> b.mobility(true).shard(203));
    Client first = third.client(5000);
    StunMessage response = first.allocate(b -> b.put(AttributeType.EVEN_PORT, true)
        .put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(0)));
    Client next = third.client(5001);
    next.login();
    ByteBuffer refresh = next.signed(
        Method.REFRESH, next.newId(), b -> b.put(AttributeType.MOBILITY_TICKET, ticket(response)));
    ByteBuffer allocate = next.signed(
        Method.ALLOCATE,
        next.newId(),
        b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17)
            .put(
                AttributeType.RESERVATION_TOKEN,
                response.longValue(AttributeType.RESERVATION_TOKEN, 0)));
    assertThat(TurnServer.shardOf(refresh)).isEqualTo(203);
    assertThat(TurnServer.shardOf(allocate)).isEqualTo(203);
    assertThat(TurnServer.shardOf(next.signed(Method.REFRESH, next.newId(), b -> {})))
        .isEqualTo(-1);
    assertThat(TurnServer.shardOf(ByteBuffer.wrap(new byte[] {0x40, 0, 0, 0}))).isEqualTo(-1);
    assertThat(TurnServer.shardOf(ByteBuffer.allocate(0))).isEqualTo(-1);
  }
}
