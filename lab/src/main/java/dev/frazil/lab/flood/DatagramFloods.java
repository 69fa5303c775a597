package dev.frazil.lab.flood;

import dev.frazil.net.IpAddress;
import dev.frazil.net.TransportAddress;
import dev.frazil.stun.AttributeType;
import dev.frazil.stun.LongTermCredential;
import dev.frazil.stun.Method;
import dev.frazil.stun.StunBuilder;
import dev.frazil.stun.TransactionId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/** Floods by UDP. */
final class DatagramFloods {
  private static final int SOURCES = 2000;

  private DatagramFloods() {}

  /** Sockets all over 127.0.0.0/8: to the server each is another host, as the sources of a spoofer are. */
  private static List<DatagramChannel> sources(InetSocketAddress server) throws IOException {
    List<DatagramChannel> sources = new ArrayList<>();
    for (int i = 0; i < SOURCES; i++) {
      byte[] ip = {127, (byte) (1 + i % 200), (byte) (i / 200), 9};
      DatagramChannel socket = DatagramChannel.open();
      socket.bind(new InetSocketAddress(InetAddress.getByAddress(ip), 0));
      socket.connect(server);
      socket.configureBlocking(false);
      sources.add(socket);
    }
    return sources;
  }

  /** Sends from each source in turn what is made for it, as fast as one thread can. */
  private static long flood(
      InetSocketAddress server, BooleanSupplier goesOn, UnaryOperator<ByteBuffer> datagram)
      throws IOException {
    List<DatagramChannel> sources = sources(server);
    ByteBuffer out = ByteBuffer.allocateDirect(2000);
    long sent = 0;
    try {
      while (goesOn.getAsBoolean()) {
        for (DatagramChannel source : sources) {
          sent += source.write(datagram.apply(out.clear())) > 0 ? 1 : 0;
        }
      }
    } finally {
      for (DatagramChannel source : sources) {
        source.close();
      }
    }
    return sent;
  }

  static long allocates(Target target, BooleanSupplier goesOn) throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    return flood(target.plain(), goesOn, out -> allocate(random, out).finish());
  }

  private static StunBuilder allocate(SplittableRandom random, ByteBuffer out) {
    return StunBuilder.request(Method.ALLOCATE, TransactionId.random(random), out)
        .put(AttributeType.REQUESTED_TRANSPORT, 17);
  }

  static long garbage(Target target, BooleanSupplier goesOn) throws IOException {
    SplittableRandom random = new SplittableRandom(2);
    return flood(target.plain(), goesOn, out -> {
      int length = random.nextInt(1, 600);
      while (out.position() < length) {
        out.putLong(random.nextLong());
      }
      return out.flip();
    });
  }

  static long hellos(Target target, BooleanSupplier goesOn) throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    return flood(target.secure(), goesOn, out -> hello(random, out));
  }

  /** RFC 6347 4.2.1, 4.3.2: a ClientHello of DTLS 1.2 without a cookie. */
  private static ByteBuffer hello(SplittableRandom random, ByteBuffer out) {
    int body = 2 + 32 + 1 + 1 + 2 + 4 + 2;
    out.put((byte) 22)
        .putShort((short) 0xFEFD)
        .putShort((short) 0)
        .putShort((short) 0)
        .putInt(0);
    out.putShort((short) (12 + body));
    out.put((byte) 1).put((byte) 0).putShort((short) body); // ClientHello
    out.putShort((short) 0).put((byte) 0).putShort((short) 0); // message 0 from its start on
    out.put((byte) 0).putShort((short) body);
    out.putShort((short) 0xFEFD);
    for (int i = 0; i < 4; i++) {
      out.putLong(random.nextLong());
    }
    out.put((byte) 0).put((byte) 0); // no session, no cookie
    out.putShort((short) 4).putShort((short) 0xC02B).putShort((short) 0xC02F);
    out.put((byte) 1).put((byte) 0); // no compression
    return out.flip();
  }

  /** One host that guesses passwords: it takes the nonce that it is told, and is refused each time. */
  static long guesses(Target target, BooleanSupplier goesOn) throws IOException {
    LongTermCredential wrong = new LongTermCredential(target.user(), "wrong");
    try (Asker asker = asker(target, wrong)) {
      while (goesOn.getAsBoolean()) {
        asker.ask(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
      }
      return asker.sent();
    }
  }

  private static Asker asker(Target target, LongTermCredential user) throws IOException {
    DatagramChannel socket = DatagramChannel.open();
    socket.bind(Target.source(3));
    socket.connect(target.plain());
    socket.configureBlocking(false);
    return new Asker(socket, user);
  }

  /** A user with an allocation who fills it with permissions and channels, over and over. */
  static long permissions(Target target, BooleanSupplier goesOn) throws IOException {
    LongTermCredential right = new LongTermCredential(target.user(), target.password());
    try (Asker asker = asker(target, right)) {
      asker.ask(Method.ALLOCATE, b -> b.put(AttributeType.REQUESTED_TRANSPORT, 17));
      for (int i = 0; goesOn.getAsBoolean(); i++) {
        TransportAddress peer = TransportAddress.udp(IpAddress.ofIpv4(0x08000001 + i), 9);
        asker.ask(Method.CREATE_PERMISSION, b -> b.put(AttributeType.XOR_PEER_ADDRESS, peer));
        int number = 0x4000 + i % 0x1000;
        asker.ask(
            Method.CHANNEL_BIND,
            b -> b.put(AttributeType.CHANNEL_NUMBER, number)
                .put(AttributeType.XOR_PEER_ADDRESS, peer));
      }
      return asker.sent();
    }
  }
}
