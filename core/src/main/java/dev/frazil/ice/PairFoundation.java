package dev.frazil.ice;

/** The foundations of both candidates of a pair, in order (RFC 8445 6.1.2.6). */
record PairFoundation(String local, String remote) {}
