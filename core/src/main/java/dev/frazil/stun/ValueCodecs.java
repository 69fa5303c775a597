package dev.frazil.stun;

import dev.frazil.net.IpAddress;
import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The codecs of all kinds of values but text. */
final class ValueCodecs {
  private ValueCodecs() {}

  /** A number in the upper bits of a 32-bit value; the bits below it are sent as zero and ignored. */
  static final class OfInteger extends AttributeCodec<Integer> {
    private final int bits;
    private final int shortest;

    /**
     * A codec.
     *
     * @param bits the width of the number, 8 to 32
     * @param shortest the least length in bytes that is accepted
     */
    OfInteger(int bits, int shortest) {
      this.bits = bits;
      this.shortest = shortest;
    }

    @Override
    boolean isReadable(ByteBuffer message, int at, int length) {
      return length == 4 || length == shortest;
    }

    int readInt(ByteBuffer message, int at) {
      return switch (bits) {
        case 8 -> message.get(at) & 0xFF;
        case 16 -> message.getShort(at) & 0xFFFF;
        default -> message.getInt(at);
      };
    }

    @Override
    @Nullable Integer read(ByteBuffer message, int at, int length) {
      return isReadable(message, at, length) ? readInt(message, at) : null;
    }

    void writeInt(ByteBuffer out, int value) {
      if (bits < 32 && value >>> bits != 0) {
        throw new IllegalArgumentException("an attribute of " + bits + " bits can't hold " + value);
      }
      out.putInt(value << 32 - bits);
    }

    @Override
    void write(ByteBuffer out, TransactionId id, Integer value) {
      writeInt(out, value);
    }
  }

  /** An address and port, as MAPPED-ADDRESS (RFC 8489 14.1) and XOR-MAPPED-ADDRESS (14.2) have them. */
  static final class OfAddress extends AttributeCodec<TransportAddress> {
    private static final int IPV4 = 1;
    private static final int IPV6 = 2;

    private final boolean xor;

    OfAddress(boolean xor) {
      this.xor = xor;
    }

    @Override
    boolean isReadable(ByteBuffer message, int at, int length) {
      return length == 8 && message.get(at + 1) == IPV4
          || length == 20 && message.get(at + 1) == IPV6;
    }

    @Override
    @Nullable TransportAddress read(ByteBuffer message, int at, int length) {
      return read(message, at, length, Transport.UDP);
    }

    @Nullable TransportAddress read(ByteBuffer message, int at, int length, Transport transport) {
      if (!isReadable(message, at, length)) {
        return null; // the first byte is ignored
      }
      int port = message.getShort(at + 2) & 0xFFFF;
      IpAddress ip;
      if (length == 8) {
        ip = IpAddress.ofIpv4(message.getInt(at + 4) ^ (xor ? StunMessage.MAGIC_COOKIE : 0));
      } else {
        long high = message.getLong(at + 4) ^ (xor ? message.getLong(4) : 0);
        ip = IpAddress.ofIpv6(high, message.getLong(at + 12) ^ (xor ? message.getLong(12) : 0));
      }
      return new TransportAddress(
          ip, xor ? port ^ StunMessage.MAGIC_COOKIE >>> 16 : port, transport);
    }

    @Override
    void write(ByteBuffer out, TransactionId id, TransportAddress value) {
      IpAddress ip = value.ip();
      out.putShort((short) (ip.isIpv4() ? IPV4 : IPV6));
      out.putShort((short) (xor ? value.port() ^ StunMessage.MAGIC_COOKIE >>> 16 : value.port()));
      if (ip.isIpv4()) {
        out.putInt((int) ip.low() ^ (xor ? StunMessage.MAGIC_COOKIE : 0));
      } else {
        long mask = (long) StunMessage.MAGIC_COOKIE << 32 | id.high() & 0xFFFF_FFFFL;
        out.putLong(ip.high() ^ (xor ? mask : 0));
        out.putLong(ip.low() ^ (xor ? id.low() : 0));
      }
    }
  }

  /** 64 bits. */
  static final class OfLong extends AttributeCodec<Long> {
    @Override
    boolean isReadable(ByteBuffer message, int at, int length) {
      return length == 8;
    }

    @Override
    @Nullable Long read(ByteBuffer message, int at, int length) {
      return length == 8 ? message.getLong(at) : null;
    }

    @Override
    void write(ByteBuffer out, TransactionId id, Long value) {
      out.putLong(value);
    }
  }

  /** An attribute without a value: its presence is the message. */
  static final class OfFlag extends AttributeCodec<Boolean> {
    @Override
    @Nullable Boolean read(ByteBuffer message, int at, int length) {
      return length == 0 ? Boolean.TRUE : null;
    }

    @Override
    void write(ByteBuffer out, TransactionId id, Boolean value) {
      if (!value) {
        throw new IllegalArgumentException(
            "a flag that is false is said by leaving the attribute out");
      }
    }
  }

  /** EVEN-PORT (RFC 8656 18.6): one byte, whose first bit asks for the next port too. */
  static final class OfFirstBit extends AttributeCodec<Boolean> {
    @Override
    @Nullable Boolean read(ByteBuffer message, int at, int length) {
      return length == 1 ? message.get(at) < 0 : null;
    }

    @Override
    void write(ByteBuffer out, TransactionId id, Boolean value) {
      out.put((byte) (value ? 0x80 : 0));
    }
  }

  /** Bytes as they are, between two lengths. What is read is a read-only view of the message. */
  static final class OfBytes extends AttributeCodec<ByteBuffer> {
    private final int shortest;
    private final int longest;

    OfBytes(int shortest, int longest) {
      this.shortest = shortest;
      this.longest = longest;
    }

    @Override
    boolean isReadable(ByteBuffer message, int at, int length) {
      return length >= shortest && length <= longest;
    }

    @Override
    @Nullable ByteBuffer read(ByteBuffer message, int at, int length) {
      return isReadable(message, at, length) ? message.slice(at, length).asReadOnlyBuffer() : null;
    }

    @Override
    void write(ByteBuffer out, TransactionId id, ByteBuffer value) {
      int length = value.remaining();
      if (length < shortest || length > longest) {
        throw new IllegalArgumentException(
            "a value of " + length + " bytes: this attribute takes " + shortest + " to " + longest);
      }
      out.put(out.position(), value, value.position(), length);
      out.position(out.position() + length);
    }
  }

  /** ERROR-CODE (RFC 8489 14.8): 21 ignored bits, class, number, reason. */
  static final class OfErrorCode extends AttributeCodec<ErrorCode> {
    private static final TextCodec REASON = new TextCodec(127, 509);

    @Override
    boolean isReadable(ByteBuffer message, int at, int length) {
      int errorClass = length < 4 ? 0 : message.get(at + 2) & 7;
      return errorClass >= 3
          && errorClass <= 6
          && (message.get(at + 3) & 0xFF) <= 99
          && length - 4 <= TextCodec.LONGEST_RECEIVED;
    }

    @Override
    @Nullable ErrorCode read(ByteBuffer message, int at, int length) {
      if (!isReadable(message, at, length)) {
        return null;
      }
      String reason = TextCodec.decode(message, at + 4, length - 4);
      int code = (message.get(at + 2) & 7) * 100 + message.get(at + 3);
      return new ErrorCode(
          code, reason == null ? "" : reason); // a garbled reason must not hide the code
    }

    @Override
    void write(ByteBuffer out, TransactionId id, ErrorCode value) {
      out.putShort((short) 0);
      out.put((byte) (value.code() / 100)).put((byte) (value.code() % 100));
      REASON.write(out, id, value.reason());
    }
  }

  /** ADDRESS-ERROR-CODE (RFC 8656 18.12): a family in front of an error code. */
  static final class OfAddressErrorCode extends AttributeCodec<AddressErrorCode> {
    private static final OfErrorCode ERROR = new OfErrorCode();

    @Override
    @Nullable AddressErrorCode read(ByteBuffer message, int at, int length) {
      ErrorCode error = ERROR.read(message, at, length);
      int family = length > 0 ? message.get(at) : 0;
      return error == null || family != 1 && family != 2
          ? null
          : new AddressErrorCode(family, error);
    }

    @Override
    void write(ByteBuffer out, TransactionId id, AddressErrorCode value) {
      int start = out.position();
      ERROR.write(out, id, value.error());
      out.put(start, (byte) value.family());
    }
  }

  /** ICMP (RFC 8656 18.13): 16 reserved bits, 7 of type, 9 of code, 32 of data. */
  static final class OfIcmp extends AttributeCodec<IcmpMessage> {
    @Override
    @Nullable IcmpMessage read(ByteBuffer message, int at, int length) {
      if (length != 8) {
        return null;
      }
      int typeAndCode = message.getShort(at + 2) & 0xFFFF;
      return new IcmpMessage(typeAndCode >> 9, typeAndCode & 0x1FF, message.getInt(at + 4));
    }

    @Override
    void write(ByteBuffer out, TransactionId id, IcmpMessage value) {
      out.putInt(value.type() << 9 | value.code()).putInt(value.data());
    }
  }

  /** UNKNOWN-ATTRIBUTES (RFC 8489 14.13): a list of 16-bit types. */
  static final class OfTypeList extends AttributeCodec<int[]> {
    @Override
    int @Nullable [] read(ByteBuffer message, int at, int length) {
      if (length % 2 != 0) {
        return null;
      }
      int[] types = new int[length / 2];
      for (int i = 0; i < types.length; i++) {
        types[i] = message.getShort(at + 2 * i) & 0xFFFF;
      }
      return types;
    }

    @Override
    void write(ByteBuffer out, TransactionId id, int[] value) {
      for (int type : value) {
        out.putShort((short) type);
      }
    }
  }

  /** PASSWORD-ALGORITHM (RFC 8489 14.12): number, length of parameters, parameters. */
  static final class OfPasswordAlgorithm extends AttributeCodec<PasswordAlgorithm> {
    @Override
    @Nullable PasswordAlgorithm read(ByteBuffer message, int at, int length) {
      if (length < 4) {
        return null;
      }
      int parameters = message.getShort(at + 2) & 0xFFFF;
      int padded = parameters + 3 & ~3;
      // Whether the attribute's length counts the padding of the parameters is not said: both are
      // taken.
      return 4 + parameters == length || 4 + padded == length
          ? new PasswordAlgorithm(message.getShort(at) & 0xFFFF, message.slice(at + 4, parameters))
          : null;
    }

    @Override
    void write(ByteBuffer out, TransactionId id, PasswordAlgorithm value) {
      ByteBuffer parameters = value.parameters();
      out.putShort((short) value.code())
          .putShort((short) parameters.remaining())
          .put(parameters);
    }
  }

  /** PASSWORD-ALGORITHMS (RFC 8489 14.11): several of those, each padded to 4 bytes. */
  static final class OfPasswordAlgorithms extends AttributeCodec<List<PasswordAlgorithm>> {
    private static final OfPasswordAlgorithm ONE = new OfPasswordAlgorithm();

    @Override
    @Nullable List<PasswordAlgorithm> read(ByteBuffer message, int at, int length) {
      List<PasswordAlgorithm> algorithms = new ArrayList<>();
      int end = at + length;
      while (at < end) {
        int size = end - at < 4 ? 4 : 4 + (message.getShort(at + 2) & 0xFFFF);
        PasswordAlgorithm algorithm = size > end - at ? null : ONE.read(message, at, size);
        if (algorithm == null) {
          return null;
        }
        algorithms.add(algorithm);
        at += size + 3 & ~3;
      }
      return List.copyOf(algorithms);
    }

    @Override
    void write(ByteBuffer out, TransactionId id, List<PasswordAlgorithm> value) {
      for (PasswordAlgorithm algorithm : value) {
        ONE.write(out, id, algorithm);
        for (int i = algorithm.parameters().remaining(); i % 4 != 0; i++) {
          out.put((byte) 0);
        }
      }
    }
  }
}
