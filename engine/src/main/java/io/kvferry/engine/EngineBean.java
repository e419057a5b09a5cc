package io.kvferry.engine;

import java.lang.management.ManagementFactory;
import javax.management.JMException;
import javax.management.ObjectName;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows an engine over JMX, as {@code io.kvferry:type=Engine,node="NODE#BOOT"}.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class EngineBean implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EngineBean.class);

    private final ObjectName name;

    private EngineBean(ObjectName name) {
        this.name = name;
    }

    /**
     * Registers an engine with the platform's server.
     *
     * @param engine the engine
     * @return closed before the engine
     */
    public static EngineBean register(TransferEngine engine) {
        try {
            ObjectName name = new ObjectName("io.kvferry:type=Engine,node="
                    + ObjectName.quote(engine.identity().toString()));
            ManagementFactory.getPlatformMBeanServer().registerMBean(new View(engine), name);
            return new EngineBean(name);
        } catch (JMException e) {
            throw new IllegalStateException("an engine's identity is unique in this process", e);
        }
    }

    /** Takes it out again. */
    @Override
    public void close() {
        try {
            ManagementFactory.getPlatformMBeanServer().unregisterMBean(name);
        } catch (JMException e) {
            LOG.debug("{} was not registered any more", name, e);
        }
    }

    private record View(TransferEngine engine) implements EngineMXBean {
        @Override
        public String[] getLines() {
            return engine.status().lines().toArray(String[]::new);
        }

        @Override
        public int getTransfers() {
            return engine.status().transfers().size();
        }

        @Override
        public int getLeases() {
            return engine.status().leases();
        }

        @Override
        public long getQuarantinedBytes() {
            return engine.status().quarantinedBytes();
        }
    }
}
