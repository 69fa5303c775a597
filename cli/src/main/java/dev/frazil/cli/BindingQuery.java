package dev.frazil.cli;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.BindingClient;
import dev.frazil.stun.ClientAuthentication;
import dev.frazil.stun.ErrorCode;
import dev.frazil.stun.Retransmission;
import dev.frazil.stun.RoundTripTimes;
import dev.frazil.stun.StunClient;
import dev.frazil.stun.StunMessage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.security.SecureRandom;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Asks one STUN server once, over a connected UDP socket, so that the system tells when nobody listens there. */
final class BindingQuery {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int MAX_DATAGRAM = 65_536;
  private static final Retransmission RETRANSMISSION = Retransmission.DEFAULT;

  /** What became of it. Exactly one of mapped and problem is there. */
  record Answer(
      @Nullable TransportAddress local,
      @Nullable TransportAddress mapped,
      int sends,
      double rttMillis,
      @Nullable String problem) {
    private static Answer without(@Nullable TransportAddress local, int sends, String problem) {
      return new Answer(local, null, sends, 0, problem);
    }
  }

  private final InetAddress from;
  private final InetSocketAddress server;
  private final Duration timeout;

  BindingQuery(InetAddress from, InetSocketAddress server, Duration timeout) {
    this.from = from;
    this.server = server;
    this.timeout = timeout;
  }

  /** Waits for the answer, at most as long as the time-out. */
  Answer ask() {
    TransportAddress local = null;
    Conversation conversation = null;
    try (DatagramChannel channel = DatagramChannel.open();
        Selector selector = Selector.open()) {
      channel.bind(new InetSocketAddress(from, 0));
      channel.connect(server);
      channel.configureBlocking(false);
      channel.register(selector, SelectionKey.OP_READ);
      local = address((InetSocketAddress) channel.getLocalAddress());
      conversation = new Conversation(channel, selector, local);
      return conversation.hold();
    } catch (IOException e) {
      int sends = conversation == null ? 0 : conversation.sends;
      return Answer.without(local, sends, inPlainWords(e));
    }
  }

  /** Drives the client machine until it has heard or the time is up. */
  private final class Conversation implements BindingClient.Outbox {
    private final DatagramChannel channel;
    private final Selector selector;
    private final TransportAddress local;
    private final FiveTuple path;
    private final BindingClient client;
    private final long origin = System.nanoTime();
    private final ByteBuffer datagram = ByteBuffer.allocate(MAX_DATAGRAM);
    private long lastSent;
    private int sends;
    private int heard;
    private @Nullable Answer answer;

    Conversation(DatagramChannel channel, Selector selector, TransportAddress local) {
      this.channel = channel;
      this.selector = selector;
      this.local = local;
      path = new FiveTuple(local, address(server));
      client = new BindingClient(
          path,
          StunClient.Options.DEFAULT,
          ClientAuthentication.none(),
          new RoundTripTimes(RETRANSMISSION.initialRto()),
          RANDOM,
          this);
    }

    Answer hold() throws IOException {
      client.start(now());
      for (long now = now(); answer == null && now < timeout.toNanos(); now = now()) {
        client.handleTimeout(now);
        long wait = Math.min(client.nextTimeout(), timeout.toNanos()) - now;
        selector.select(Math.max(1, (wait + 999_999) / 1_000_000));
        selector.selectedKeys().clear();
        while (answer == null && channel.read(datagram.clear()) > 0) {
          heard++;
          client.handleDatagram(path, datagram.flip(), now());
        }
      }
      return answer == null ? Answer.without(local, sends, silence()) : answer;
    }

    private long now() {
      return System.nanoTime() - origin;
    }

    private String silence() {
      String seconds = String.valueOf(timeout.toMillis() / 1e3).replaceAll("\\.0$", "");
      String requests = sends == 1 ? "1 request" : sends + " requests";
      return heard == 0
          ? "no answer in %s s (%s sent)".formatted(seconds, requests)
          : "not a STUN server: what it answered to %s is no STUN response".formatted(requests);
    }

    @Override
    public void transmit(FiveTuple to, ByteBuffer header, ByteBuffer payload) {
      sends++;
      lastSent = now();
      try {
        channel.write(new ByteBuffer[] {header, payload});
      } catch (IOException e) {
        answer = Answer.without(local, sends, inPlainWords(e));
      }
    }

    @Override
    public void mapped(TransportAddress mapped, StunMessage response) {
      answer = new Answer(local, mapped, sends, (now() - lastSent) / 1e6, null);
    }

    @Override
    public void failed(StunClient.Failure failure, @Nullable ErrorCode error) {
      answer = Answer.without(local, sends, meaning(failure, error));
    }

    private String meaning(StunClient.Failure failure, @Nullable ErrorCode error) {
      if (error != null) {
        return "the server refused: error " + error.code() + " " + printable(error.reason());
      }
      return failure == StunClient.Failure.TIMEOUT ? silence() : "the answer makes no sense";
    }
  }

  /** What a system's error means to somebody who does not know its name. */
  private static String inPlainWords(IOException e) {
    String message = String.valueOf(e.getMessage());
    if (e instanceof PortUnreachableException || message.contains("refused")) {
      return "refused: the host is there, but no server listens on that port";
    }
    if (e instanceof NoRouteToHostException || message.contains("nreachable")) {
      return "unreachable: this machine knows no way to that address";
    }
    return "can't ask: " + message;
  }

  /** The server's words, without anything that could steer a terminal. */
  private static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }

  static TransportAddress address(InetSocketAddress socket) {
    return TransportAddress.udp(IpAddress.of(socket.getAddress().getAddress()), socket.getPort());
  }
}
