package dev.frazil.netty.client;

import dev.frazil.net.Transport;
import dev.frazil.net.TransportAddress;
import dev.frazil.netty.io.SocketAddresses;
import io.netty.handler.proxy.HttpProxyHandler;
import io.netty.handler.proxy.ProxyHandler;
import io.netty.handler.proxy.Socks5ProxyHandler;
import java.net.InetSocketAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A proxy that a client's streams go through. */
public final class ProxyServer {
  /** What to speak with the proxy. */
  public enum Kind {
    /** HTTP's CONNECT, with Basic authentication where there is a user (RFC 9110 9.3.6, RFC 7617). */
    HTTP_CONNECT,
    /** RFC 1928, with user and password where there is a user (RFC 1929). */
    SOCKS5
  }

  private final Kind kind;
  private final TransportAddress address;
  private final @Nullable String user;
  private final String password;

  /**
   * @param address of TCP
   * @param user null when the proxy asks for none
   */
  public ProxyServer(
      Kind kind, TransportAddress address, @Nullable String user, @Nullable String password) {
    if (address.transport() != Transport.TCP) {
      throw new IllegalArgumentException("proxy " + address + ": must be an address of TCP");
    }
    this.kind = kind;
    this.address = address;
    this.user = user;
    this.password = Objects.requireNonNullElse(password, "");
  }

  /** Puts itself between a channel and its server. */
  ProxyHandler handler() {
    InetSocketAddress at = SocketAddresses.toSocketAddress(address, 0);
    ProxyHandler handler = switch (kind) {
      case HTTP_CONNECT ->
        user == null ? new HttpProxyHandler(at) : new HttpProxyHandler(at, user, password);
      case SOCKS5 ->
        user == null ? new Socks5ProxyHandler(at) : new Socks5ProxyHandler(at, user, password);
    };
    handler.setConnectTimeoutMillis(0); // the connection has a limit of its own
    return handler;
  }

  /** Without the password. */
  @Override
  public String toString() {
    return kind + " proxy at " + address;
  }
}
