package io.kvferry.backend.mooncake.adapter;

import io.kvferry.spi.Availability;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;

/**
 * Makes engines of the installed {@code libtransfer_engine}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class TransferEngineProvider implements MooncakeAdapterProvider {
    /** Loads nothing yet. */
    public TransferEngineProvider() {}

    @Override
    public Availability probe(MooncakeAdapterSettings settings) {
        if ("1".equals(System.getenv("MC_USE_TENT"))) {
            return new Availability.Unavailable(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    "MC_USE_TENT=1 makes the library another engine with another wire",
                    "unset MC_USE_TENT where this process starts");
        }
        try {
            TransferEngineLibrary library = TransferEngineLibrary.load(settings.library());
            return new Availability.Available("libtransfer_engine by " + settings.transport()
                    + (library.acknowledgesWrites ? "" : ", older than v0.3.12"));
        } catch (TransferException e) {
            return new Availability.Unavailable(
                    e.code(),
                    e.error().detail(),
                    "install Mooncake's libtransfer_engine.so and let kvferry.mooncake.native-library name it, or set"
                            + " kvferry.mooncake.engine=wire, which needs no library; the JVM needs"
                            + " --enable-native-access=ALL-UNNAMED");
        }
    }

    @Override
    public MooncakeAdapter open(MooncakeAdapterSettings settings) {
        return TransferEngineAdapter.open(TransferEngineLibrary.load(settings.library()), settings);
    }
}
