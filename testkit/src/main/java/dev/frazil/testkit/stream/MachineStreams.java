package dev.frazil.testkit.stream;

import dev.frazil.net.FiveTuple;
import dev.frazil.net.IpAddress;
import dev.frazil.net.ProtocolMachine;
import dev.frazil.net.StreamFramer;
import dev.frazil.net.TransportAddress;
import dev.frazil.testkit.MachineDriver;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The streams of a machine that a {@link MachineDriver} runs: cuts what comes in into STUN messages and ChannelData, and
 * hands them to the machine by the path of their stream.
 */
public final class MachineStreams {
  /** Hears what becomes of streams; each call may give the machine a command through its driver. */
  public interface Owner {
    /** A stream that was asked for stands. */
    void opened(FiveTuple path);

    /** A stream that was asked for could not be opened. */
    void failed(String reason);

    /** A stream that stood is over, and not by this side's wish. */
    void closed(FiveTuple path, String reason);
  }

  private final MachineDriver driver;
  private final ProtocolMachine machine;
  private final Map<FiveTuple, Framed> streams = new LinkedHashMap<>();

  /** Streams for a machine, none yet. */
  public MachineStreams(MachineDriver driver, ProtocolMachine machine) {
    this.driver = driver;
    this.machine = machine;
  }

  /** Opens a stream from a free port of one of the host's addresses. */
  public void connect(IpAddress local, TransportAddress remote, Owner owner) {
    try {
      VirtualStream.connect(driver.host(), local, remote, new Framed(owner));
    } catch (IllegalStateException | IllegalArgumentException e) {
      owner.failed(String.valueOf(e.getMessage()));
    }
  }

  /** Takes the streams that others open to an address of the host. */
  public StreamListener listen(TransportAddress local, Owner owner) {
    return new StreamListener(driver.host(), local, new VirtualStream.Handler() {
      @Override
      public void opened(VirtualStream stream) {
        new Framed(owner).opened(stream);
      }

      @Override
      public void received(VirtualStream stream, ByteBuffer bytes) {
        Framed framed = streams.get(stream.path());
        if (framed != null) {
          framed.received(stream, bytes);
        }
      }

      @Override
      public void closed(VirtualStream stream, String reason) {
        Framed framed = streams.get(stream.path());
        if (framed != null) {
          framed.closed(stream, reason);
        }
      }
    });
  }

  /** Sends a message, padded already; false when no stream has this path or it is full. */
  public boolean transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    Framed framed = streams.get(path);
    return framed != null && framed.stream != null && framed.stream.send(header, payload);
  }

  /** Whether a stream with this path stands. */
  public boolean has(FiveTuple path) {
    return streams.containsKey(path);
  }

  /** Closes a stream; does nothing when there is none. */
  public void close(FiveTuple path) {
    Framed framed = streams.remove(path);
    if (framed != null && framed.stream != null) {
      framed.stream.close();
    }
  }

  /** Closes all. */
  public void close() {
    List.copyOf(streams.keySet()).forEach(this::close);
  }

  /** One stream and what of its messages has come. */
  private final class Framed implements VirtualStream.Handler {
    private final Owner owner;
    private final StreamFramer framer = new StreamFramer(StreamFramer.Framing.STUN);
    private @Nullable VirtualStream stream;

    Framed(Owner owner) {
      this.owner = owner;
    }

    @Override
    public void opened(VirtualStream opened) {
      stream = opened;
      streams.put(opened.path(), this);
      owner.opened(opened.path());
    }

    @Override
    public void received(VirtualStream from, ByteBuffer bytes) {
      for (ByteBuffer message = framer.next(bytes);
          message != null && streams.get(from.path()) == this;
          message = framer.next(bytes)) {
        ByteBuffer whole = message;
        driver.call(now -> machine.handleDatagram(from.path(), whole, now));
      }
      if (framer.isBroken()) {
        from.abort();
        closed(from, "what came is no STUN message");
      }
    }

    @Override
    public void closed(VirtualStream from, String reason) {
      if (stream == null) {
        owner.failed(reason);
      } else if (streams.remove(from.path(), this)) {
        owner.closed(from.path(), reason);
      }
    }
  }
}
