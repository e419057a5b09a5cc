package io.kvferry.engine;

import io.kvferry.spi.Availability;
import io.kvferry.spi.BackendInfo;
import org.jspecify.annotations.Nullable;

/**
 * One backend on the class path: open, or why not.
 *
 * <p><b>Threads:</b> Immutable.
 *
 * @param name its name
 * @param availability whether it can run here
 * @param info what it can do, or null while it is not open
 * @since 0.1.0
 */
public record BackendStatus(
        String name, Availability availability, @Nullable BackendInfo info) {}
