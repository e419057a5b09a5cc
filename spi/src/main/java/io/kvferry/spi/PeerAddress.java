package io.kvferry.spi;

import java.util.Objects;

/**
 * Where a node's peer control listens.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param host a name or an IP address; IPv6 without brackets
 * @param port 0 to 65535; 0 only for "any" when binding
 * @since 0.1.0
 */
public record PeerAddress(String host, int port) {
    /**
     * Checks both parts.
     *
     * @throws IllegalArgumentException if the host is empty or the port out of range
     */
    public PeerAddress {
        Objects.requireNonNull(host, "host");
        if (host.isBlank() || port < 0 || port > 65535) {
            throw new IllegalArgumentException("not an address: '" + host + "' port " + port);
        }
    }

    /**
     * Reads {@code HOST:PORT}, with an IPv6 address in brackets.
     *
     * @param text the address
     * @return the address
     * @throws IllegalArgumentException if {@code text} is anything else
     */
    public static PeerAddress parse(String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? "" : text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        } else if (host.indexOf(':') >= 0) {
            host = "";
        }
        if (host.isBlank() || !text.substring(colon + 1).matches("\\d{1,5}")) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not HOST:PORT (example: 10.0.0.7:7400 or [fd00::7]:7400)");
        }
        return new PeerAddress(host, Integer.parseInt(text.substring(colon + 1)));
    }

    @Override
    public String toString() {
        return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
    }
}
