package dev.frazil.linux;

/** Where the parts of a struct mmsghdr, a struct iovec and a struct cmsghdr are on a 64-bit Linux. */
final class MessageHeader {
  static final int LENGTH = 64;
  static final int NAME = 0;
  static final int NAME_LENGTH = 8;
  static final int VECTORS = 16;
  static final int VECTOR_COUNT = 24;
  static final int CONTROL = 32;
  static final int CONTROL_LENGTH = 40;
  /** What was received or sent. */
  static final int SIZE = 56;

  static final int VECTOR_LENGTH = 16;

  // struct cmsghdr with a number behind it, padded
  static final int CONTROL_ROOM = 24;
  static final int CONTROL_LEVEL = 8;
  static final int CONTROL_TYPE = 12;
  static final int CONTROL_VALUE = 16;

  static final int SOL_UDP = 17;
  static final int UDP_SEGMENT = 103;
  static final int UDP_GRO = 104;

  private MessageHeader() {}
}
