package dev.frazil.cli;

/** Does something when the process is told to end (SIGINT, SIGTERM), unless closed before. */
final class OnExit implements AutoCloseable {
  private final Thread hook;

  OnExit(Runnable action) {
    hook = new Thread(action, "frazil-exit");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending: the action runs, or has run.
    }
  }
}
