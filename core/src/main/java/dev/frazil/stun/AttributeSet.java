package dev.frazil.stun;

import java.util.Arrays;
import java.util.stream.IntStream;

/** The attributes that somebody understands: what {@link StunMessage#unknownRequired} holds a message against. */
public final class AttributeSet {
  private final long low; // the codes below 64: nearly all that are comprehension-required
  private final int[] others;

  private AttributeSet(int[] codes) {
    long bits = 0;
    for (int code : codes) {
      bits |= code < 64 ? 1L << code : 0;
    }
    low = bits;
    others = Arrays.stream(codes).filter(code -> code >= 64).sorted().distinct().toArray();
  }

  /** The given attributes, with MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT always among them. */
  public static AttributeSet of(AttributeType<?>... types) {
    int[] codes = new int[types.length + 3];
    for (int i = 0; i < types.length; i++) {
      codes[i] = types[i].code();
    }
    codes[types.length] = AttributeType.MESSAGE_INTEGRITY.code();
    codes[types.length + 1] = AttributeType.MESSAGE_INTEGRITY_SHA256.code();
    codes[types.length + 2] = AttributeType.FINGERPRINT.code();
    return new AttributeSet(codes);
  }

  /** This set and some more. */
  public AttributeSet and(AttributeType<?>... types) {
    IntStream more = Arrays.stream(types).mapToInt(AttributeType::code);
    IntStream small = IntStream.range(0, 64).filter(this::contains);
    return new AttributeSet(
        IntStream.concat(more, IntStream.concat(small, Arrays.stream(others))).toArray());
  }

  /** Whether the attribute of this code is in the set. */
  public boolean contains(int code) {
    return code < 64 ? (low >>> code & 1) != 0 : Arrays.binarySearch(others, code) >= 0;
  }
}
