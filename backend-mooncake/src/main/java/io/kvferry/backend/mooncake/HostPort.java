package io.kvferry.backend.mooncake;

/**
 * Host and port, as segment names have them. Immutable.
 *
 * @param host a name or an address, an IPv6 address without brackets
 * @param port 0 where none is given
 */
record HostPort(String host, int port) {
    static HostPort parse(String text) {
        if (text.startsWith("[")) {
            int end = text.indexOf(']');
            return end < 0
                    ? new HostPort(text, 0)
                    : new HostPort(
                            text.substring(1, end), text.startsWith(":", end + 1) ? port(text.substring(end + 2)) : 0);
        }
        int colon = text.lastIndexOf(':');
        boolean single = colon >= 0 && text.indexOf(':') == colon;
        return single ? new HostPort(text.substring(0, colon), port(text.substring(colon + 1))) : new HostPort(text, 0);
    }

    private static int port(String digits) {
        if (!digits.matches("[0-9]{1,5}")) {
            return 0;
        }
        int port = Integer.parseInt(digits);
        return port <= 65535 ? port : 0;
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
