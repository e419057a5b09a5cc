package io.kvferry.engine;

import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.TransferBackendProvider;
import java.net.URL;
import java.security.CodeSource;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The backends and kinds of peer control that there are, by name: those given, then those on the class path.
 *
 * @param backends by name
 * @param peerControls by name
 */
record Providers(Map<String, TransferBackendProvider> backends, Map<String, PeerControlProvider> peerControls) {
    /** What is given wins over the class path by name; what is wrong with the class path goes to {@code mistakes}. */
    static Providers find(
            List<TransferBackendProvider> givenBackends,
            List<PeerControlProvider> givenPeerControls,
            List<String> mistakes) {
        return new Providers(
                find(TransferBackendProvider.class, TransferBackendProvider::name, givenBackends, mistakes),
                find(PeerControlProvider.class, PeerControlProvider::name, givenPeerControls, mistakes));
    }

    private static <P> Map<String, P> find(
            Class<P> type, Function<P, String> nameOf, List<P> given, List<String> mistakes) {
        Map<String, P> found = new TreeMap<>();
        Iterator<P> loaded = ServiceLoader.load(type).iterator();
        for (P next = next(loaded, mistakes); next != null; next = next(loaded, mistakes)) {
            String name = nameOf.apply(next);
            P earlier = found.putIfAbsent(name, next);
            if (!name.matches("[a-z][a-z0-9-]*")) {
                mistakes.add(where(next) + " calls itself '" + name + "'; a name matches [a-z][a-z0-9-]*");
            } else if (earlier != null) {
                mistakes.add("two providers call themselves '" + name + "': " + where(earlier) + " and " + where(next)
                        + "; take one off the class path");
            }
        }
        for (P provider : given) {
            found.put(nameOf.apply(provider), provider);
        }
        return found;
    }

    private static <P> @Nullable P next(Iterator<P> loaded, List<String> mistakes) {
        while (true) {
            try {
                return loaded.hasNext() ? loaded.next() : null;
            } catch (ServiceConfigurationError e) {
                mistakes.add("a service on the class path cannot be loaded: " + e.getMessage());
            }
        }
    }

    private static String where(Object provider) {
        CodeSource source = provider.getClass().getProtectionDomain().getCodeSource();
        URL location = source == null ? null : source.getLocation();
        return provider.getClass().getName() + (location == null ? "" : " in " + location.getPath());
    }
}
