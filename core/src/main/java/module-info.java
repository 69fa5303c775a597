/** The protocol machines of STUN, TURN and ICE: pure state machines, without sockets, clocks, threads or locks. */
module dev.frazil.core {
  requires static org.jspecify;

  exports dev.frazil.net;
  exports dev.frazil.stun;
  exports dev.frazil.turn;
  exports dev.frazil.ice;
}
