package dev.frazil.stun;

import dev.frazil.net.FiveTuple;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An outbox for tests: it keeps what was said. */
final class Recorder implements StunClient.Outbox {
  final List<ByteBuffer> sent = new ArrayList<>();
  final List<FiveTuple> paths = new ArrayList<>();
  final List<StunClient.Request> answered = new ArrayList<>();
  final List<StunMessage> answers = new ArrayList<>();
  final List<StunClient.Request> failed = new ArrayList<>();
  final List<StunClient.Failure> failures = new ArrayList<>();
  final List<@Nullable ErrorCode> errors = new ArrayList<>();

  @Override
  public void transmit(FiveTuple path, ByteBuffer header, ByteBuffer payload) {
    ByteBuffer copy = ByteBuffer.allocate(header.remaining() + payload.remaining());
    sent.add(copy.put(header).put(payload).flip());
    paths.add(path);
  }

  @Override
  public void answered(StunClient.Request request, StunMessage response) {
    answered.add(request);
    answers.add(response.copy());
  }

  @Override
  public void failed(
      StunClient.Request request, StunClient.Failure failure, @Nullable StunMessage response) {
    failed.add(request);
    failures.add(failure);
    errors.add(response == null ? null : response.get(AttributeType.ERROR_CODE));
  }

  /** The n-th message that was sent, from the end where n is negative. */
  StunMessage message(int n) {
    return StunMessage.tryParse(sent.get(n < 0 ? sent.size() + n : n));
  }

  StunMessage last() {
    return message(-1);
  }
}
