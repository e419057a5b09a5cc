package io.kvferry.backend.nccl;

import io.kvferry.conformance.BackendHarness;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The backend with the real binding, on the emulated libraries. */
final class EmulatorHarness implements BackendHarness {
    private final String name;
    private final Map<String, String> config = new TreeMap<>();

    EmulatorHarness(String name, Map<String, String> config) {
        this.name = name;
        this.config.putAll(Emulator.config());
        this.config.putAll(config);
    }

    @Override
    public TransferBackendProvider provider() {
        Emulator.load();
        return new NcclBackendProvider();
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Map<String, String> config() {
        return config;
    }

    /** The binding is real, the libraries under it are not. */
    @Override
    public boolean isReal() {
        return false;
    }

    @Override
    public boolean isEmulated() {
        return true;
    }

    @Override
    public boolean crossesProcesses() {
        return true;
    }

    @Override
    public Optional<DataPlaneFaults> dataPlaneFaults() {
        return Optional.of(new DataPlaneFaults() {
            @Override
            public void freeze() {
                Emulator.set("emuFreeze", true);
            }

            @Override
            public void thaw() {
                Emulator.set("emuFreeze", false);
            }

            @Override
            public boolean fail() {
                Emulator.set("emuFail", true);
                return true;
            }

            @Override
            public boolean corrupt() {
                Emulator.set("emuCorrupt", true);
                return true;
            }

            @Override
            public void heal() {
                Emulator.set("emuFail", false);
                Emulator.set("emuCorrupt", false);
            }
        });
    }
}
