package io.kvferry.conformance;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import io.kvferry.spi.Deadline;
import io.kvferry.spi.PeerControl;
import io.kvferry.spi.PeerControlProvider;
import io.kvferry.spi.TransferBackend;
import io.kvferry.spi.TransferBackendProvider;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * One thing done wrong, in a backend or in an engine's place, and the rules that must find it.
 *
 * @param name what is wrong, in the words of a bug report
 * @param rules the rules that fail, by number
 * @param narrow whether every other rule holds; otherwise nothing is said of them
 * @param harness the backend under test, with the flaw
 */
record Breakage(String name, Set<String> rules, boolean narrow, BackendHarness harness) {

    /** A flaw that breaks these rules and no other of the sample. */
    static Breakage of(String name, BackendHarness harness, String... rules) {
        return new Breakage(name, Set.of(rules), true, harness);
    }

    /** A flaw of the backend. */
    static Breakage of(String name, UnaryOperator<TransferBackend> flaw, String... rules) {
        return of(name, harness(flaw), rules);
    }

    static BackendHarness harness(UnaryOperator<TransferBackend> flaw) {
        return BackendHarness.of(new Provider(flaw));
    }

    /** A flaw that is in the way of others too. */
    Breakage broad() {
        return new Breakage(name, rules, false, harness);
    }

    @Override
    public String toString() {
        return name;
    }

    /** A sound backend behind something that is not. */
    private static final class Provider extends Forwarding.Provider {
        private final UnaryOperator<TransferBackend> flaw;

        Provider(UnaryOperator<TransferBackend> flaw) {
            super(SimpleBackend.provider(null));
            this.flaw = flaw;
        }

        @Override
        public TransferBackend open(BackendConfig config, BackendEnvironment environment, Deadline deadline) {
            return flaw.apply(super.open(config, environment, deadline));
        }
    }

    /** A sound backend under an engine that does something wrong at its ports. */
    interface BrokenEngine extends BackendHarness, EngineFlaws {
        @Override
        default TransferBackendProvider provider() {
            return SimpleBackend.provider(null);
        }
    }

    /** An engine whose peer control is not what it should be. */
    static BrokenEngine engine(UnaryOperator<PeerControl> flaw) {
        return new BrokenEngine() {
            @Override
            public PeerControlProvider control(PeerControlProvider sound) {
                return new Forwarding.ControlProvider(sound) {
                    @Override
                    public PeerControl open(BackendConfig config, BackendEnvironment environment) {
                        return flaw.apply(super.open(config, environment));
                    }
                };
            }
        };
    }
}
