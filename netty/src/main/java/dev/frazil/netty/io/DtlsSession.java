package dev.frazil.netty.io;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.tls.DTLSTransport;
import org.bouncycastle.tls.DatagramTransport;
import org.bouncycastle.tls.TlsFatalAlertReceived;
import org.bouncycastle.tls.TlsTimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One side of a DTLS association (RFC 6347), between BouncyCastle's blocking calls and an event loop. While the handshake
 * runs on a thread of its own, datagrams wait in a short queue; afterwards all that happens does so on the event loop, a
 * record at a time, and nothing blocks there.
 */
public final class DtlsSession {
  /** What records are carried in while the path's MTU is not known. */
  private static final int HANDSHAKE_DATAGRAM = 1200;

  private static final int RECORD_HEADER = 13;
  /** What AES-GCM adds. A shorter record can only be forged, and would end the association. */
  private static final int RECORD_OVERHEAD = 24;
  /** RFC 6347 4.1. */
  private static final int LONGEST_PLAINTEXT = 1 << 14;

  private static final int MOST_WAITING = 64;
  private static final byte[] WAKE_UP = {};

  /** The handshake of one of the sides. */
  @FunctionalInterface
  public interface Handshake {
    DTLSTransport run(DatagramTransport below) throws IOException;
  }

  /** Who a session works for, on the event loop. */
  public interface Owner {
    /** A datagram for the other side. */
    void send(DtlsSession session, byte[] bytes, int offset, int length);

    /** The handshake is done. */
    void handleOpen(DtlsSession session);

    /**
     * The other side sent a datagram; a turn has begun.
     *
     * @param plain borrowed for the call
     */
    void handlePlain(DtlsSession session, ByteBuffer plain);

    /** The handshake failed, or the other side closed. */
    void handleEnd(DtlsSession session, String reason);
  }

  /** Ends BouncyCastle's wait for a next record, without which it would spin. */
  private static final class NothingLeft extends InterruptedIOException {
    private static final long serialVersionUID = 1;

    @Override
    public synchronized Throwable fillInStackTrace() {
      return this; // it is thrown for each record that is no data
    }
  }

  private final Driver driver;
  private final Owner owner;
  private final NothingLeft nothingLeft = new NothingLeft();
  private final BlockingQueue<byte[]> waiting = new ArrayBlockingQueue<>(MOST_WAITING);
  private volatile boolean ended;
  private volatile boolean closedBelow;
  private @Nullable DTLSTransport open;
  private byte[] record = {};
  private int recordLength;
  private byte[] plain = {};
  private byte[] outgoing = {};

  public DtlsSession(Driver driver, Owner owner) {
    this.driver = driver;
    this.owner = owner;
  }

  /** Begins the handshake; the owner hears of its end, never before this method has returned. */
  public void start(Handshake handshake) {
    if (!DtlsHandshakes.execute(() -> shakeHands(handshake))) {
      driver.executeLater(() -> end("too many DTLS handshakes at once"));
    }
  }

  private void shakeHands(Handshake handshake) {
    try {
      DTLSTransport transport = handshake.run(new Below());
      driver.executeLater(() -> opened(transport));
    } catch (IOException | RuntimeException e) {
      driver.executeLater(() -> end(words(e)));
    }
  }

  private void opened(DTLSTransport transport) {
    open = transport;
    if (ended) {
      farewell(transport);
      return;
    }
    driver.beginTurn();
    try {
      owner.handleOpen(this);
      byte[] next = waiting.poll();
      while (next != null) {
        handleDatagram(ByteBuffer.wrap(next));
        next = waiting.poll();
      }
    } finally {
      driver.endTurn();
    }
  }

  public boolean isOpen() {
    return open != null && !ended;
  }

  /** A datagram of the other side came in. */
  public void handleDatagram(ByteBuffer datagram) {
    if (open == null) {
      byte[] copy = new byte[datagram.remaining()];
      datagram.get(datagram.position(), copy);
      waiting.offer(copy);
      return;
    }
    int at = datagram.position();
    while (!ended && datagram.limit() - at >= RECORD_HEADER) {
      int length = RECORD_HEADER + (datagram.getShort(at + 11) & 0xFFFF);
      if (length > datagram.limit() - at) {
        break;
      }
      boolean encrypted = datagram.getShort(at + 3) != 0; // the epoch
      if (!encrypted || length >= RECORD_HEADER + RECORD_OVERHEAD) {
        handleRecord(open, datagram, at, length);
      }
      at += length;
    }
  }

  private void handleRecord(DTLSTransport transport, ByteBuffer datagram, int at, int length) {
    if (record.length < length) {
      record = new byte[length];
      plain = new byte[length];
    }
    datagram.get(at, record, 0, length);
    recordLength = length;
    try {
      int count = transport.receive(plain, 0, plain.length, 1);
      if (count > 0) {
        owner.handlePlain(this, ByteBuffer.wrap(plain, 0, count));
      }
    } catch (NothingLeft e) {
      // it was no data
    } catch (IOException | RuntimeException e) {
      end(words(e));
    }
    if (closedBelow) {
      end("the other side closed the DTLS connection");
    }
  }

  /** Sends a datagram; false when it is dropped. */
  public boolean transmit(ByteBuffer header, ByteBuffer payload) {
    int length = header.remaining() + payload.remaining();
    if (open == null || ended || length > LONGEST_PLAINTEXT) {
      return false;
    }
    if (outgoing.length < length) {
      outgoing = new byte[length];
    }
    int headerLength = header.remaining();
    header.get(header.position(), outgoing, 0, headerLength);
    payload.get(payload.position(), outgoing, headerLength, payload.remaining());
    try {
      open.send(outgoing, 0, length);
      return true;
    } catch (IOException | RuntimeException e) {
      driver.executeLater(() -> end(words(e)));
      return false;
    }
  }

  /** Ends the session, which the owner wants no more. */
  public void close() {
    if (!ended) {
      if (open != null) {
        farewell(open);
      }
      ended = true;
      waiting.offer(WAKE_UP);
    }
  }

  private static void farewell(DTLSTransport transport) {
    try {
      transport.close();
    } catch (IOException | RuntimeException e) {
      // nobody is there to hear it
    }
  }

  private void end(String reason) {
    if (!ended) {
      ended = true;
      waiting.offer(WAKE_UP);
      owner.handleEnd(this, reason);
    }
  }

  private static String words(Throwable cause) {
    for (Throwable each = cause; each != null; each = each.getCause()) {
      if (each instanceof CertificateTrust.Refused) {
        return String.valueOf(each.getMessage());
      }
    }
    if (cause instanceof TlsTimeoutException) {
      return "no DTLS handshake in time";
    }
    if (cause instanceof TlsFatalAlertReceived) {
      return "the other side refused the DTLS connection: " + cause.getMessage();
    }
    return "no DTLS connection: " + cause.getMessage();
  }

  /** What BouncyCastle calls, on the thread of the handshake, then on the event loop. */
  private final class Below implements DatagramTransport {
    @Override
    public int getReceiveLimit() {
      return DatagramPort.LONGEST;
    }

    @Override
    public int getSendLimit() {
      return HANDSHAKE_DATAGRAM;
    }

    @Override
    public int receive(byte[] bytes, int offset, int length, int waitMillis) throws IOException {
      if (!driver.isHere()) {
        return await(bytes, offset, length, waitMillis);
      }
      if (recordLength == 0) {
        throw nothingLeft;
      }
      int count = Math.min(length, recordLength);
      System.arraycopy(record, 0, bytes, offset, count);
      recordLength = 0;
      return count;
    }

    private int await(byte[] bytes, int offset, int length, int waitMillis) throws IOException {
      try {
        byte[] datagram = waiting.poll(Math.max(1, waitMillis), TimeUnit.MILLISECONDS);
        if (ended) {
          throw new IOException("the connection was closed");
        }
        if (datagram == null) {
          return -1;
        }
        int count = Math.min(length, datagram.length);
        System.arraycopy(datagram, 0, bytes, offset, count);
        return count;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException();
      }
    }

    @Override
    public void send(byte[] bytes, int offset, int length) {
      if (driver.isHere()) {
        owner.send(DtlsSession.this, bytes, offset, length);
        return;
      }
      byte[] copy = Arrays.copyOfRange(bytes, offset, offset + length);
      driver.executeLater(() -> {
        if (!ended) {
          owner.send(DtlsSession.this, copy, 0, copy.length);
        }
      });
    }

    /** An alert came, or was sent. */
    @Override
    public void close() {
      closedBelow = true;
    }
  }
}
