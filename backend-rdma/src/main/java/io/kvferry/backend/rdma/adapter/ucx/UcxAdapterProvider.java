package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens UCX. The versions of jucx and libucp are compared before anything of jucx is loaded, as some pairs end the process.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class UcxAdapterProvider implements RdmaAdapterProvider {
    private static final Logger LOG = LoggerFactory.getLogger(UcxAdapterProvider.class);

    /** Makes the provider; loads nothing. */
    public UcxAdapterProvider() {}

    @Override
    public String name() {
        return UcxAdapter.PROVIDER;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return UcxConfigKeys.ALL;
    }

    @Override
    public Availability probe(BackendConfig config) {
        String platform = System.getProperty("os.name") + "/" + System.getProperty("os.arch");
        if (!platform.equals("Linux/amd64")) {
            return unavailable("jucx has no library for " + platform, "use kvferry.backend = tcp");
        }
        try {
            UcxVersions versions = UcxVersions.read();
            String mismatch = versions.mismatch();
            return mismatch == null
                    ? new Availability.Available(versions.toString())
                    : unavailable(mismatch, "install a newer UCX, or put org.openucx:jucx:1.15.0 on the class path");
        } catch (IllegalCallerException e) {
            return unavailable(
                    "native access is not allowed: " + e.getMessage(),
                    "start java with --enable-native-access=ALL-UNNAMED");
        } catch (IllegalArgumentException e) {
            return unavailable(
                    "libucp.so.0 was not found",
                    "install UCX 1.13 or newer, on Debian: apt-get install libucx0; or name its folder in LD_LIBRARY_PATH");
        } catch (RuntimeException | LinkageError e) {
            return unavailable("libucp cannot be asked for its version: " + e, "install a working UCX 1.13 or newer");
        }
    }

    private static Availability unavailable(String reason, String fix) {
        return new Availability.Unavailable(TransferErrorCode.BACKEND_UNAVAILABLE, reason, fix);
    }

    @Override
    public RdmaAdapter open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        if (probe(config) instanceof Availability.Unavailable(TransferErrorCode code, String reason, String fix)) {
            throw new TransferException(code, Stage.OPEN, reason + "; " + fix);
        }
        UcxTransports transports = UcxTransports.of(config);
        transports.require();
        if (transports.namesTcp()) {
            LOG.warn("{}", UcxTransports.TCP_WARNING);
            if (config.get(UcxConfigKeys.WIREUP) == UcxWireup.SOCKET) {
                LOG.warn("UCX's TCP listener ends this process if anything but UCX's bytes reaches its port");
            }
        }
        try {
            return UcxAdapter.open(UcxVersions.read(), config, environment);
        } catch (LinkageError e) {
            throw new TransferException(
                    TransferErrorCode.BACKEND_UNAVAILABLE,
                    Stage.OPEN,
                    "libjucx does not load: " + e + "; if java.io.tmpdir does not allow programs, set another with"
                            + " -Djava.io.tmpdir",
                    e);
        }
    }
}
