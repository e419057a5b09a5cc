package io.kvferry.backend.rdma.adapter.verbs;

import io.kvferry.backend.rdma.adapter.RdmaAdapter;
import io.kvferry.backend.rdma.adapter.RdmaAdapterProvider;
import io.kvferry.backend.rdma.adapter.posix.LockedMemory;
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
        String fix = "set it to region or lease";
        try {
            checkIsolation(config);
            fix = "install rdma-core (Debian: libibverbs1 and ibverbs-providers) and start with"
                    + " --enable-native-access=ALL-UNNAMED";
            IbVerbs verbs = library();
            fix = "set " + VerbsConfigKeys.DEVICE.name() + " and " + VerbsConfigKeys.PORT.name()
                    + " to one that `ibv_devinfo` shows as active; `rdma link add` makes a soft-RoCE device";
            try (VerbsDevice device = openDevice(verbs, config)) {
                fix = "give its network interface an address, or set " + VerbsConfigKeys.GID_INDEX.name();
                Gid gid = chooseGid(device, config, null);
                return new Availability.Available(
                        device.describe() + ", from " + gid + "; memory to lock: " + LockedMemory.read());
            }
        } catch (TransferException e) {
            return new Availability.Unavailable(e.code(), e.error().detail(), fix);
        }
    }

    @Override
    public RdmaAdapter open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
        checkIsolation(config);
        VerbsDevice device = openDevice(library(), config);
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

    private static void checkIsolation(BackendConfig config) {
        if (config.get(VerbsConfigKeys.ISOLATION) == Isolation.NONE) {
            throw new TransferException(
                    TransferErrorCode.INVALID_REQUEST,
                    Stage.OPEN,
                    VerbsConfigKeys.ISOLATION.name() + "=none, but verbs cannot open more than the region");
        }
    }

    private static VerbsDevice openDevice(IbVerbs verbs, BackendConfig config) {
        return VerbsDevice.open(verbs, config.get(VerbsConfigKeys.DEVICE), config.get(VerbsConfigKeys.PORT));
    }

    private static IbVerbs library() {
        if (!System.getProperty("os.name").equals("Linux")) {
            throw unavailable("verbs exist on Linux only, not on " + System.getProperty("os.name"), null);
        }
        try {
            return IbVerbs.load();
        } catch (LinkageError | IllegalCallerException e) {
            throw unavailable("this program may not call native functions", e);
        }
    }

    private static TransferException unavailable(String detail, @Nullable Throwable cause) {
        return new TransferException(TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, detail, cause);
    }

    private static Gid chooseGid(VerbsDevice device, BackendConfig config, @Nullable InetAddress local) {
        return GidChoice.choose(device.gids(), config.get(VerbsConfigKeys.GID_INDEX), local);
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
