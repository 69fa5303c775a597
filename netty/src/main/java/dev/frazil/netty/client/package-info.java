/** Connections of clients to their servers: by UDP, TCP, TLS and DTLS, and through proxies. */
@NullMarked
package dev.frazil.netty.client;

import org.jspecify.annotations.NullMarked;
