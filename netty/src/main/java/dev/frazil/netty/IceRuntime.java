package dev.frazil.netty;

import dev.frazil.ice.Pacer;
import java.time.Duration;

/**
 * What sessions share: event loops, the process's pace (RFC 8445 14.2), name look-ups and the watch over the host's
 * interfaces. A process needs one.
 */
public final class IceRuntime implements AutoCloseable {
  private IceRuntime(Builder builder) {}

  /** A runtime with default settings. */
  public static IceRuntime create() {
    return builder().build();
  }

  /** Starts the settings of a runtime. */
  public static Builder builder() {
    return new Builder();
  }

  /** What the sockets run on, never {@link IoTransport#AUTO}. */
  public IoTransport transport() {
    throw new UnsupportedOperationException();
  }

  /** Closes all sessions and services and ends every thread, within a few seconds. Repeated calls do nothing. */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }

  /** Collects the settings of a runtime; each has a default. */
  public static final class Builder {
    private Builder() {}

    /** Default {@link IoTransport#AUTO}. */
    public Builder transport(IoTransport value) {
      return this;
    }

    /** The number of event loops, 1 to 256, each with a thread. Default one per processor, at most 3. */
    public Builder eventLoops(int value) {
      return this;
    }

    /**
     * The pace of all sessions together. Default one transaction in 5 ms over all runtimes of the process, as RFC 8445
     * 14.2 wants; {@link Pacer#unlimited} opts out.
     */
    public Builder pacer(Pacer value) {
      return this;
    }

    /** How often the host's interfaces are looked at while a session lives, at least 100 ms. Default 3 s. */
    public Builder interfaceInterval(Duration value) {
      return this;
    }

    /** Makes the runtime; its threads start when first needed. */
    public IceRuntime build() {
      return new IceRuntime(this);
    }
  }
}
