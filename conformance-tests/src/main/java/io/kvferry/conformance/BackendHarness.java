package io.kvferry.conformance;

import io.kvferry.spi.BackendEndpoint;
import io.kvferry.spi.Capability;
import io.kvferry.spi.TransferBackendProvider;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * What the kit needs to know of a backend. The provider alone is enough:
 *
 * <pre>{@code
 * class TcpConformanceTest extends BackendConformance {
 *     public TcpConformanceTest() {
 *         super(BackendHarness.named("tcp"));
 *     }
 * }
 * }</pre>
 *
 * <p><b>Threads:</b> called on JUnit's thread. <b>Ownership:</b> the kit closes what it opens from the provider.
 *
 * @since 0.1.0
 */
public interface BackendHarness {
    /**
     * Returns the backend under test. Called for each engine that a test opens.
     *
     * @return a provider, the same or a new one each time
     */
    TransferBackendProvider provider();

    /**
     * Returns the name in reports.
     *
     * @return the backend's name, with a suffix where several set-ups of it are tested
     */
    default String name() {
        return provider().name();
    }

    /**
     * Returns what every engine is configured with, beyond the defaults.
     *
     * @return keys and values
     */
    default Map<String, String> config() {
        return Map.of();
    }

    /**
     * Tells whether the real library or device is used.
     *
     * @return false where a fake adapter stands in for it
     */
    default boolean isReal() {
        return true;
    }

    /**
     * Tells whether the library is emulated: the real binding, on libraries that only behave like the real ones.
     *
     * @return true where {@link #isReal} is false for that reason
     */
    default boolean isEmulated() {
        return false;
    }

    /**
     * Tells whether two processes can reach each other over this backend. Then peer control that crosses processes must be
     * on the class path.
     *
     * @return true to run the suite of two processes
     */
    default boolean crossesProcesses() {
        return false;
    }

    /**
     * Returns what makes the data plane itself misbehave. Without it the kit stops and fails transfers between engine and
     * backend, which every backend must survive too.
     *
     * @return the hooks, or empty
     */
    default Optional<DataPlaneFaults> dataPlaneFaults() {
        return Optional.empty();
    }

    /**
     * Returns how to put a {@link FaultProxy} between two peers. With it, a {@link SocketConformanceTest} can be run.
     *
     * @return the hooks, or empty where peers do not meet over sockets that one of them listens on
     */
    default Optional<Sockets> sockets() {
        return Optional.empty();
    }

    /**
     * Makes a harness of a provider alone.
     *
     * @param provider the backend
     * @return a harness with every default
     */
    static BackendHarness of(TransferBackendProvider provider) {
        return () -> provider;
    }

    /**
     * Finds a backend on the class path.
     *
     * @param name the value of {@code kvferry.backend}
     * @return a harness with every default
     * @throws IllegalArgumentException if there is none of that name; the message lists those there are
     */
    static BackendHarness named(String name) {
        List<TransferBackendProvider> providers = ServiceLoader.load(TransferBackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .toList();
        return providers.stream()
                .filter(provider -> provider.name().equals(name))
                .findFirst()
                .map(BackendHarness::of)
                .orElseThrow(() -> new IllegalArgumentException("no backend '" + name
                        + "' on the class path, there are "
                        + providers.stream().map(TransferBackendProvider::name).toList()
                        + "; add the artifact io.kvferry:kvferry-backend-" + name));
    }

    /** Finds and replaces the address inside a backend's endpoint, for a proxy to stand there. */
    interface Sockets {
        /**
         * Returns where an endpoint's owner listens.
         *
         * @param endpoint what {@code TransferBackend.endpoint} answered
         * @return the address that peers dial
         */
        InetSocketAddress listener(BackendEndpoint endpoint);

        /**
         * Makes an endpoint of the same instance that is dialed elsewhere.
         *
         * @param endpoint what {@code TransferBackend.endpoint} answered
         * @param proxy where peers are to dial it
         * @return the endpoint that they are shown
         */
        BackendEndpoint dialedAt(BackendEndpoint endpoint, InetSocketAddress proxy);
    }

    /** Makes the bytes themselves stop, fail or change on their way, on both sides of one test. */
    interface DataPlaneFaults {
        /** Stops all bytes until {@link #thaw}; what was submitted stays in flight. */
        void freeze();

        /** Lets bytes move again. */
        void thaw();

        /**
         * Fails the I/O of every transfer, until {@link #heal}.
         *
         * @return false where this data plane cannot be made to
         */
        default boolean fail() {
            return false;
        }

        /**
         * Changes bytes on their way, until {@link #heal}. Used where {@link Capability#CHECKSUM} is declared.
         *
         * @return false where this data plane cannot be made to
         */
        default boolean corrupt() {
            return false;
        }

        /** Ends {@link #fail} and {@link #corrupt}. */
        default void heal() {}
    }
}
