package dev.frazil.lab;

import java.util.concurrent.CompletableFuture;

/** Two agents of one stack in this process that signal to each other without delay: one stream, one component. */
interface AgentPair extends AutoCloseable {
  /** Begins to gather, exchange and check. May block as long as the stack's own calls do. */
  void start() throws Exception;

  /** Completed when both have selected their pair. */
  CompletableFuture<Void> selected();

  /** Completed when the first payload arrived; each side sends one as soon as it can. */
  CompletableFuture<Void> delivered();

  @Override
  void close();
}
