package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Isolation;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds libibverbs and an RDMA device.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class VerbsAdapterProvider implements RdmaAdapterProvider {
    static final String NAME = "verbs";

    /** Loads nothing. */
    public VerbsAdapterProvider() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Set<ConfigKey<?>> configKeys() {
        return VerbsConfigKeys.ALL;
    }

    @Override
    public Availability probe(BackendConfig config) {
        try (VerbsDevice device = openDevice(config)) {
            Gid gid = chooseGid(device, config, null);
            return new Availability.Available(
                    device.describe() + ", from " + gid + "; memory to lock: " + LockedMemory.describe());
        } catch (TransferException e) {
            return new Availability.Unavailable(e.code(), e.error().detail(), "install or choose what is named there");
        }
    }

    @Override
    public RdmaAdapter open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        VerbsDevice device = openDevice(config);
        try {
            Gid gid = chooseGid(device, config, bound(environment.bindHost()));
            return new VerbsAdapter(device, gid, config, environment.ticker());
        } catch (NativeFailure e) {
            device.close();
            throw e.as(TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, "device " + device.name());
        } catch (RuntimeException e) {
            device.close();
            throw e;
        }
    }

    private static VerbsDevice openDevice(BackendConfig config) {
        if (config.get(VerbsConfigKeys.ISOLATION) == Isolation.NONE) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    VerbsConfigKeys.ISOLATION.name() + "=none: verbs cannot open more than the region; use region or lease");
        }
        return VerbsDevice.open(
                library(),
                config.get(VerbsConfigKeys.DEVICE),
                config.get(VerbsConfigKeys.PORT),
                VerbsConfigKeys.DEVICE.name());
    }

    private static IbVerbs library() {
        if (!System.getProperty("os.name").equals("Linux")) {
            throw unavailable("verbs exist on Linux only, not on " + System.getProperty("os.name"), null);
        }
        try {
            return IbVerbs.load();
        } catch (LinkageError | IllegalCallerException e) {
            throw unavailable(
                    "this program may not call native functions; start it with --enable-native-access=ALL-UNNAMED", e);
        }
    }

    private static TransferException unavailable(String detail, @Nullable Throwable cause) {
        return new TransferException(TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, detail, cause);
    }

    private static Gid chooseGid(VerbsDevice device, BackendConfig config, @Nullable InetAddress local) {
        return GidChoice.choose(
                device.gids(), config.get(VerbsConfigKeys.GID_INDEX), local, VerbsConfigKeys.GID_INDEX.name());
    }

    /** The address that a node is bound to, where it is one that a port could have. */
    private static @Nullable InetAddress bound(String host) {
        try {
            InetAddress address = InetAddress.getByName(host);
            return address.isLoopbackAddress() || address.isAnyLocalAddress() ? null : address;
        } catch (UnknownHostException e) {
            return null; // whoever listens there says so
        }
    }
}
