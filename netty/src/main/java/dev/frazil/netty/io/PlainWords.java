package dev.frazil.netty.io;

import io.netty.channel.ConnectTimeoutException;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.proxy.ProxyConnectException;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;
import javax.net.ssl.SSLException;

/** What a failure means to somebody who does not know its name. */
public final class PlainWords {
  private PlainWords() {}

  public static String of(Throwable cause) {
    String message = String.valueOf(cause.getMessage());
    if (cause instanceof ProxyConnectException) {
      return proxy(message);
    }
    if (cause instanceof SSLException || cause instanceof DecoderException) {
      return StreamTls.words(
          cause instanceof DecoderException && cause.getCause() != null ? cause.getCause() : cause);
    }
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

  /** Netty's words are long: protocol, authentication, addresses, and at last what the proxy said. */
  private static String proxy(String message) {
    int status = message.indexOf("status: ");
    int arrow = message.lastIndexOf(", ");
    String said = status >= 0
        ? message.substring(status + "status: ".length())
        : message.substring(arrow < 0 ? 0 : arrow + 2);
    if (said.startsWith("407") || said.contains("authStatus")) {
      return "the proxy wants another user and password: " + said;
    }
    return "the proxy refuses: " + said;
  }
}
