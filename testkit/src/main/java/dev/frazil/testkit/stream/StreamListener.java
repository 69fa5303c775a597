package dev.frazil.testkit.stream;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.DatagramHandler;
import dev.frazil.testkit.Host;
import dev.frazil.testkit.VirtualSocket;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A listening socket: takes the streams that others open to its address. */
public final class StreamListener {
  private final VirtualSocket socket;
  private final VirtualStream.Handler handler;
  private final Map<FiveTuple, VirtualStream> streams = new LinkedHashMap<>();

  /**
   * Listens at once.
   *
   * @param local an address of the host, of TCP
   * @param handler of all streams that are accepted
   * @throws IllegalStateException when the port is taken or the address is not there
   */
  public StreamListener(Host host, TransportAddress local, VirtualStream.Handler handler) {
    this.handler = handler;
    socket = host.bind(local, new Ear());
  }

  /** Where it listens. */
  public TransportAddress local() {
    return socket.local();
  }

  /** Stops listening, and ends the streams that were accepted as a crash does. */
  public void close() {
    List.copyOf(streams.values()).forEach(VirtualStream::abort);
    socket.close();
  }

  private final class Ear implements DatagramHandler {
    @Override
    public void handle(FiveTuple path, ByteBuffer payload, long now) {
      Segment segment = Segment.parse(payload);
      if (segment == null) {
        return;
      }
      VirtualStream stream = streams.get(path);
      if (stream != null) {
        stream.receive(segment);
      } else if (segment.has(Segment.SYN) && !segment.has(Segment.ACK)) {
        streams.put(
            path,
            VirtualStream.accept(
                socket, path.remote(), segment, handler, () -> streams.remove(path)));
      } else if (!segment.has(Segment.RST)) {
        Segment reset = new Segment(segment.acknowledged(), 0, Segment.RST);
        socket.send(path.remote(), reset.header(), Segment.NOTHING);
      }
    }

    @Override
    public void unreachable(FiveTuple path, long now) {
      VirtualStream stream = streams.get(path);
      if (stream != null) {
        stream.end("reset");
      }
    }
  }
}
