package io.kvferry.control.peer;

import io.kvferry.spi.BackendConfig;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A key and a certificate signed by itself, made by the JDK's own keytool.
 *
 * @param certificate PEM file
 * @param key PEM file
 */
record Credentials(Path certificate, Path key) {
    private static final String PASSWORD = "of-a-test";

    /** For a node that is dialled as 127.0.0.1 and whose cluster calls all nodes by one name. */
    static Credentials make(Path folder, String name) throws Exception {
        Path store = folder.resolve(name + ".p12");
        Process keytool = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        name,
                        "-keyalg",
                        "EC",
                        "-groupname",
                        "secp256r1",
                        "-dname",
                        "CN=" + name,
                        "-ext",
                        "san=ip:127.0.0.1,dns:kvferry-node",
                        "-validity",
                        "2",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        store.toString(),
                        "-storepass",
                        PASSWORD))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(name + ".log").toFile())
                .start();
        if (!keytool.waitFor(30, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
            keytool.destroyForcibly();
            throw new IllegalStateException(Files.readString(folder.resolve(name + ".log")));
        }
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(store.toFile())) {
            keys.load(in, PASSWORD.toCharArray());
        }
        Path certificate = folder.resolve(name + ".crt");
        Path key = folder.resolve(name + ".key");
        pem(certificate, "CERTIFICATE", keys.getCertificate(name).getEncoded());
        pem(key, "PRIVATE KEY", keys.getKey(name, PASSWORD.toCharArray()).getEncoded());
        return new Credentials(certificate, key);
    }

    private static void pem(Path file, String what, byte[] content) throws Exception {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
        Files.writeString(file, "-----BEGIN " + what + "-----\n" + body + "\n-----END " + what + "-----\n");
    }

    /** Of a node that shows these and trusts those of a file. */
    BackendConfig trusting(Path trusted) {
        return BackendConfig.DEFAULTS
                .with(PeerConfigKeys.TLS_CERTIFICATE, certificate.toString())
                .with(PeerConfigKeys.TLS_KEY, key.toString())
                .with(PeerConfigKeys.TLS_TRUST, trusted.toString());
    }
}
