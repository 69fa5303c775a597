package dev.frazil.lab.fuzz;

import static dev.frazil.lab.fuzz.Verify.verify;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AddressErrorCode;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.IcmpMessage;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.MessageClass;
import dev.frazil.stun.Method;
import dev.frazil.stun.PasswordAlgorithm;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.StunMessage;
import dev.frazil.stun.TransactionId;
import dev.frazil.turn.TurnAllocation;
import dev.frazil.turn.TurnConfiguration;
import dev.frazil.turn.TurnEvent;
import dev.frazil.turn.TurnRequest;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;

/**
 * A TURN client under a scenario that the input tells step by step: what a server, or somebody in its place, answers, what
 * its owner wants, and how time passes. Whatever it is, nothing is thrown, nobody is heard who was not permitted, requests
 * are no flood, and in the end the client is silent. See {@link StunMessageFuzzTest} for how to run it.
 */
class TurnAllocationFuzzTest {
  @FuzzTest(maxDuration = "10s")
  @Tag("TURN-2000")
  void scenario(byte[] data) {
    Scenario scenario = new Scenario(data);
    while (scenario.hasMore()) {
      scenario.step();
    }
    scenario.end();
  }

  private static final class Scenario implements TurnAllocation.Outbox {
    private static final int MOST_STEPS = 2000;
    private static final long SECOND = 1_000_000_000;
    /** What one step may bring about: a lost allocation asks anew for each peer. */
    private static final int MOST_DATAGRAMS_IN_A_STEP = 200;

    private static final String REALM = "example.org";
    private static final LongTermCredential USER = new LongTermCredential("a", "1");
    private static final IpAddress LOCAL = IpAddress.parse("203.0.113.9");
    private static final List<TransportAddress> PEERS = List.of(
        TransportAddress.udp("198.51.100.7", 4000),
        TransportAddress.udp("198.51.100.7", 4001),
        TransportAddress.udp("198.51.100.8", 4000),
        TransportAddress.udp("2001:db8:7::7", 4000));
    private static final int[] ERRORS = {
      300, 400, 401, 403, 405, 420, 437, 438, 440, 441, 442, 443, 446, 447, 486, 500, 508, 599
    };

    private final ByteBuffer input;
    private final Random random = new Random(1);
    private final boolean tcp;
    private final boolean reallocates;
    private final TurnAllocation allocation;
    private final Set<IpAddress> permitted = new HashSet<>();
    private final Queue<TurnRequest> requests = new ArrayDeque<>();
    private final List<FiveTuple> paths = new ArrayList<>();
    private FiveTuple asked;
    private TransactionId id = new TransactionId(0, 0);
    private int method = Method.ALLOCATE;
    private boolean started;
    private boolean closed;
    private int port = 5000;
    private long now;
    private int steps;
    private int datagrams;

    Scenario(byte[] data) {
      input = ByteBuffer.wrap(data);
      int options = next(256);
      tcp = (options & 3) == 3;
      reallocates = (options & 4) != 0;
      TurnConfiguration.Builder builder = TurnConfiguration.builder(random)
          .credential(USER)
          .reallocate(reallocates)
          .channelAfter((options & 8) == 0 ? 2 : 0);
      if (tcp) {
        builder.transport(Transport.TCP);
      } else {
        builder.mobility((options & 16) != 0).dontFragment((options & 32) != 0);
        builder.families(
            (options & 64) != 0
                ? TurnConfiguration.Families.BOTH
                : TurnConfiguration.Families.IPV4);
      }
      allocation = new TurnAllocation(builder.build(), this);
      asked = path();
      paths.add(asked);
    }

    boolean hasMore() {
      return input.hasRemaining() && steps++ < MOST_STEPS;
    }

    private int next(int bound) {
      return input.hasRemaining() ? (input.get() & 0xFF) % bound : 0;
    }

    private FiveTuple path() {
      Transport transport = tcp ? Transport.TCP : Transport.UDP;
      return new FiveTuple(
          new TransportAddress(LOCAL, port++, transport),
          new TransportAddress(IpAddress.parse("192.0.2.1"), 3478, transport));
    }

    void step() {
      datagrams = 0;
      switch (next(10)) {
        case 0 -> pass(next(200) * 3L);
        case 1, 2, 3 -> answer();
        case 4 -> refuse();
        case 5 -> indication();
        case 6 -> raw();
        case 7 -> runtime();
        default -> command();
      }
      verify(datagrams <= MOST_DATAGRAMS_IN_A_STEP, datagrams + " datagrams in one step");
    }

    private void pass(long seconds) {
      long until = now + seconds * SECOND;
      int calls = 0;
      while (allocation.nextTimeout() <= until) {
        now = Math.max(now, allocation.nextTimeout());
        allocation.handleTimeout(now);
        verify(++calls <= 100 + 50 * seconds, "timeouts");
      }
      now = until;
      datagrams = 0; // those of so long a time
    }

    private FiveTuple anyPath() {
      return paths.get(next(paths.size()));
    }

    // what a server says

    private void answer() {
      StunBuilder success = StunBuilder.success(method, id, ByteBuffer.allocate(2000));
      if (next(4) > 0) {
        success.put(
            AttributeType.XOR_RELAYED_ADDRESS, TransportAddress.udp("192.0.2.1", 50_000 + next(3)));
        success.put(AttributeType.XOR_MAPPED_ADDRESS, TransportAddress.udp(LOCAL, 6000));
        success.put(AttributeType.LIFETIME, next(8) == 0 ? next(5) : 600);
      }
      for (int i = next(4); i > 0; i--) {
        attribute(success);
      }
      send(sealed(success));
    }

    private void refuse() {
      int code = ERRORS[next(ERRORS.length)];
      StunBuilder error = StunBuilder.error(method, id, ByteBuffer.allocate(2000), code);
      if (code == ErrorCode.UNAUTHENTICATED || code == ErrorCode.STALE_NONCE || next(4) == 0) {
        error.put(AttributeType.REALM, REALM).put(AttributeType.NONCE, "nonce" + next(9));
      }
      for (int i = next(4); i > 0; i--) {
        attribute(error);
      }
      send(code == ErrorCode.UNAUTHENTICATED ? error : sealed(error));
    }

    private StunBuilder sealed(StunBuilder message) {
      return next(6) == 0 ? message : message.integrity(USER.key(REALM, PasswordAlgorithm.MD5));
    }

    private void attribute(StunBuilder b) {
      switch (next(11)) {
        case 0 -> b.put(AttributeType.LIFETIME, (input.hasRemaining() ? input.get() : 0) << 20);
        case 1 -> b.put(AttributeType.XOR_RELAYED_ADDRESS, PEERS.get(next(4)));
        case 2 -> b.put(AttributeType.MOBILITY_TICKET, ByteBuffer.allocate(next(40)));
        case 3 -> b.put(AttributeType.CONNECTION_ID, next(4));
        case 4 -> b.put(AttributeType.RESERVATION_TOKEN, (long) next(3));
        case 5 -> b.put(AttributeType.ALTERNATE_SERVER, PEERS.get(next(4)));
        case 6 -> b.put(AttributeType.NONCE, "obMatJos2AAAA" + next(9));
        case 7 ->
          b.put(
              AttributeType.ADDRESS_ERROR_CODE,
              new AddressErrorCode(1 + next(2), new ErrorCode(ERRORS[next(ERRORS.length)], "no")));
        case 8 -> b.put(AttributeType.PASSWORD_ALGORITHMS, List.of(PasswordAlgorithm.SHA_256));
        case 9 -> b.put(AttributeType.UNKNOWN_ATTRIBUTES, new int[] {0x8000, 0x17 + next(9)});
        default -> b.put(AttributeType.THIRD_PARTY_AUTHORIZATION, ByteBuffer.allocate(next(9)));
      }
    }

    private void send(StunBuilder message) {
      allocation.handleDatagram(next(8) == 0 ? anyPath() : asked, message.finish(), now);
    }

    private void indication() {
      if (next(2) == 0) {
        ByteBuffer message = ByteBuffer.allocate(4 + next(50));
        message.putShort((short) (0x4000 + next(3))).putShort((short) next(50));
        allocation.handleDatagram(anyPath(), message.clear(), now);
        return;
      }
      int kind = next(4) == 0 ? Method.CONNECTION_ATTEMPT : Method.DATA;
      StunBuilder data = StunBuilder.indication(
              kind, new TransactionId(1, next(9)), ByteBuffer.allocate(2000))
          .put(AttributeType.XOR_PEER_ADDRESS, PEERS.get(next(4)));
      if (kind == Method.CONNECTION_ATTEMPT) {
        data.put(AttributeType.CONNECTION_ID, next(100));
      } else if (next(4) == 0) {
        data.put(AttributeType.ICMP, new IcmpMessage(next(13), next(6), 0));
      } else {
        data.put(AttributeType.DATA, ByteBuffer.allocate(next(99)));
      }
      allocation.handleDatagram(anyPath(), data.finish(), now);
    }

    private void raw() {
      byte[] bytes = new byte[Math.min(input.remaining(), next(60))];
      bytes = bytes.length > input.remaining() ? new byte[input.remaining()] : bytes;
      input.get(bytes);
      if (bytes.length >= 20 && next(2) == 0) { // of the transaction under way
        ByteBuffer.wrap(bytes, 8, 12).putInt(id.high()).putLong(id.low());
      }
      allocation.handleDatagram(anyPath(), ByteBuffer.wrap(bytes), now);
    }

    // what the runtime says

    private void runtime() {
      TurnRequest request = requests.poll();
      boolean works = next(4) > 0;
      if (request instanceof TurnRequest.Open) {
        FiveTuple path = path();
        paths.add(path);
        if (works) {
          allocation.handleOpened(path, now);
        } else {
          allocation.handleOpenFailed("on purpose", now);
        }
      } else if (request instanceof TurnRequest.OpenConnection open) {
        FiveTuple path = path();
        paths.add(path);
        if (works) {
          allocation.handleConnectionOpened(open.connectionId(), path, now);
        } else {
          allocation.handleConnectionFailed(open.connectionId());
        }
      } else {
        allocation.handleUnreachable(anyPath(), now);
      }
    }

    // what the owner wants

    private void command() {
      TransportAddress peer = PEERS.get(next(4));
      switch (next(8)) {
        case 0, 1 -> start();
        case 2 -> {
          permitted.add(peer.ip());
          allocation.permit(List.of(peer), now);
        }
        case 3 -> {
          permitted.add(peer.ip());
          if (!tcp) {
            allocation.bind(peer, now);
          } else if (!allocation.relayed().isEmpty()) {
            allocation.connect(peer, now);
          }
        }
        case 4 -> {
          if (!tcp) {
            allocation.send(peer, ByteBuffer.allocate(next(99)), now);
          }
        }
        case 5 -> {
          if (allocation.isMobile()) {
            FiveTuple path = path();
            paths.add(path);
            allocation.move(path, now);
          }
        }
        case 6 -> {
          allocation.release(peer.ip());
          permitted.remove(peer.ip());
        }
        default -> {
          if (next(8) == 0) {
            closed = true;
            allocation.close(now);
          }
        }
      }
    }

    private void start() {
      if (!started && !closed) {
        started = true;
        allocation.start(asked, now);
      }
    }

    void end() {
      allocation.close(now);
      pass(40); // longer than any transaction
      verify(allocation.nextTimeout() == ProtocolMachine.NEVER, "a timer after the end");
      verify(allocation.relayed().isEmpty(), "an allocation after the end");
    }

    @Override
    public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
      datagrams++;
      verify(paths.contains(path), "sent on " + path);
      StunMessage message = StunMessage.tryParse(header);
      if (message != null && message.messageClass() == MessageClass.REQUEST) {
        id = message.transactionId();
        method = message.method();
        asked = path;
      }
    }

    @Override
    public void deliver(TransportAddress peer, ByteBuffer payload) {
      verify(permitted.contains(peer.ip()), "heard " + peer);
      verify(!allocation.relayed().isEmpty(), "heard without an allocation");
    }

    @Override
    public void request(TurnRequest request) {
      requests.add(request);
      verify(requests.size() <= 200 + 2 * steps, "requests");
    }

    @Override
    public void event(TurnEvent event) {
      boolean over = event instanceof TurnEvent.Refused || event instanceof TurnEvent.Lost;
      if (over && !reallocates) {
        started = false;
        asked = path();
        paths.add(asked);
      }
    }
  }
}
