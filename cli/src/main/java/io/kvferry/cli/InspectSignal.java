package io.kvferry.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what a process has in hand into its log when it gets the signal USR1.
 *
 * <p>The JDK's class for signals is reached by reflection: it has no successor, and naming it is a compiler warning.
 */
final class InspectSignal {
    private static final Logger LOG = LoggerFactory.getLogger(InspectSignal.class);
    private static final String NAME = "USR1";

    private InspectSignal() {}

    /** Answers the signal from now on; where the platform has none, says so. */
    static void log(Supplier<List<String>> lines) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
            InvocationHandler write = (proxy, method, arguments) -> {
                lines.get().forEach(line -> LOG.info("inspect: {}", line));
                return null;
            };
            Object handler =
                    Proxy.newProxyInstance(InspectSignal.class.getClassLoader(), new Class<?>[] {handlerType}, write);
            signal.getMethod("handle", signal, handlerType)
                    .invoke(null, signal.getConstructor(String.class).newInstance(NAME), handler);
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.info("this platform has no signal {}; ask over HTTP or JMX", NAME, e);
        }
    }
}
