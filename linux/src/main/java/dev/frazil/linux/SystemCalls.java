package dev.frazil.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * The system calls of an event loop. Each returns what the kernel returns, or the negative error number. Addresses are raw,
 * so whoever calls holds the memory.
 */
@SuppressWarnings("restricted")
final class SystemCalls {
  static final int EINTR = 4;
  static final int EIO = 5;
  static final int EAGAIN = 11;
  static final int EINVAL = 22;
  static final int EMSGSIZE = 90;

  static final int AF_INET = 2;
  static final int AF_INET6 = 10;
  private static final int SOCK_DGRAM = 2;
  private static final int SOCK_NONBLOCK = 0x800;
  private static final int SOCK_CLOEXEC = 0x80000;

  /** A datagram that is longer than its buffer tells its own length. */
  static final int MSG_TRUNC = 0x20;

  private static final String[] NAMES = {"socket", "recvmsg", "recvmmsg", "sendto", "sendmmsg"};
  private static final ValueLayout.OfInt INT = JAVA_INT;
  private static final ValueLayout.OfLong LONG = JAVA_LONG;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
  private static final long ERRNO = STATE.byteOffset(PathElement.groupElement("errno"));

  private static final MethodHandle SOCKET = handle(NAMES[0], INT, INT, INT, INT);
  private static final MethodHandle RECVMSG = handle(NAMES[1], LONG, INT, LONG, INT);
  private static final MethodHandle RECVMMSG = handle(NAMES[2], INT, INT, LONG, INT, INT, LONG);
  private static final MethodHandle SENDTO =
      handle(NAMES[3], LONG, INT, LONG, LONG, INT, LONG, INT);
  private static final MethodHandle SENDMMSG = handle(NAMES[4], INT, INT, LONG, INT, INT);

  private final MemorySegment state = Arena.ofAuto().allocate(STATE);

  private static MethodHandle handle(String name, MemoryLayout result, MemoryLayout... arguments) {
    // What is missing is found by missing() before anything is called.
    MemorySegment function = LINKER.defaultLookup().find(name).orElse(MemorySegment.ofAddress(1));
    return LINKER.downcallHandle(
        function,
        FunctionDescriptor.of(result, arguments),
        Linker.Option.captureCallState("errno"));
  }

  /** Says which function the C library lacks; null when it has them all. */
  static @Nullable String missing() {
    for (String name : NAMES) {
      if (LINKER.defaultLookup().find(name).isEmpty()) {
        return "the C library has no " + name;
      }
    }
    return null;
  }

  /** A datagram socket that does not block. */
  int socket(boolean ipv4) {
    try {
      int flags = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
      return outcome((int) SOCKET.invokeExact(state, ipv4 ? AF_INET : AF_INET6, flags, 0));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int recvmsg(int fd, long message, int flags) {
    try {
      return outcome((int) (long) RECVMSG.invokeExact(state, fd, message, flags));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int recvmmsg(int fd, long messages, int count, int flags) {
    try {
      return outcome((int) RECVMMSG.invokeExact(state, fd, messages, count, flags, 0L));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int sendto(int fd, long buffer, long length, long name, int nameLength) {
    try {
      return outcome(
          (int) (long) SENDTO.invokeExact(state, fd, buffer, length, 0, name, nameLength));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  int sendmmsg(int fd, long messages, int count) {
    try {
      return outcome((int) SENDMMSG.invokeExact(state, fd, messages, count, 0));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private int outcome(int result) {
    return result >= 0 ? result : -state.get(JAVA_INT, ERRNO);
  }

  /** A system call reports by its result. */
  private static AssertionError unexpected(Throwable e) {
    return new AssertionError("a system call threw", e);
  }
}
