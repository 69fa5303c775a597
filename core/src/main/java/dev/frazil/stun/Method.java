package dev.frazil.stun;

/** The STUN methods: numbers of 12 bits, so that a method nobody knows here still fits. */
public final class Method {
  /** RFC 8489. */
  public static final int BINDING = 0x001;
  /** RFC 3489's SharedSecret: reserved, never sent. */
  static final int SHARED_SECRET = 0x002;
  /** RFC 8656. */
  public static final int ALLOCATE = 0x003;
  /** RFC 8656. */
  public static final int REFRESH = 0x004;
  /** RFC 8656. */
  public static final int SEND = 0x006;
  /** RFC 8656. */
  public static final int DATA = 0x007;
  /** RFC 8656. */
  public static final int CREATE_PERMISSION = 0x008;
  /** RFC 8656. */
  public static final int CHANNEL_BIND = 0x009;
  /** RFC 6062. */
  public static final int CONNECT = 0x00A;
  /** RFC 6062. */
  public static final int CONNECTION_BIND = 0x00B;
  /** RFC 6062. */
  public static final int CONNECTION_ATTEMPT = 0x00C;
  /** libwebrtc's short ping: not registered, and ignored. */
  public static final int GOOG_PING = 0x080;

  private Method() {}

  /** The name in the RFC, or the number in hexadecimal. */
  public static String name(int method) {
    return switch (method) {
      case BINDING -> "Binding";
      case SHARED_SECRET -> "SharedSecret";
      case ALLOCATE -> "Allocate";
      case REFRESH -> "Refresh";
      case SEND -> "Send";
      case DATA -> "Data";
      case CREATE_PERMISSION -> "CreatePermission";
      case CHANNEL_BIND -> "ChannelBind";
      case CONNECT -> "Connect";
      case CONNECTION_BIND -> "ConnectionBind";
      case CONNECTION_ATTEMPT -> "ConnectionAttempt";
      case GOOG_PING -> "GOOG-PING";
      default -> String.format("0x%03X", method);
    };
  }
}
