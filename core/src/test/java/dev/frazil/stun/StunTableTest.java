package dev.frazil.stun;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The tables of methods, attributes and error codes beside those of the registry (RFC 8489 18 and its successors). */
class StunTableTest {
  private static final String METHODS = """
      0x001 Binding           0x0001 0x0011 0x0101 0x0111
      0x003 Allocate          0x0003 0x0103 0x0113
      0x004 Refresh           0x0004 0x0104 0x0114
      0x006 Send              0x0016
      0x007 Data              0x0017
      0x008 CreatePermission  0x0008 0x0108 0x0118
      0x009 ChannelBind       0x0009 0x0109 0x0119
      0x00A Connect           0x000A 0x010A 0x011A
      0x00B ConnectionBind    0x000B 0x010B 0x011B
      0x00C ConnectionAttempt 0x001C
      0x080 GOOG-PING         0x0200 0x0300 0x0310
      """;

  /** Code, name and, for those of fixed length, the lengths in bytes. */
  private static final String ATTRIBUTES = """
      0x0001 MAPPED-ADDRESS               8 20
      0x0002 RESPONSE-ADDRESS
      0x0003 CHANGE-REQUEST               4
      0x0004 SOURCE-ADDRESS
      0x0005 CHANGED-ADDRESS
      0x0006 USERNAME
      0x0007 PASSWORD
      0x0008 MESSAGE-INTEGRITY            20
      0x0009 ERROR-CODE
      0x000A UNKNOWN-ATTRIBUTES
      0x000B REFLECTED-FROM
      0x000C CHANNEL-NUMBER               4
      0x000D LIFETIME                     4
      0x0010 BANDWIDTH
      0x0012 XOR-PEER-ADDRESS             8 20
      0x0013 DATA
      0x0014 REALM
      0x0015 NONCE
      0x0016 XOR-RELAYED-ADDRESS          8 20
      0x0017 REQUESTED-ADDRESS-FAMILY     4
      0x0018 EVEN-PORT                    1
      0x0019 REQUESTED-TRANSPORT          4
      0x001A DONT-FRAGMENT                0
      0x001B ACCESS-TOKEN
      0x001C MESSAGE-INTEGRITY-SHA256
      0x001D PASSWORD-ALGORITHM
      0x001E USERHASH                     32
      0x0020 XOR-MAPPED-ADDRESS           8 20
      0x0021 TIMER-VAL
      0x0022 RESERVATION-TOKEN            8
      0x0024 PRIORITY                     4
      0x0025 USE-CANDIDATE                0
      0x0026 PADDING
      0x0027 RESPONSE-PORT                2 4
      0x002A CONNECTION-ID                4
      0x8000 ADDITIONAL-ADDRESS-FAMILY    4
      0x8001 ADDRESS-ERROR-CODE
      0x8002 PASSWORD-ALGORITHMS
      0x8003 ALTERNATE-DOMAIN
      0x8004 ICMP                         8
      0x8020 XOR-MAPPED-ADDRESS_(draft)
      0x8022 SOFTWARE
      0x8023 ALTERNATE-SERVER             8 20
      0x8025 TRANSACTION-TRANSMIT-COUNTER 4
      0x8027 CACHE-TIMEOUT                4
      0x8028 FINGERPRINT                  4
      0x8029 ICE-CONTROLLED               8
      0x802A ICE-CONTROLLING              8
      0x802B RESPONSE-ORIGIN              8 20
      0x802C OTHER-ADDRESS                8 20
      0x802D ECN-CHECK_STUN
      0x802E THIRD-PARTY-AUTHORIZATION
      0x802F ORIGIN
      0x8030 MOBILITY-TICKET
      0x8032 DRAFT-ADDITIONAL-ADDRESS-FAMILY 4
      0xC001 NOMINATION                   4
      0xC057 GOOG-NETWORK-INFO            4
      0xC058 GOOG-LAST-ICE-CHECK-RECEIVED
      0xC059 GOOG-MISC-INFO
      0xC05A GOOG-OBSOLETE-1
      0xC05B GOOG-CONNECTION-ID
      0xC05C GOOG-DELTA
      0xC05D GOOG-DELTA-ACK
      0xC05E GOOG-DELTA-SYNC-REQ
      0xC060 GOOG-MESSAGE-INTEGRITY-32    4
      0xC070 META-DTLS-IN-STUN
      0xC071 META-DTLS-IN-STUN-ACK
      0xFF00 RETRANSMIT-COUNT             4
      """;

  private static final Map<Integer, String> ERRORS = Map.ofEntries(
      Map.entry(300, "Try Alternate"),
      Map.entry(400, "Bad Request"),
      Map.entry(401, "Unauthenticated"),
      Map.entry(403, "Forbidden"),
      Map.entry(405, "Mobility Forbidden"),
      Map.entry(420, "Unknown Attribute"),
      Map.entry(437, "Allocation Mismatch"),
      Map.entry(438, "Stale Nonce"),
      Map.entry(440, "Address Family not Supported"),
      Map.entry(441, "Wrong Credentials"),
      Map.entry(442, "Unsupported Transport Protocol"),
      Map.entry(443, "Peer Address Family Mismatch"),
      Map.entry(446, "Connection Already Exists"),
      Map.entry(447, "Connection Timeout or Failure"),
      Map.entry(486, "Allocation Quota Reached"),
      Map.entry(487, "Role Conflict"),
      Map.entry(500, "Server Error"),
      Map.entry(508, "Insufficient Capacity"));

  private static int code(String hex) {
    return Integer.parseInt(hex.substring(2), 16);
  }

  @Test
  @Tag("STUN-0020")
  void methodsAndTheirMessageTypesAreThoseOfTheRegistry() {
    MessageClass[] order = {
      MessageClass.REQUEST, MessageClass.INDICATION, MessageClass.SUCCESS, MessageClass.ERROR
    };
    METHODS.lines().forEach(line -> {
      String[] row = line.split("\\s+");
      assertThat(Method.name(code(row[0]))).isEqualTo(row[1]);
      for (int i = 2; i < row.length; i++) {
        int type = code(row[i]);
        assertThat(MessageClass.methodOf(type)).isEqualTo(code(row[0]));
        MessageClass expected = row.length == 3
            ? MessageClass.INDICATION
            : row.length == 6 ? order[i - 2] : order[i == 2 ? 0 : i - 1];
        assertThat(MessageClass.ofType(type)).as(line).isEqualTo(expected);
        assertThat(expected.typeOf(code(row[0]))).isEqualTo(type);
      }
    });
    assertThat(Method.name(0xFFF)).isEqualTo("0xFFF");
  }

  @Test
  void methodConstantsHaveNames() throws IllegalAccessException {
    Set<Integer> known =
        METHODS.lines().map(line -> code(line.substring(0, 5))).collect(Collectors.toSet());
    known.add(Method.SHARED_SECRET);
    Set<Integer> constants = new HashSet<>();
    for (var field : Method.class.getDeclaredFields()) {
      if (field.getType() == int.class && Modifier.isStatic(field.getModifiers())) {
        constants.add(field.getInt(null));
      }
    }
    assertThat(constants).isEqualTo(known);
  }

  @Test
  @Tag("STUN-0060")
  void attributesAreThoseOfTheRegistry() {
    Map<Integer, String> expected = new LinkedHashMap<>();
    ATTRIBUTES.lines().forEach(line -> {
      String[] row = line.split("\\s+");
      expected.put(code(row[0]), row[1].replace('_', ' '));
    });
    Map<Integer, String> actual = new LinkedHashMap<>();
    for (AttributeType<?> type : AttributeType.TABLE) {
      assertThat(actual.put(type.code(), type.name()))
          .as("two rows of %s", type)
          .isNull();
      assertThat(type.comprehensionRequired()).isEqualTo(type.code() <= 0x7FFF);
      assertThat(AttributeType.nameOf(type.code())).isEqualTo(type.name());
    }
    assertThat(actual).containsExactlyInAnyOrderEntriesOf(expected);
    assertThat(AttributeType.nameOf(0x1234)).isEqualTo("0x1234");
  }

  @Test
  void everyConstantIsInTheTable() throws IllegalAccessException {
    Set<Object> constants = new HashSet<>();
    for (var field : AttributeType.class.getFields()) {
      if (field.getType() == AttributeType.class) {
        constants.add(field.get(null));
      }
    }
    assertThat(constants).isEqualTo(new HashSet<>(AttributeType.TABLE));
  }

  @Test
  void attributesOfFixedLengthTakeNoOther() {
    ATTRIBUTES
        .lines()
        .map(line -> line.split("\\s+"))
        .filter(row -> row.length > 2)
        .forEach(row -> {
          AttributeType<?> type = AttributeType.TABLE.stream()
              .filter(t -> t.code() == code(row[0]))
              .findAny()
              .orElseThrow();
          List<Integer> lengths =
              Arrays.stream(row).skip(2).map(Integer::valueOf).toList();
          for (int length = 0; length <= 40; length++) {
            ByteBuffer message = ByteBuffer.allocate(100);
            message.put(
                1, (byte) (length == 20 ? 2 : 1)); // an address family that goes with the length
            assertThat(type.codec.isReadable(message, 0, length))
                .as("%s %d", type, length)
                .isEqualTo(lengths.contains(length));
          }
        });
  }

  @Test
  @Tag("STUN-0060")
  void comprehensionIsRequiredUpTo7fff() {
    assertThat(AttributeType.ofFlag(0x7FFF, "X").comprehensionRequired()).isTrue();
    assertThat(AttributeType.ofFlag(0x8000, "X").comprehensionRequired()).isFalse();
    assertThatThrownBy(() -> AttributeType.ofFlag(0x10000, "X"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void errorCodesAreThoseOfTheRegistry() {
    for (int code = 300; code < 700; code++) {
      assertThat(ErrorCode.of(code).reason())
          .as("%d", code)
          .isEqualTo(ERRORS.getOrDefault(code, ""));
    }
    assertThat(ErrorCode.of(487)).hasToString("487 Role Conflict");
    assertThat(ErrorCode.of(333)).hasToString("333");
  }

  @Test
  @Tag("STUN-0020")
  void all4096By4TypesRoundTrip() {
    boolean[] seen = new boolean[0x4000];
    ByteBuffer out = ByteBuffer.allocate(20);
    for (MessageClass messageClass : MessageClass.values()) {
      for (int method = 0; method < 4096; method++) {
        out.clear();
        StunBuilder.message(messageClass, method, new TransactionId(1, 2), out).finish();
        StunMessage message = StunMessage.tryParse(out);
        boolean same = message.method() == method && message.messageClass() == messageClass;
        assertThat(same && message.is(messageClass, method)).isTrue();
        seen[out.getShort(0)] = true;
      }
    }
    for (boolean type : seen) {
      assertThat(type).isTrue();
    }
  }
}
