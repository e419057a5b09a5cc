package io.kvferry.backend.rdma.adapter.ucx;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which jucx runs on which libucp: measured, see the module's README. Immutable. */
record UcxVersions(String jucx, int ucpMajor, int ucpMinor, int ucpPatch) {
    /** What this module is built with, where the jar does not say. */
    private static final String BUILT_WITH = "1.15.0";

    private static final Pattern SEPARATOR = Pattern.compile("[.-]");
    private static final int OLDEST_JUCX_MINOR = 14;
    private static final int OLDEST_UCP_MINOR = 13;

    static UcxVersions read() {
        int[] ucp = UcpLibrary.version();
        return new UcxVersions(jucxVersion(), ucp[0], ucp[1], ucp[2]);
    }

    private static String jucxVersion() {
        try (InputStream in = UcxVersions.class
                .getClassLoader()
                .getResourceAsStream("META-INF/maven/org.openucx/jucx/pom.properties")) {
            Properties properties = new Properties();
            if (in != null) {
                properties.load(in);
            }
            return properties.getProperty("version", BUILT_WITH);
        } catch (IOException e) {
            return BUILT_WITH;
        }
    }

    /** Why the two cannot be used together, or null. jucx passes constants of its own version to whatever libucp it meets. */
    @Nullable
    String mismatch() {
        int jucxMinor = minor(jucx);
        if (jucxMinor < OLDEST_JUCX_MINOR) {
            return "jucx " + jucx + " lacks calls that this backend needs; it takes 1." + OLDEST_JUCX_MINOR
                    + " or newer";
        }
        int needed = jucxMinor > 15 ? jucxMinor : OLDEST_UCP_MINOR;
        if (ucpMajor != 1 || ucpMinor < needed) {
            return "libucp " + ucp() + " with jucx " + jucx + " fails; that jucx needs libucp 1." + needed
                    + " or newer";
        }
        return null;
    }

    private static int minor(String version) {
        String[] parts = SEPARATOR.split(version, 3);
        try {
            return parts.length > 1 && parts[0].equals("1") ? Integer.parseInt(parts[1]) : -1;
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    String ucp() {
        return ucpMajor + "." + ucpMinor + "." + ucpPatch;
    }

    @Override
    public String toString() {
        return "jucx " + jucx + " on libucp " + ucp();
    }
}
