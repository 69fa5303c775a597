package dev.frazil.netty;

import dev.frazil.ice.IceEvent;
import dev.frazil.netty.client.ConnectionSettings;
import dev.frazil.netty.io.SocketSettings;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a session is told once beside the agent's configuration.
 *
 * @param streams 1 to 256
 * @param components of each stream, 1 to 256
 * @param interfaces which addresses the host has
 * @param sockets how sockets are opened
 * @param connections how TURN servers are connected to
 * @param events takes the events
 * @param data takes the data; null keeps it to be received
 */
record SessionSettings(
    int streams,
    int components,
    InterfaceProvider interfaces,
    SocketSettings sockets,
    ConnectionSettings connections,
    Consumer<IceEvent> events,
    @Nullable DataHandler data) {}
