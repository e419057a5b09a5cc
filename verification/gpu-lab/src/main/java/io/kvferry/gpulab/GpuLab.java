package io.kvferry.gpulab;

import io.kvferry.engine.KvFerryConfig;
import io.kvferry.engine.TransferEngine;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * {@code GpuLab check BYTES key=value…} runs every check and ends with 0 if none failed; {@code GpuLab peer key=value…} is the
 * other process that it starts. One GPU is enough: the second process is told by {@code NCCL_HOSTID} to be another machine.
 */
public final class GpuLab {
    private GpuLab() {}

    /**
     * Runs a command.
     *
     * @param arguments the command and its settings
     */
    public static void main(String[] arguments) {
        List<String> settings = new ArrayList<>(Arrays.asList(arguments));
        String command = settings.isEmpty() ? "" : settings.removeFirst();
        boolean passed = switch (command) {
            case "check" -> {
                long bytes = Long.parseLong(settings.removeFirst());
                yield check(bytes, settings);
            }
            case "peer" -> {
                try (TransferEngine engine = TransferEngine.open(config(settings))) {
                    new LabPeer(engine).serve();
                }
                yield true;
            }
            default -> throw new IllegalArgumentException("check BYTES key=value... or peer key=value...");
        };
        if (!passed) {
            System.exit(1);
        }
    }

    static boolean check(long bytes, List<String> settings) {
        LabLog log = new LabLog();
        if (log.step("probe", () -> NcclAlone.describe(config(settings)))) {
            log.step("an engine and NCCL to themselves, beside copies on the device", () -> toSelf(bytes, settings));
            log.step("a peer that never comes", NcclAlone::absentPeer);
            TwoProcesses two = new TwoProcesses(settings);
            long part = Math.max(1 << 16, bytes / 16);
            log.step("two processes, another NCCL_HOSTID: write and read", () -> two.moves(part));
            log.step("two processes, another NCCL_HOSTID: the peer is stopped", () -> two.stopped(part));
            log.step("two processes, another NCCL_HOSTID: the peer is killed", () -> two.death(part));
            log.step("two processes, the same NCCL_HOSTID", two::sameHost);
        }
        return log.end();
    }

    private static String toSelf(long bytes, List<String> settings) {
        try (SelfTransfer self = new SelfTransfer(bytes, settings)) {
            return self.run();
        }
    }

    static KvFerryConfig config(List<String> settings) {
        KvFerryConfig.Builder config = KvFerryConfig.builder().set("kvferry.backend", "nccl");
        for (String setting : settings) {
            int equals = setting.indexOf('=');
            config.set(setting.substring(0, equals), setting.substring(equals + 1));
        }
        return config.build();
    }
}
