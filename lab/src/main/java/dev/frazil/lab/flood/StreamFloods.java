package dev.frazil.lab.flood;

import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunMessage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** Floods by TCP. */
final class StreamFloods {
  private static final int MOST_OPEN = 8000;
  private static final int DEAF = 20;
  private static final long SECOND = 1_000_000_000;
  private static final byte[] HELLO = {22, 3, 1, 2, 0, 1, 0, 1, (byte) 0xFC, 3, 3};

  private StreamFloods() {}

  /** Connects from everywhere in 127.0.0.0/8 and says nothing. */
  static long silent(Target target, BooleanSupplier goesOn) throws IOException {
    return hold(target.plain(), goesOn, 0);
  }

  /** Begins TLS handshakes and goes on with a byte a second. */
  static long slowHandshakes(Target target, BooleanSupplier goesOn) throws IOException {
    return hold(target.secure(), goesOn, 1);
  }

  private static long hold(InetSocketAddress server, BooleanSupplier goesOn, int bytesASecond)
      throws IOException {
    List<SocketChannel> open = new ArrayList<>();
    long opened = 0;
    long next = System.nanoTime() + SECOND;
    int said = 0;
    try {
      while (goesOn.getAsBoolean()) {
        if (open.size() < MOST_OPEN) {
          open.add(connect(server, opened++));
        } else {
          open.remove(0).close();
        }
        if (bytesASecond > 0 && System.nanoTime() > next) {
          next += SECOND;
          byte[] some = {HELLO[said++ % HELLO.length]};
          open.forEach(each -> write(each, some));
        }
      }
    } finally {
      for (SocketChannel each : open) {
        each.close();
      }
    }
    return opened;
  }

  private static SocketChannel connect(InetSocketAddress server, long number) throws IOException {
    byte[] ip = {127, (byte) (1 + number % 200), (byte) (number / 200 % 200), 9};
    SocketChannel stream = SocketChannel.open();
    stream.bind(new InetSocketAddress(InetAddress.getByAddress(ip), 0));
    stream.configureBlocking(false);
    stream.connect(server);
    return stream;
  }

  private static void write(SocketChannel stream, byte[] bytes) {
    try {
      if (stream.finishConnect()) {
        stream.write(ByteBuffer.wrap(bytes));
      }
    } catch (IOException e) {
      // the server closed it, as it should
    }
  }

  /** Clients with an allocation to which their peer sends more than they read, which is nothing. */
  static long slowReaders(Target target, BooleanSupplier goesOn) throws IOException {
    List<Asker> clients = new ArrayList<>();
    List<InetSocketAddress> relayed = new ArrayList<>();
    long sent = 0;
    try (DatagramChannel peer = DatagramChannel.open()) {
      peer.bind(Target.source(4));
      for (int i = 0; i < DEAF; i++) {
        Asker client = deafClient(target);
        clients.add(client);
        InetSocketAddress address = allocate(client, i);
        if (address != null) {
          relayed.add(address);
        }
      }
      ByteBuffer payload = ByteBuffer.allocateDirect(1000);
      while (goesOn.getAsBoolean()) {
        for (InetSocketAddress address : relayed) {
          sent += peer.send(payload.clear(), address) > 0 ? 1 : 0;
        }
        LockSupport.parkNanos(100_000);
      }
    } finally {
      for (Asker client : clients) {
        client.close();
      }
    }
    return sent;
  }

  private static Asker deafClient(Target target) throws IOException {
    SocketChannel stream = SocketChannel.open();
    stream.setOption(StandardSocketOptions.SO_RCVBUF, 4096);
    stream.connect(target.plain());
    stream.configureBlocking(false);
    return new Asker(stream, new LongTermCredential(target.user(), target.password()));
  }

  private static @Nullable InetSocketAddress allocate(Asker client, int number) throws IOException {
    client.ask(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
    StunMessage answer = client.await();
    TransportAddress relayed =
        answer == null ? null : answer.get(AttributeType.XOR_RELAYED_ADDRESS);
    if (relayed == null) {
      System.err.println("deaf client " + number + " has no allocation: " + answer);
      return null;
    }
    TransportAddress peer = TransportAddress.udp("127.0.4.4", 0);
    client.ask(Method.CREATE_PERMISSION, b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer));
    InetAddress ip = InetAddress.getByAddress(relayed.ip().toBytes());
    return new InetSocketAddress(ip, relayed.port());
  }
}
