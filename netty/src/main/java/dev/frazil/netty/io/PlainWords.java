package dev.frazil.netty.io;

import io.netty.channel.ConnectTimeoutException;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;

/** What a failure means to somebody who does not know its name. */
final class PlainWords {
  private PlainWords() {}

  static String of(Throwable cause) {
    String message = String.valueOf(cause.getMessage());
    if (cause instanceof ConnectTimeoutException || message.contains("timed out")) {
      return "no answer";
    }
    if (message.contains("refused")) {
      return "refused: the host is there, but nobody listens on that port";
    }
    if (cause instanceof PortUnreachableException) {
      return "the host is there, but nobody listens on that port";
    }
    if (cause instanceof NoRouteToHostException || message.contains("nreachable")) {
      return "unreachable: this host knows no way to that address";
    }
    if (cause instanceof BindException || message.contains("Cannot assign")) {
      return "can't connect from that address: " + message;
    }
    if (message.contains("reset by peer") || message.contains("Broken pipe")) {
      return "the other side broke the connection";
    }
    return cause instanceof ConnectException || cause instanceof IOException
        ? message
        : cause.toString();
  }
}
