package dev.frazil.linux;

import dev.frazil.netty.io.DatagramEngine;
import dev.frazil.netty.io.DatagramPorts;
import dev.frazil.netty.io.Driver;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** What {@link java.util.ServiceLoader} finds. */
public final class LinuxEngine implements DatagramEngine {
  /** Called by the service loader. */
  public LinuxEngine() {}

  @Override
  public @Nullable String obstacle() {
    boolean linux = System.getProperty("os.name").equals("Linux");
    if (!linux || ValueLayout.ADDRESS.byteSize() != 8) {
      return "this is not a 64-bit Linux";
    } else if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      return "the processor is big-endian";
    }
    return SystemCalls.missing();
  }

  @Override
  public DatagramPorts on(Driver driver) {
    return new LinuxPorts(driver);
  }
}
