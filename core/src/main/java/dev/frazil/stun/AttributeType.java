package dev.frazil.stun;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * An attribute: a row of the table of all that Frazil knows, and how its value is read and written.
 *
 * <p>An attribute of your own is a constant made with one of the {@code of} methods.
 *
 * @param <T> the type of its value
 */
public final class AttributeType<T> {
  private static final int ANY = 0xFFFF;

  // RFC 8489, and what RFC 3489 left behind
  public static final AttributeType<TransportAddress> MAPPED_ADDRESS =
      ofAddress(0x0001, "MAPPED-ADDRESS");
  public static final AttributeType<ByteBuffer> RESPONSE_ADDRESS =
      ofBytes(0x0002, "RESPONSE-ADDRESS", 0, ANY);
  /** RFC 5780 7.2: 0x4 changes the IP address, 0x2 the port. */
  public static final AttributeType<Integer> CHANGE_REQUEST = ofInteger(0x0003, "CHANGE-REQUEST");

  public static final AttributeType<ByteBuffer> SOURCE_ADDRESS =
      ofBytes(0x0004, "SOURCE-ADDRESS", 0, ANY);
  public static final AttributeType<ByteBuffer> CHANGED_ADDRESS =
      ofBytes(0x0005, "CHANGED-ADDRESS", 0, ANY);
  public static final AttributeType<String> USERNAME = ofText(0x0006, "USERNAME", 508, 508);
  public static final AttributeType<ByteBuffer> PASSWORD = ofBytes(0x0007, "PASSWORD", 0, ANY);
  /** Written by {@link StunBuilder#integrity} and checked by {@link StunMessage#verifyIntegrity} alone. */
  public static final AttributeType<ByteBuffer> MESSAGE_INTEGRITY =
      ofBytes(0x0008, "MESSAGE-INTEGRITY", 20, 20);

  public static final AttributeType<ErrorCode> ERROR_CODE =
      new AttributeType<>(0x0009, "ERROR-CODE", new ValueCodecs.OfErrorCode());
  public static final AttributeType<int[]> UNKNOWN_ATTRIBUTES =
      new AttributeType<>(0x000A, "UNKNOWN-ATTRIBUTES", new ValueCodecs.OfTypeList());
  public static final AttributeType<ByteBuffer> REFLECTED_FROM =
      ofBytes(0x000B, "REFLECTED-FROM", 0, ANY);
  public static final AttributeType<String> REALM = ofText(0x0014, "REALM", 127, 509);
  public static final AttributeType<String> NONCE = ofText(0x0015, "NONCE", 127, 509);
  /** Written by {@link StunBuilder#integritySha256} and checked by {@link StunMessage#verifyIntegrity} alone. */
  public static final AttributeType<ByteBuffer> MESSAGE_INTEGRITY_SHA256 =
      ofBytes(0x001C, "MESSAGE-INTEGRITY-SHA256", 16, 32);

  public static final AttributeType<PasswordAlgorithm> PASSWORD_ALGORITHM =
      new AttributeType<>(0x001D, "PASSWORD-ALGORITHM", new ValueCodecs.OfPasswordAlgorithm());
  public static final AttributeType<ByteBuffer> USERHASH = ofBytes(0x001E, "USERHASH", 32, 32);
  public static final AttributeType<TransportAddress> XOR_MAPPED_ADDRESS =
      ofXorAddress(0x0020, "XOR-MAPPED-ADDRESS");
  public static final AttributeType<List<PasswordAlgorithm>> PASSWORD_ALGORITHMS =
      new AttributeType<>(0x8002, "PASSWORD-ALGORITHMS", new ValueCodecs.OfPasswordAlgorithms());
  public static final AttributeType<String> ALTERNATE_DOMAIN =
      ofText(0x8003, "ALTERNATE-DOMAIN", 255, 255);
  /** XOR-MAPPED-ADDRESS as drafts before RFC 5389 had it; never read. */
  public static final AttributeType<ByteBuffer> DRAFT_XOR_MAPPED_ADDRESS =
      ofBytes(0x8020, "XOR-MAPPED-ADDRESS (draft)", 0, ANY);

  public static final AttributeType<String> SOFTWARE = ofText(0x8022, "SOFTWARE", 127, 509);
  public static final AttributeType<TransportAddress> ALTERNATE_SERVER =
      ofAddress(0x8023, "ALTERNATE-SERVER");
  /** Written by {@link StunBuilder#fingerprint} and checked by {@link StunMessage#hasValidFingerprint} alone. */
  public static final AttributeType<Integer> FINGERPRINT = ofInteger(0x8028, "FINGERPRINT");

  // RFC 8656 (TURN), 6062, 7635, 8016
  public static final AttributeType<Integer> CHANNEL_NUMBER =
      upper(0x000C, "CHANNEL-NUMBER", 16, 4);
  /** In seconds. */
  public static final AttributeType<Integer> LIFETIME = ofInteger(0x000D, "LIFETIME");

  public static final AttributeType<ByteBuffer> BANDWIDTH = ofBytes(0x0010, "BANDWIDTH", 0, ANY);
  public static final AttributeType<TransportAddress> XOR_PEER_ADDRESS =
      ofXorAddress(0x0012, "XOR-PEER-ADDRESS");
  public static final AttributeType<ByteBuffer> DATA = ofBytes(0x0013, "DATA", 0, ANY);
  public static final AttributeType<TransportAddress> XOR_RELAYED_ADDRESS =
      ofXorAddress(0x0016, "XOR-RELAYED-ADDRESS");
  /** 1 for IPv4, 2 for IPv6. */
  public static final AttributeType<Integer> REQUESTED_ADDRESS_FAMILY =
      upper(0x0017, "REQUESTED-ADDRESS-FAMILY", 8, 4);
  /** Whether the next port is to be reserved. */
  public static final AttributeType<Boolean> EVEN_PORT =
      new AttributeType<>(0x0018, "EVEN-PORT", new ValueCodecs.OfFirstBit());
  /** An IP protocol number: 17 for UDP, 6 for TCP. */
  public static final AttributeType<Integer> REQUESTED_TRANSPORT =
      upper(0x0019, "REQUESTED-TRANSPORT", 8, 4);

  public static final AttributeType<Boolean> DONT_FRAGMENT = ofFlag(0x001A, "DONT-FRAGMENT");
  public static final AttributeType<ByteBuffer> ACCESS_TOKEN =
      ofBytes(0x001B, "ACCESS-TOKEN", 0, ANY);
  public static final AttributeType<ByteBuffer> TIMER_VAL = ofBytes(0x0021, "TIMER-VAL", 0, ANY);
  public static final AttributeType<Long> RESERVATION_TOKEN = ofLong(0x0022, "RESERVATION-TOKEN");
  public static final AttributeType<Integer> CONNECTION_ID = ofInteger(0x002A, "CONNECTION-ID");
  /** 1 for IPv4, 2 for IPv6. */
  public static final AttributeType<Integer> ADDITIONAL_ADDRESS_FAMILY =
      upper(0x8000, "ADDITIONAL-ADDRESS-FAMILY", 8, 4);

  public static final AttributeType<AddressErrorCode> ADDRESS_ERROR_CODE =
      new AttributeType<>(0x8001, "ADDRESS-ERROR-CODE", new ValueCodecs.OfAddressErrorCode());
  public static final AttributeType<IcmpMessage> ICMP =
      new AttributeType<>(0x8004, "ICMP", new ValueCodecs.OfIcmp());
  public static final AttributeType<ByteBuffer> THIRD_PARTY_AUTHORIZATION =
      ofBytes(0x802E, "THIRD-PARTY-AUTHORIZATION", 0, ANY);
  public static final AttributeType<ByteBuffer> MOBILITY_TICKET =
      ofBytes(0x8030, "MOBILITY-TICKET", 0, ANY);

  // RFC 8445 (ICE) and renomination
  public static final AttributeType<Integer> PRIORITY = ofInteger(0x0024, "PRIORITY");
  public static final AttributeType<Boolean> USE_CANDIDATE = ofFlag(0x0025, "USE-CANDIDATE");
  public static final AttributeType<Long> ICE_CONTROLLED = ofLong(0x8029, "ICE-CONTROLLED");
  public static final AttributeType<Long> ICE_CONTROLLING = ofLong(0x802A, "ICE-CONTROLLING");
  public static final AttributeType<Integer> NOMINATION = ofInteger(0xC001, "NOMINATION");

  // RFC 5780 (NAT behaviour), 7982, 6679
  public static final AttributeType<ByteBuffer> PADDING = ofBytes(0x0026, "PADDING", 0, ANY);
  public static final AttributeType<Integer> RESPONSE_PORT = upper(0x0027, "RESPONSE-PORT", 16, 2);
  /** RFC 7982: Req in bits 8 to 15, Resp in bits 0 to 7. */
  public static final AttributeType<Integer> TRANSACTION_TRANSMIT_COUNTER =
      ofInteger(0x8025, "TRANSACTION-TRANSMIT-COUNTER");
  /** In seconds. */
  public static final AttributeType<Integer> CACHE_TIMEOUT = ofInteger(0x8027, "CACHE-TIMEOUT");

  public static final AttributeType<TransportAddress> RESPONSE_ORIGIN =
      ofAddress(0x802B, "RESPONSE-ORIGIN");
  public static final AttributeType<TransportAddress> OTHER_ADDRESS =
      ofAddress(0x802C, "OTHER-ADDRESS");
  public static final AttributeType<ByteBuffer> ECN_CHECK =
      ofBytes(0x802D, "ECN-CHECK STUN", 0, ANY);

  // Drafts and libwebrtc: known by name, and ignored but for NOMINATION,
  // DRAFT-ADDITIONAL-ADDRESS-FAMILY and
  // GOOG-NETWORK-INFO
  public static final AttributeType<ByteBuffer> ORIGIN = ofBytes(0x802F, "ORIGIN", 0, ANY);
  /** ADDITIONAL-ADDRESS-FAMILY as drafts of RFC 8656 had it, and coturn's clients have. */
  public static final AttributeType<Integer> DRAFT_ADDITIONAL_ADDRESS_FAMILY =
      upper(0x8032, "DRAFT-ADDITIONAL-ADDRESS-FAMILY", 8, 4);

  public static final AttributeType<Integer> GOOG_NETWORK_INFO =
      ofInteger(0xC057, "GOOG-NETWORK-INFO");
  public static final AttributeType<ByteBuffer> GOOG_LAST_ICE_CHECK_RECEIVED =
      ofBytes(0xC058, "GOOG-LAST-ICE-CHECK-RECEIVED", 0, ANY);
  public static final AttributeType<int[]> GOOG_MISC_INFO =
      new AttributeType<>(0xC059, "GOOG-MISC-INFO", new ValueCodecs.OfTypeList());
  public static final AttributeType<ByteBuffer> GOOG_OBSOLETE_1 =
      ofBytes(0xC05A, "GOOG-OBSOLETE-1", 0, ANY);
  public static final AttributeType<ByteBuffer> GOOG_CONNECTION_ID =
      ofBytes(0xC05B, "GOOG-CONNECTION-ID", 0, ANY);
  public static final AttributeType<ByteBuffer> GOOG_DELTA = ofBytes(0xC05C, "GOOG-DELTA", 0, ANY);
  public static final AttributeType<ByteBuffer> GOOG_DELTA_ACK =
      ofBytes(0xC05D, "GOOG-DELTA-ACK", 0, ANY);
  public static final AttributeType<ByteBuffer> GOOG_DELTA_SYNC_REQ =
      ofBytes(0xC05E, "GOOG-DELTA-SYNC-REQ", 0, ANY);
  public static final AttributeType<Integer> GOOG_MESSAGE_INTEGRITY_32 =
      ofInteger(0xC060, "GOOG-MESSAGE-INTEGRITY-32");
  public static final AttributeType<ByteBuffer> META_DTLS_IN_STUN =
      ofBytes(0xC070, "META-DTLS-IN-STUN", 0, ANY);
  public static final AttributeType<ByteBuffer> META_DTLS_IN_STUN_ACK =
      ofBytes(0xC071, "META-DTLS-IN-STUN-ACK", 0, ANY);
  public static final AttributeType<Integer> RETRANSMIT_COUNT =
      ofInteger(0xFF00, "RETRANSMIT-COUNT");

  /** Every row. */
  static final List<AttributeType<?>> TABLE = List.of(
      MAPPED_ADDRESS,
      RESPONSE_ADDRESS,
      CHANGE_REQUEST,
      SOURCE_ADDRESS,
      CHANGED_ADDRESS,
      USERNAME,
      PASSWORD,
      MESSAGE_INTEGRITY,
      ERROR_CODE,
      UNKNOWN_ATTRIBUTES,
      REFLECTED_FROM,
      REALM,
      NONCE,
      MESSAGE_INTEGRITY_SHA256,
      PASSWORD_ALGORITHM,
      USERHASH,
      XOR_MAPPED_ADDRESS,
      PASSWORD_ALGORITHMS,
      ALTERNATE_DOMAIN,
      DRAFT_XOR_MAPPED_ADDRESS,
      SOFTWARE,
      ALTERNATE_SERVER,
      FINGERPRINT,
      CHANNEL_NUMBER,
      LIFETIME,
      BANDWIDTH,
      XOR_PEER_ADDRESS,
      DATA,
      XOR_RELAYED_ADDRESS,
      REQUESTED_ADDRESS_FAMILY,
      EVEN_PORT,
      REQUESTED_TRANSPORT,
      DONT_FRAGMENT,
      ACCESS_TOKEN,
      TIMER_VAL,
      RESERVATION_TOKEN,
      CONNECTION_ID,
      ADDITIONAL_ADDRESS_FAMILY,
      ADDRESS_ERROR_CODE,
      ICMP,
      THIRD_PARTY_AUTHORIZATION,
      MOBILITY_TICKET,
      PRIORITY,
      USE_CANDIDATE,
      ICE_CONTROLLED,
      ICE_CONTROLLING,
      NOMINATION,
      PADDING,
      RESPONSE_PORT,
      TRANSACTION_TRANSMIT_COUNTER,
      CACHE_TIMEOUT,
      RESPONSE_ORIGIN,
      OTHER_ADDRESS,
      ECN_CHECK,
      ORIGIN,
      DRAFT_ADDITIONAL_ADDRESS_FAMILY,
      GOOG_NETWORK_INFO,
      GOOG_LAST_ICE_CHECK_RECEIVED,
      GOOG_MISC_INFO,
      GOOG_OBSOLETE_1,
      GOOG_CONNECTION_ID,
      GOOG_DELTA,
      GOOG_DELTA_ACK,
      GOOG_DELTA_SYNC_REQ,
      GOOG_MESSAGE_INTEGRITY_32,
      META_DTLS_IN_STUN,
      META_DTLS_IN_STUN_ACK,
      RETRANSMIT_COUNT);

  private final int code;
  private final String name;
  final AttributeCodec<T> codec;

  private AttributeType(int code, String name, AttributeCodec<T> codec) {
    if (code < 0 || code > 0xFFFF) {
      throw new IllegalArgumentException("an attribute's code is 0 to 0xFFFF, not " + code);
    }
    this.code = code;
    this.name = name;
    this.codec = codec;
  }

  /** A 32-bit number. */
  public static AttributeType<Integer> ofInteger(int code, String name) {
    return upper(code, name, 32, 4);
  }

  /** A 64-bit number. */
  public static AttributeType<Long> ofLong(int code, String name) {
    return new AttributeType<>(code, name, new ValueCodecs.OfLong());
  }

  /** An attribute without a value: true when present. */
  public static AttributeType<Boolean> ofFlag(int code, String name) {
    return new AttributeType<>(code, name, new ValueCodecs.OfFlag());
  }

  /** UTF-8 text; the limits hold for sending, up to 763 bytes are received. */
  public static AttributeType<String> ofText(
      int code, String name, int maxCharacters, int maxBytes) {
    return new AttributeType<>(code, name, new TextCodec(maxCharacters, maxBytes));
  }

  /** Bytes as they are. The value that is read is a view: good as long as the message. */
  public static AttributeType<ByteBuffer> ofBytes(
      int code, String name, int minLength, int maxLength) {
    return new AttributeType<>(code, name, new ValueCodecs.OfBytes(minLength, maxLength));
  }

  /** An address in the form of MAPPED-ADDRESS. */
  public static AttributeType<TransportAddress> ofAddress(int code, String name) {
    return new AttributeType<>(code, name, new ValueCodecs.OfAddress(false));
  }

  /** An address in the form of XOR-MAPPED-ADDRESS. */
  public static AttributeType<TransportAddress> ofXorAddress(int code, String name) {
    return new AttributeType<>(code, name, new ValueCodecs.OfAddress(true));
  }

  private static AttributeType<Integer> upper(int code, String name, int bits, int shortest) {
    return new AttributeType<>(code, name, new ValueCodecs.OfInteger(bits, shortest));
  }

  /** The 16-bit number on the wire. */
  public int code() {
    return code;
  }

  /** The name in the RFC. */
  public String name() {
    return name;
  }

  /** Whether a receiver must understand it (below 0x8000, RFC 8489 14). */
  public boolean comprehensionRequired() {
    return isComprehensionRequired(code);
  }

  static boolean isComprehensionRequired(int code) {
    return code < 0x8000;
  }

  /** The name of the attribute with this code; the code in hexadecimal when the table does not have it. */
  static String nameOf(int code) {
    for (AttributeType<?> type : TABLE) {
      if (type.code == code) {
        return type.name;
      }
    }
    return String.format("0x%04X", code);
  }

  @Override
  public String toString() {
    return name;
  }
}
