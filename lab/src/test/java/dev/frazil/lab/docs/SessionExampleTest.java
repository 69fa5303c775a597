package dev.frazil.lab.docs;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.frazil.ice.IceParameters;
import dev.frazil.ice.Role;
import dev.frazil.ice.StunServer;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.IceRuntime;
import dev.frazil.netty.StunService;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class SessionExampleTest {
  /** One direction of the signalling: what was told waits for somebody who listens. */
  private static final class Told<T> {
    private final List<T> waiting = new ArrayList<>();
    private Consumer<T> listener = waiting::add;

    synchronized void tell(T value) {
      listener.accept(value);
    }

    synchronized void listen(Consumer<T> with) {
      listener = with;
      waiting.forEach(with);
    }
  }

  private record End(
      Told<IceParameters> myParameters,
      Told<String> myCandidates,
      Told<IceParameters> theirParameters,
      Told<String> theirCandidates)
      implements SessionExample.Signalling {
    @Override
    public void tellParameters(IceParameters local) {
      myParameters.tell(local);
    }

    @Override
    public void tellCandidate(String line) {
      myCandidates.tell(line);
    }

    @Override
    public void listen(Consumer<IceParameters> parameters, Consumer<String> candidates) {
      theirParameters.listen(parameters);
      theirCandidates.listen(candidates);
    }
  }

  @Test
  void bothEndsOfTheReadmesSessionGetWhatTheOtherSent() throws Exception {
    End left = new End(new Told<>(), new Told<>(), new Told<>(), new Told<>());
    End right = new End(
        left.theirParameters(), left.theirCandidates(), left.myParameters(), left.myCandidates());
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (IceRuntime runtime = IceRuntime.create();
        StunService service =
            StunService.start(runtime, TransportAddress.udp("127.0.0.1", 0)).get(10, SECONDS)) {
      StunServer stun = new StunServer("127.0.0.1", service.address().port());
      Callable<String> controlling = () -> SessionExample.meet(Role.CONTROLLING, stun, left);
      Callable<String> controlled = () -> SessionExample.meet(Role.CONTROLLED, stun, right);
      Future<String> heardLeft = threads.submit(controlling);
      Future<String> heardRight = threads.submit(controlled);
      assertThat(heardLeft.get(60, SECONDS)).isEqualTo("hello from CONTROLLED");
      assertThat(heardRight.get(60, SECONDS)).isEqualTo("hello from CONTROLLING");
    } finally {
      threads.shutdownNow();
    }
  }
}
