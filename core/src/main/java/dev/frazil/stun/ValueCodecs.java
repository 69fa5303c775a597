package dev.frazil.stun;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The codecs of the values that are neither numbers, addresses nor text. */
final class ValueCodecs {
  private ValueCodecs() {}

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
