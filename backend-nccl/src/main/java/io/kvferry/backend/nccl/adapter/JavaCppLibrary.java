package io.kvferry.backend.nccl.adapter;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The real libraries, through the JavaCPP presets. Touches no class of the presets before the machine's own libraries have
 * been opened.
 *
 * <p><b>Threads:</b> Thread-safe.
 *
 * @since 0.1.0
 */
public final class JavaCppLibrary implements NcclLibrary {
    /** Older ones cannot connect without blocking. */
    private static final int OLDEST_NCCL = 21_400;

    private static final int DRIVER_INSUFFICIENT = 35;

    private static final Object LOCK = new Object();

    /** Set once the binding could not be linked: its classes stay broken for the life of this JVM. */
    private static Presence.@Nullable Absent broken;

    /** Makes the library; loads nothing. */
    public JavaCppLibrary() {}

    @Override
    public Presence find(LibraryPaths paths) {
        synchronized (LOCK) {
            if (broken != null) {
                return broken;
            }
            Optional<Presence.Absent> missing = SharedLibraries.load(paths);
            if (missing.isPresent()) {
                return missing.get();
            }
            configureBinding(paths);
            try {
                return ask();
            } catch (LinkageError e) {
                return broken(e);
            } catch (RuntimeException e) {
                // JavaCPP wraps some of its linkage errors
                if (e.getCause() instanceof LinkageError cause) {
                    return broken(cause);
                }
                throw e;
            }
        }
    }

    /** The binding reads these once, when its first class is initialised. */
    private static void configureBinding(LibraryPaths paths) {
        // else it counts pinned pools as its own and throws OutOfMemoryError once they exceed four times -Xmx
        setUnlessSet("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        setUnlessSet("org.bytedeco.javacpp.maxBytes", "0");
        if (!paths.cacheDirectory().isEmpty()) {
            setUnlessSet("org.bytedeco.javacpp.cachedir", paths.cacheDirectory());
        }
    }

    private static void setUnlessSet(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    private static Presence ask() {
        JavaCppCuda.DeviceCount devices = JavaCppCuda.countDevices();
        if (devices.code() == DRIVER_INSUFFICIENT) {
            return new Presence.Absent(
                    Presence.Reason.DRIVER_TOO_OLD,
                    devices.message(),
                    "update the NVIDIA driver to one that supports CUDA 13 (580 or newer)");
        }
        if (devices.code() != 0 || devices.count() < 1) {
            return new Presence.Absent(
                    Presence.Reason.NO_DEVICE,
                    devices.message(),
                    "make a GPU visible to this process: nvidia-smi must list it, and CUDA_VISIBLE_DEVICES must not"
                            + " hide it");
        }
        int version = JavaCppNccl.version();
        if (version < OLDEST_NCCL) {
            return new Presence.Absent(
                    Presence.Reason.NCCL_TOO_OLD,
                    "NCCL " + Presence.versionText(version) + " cannot connect without blocking",
                    "install NCCL " + Presence.versionText(OLDEST_NCCL)
                            + " or newer, or set kvferry.nccl.nccl-library to one");
        }
        return new Presence.Found(devices.count(), version);
    }

    private static Presence.Absent broken(LinkageError error) {
        Throwable deepest = error;
        while (deepest.getCause() != null) {
            deepest = deepest.getCause();
        }
        Presence.Absent known = new Presence.Absent(
                Presence.Reason.BINDING_BROKEN,
                "the Java binding does not link: " + deepest.getMessage(),
                "put the jars org.bytedeco:cuda and org.bytedeco:javacpp with classifier linux-x86_64, in the versions of"
                        + " kvferry-bom, on the class path, allow native access (--enable-native-access=ALL-UNNAMED), and"
                        + " start anew: this JVM cannot try again");
        broken = known;
        return known;
    }

    @Override
    public CudaAdapter cuda() {
        return JavaCppCuda.INSTANCE;
    }

    @Override
    public NcclAdapter nccl() {
        return JavaCppNccl.INSTANCE;
    }
}
