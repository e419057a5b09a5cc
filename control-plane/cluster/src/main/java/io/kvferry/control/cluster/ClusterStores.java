package io.kvferry.control.cluster;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.Scheduler;
import io.kvferry.spi.Stage;
import io.kvferry.spi.Ticker;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.util.List;
import java.util.ServiceLoader;

/** Finds the store that {@code kvferry.controller.store} names among those on the class path. */
final class ClusterStores {
    private ClusterStores() {}

    static List<ClusterStoreProvider> providers() {
        return ServiceLoader.load(ClusterStoreProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .toList();
    }

    static ClusterStore open(BackendConfig config, Ticker ticker, Scheduler scheduler) {
        String name = config.get(ControllerConfigKeys.STORE);
        List<ClusterStoreProvider> providers = providers();
        ClusterStoreProvider chosen = providers.stream()
                .filter(provider -> provider.name().equals(name))
                .findFirst()
                .orElseThrow(() -> missing(name, providers));
        for (ClusterStoreProvider other : providers) {
            if (!other.name().equals(name)) {
                refuseKeysOf(other, config, name);
            }
        }
        Deadline deadline = Deadline.after(config.get(ControllerConfigKeys.STORE_TIMEOUT), ticker);
        return chosen.open(config, ticker, scheduler, deadline);
    }

    /** Whoever sets up a store expects it to be used: in memory everything would be lost without a word. */
    private static void refuseKeysOf(ClusterStoreProvider other, BackendConfig config, String chosen) {
        for (ConfigKey<?> key : other.configKeys()) {
            if (config.isSet(key)) {
                throw new TransferException(
                        TransferErrorCode.INVALID_REQUEST,
                        Stage.OPEN,
                        key.name() + " is set, but the store is " + chosen + "; set "
                                + ControllerConfigKeys.STORE.name() + "=" + other.name() + ", or take " + key.name()
                                + " away");
            }
        }
    }

    private static TransferException missing(String name, List<ClusterStoreProvider> providers) {
        List<String> names = providers.stream().map(ClusterStoreProvider::name).toList();
        return new TransferException(
                TransferErrorCode.BACKEND_UNAVAILABLE,
                Stage.OPEN,
                "kvferry.controller.store=" + name + " is not on the class path; there are " + String.join(", ", names)
                        + (name.equals("etcd") ? "; add the artifact io.kvferry:kvferry-control-cluster-etcd" : ""));
    }
}
