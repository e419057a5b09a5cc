package io.kvferry.cli.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FileNameTest {
    @ParameterizedTest
    @ValueSource(strings = {"a", "a.bin", "models/a.bin", "a b", "größe", "..a", "a..", ".hidden", "a/.../b"})
    void aRelativeNameIsTaken(String name) {
        assertThat(FileName.check(name)).isEqualTo(name);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "/etc/passwd",
                "..",
                "../a",
                "a/..",
                "a/../b",
                ".",
                "./a",
                "a//b",
                "a/",
                "a\\b",
                "C:a",
                "a\nb",
                "a\u0000b",
                "\u001b[31m"
            })
    void aNameThatCouldLeadElsewhereIsRefused(String name) {
        assertThatExceptionOfType(TransferException.class)
                .isThrownBy(() -> FileName.check(name))
                .satisfies(e -> assertThat(e.code()).isEqualTo(TransferErrorCode.INVALID_REQUEST))
                .satisfies(e -> assertThat(e.getMessage()).doesNotContainPattern("\\p{Cntrl}"));
    }

    @Test
    void aNameThatNoFileSystemTakesIsRefused() {
        assertThatExceptionOfType(TransferException.class).isThrownBy(() -> FileName.check("ä".repeat(128)));
        assertThatExceptionOfType(TransferException.class).isThrownBy(() -> FileName.check("a/".repeat(600) + "a"));
    }
}
