package io.kvferry.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Which rows a comparison has, and what they need. */
enum Table {
    /** The backends over sockets and the engine. */
    TCP("iperf3", "iperf3") {
        @Override
        List<Row> rows(Setup setup, long soakGibibytes) {
            return Rows.all(setup, soakGibibytes);
        }

        @Override
        void compile(Path sources, Setup setup) {
            // what every table has is enough
        }
    },

    /** The backend rdma over UCX. */
    UCX("ucx_perftest", "ucx-utils") {
        @Override
        List<Row> rows(Setup setup, long soakGibibytes) {
            return UcxRows.all(setup, program(setup));
        }

        @Override
        void compile(Path sources, Setup setup) throws IOException {
            try {
                PeerProgram.compile(
                        sources.resolve("ucx.c"), setup.folder(), program(setup), List.of("-lucp", "-lucs"));
            } catch (IOException e) {
                throw String.valueOf(e.getMessage()).contains("ucp/api/ucp.h")
                        ? new IOException("UCX's headers are missing: install them, on Debian with apt-get install libucx-dev", e)
                        : e;
            }
        }

        private static Path program(Setup setup) {
            return setup.peer().resolveSibling("ucx");
        }
    };

    /** The Debian package of each command that is needed, whatever the table. */
    private static final Map<String, String> ALWAYS = Map.of("gcc", "gcc", "ss", "iproute2");

    private final String command;
    private final String itsPackage;

    /** @param itsPackage the Debian package of the command that its rows run beside us */
    Table(String command, String itsPackage) {
        this.command = command;
        this.itsPackage = itsPackage;
    }

    abstract List<Row> rows(Setup setup, long soakGibibytes);

    /** Compiles what its rows run beside us. */
    abstract void compile(Path sources, Setup setup) throws IOException;

    /** Fails with what to install where a command is missing. */
    void checkCommands() throws IOException {
        for (Map.Entry<String, String> needed : ALWAYS.entrySet()) {
            check(needed.getKey(), needed.getValue());
        }
        check(command, itsPackage);
    }

    private static void check(String command, String itsPackage) throws IOException {
        String[] path = System.getenv().getOrDefault("PATH", "").split(":", -1);
        if (Arrays.stream(path).noneMatch(folder -> Files.isExecutable(Path.of(folder, command)))) {
            throw new IOException(
                    command + " is missing: install it, on Debian with apt-get install " + itsPackage);
        }
    }
}
