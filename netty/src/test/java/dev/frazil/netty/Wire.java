package dev.frazil.netty;

import dev.frazil.net.StreamFramer;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.SocketAddresses;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.EOFException;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.bouncycastle.tls.DTLSTransport;
import org.bouncycastle.tls.ProtocolVersion;

/** What carries the messages of a {@link RawTurnClient}: blocking, and with a limit to each wait. */
interface Wire extends AutoCloseable {
  void send(byte[] message) throws IOException;

  /** The next message. */
  ByteBuffer receive() throws IOException;

  TransportAddress local();

  /** Whether what is sent has to be padded. */
  default boolean isStream() {
    return false;
  }

  @Override
  void close() throws IOException;

  static Wire to(TurnListener server) throws Exception {
    return switch (server.kind()) {
      case UDP -> udp(server.address());
      case TCP -> tcp(server.address());
      case TLS -> tls(server.address(), "stun.turn");
      case DTLS -> dtls(server.address());
    };
  }

  static Wire udp(TransportAddress server) throws IOException {
    InetSocketAddress to = SocketAddresses.toSocketAddress(server, 0);
    DatagramSocket socket = Loopback.socket(server.ip().isIpv4() ? "127.0.0.1" : "::1");
    return new Wire() {
      @Override
      public void send(byte[] message) throws IOException {
        socket.send(new DatagramPacket(message, message.length, to));
      }

      @Override
      public ByteBuffer receive() throws IOException {
        DatagramPacket packet = Loopback.receive(socket);
        return ByteBuffer.wrap(packet.getData(), 0, packet.getLength()).slice();
      }

      @Override
      public TransportAddress local() {
        return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
      }

      @Override
      public void close() {
        socket.close();
      }
    };
  }

  static StreamWire tcp(TransportAddress server) throws IOException {
    Socket socket = new Socket();
    socket.setTcpNoDelay(true);
    socket.connect(SocketAddresses.toSocketAddress(server, 0));
    return new StreamWire(socket);
  }

  /** Believes every certificate; offers application protocols, or none. */
  static StreamWire tls(TransportAddress server, String... protocols) throws Exception {
    return tls(tcp(server), server.port(), protocols);
  }

  /** The same on a stream that is there. */
  static StreamWire tls(StreamWire plain, int port, String... protocols) throws Exception {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, InsecureTrustManagerFactory.INSTANCE.getTrustManagers(), null);
    SSLSocket socket = (SSLSocket)
        context.getSocketFactory().createSocket(plain.socket(), "turn.example.org", port, true);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setApplicationProtocols(protocols);
    socket.setSSLParameters(parameters);
    return new StreamWire(socket);
  }

  static Wire dtls(TransportAddress server) throws IOException {
    DatagramSocket socket = Loopback.socket(server.ip().isIpv4() ? "127.0.0.1" : "::1");
    socket.connect(SocketAddresses.toSocketAddress(server, 0));
    DTLSTransport transport = RawDtls.connect(socket, ProtocolVersion.DTLSv12, "stun.turn");
    return new Wire() {
      @Override
      public void send(byte[] message) throws IOException {
        transport.send(message, 0, message.length);
      }

      @Override
      public ByteBuffer receive() throws IOException {
        byte[] message = new byte[4000];
        int length =
            transport.receive(message, 0, message.length, (int) (Loopback.LIMIT_SECONDS * 1000));
        if (length < 0) {
          throw new IOException("nothing came in time");
        }
        return ByteBuffer.wrap(message, 0, length).slice();
      }

      @Override
      public TransportAddress local() {
        return SocketAddresses.toUdp((InetSocketAddress) socket.getLocalSocketAddress(), 0);
      }

      @Override
      public void close() throws IOException {
        transport.close();
        socket.close();
      }
    };
  }

  /** Over a connection of TCP, or of TLS. */
  final class StreamWire implements Wire {
    private final Socket socket;
    private final StreamFramer framer = new StreamFramer(StreamFramer.Framing.STUN);
    private final byte[] chunk = new byte[16_384];
    private ByteBuffer input = ByteBuffer.allocate(0);

    StreamWire(Socket socket) throws IOException {
      this.socket = socket;
      socket.setSoTimeout((int) (Loopback.LIMIT_SECONDS * 1000));
    }

    Socket socket() {
      return socket;
    }

    @Override
    public void send(byte[] message) throws IOException {
      socket.getOutputStream().write(message);
      socket.getOutputStream().flush();
    }

    @Override
    public ByteBuffer receive() throws IOException {
      while (true) {
        ByteBuffer message = framer.next(input);
        if (message != null) {
          ByteBuffer copy = ByteBuffer.allocate(message.remaining());
          return copy.put(message).flip();
        }
        input = ByteBuffer.wrap(chunk, 0, read());
      }
    }

    private int read() throws IOException {
      int count = socket.getInputStream().read(chunk);
      if (count < 0) {
        throw new EOFException("the server closed the stream");
      }
      return count;
    }

    /** The next bytes as they come, once there are no more messages. */
    byte[] bytes(int count) throws IOException {
      byte[] bytes = new byte[count];
      int buffered = Math.min(count, input.remaining());
      input.get(bytes, 0, buffered);
      int more = socket.getInputStream().readNBytes(bytes, buffered, count - buffered);
      if (buffered + more < count) {
        throw new EOFException("only " + (buffered + more) + " of " + count + " bytes came");
      }
      return bytes;
    }

    /** Whether the server ends the stream, and sends nothing before. */
    boolean ends() throws IOException {
      try {
        return socket.getInputStream().read() < 0;
      } catch (SocketException e) {
        return true; // reset
      }
    }

    @Override
    public TransportAddress local() {
      InetSocketAddress address = (InetSocketAddress) socket.getLocalSocketAddress();
      return SocketAddresses.toTransport(address, 0, Transport.TCP);
    }

    @Override
    public boolean isStream() {
      return true;
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
