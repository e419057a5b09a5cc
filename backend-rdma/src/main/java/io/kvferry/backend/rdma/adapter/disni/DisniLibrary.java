package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.RdmaCm;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Loads DiSNI and says what it lacks. The one class that may be asked before anybody knows whether DiSNI is there. */
final class DisniLibrary {
    private static final String EXPORTED = "sun.nio.ch";

    private DisniLibrary() {}

    /**
     * Loads libdisni.
     *
     * @return DiSNI's connection manager, the same each time
     * @throws TransferException BACKEND_UNAVAILABLE with what is missing; {@link #fix} says how to get it
     */
    static RdmaCm load() {
        requireJar();
        RdmaCm manager;
        try {
            manager = RdmaCm.open();
        } catch (LinkageError e) {
            throw unavailable(
                    "libdisni does not load from java.library.path=" + System.getProperty("java.library.path"), e);
        } catch (IOException e) {
            throw unavailable("libdisni is of another version than com.ibm.disni:disni:2.1: " + e.getMessage(), e);
        }
        requireExport();
        return manager;
    }

    private static void requireJar() {
        try {
            Class.forName("com.ibm.disni.verbs.RdmaProvider", false, DisniLibrary.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw unavailable("com.ibm.disni:disni:2.1 is not on the class path", null);
        }
    }

    /** DiSNI reads the addresses of buffers from a class of the JDK's own; without leave it fails in the middle. */
    private static void requireExport() {
        if (!Object.class.getModule().isExported(EXPORTED, RdmaCm.class.getModule())) {
            throw unavailable("DiSNI may not use the package " + EXPORTED + " of the JDK", null);
        }
    }

    /** What to do about any of it. */
    static String fix() {
        return "put com.ibm.disni:disni:2.1 on the class path, without its log4j; build and install libdisni from DiSNI's"
                + " sources, in a folder of -Djava.library.path; and start java with --enable-native-access=ALL-UNNAMED"
                + " --add-exports=java.base/sun.nio.ch=ALL-UNNAMED. Or leave kvferry.rdma.provider empty: verbs reaches"
                + " the same devices without it";
    }

    static TransferException unavailable(String detail, @Nullable Throwable cause) {
        return new TransferException(TransferErrorCode.BACKEND_UNAVAILABLE, Stage.OPEN, detail, cause);
    }
}
