package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.net.TransportAddress;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The test vectors of RFC 5769, and that of RFC 8489 B.1. */
class StunVectorsTest {
  private static final IntegrityKey KEY = IntegrityKey.shortTerm("VOkJxbRl1RmTxUk/WvJxBt");
  private static final TransactionId ID = new TransactionId(0xb7e7a701, 0xbc34d686fa87dfaeL);

  static final String REQUEST = """
      00010058 2112a442 b7e7a701 bc34d686 fa87dfae
      80220010 5354554e 20746573 7420636c 69656e74
      00240004 6e0001ff
      80290008 932ff9b1 51263b36
      00060009 6576746a 3a683676 59202020
      00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
      80280004 e57a3bcf
      """;
  static final String IPV4_RESPONSE = """
      0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
      8022000b 74657374 20766563 746f7220
      00200008 0001a147 e112a643
      00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
      80280004 c07d4c96
      """;
  static final String IPV6_RESPONSE = """
      01010048 2112a442 b7e7a701 bc34d686 fa87dfae
      8022000b 74657374 20766563 746f7220
      00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
      00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
      80280004 c8fb0b4c
      """;
  static final String LONG_TERM_REQUEST = """
      00010060 2112a442 78ad3433 c6ad72c0 29da412e
      00060012 e3839ee3 8388e383 aae38383 e382afe3 82b90000
      0015001c 662f2f34 39396b39 35346436 4f4c3334 6f4c3946 53547679 36347341
      0014000b 6578616d 706c652e 6f726700
      00080014 f6702465 6dd64a3e 02b8e071 2e85c9a2 8ca89666
      """;

  static ByteBuffer bytes(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex.replaceAll("\\s", "")));
  }

  private static StunMessage parse(String hex) {
    return StunMessage.tryParse(bytes(hex));
  }

  @Test
  @Tag("STUN-0250")
  @Tag("STUN-0200")
  @Tag("STUN-0220")
  @Tag("STUN-0040") // its USERNAME is padded with spaces
  void sampleRequest() {
    StunMessage message = parse(REQUEST);
    assertThat(message.is(MessageClass.REQUEST, Method.BINDING)).isTrue();
    assertThat(message.transactionId()).isEqualTo(ID);
    assertThat(message.get(AttributeType.SOFTWARE)).isEqualTo("STUN test client");
    assertThat(message.get(AttributeType.USERNAME)).isEqualTo("evtj:h6vY");
    assertThat(message.intValue(AttributeType.PRIORITY, 0)).isEqualTo(0x6e0001ff);
    assertThat(message.longValue(AttributeType.ICE_CONTROLLED, 0)).isEqualTo(0x932ff9b151263b36L);
    assertThat(message.verifyIntegrity(KEY)).isTrue();
    assertThat(message.hasValidFingerprint()).isTrue();
  }

  @Test
  @Tag("STUN-0250")
  void sampleRequestIsWrittenAlikeButForThePadding() {
    ByteBuffer out = StunBuilder.request(Method.BINDING, ID, ByteBuffer.allocate(200))
        .put(AttributeType.SOFTWARE, "STUN test client")
        .put(AttributeType.PRIORITY, 0x6e0001ff)
        .put(AttributeType.ICE_CONTROLLED, 0x932ff9b151263b36L)
        .put(AttributeType.USERNAME, "evtj:h6vY")
        .finish();
    ByteBuffer expected = bytes(REQUEST).putShort(2, out.getShort(2)).limit(76);
    expected.put(73, new byte[3]);
    assertThat(out).isEqualTo(expected);
  }

  @Test
  @Tag("STUN-0260")
  @Tag("STUN-0080")
  void sampleIpv4Response() {
    StunMessage message = parse(IPV4_RESPONSE);
    assertThat(message.is(MessageClass.SUCCESS, Method.BINDING)).isTrue();
    assertThat(message.get(AttributeType.SOFTWARE)).isEqualTo("test vector");
    assertThat(message.get(AttributeType.XOR_MAPPED_ADDRESS))
        .isEqualTo(TransportAddress.udp("192.0.2.1", 32853));
    assertThat(message.verifyIntegrity(KEY)).isTrue();
    assertThat(message.hasValidFingerprint()).isTrue();
  }

  @Test
  @Tag("STUN-0270")
  @Tag("STUN-0080")
  void sampleIpv6Response() {
    StunMessage message = parse(IPV6_RESPONSE);
    assertThat(message.get(AttributeType.XOR_MAPPED_ADDRESS))
        .isEqualTo(TransportAddress.udp("2001:db8:1234:5678:11:2233:4455:6677", 32853));
    assertThat(message.verifyIntegrity(KEY)).isTrue();
    assertThat(message.hasValidFingerprint()).isTrue();
  }

  @Test
  @Tag("STUN-0280")
  @Tag("STUN-0800")
  void sampleRequestWithLongTermAuthentication() {
    StunMessage message = parse(LONG_TERM_REQUEST);
    String username = "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9";
    assertThat(message.get(AttributeType.USERNAME)).isEqualTo(username);
    assertThat(message.get(AttributeType.NONCE)).isEqualTo("f//499k954d6OL34oL9FSTvy64sA");
    assertThat(message.get(AttributeType.REALM)).isEqualTo("example.org");
    assertThat(message.verifyIntegrity(
            IntegrityKey.longTerm(username, "example.org", "TheMatrIX", PasswordAlgorithm.MD5)))
        .isTrue();
    assertThat(message.hasFingerprint()).isFalse();
    ByteBuffer out = StunBuilder.request(
            Method.BINDING, message.transactionId(), ByteBuffer.allocate(200))
        .put(AttributeType.USERNAME, username)
        .put(AttributeType.NONCE, "f//499k954d6OL34oL9FSTvy64sA")
        .put(AttributeType.REALM, "example.org")
        .integrity(
            IntegrityKey.longTerm(username, "example.org", "TheMatrIX", PasswordAlgorithm.MD5))
        .finish();
    assertThat(out).isEqualTo(bytes(LONG_TERM_REQUEST));
  }

  /** RFC 8489 B.1 as erratum 6268 corrects it. */
  static final String USERHASH_REQUEST = """
      00010090 2112a442 78ad3433 c6ad72c0 29da412e
      001e0020 4a3cf38f ef6992bd a952c678 0417da0f 24819415 569e60b2 05c46e41 407f1704
      00150029 6f624d61 744a6f73 32414141 43662f2f 3439396b 39353464 364f4c33 346f4c39 46535476 79363473 41000000
      0014000b 6578616d 706c652e 6f726700
      001d0004 00020000
      001c0020 b5c7bf00 5b6c52a2 1c51c5e8 92f81924 136296cb 927c4314 9309278c c6518e65
      """;

  @Test
  @Tag("STUN-0290")
  @Tag("STUN-0210")
  @Tag("STUN-0800")
  void rfc8489SampleRequestWithUserhash() {
    StunMessage message = parse(USERHASH_REQUEST);
    IntegrityKey key = IntegrityKey.longTerm(
        "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9",
        "example.org",
        "TheMatrIX",
        PasswordAlgorithm.SHA_256);
    assertThat(message.get(AttributeType.PASSWORD_ALGORITHM)).isEqualTo(PasswordAlgorithm.SHA_256);
    assertThat(message.verifyIntegrity(key)).isTrue();
    ByteBuffer out = StunBuilder.request(
            Method.BINDING, message.transactionId(), ByteBuffer.allocate(200))
        .put(AttributeType.USERHASH, message.get(AttributeType.USERHASH))
        .put(AttributeType.NONCE, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
        .put(AttributeType.REALM, "example.org")
        .put(AttributeType.PASSWORD_ALGORITHM, PasswordAlgorithm.SHA_256)
        .integritySha256(key)
        .finish();
    assertThat(out).isEqualTo(bytes(USERHASH_REQUEST));
  }
}
