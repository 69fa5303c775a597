package dev.frazil.lab.flood;

import java.net.InetSocketAddress;

/**
 * The server that is flooded.
 *
 * @param plain where UDP and TCP are listened on
 * @param secure where DTLS and TLS are listened on
 * @param user who may relay
 * @param password the user's
 */
record Target(InetSocketAddress plain, InetSocketAddress secure, String user, String password) {}
