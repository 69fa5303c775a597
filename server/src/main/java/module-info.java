/** The STUN and TURN server as a product. */
module dev.frazil.server {
  requires transitive dev.frazil.core;
  requires dev.frazil.netty;
  requires tools.jackson.core;
  requires tools.jackson.databind;
  requires tools.jackson.dataformat.toml;
  requires static org.jspecify;

  exports dev.frazil.server;
}
