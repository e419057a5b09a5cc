package io.kvferry.cli;

import io.kvferry.spi.ConfigKey;
import io.kvferry.spi.PeerAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads option values in the same notation as configuration keys. */
final class Converters {
    private static final ConfigKey<Long> SIZE = ConfigKey.size("kvferry.option", 1, 1, Long.MAX_VALUE >> 1, "");
    private static final ConfigKey<Duration> DURATION =
            ConfigKey.duration("kvferry.option", Duration.ofSeconds(1), Duration.ofMillis(1), Duration.ofDays(365), "");

    private Converters() {}

    /** Sizes such as 64MiB. */
    static final class Size implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return parse(SIZE, text, "a size of at least one byte, such as 64KiB or 1GiB");
        }
    }

    /** Durations such as 30s. */
    static final class Time implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String text) {
            return parse(DURATION, text, "a duration, such as 500ms or 30s");
        }
    }

    /** Durations such as 30s; a number alone is seconds, as in environments that were set for other tools. */
    static final class Seconds implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String text) {
            if (text.matches("\\d{1,8}(\\.\\d{1,9})?")) {
                return Duration.ofNanos((long) (Double.parseDouble(text) * 1e9));
            }
            return parse(DURATION, text, "a duration, such as 500ms, 30s or 5.0 (seconds)");
        }
    }

    /** Addresses such as http://10.0.0.7:8010/v1/completions. */
    static final class Url implements ITypeConverter<URI> {
        @Override
        public URI convert(String text) {
            try {
                URI url = new URI(text);
                if (("http".equals(url.getScheme()) || "https".equals(url.getScheme())) && url.getHost() != null) {
                    return url;
                }
            } catch (URISyntaxException e) {
                // said below
            }
            throw new TypeConversionException(
                    "'" + text + "' is not an address such as http://HOST:PORT/v1/completions");
        }
    }

    /** Addresses such as 10.0.0.7:7400. */
    static final class Address implements ITypeConverter<PeerAddress> {
        @Override
        public PeerAddress convert(String text) {
            try {
                return PeerAddress.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    private static <T> T parse(ConfigKey<T> as, String text, String what) {
        try {
            return as.parse(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException("'" + text + "' is not " + what);
        }
    }
}
