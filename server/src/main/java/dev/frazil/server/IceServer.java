package dev.frazil.server;

import java.util.List;

/** What a web page puts into {@code iceServers} to use this server. */
public record IceServer(List<String> urls, String username, String credential) {
  public IceServer {
    urls = List.copyOf(urls);
  }

  /** Hides the credential. */
  @Override
  public String toString() {
    return "IceServer[urls=" + urls + ", username=" + username + ", credential=***]";
  }
}
