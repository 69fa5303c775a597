package dev.frazil.netty.io;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.Future;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.bouncycastle.tls.DTLSRequest;
import org.bouncycastle.tls.DTLSServerProtocol;
import org.bouncycastle.tls.DTLSVerifier;
import org.bouncycastle.tls.DatagramSender;
import org.jspecify.annotations.Nullable;

/**
 * A UDP port whose clients speak DTLS (RFC 7350): to its owner it is a port at which they speak plainly.
 *
 * <p>A stranger costs nothing: until a hello brings the cookie back that was sent to its address, nothing is kept of it
 * (RFC 6347 4.2.1). After that handshakes are bounded, for each address and in all, and sessions that are silent end.
 */
public final class DtlsPort implements DatagramPort {
  /**
   * What a port allows.
   *
   * @param mostSessions clients at a time, those that shake hands counted
   * @param mostHandshakes handshakes at a time
   * @param mostHandshakesOfOne handshakes at a time from one IP address
   * @param handshakeTimeout how long one may take
   * @param idleTimeout a session ends when so long nothing comes
   */
  public record Limits(
      int mostSessions,
      int mostHandshakes,
      int mostHandshakesOfOne,
      Duration handshakeTimeout,
      Duration idleTimeout) {
    /** An allocation is refreshed, or kept open by its channels, within ten minutes. */
    public static final Limits DEFAULT =
        new Limits(20_000, 256, 8, Duration.ofSeconds(10), Duration.ofMinutes(15));
  }

  /**
   * What became of clients.
   *
   * @param opened handshakes that were done
   * @param failed handshakes that were not
   * @param refused hellos that came back with their cookie while a limit was reached
   */
  public record Statistics(int sessions, int handshakes, long opened, long failed, long refused) {}

  // RFC 6347 4.1, 4.2.2: what tells a hello from other records
  private static final int HANDSHAKE_RECORD = 22;
  private static final int CLIENT_HELLO = 1;
  private static final int TYPE_AT = 13;

  private final Driver driver;
  private final Supplier<ServerIdentity> identity;
  private final Limits limits;
  private final DatagramPort.Owner owner;
  private final DTLSVerifier verifier = new DTLSVerifier(DtlsHandshakes.CRYPTO);
  private final Map<TransportAddress, Client> clients = new HashMap<>();
  private final Map<IpAddress, Integer> handshakesOf = new HashMap<>();
  private @Nullable DatagramPort port;
  private int handshakes;
  private long opened;
  private long failed;
  private long refused;

  private DtlsPort(
      Driver driver, Supplier<ServerIdentity> identity, Limits limits, DatagramPort.Owner owner) {
    this.driver = driver;
    this.identity = identity;
    this.limits = limits;
    this.owner = owner;
  }

  /**
   * Binds as {@link DatagramPort#bind} does.
   *
   * @param identity asked for each handshake, so that a newer certificate takes effect
   */
  public static void bind(
      Driver driver,
      IpAddress ip,
      SocketSettings settings,
      RandomGenerator random,
      Supplier<ServerIdentity> identity,
      Limits limits,
      DatagramPort.Owner owner) {
    DtlsPort port = new DtlsPort(driver, identity, limits, owner);
    DatagramPort.bind(driver, ip, settings, random, port.new Below());
  }

  private DatagramPort port() {
    if (port == null) {
      throw new IllegalStateException("not bound");
    }
    return port;
  }

  @Override
  public TransportAddress local() {
    return port().local();
  }

  @Override
  public void sharePort() {
    port().sharePort();
  }

  @Override
  public int sendBuffer() {
    return port().sendBuffer();
  }

  @Override
  public boolean transmit(TransportAddress remote, ByteBuffer header, ByteBuffer payload) {
    Client client = clients.get(remote);
    return client != null && client.session.transmit(header, payload);
  }

  @Override
  public boolean transmit(TransportAddress remote, ByteBuf datagram) {
    try {
      return transmit(remote, datagram.nioBuffer(), NOTHING);
    } finally {
      datagram.release();
    }
  }

  @Override
  public void flush() {
    port().flush();
  }

  /** Takes leave of all clients and closes. */
  @Override
  public void close() {
    List.copyOf(clients.values()).forEach(Client::close);
    port().close();
  }

  @Override
  public Future<Void> closed() {
    return port().closed();
  }

  public Statistics statistics() {
    return new Statistics(clients.size() - handshakes, handshakes, opened, failed, refused);
  }

  private void handleDatagram(FiveTuple path, ByteBuffer datagram) {
    Client client = clients.get(path.remote());
    if (!isHello(datagram)) {
      if (client != null) {
        client.session.handleDatagram(datagram);
      }
      return;
    }
    // Also of a client that is here: its port may be another's now (RFC 6347 4.2.8).
    DTLSRequest request = verify(path.remote(), datagram);
    if (request == null) {
      return;
    }
    if (client != null && !client.session.isOpen()) {
      client.session.handleDatagram(datagram); // a repetition
      return;
    }
    if (client != null) {
      client.close();
    }
    accept(path, request);
  }

  private static boolean isHello(ByteBuffer datagram) {
    int at = datagram.position();
    return datagram.remaining() > TYPE_AT
        && datagram.get(at) == HANDSHAKE_RECORD
        && datagram.getShort(at + 3) == 0 // the epoch
        && datagram.get(at + TYPE_AT) == CLIENT_HELLO;
  }

  /** Null when there is no right cookie, which is then sent. */
  private @Nullable DTLSRequest verify(TransportAddress remote, ByteBuffer datagram) {
    byte[] bytes = new byte[datagram.remaining()];
    datagram.get(datagram.position(), bytes);
    byte[] ip = remote.ip().toBytes();
    byte[] client = ByteBuffer.allocate(ip.length + 2)
        .put(ip)
        .putShort((short) remote.port())
        .array();
    DatagramSender sender = new DatagramSender() {
      @Override
      public int getSendLimit() {
        return DatagramPort.LONGEST;
      }

      @Override
      public void send(byte[] answer, int offset, int length) {
        port().transmit(remote, ByteBuffer.wrap(answer, offset, length), NOTHING);
      }
    };
    try {
      return verifier.verifyRequest(client, bytes, 0, bytes.length, sender);
    } catch (RuntimeException e) {
      return null; // a stranger's hello must not stop the port
    }
  }

  private void accept(FiveTuple path, DTLSRequest request) {
    int ofOne = handshakesOf.getOrDefault(path.remote().ip(), 0);
    if (clients.size() >= limits.mostSessions()
        || handshakes >= limits.mostHandshakes()
        || ofOne >= limits.mostHandshakesOfOne()) {
      refused++;
      return;
    }
    handshakes++;
    handshakesOf.put(path.remote().ip(), ofOne + 1);
    Client client = new Client(path);
    clients.put(path.remote(), client);
    client.begin(request);
  }

  /** One client. */
  private final class Client implements DtlsSession.Owner {
    private final FiveTuple path;
    private final DtlsSession session = new DtlsSession(driver, this);
    private boolean shaking = true;
    private boolean gone;
    private long heardAt;
    private @Nullable Future<?> silence;

    Client(FiveTuple path) {
      this.path = path;
    }

    void begin(DTLSRequest request) {
      int millis = (int) limits.handshakeTimeout().toMillis();
      DtlsServer server = new DtlsServer(identity.get(), millis);
      session.start(below -> {
        DTLSServerProtocol protocol = new DTLSServerProtocol();
        return protocol.accept(server, below, request);
      });
    }

    private void doneShaking() {
      if (shaking) {
        shaking = false;
        handshakes--;
        handshakesOf.computeIfPresent(
            path.remote().ip(), (ip, count) -> count == 1 ? null : count - 1);
      }
    }

    /** Ends the session; the client is told. */
    void close() {
      if (!gone) {
        session.close();
        leave();
      }
    }

    private void leave() {
      gone = true;
      doneShaking();
      clients.remove(path.remote(), this);
      if (silence != null) {
        silence.cancel(false);
      }
    }

    @Override
    public void send(DtlsSession from, byte[] bytes, int offset, int length) {
      port().transmit(path.remote(), ByteBuffer.wrap(bytes, offset, length), NOTHING);
    }

    @Override
    public void handleOpen(DtlsSession from) {
      opened++;
      doneShaking();
      heardAt = driver.now();
      listen(limits.idleTimeout().toNanos());
    }

    private void listen(long nanos) {
      silence = driver.eventLoop().schedule(this::listened, nanos, TimeUnit.NANOSECONDS);
    }

    private void listened() {
      long left = heardAt + limits.idleTimeout().toNanos() - driver.now();
      if (left <= 0) {
        close();
      } else {
        listen(left);
      }
    }

    @Override
    public void handlePlain(DtlsSession from, ByteBuffer plain) {
      heardAt = driver.now();
      owner.handleDatagram(path, plain);
    }

    @Override
    public void handleEnd(DtlsSession from, String reason) {
      if (shaking) {
        failed++;
      }
      if (!gone) {
        leave();
      }
    }
  }

  /** Hears of the port below. */
  private final class Below implements DatagramPort.Owner {
    @Override
    public void handleBound(DatagramPort bound) {
      port = bound;
      owner.handleBound(DtlsPort.this);
    }

    @Override
    public void handleBindFailed(String reason) {
      owner.handleBindFailed(reason);
    }

    @Override
    public void handleDatagram(FiveTuple path, ByteBuffer datagram) {
      DtlsPort.this.handleDatagram(path, datagram);
    }

    @Override
    public void handleTooLong(FiveTuple path) {
      owner.handleTooLong(path);
    }

    @Override
    public void handleBroken(DatagramPort broken, String reason) {
      List.copyOf(clients.values()).forEach(Client::close);
      owner.handleBroken(DtlsPort.this, reason);
    }
  }
}
