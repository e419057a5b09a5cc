package io.kvferry.control.peer;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerControlProvider;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

class GrpcPeerControlProviderTest {
    @Test
    void itIsFoundByItsName() {
        assertThat(ServiceLoader.load(PeerControlProvider.class))
                .singleElement()
                .satisfies(provider -> assertThat(provider.name()).isEqualTo("grpc"));
    }

    @Test
    void everyKeyThatIsDeclaredIsListedUnderTheOwnPrefix() throws IllegalAccessException {
        List<Object> declared = new ArrayList<>();
        for (Field field : PeerConfigKeys.class.getDeclaredFields()) {
            if (Modifier.isPublic(field.getModifiers())) {
                declared.add(field.get(null));
            }
        }

        assertThat(declared).hasSameElementsAs(List.copyOf(new GrpcPeerControlProvider().configKeys()));
        assertThat(new GrpcPeerControlProvider().configKeys())
                .allSatisfy(key -> assertThat(key.name()).startsWith("kvferry.peer."))
                .allSatisfy(GrpcPeerControlProviderTest::assertDefaultIsAllowed);
    }

    private static <T> void assertDefaultIsAllowed(ConfigKey<T> key) {
        assertThat(key.parse(key.format(key.defaultValue()))).isEqualTo(key.defaultValue());
    }
}
