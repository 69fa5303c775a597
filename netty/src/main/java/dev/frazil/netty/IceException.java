package dev.frazil.netty;

import java.io.IOException;

/** A session has no path and will have none without a restart: it failed or was closed. The message says why. */
public final class IceException extends IOException {
  private static final long serialVersionUID = 1;

  /** Makes one. */
  public IceException(String reason) {
    super(reason);
  }
}
