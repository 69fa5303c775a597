package dev.frazil.netty.io;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.AttributeKey;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;

/** Datagrams without a byte: Netty's channels (4.2.18) take them and send nothing. */
final class EmptyDatagrams {
  private static final AttributeKey<DatagramChannel> SOCKET =
      AttributeKey.valueOf(EmptyDatagrams.class, "SOCKET");

  private EmptyDatagrams() {}

  /** A channel on the JDK's sockets that can send them, too. */
  static NioDatagramChannel jdkChannel(SocketProtocolFamily family) {
    try {
      DatagramChannel socket = DatagramChannel.open(family.toJdkFamily());
      NioDatagramChannel channel = new NioDatagramChannel(socket);
      channel.attr(SOCKET).set(socket);
      return channel;
    } catch (IOException e) {
      throw new ChannelException("no socket", e);
    }
  }

  /** Sends one by the channel's own socket; what was written to the channel before has to be flushed. */
  static void send(Channel channel, InetSocketAddress recipient) throws IOException {
    ByteBuffer nothing = ByteBuffer.allocateDirect(0);
    if (channel instanceof UnixChannel unix) {
      new Socket(unix.fd().intValue())
          .sendTo(nothing, 0, 0, recipient.getAddress(), recipient.getPort());
    } else {
      channel.attr(SOCKET).get().send(nothing, recipient);
    }
  }
}
