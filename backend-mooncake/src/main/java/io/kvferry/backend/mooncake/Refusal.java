package io.kvferry.backend.mooncake;

import io.kvferry.spi.TransferErrorCode;

/** Why something is not done. */
record Refusal(TransferErrorCode code, String detail) {}
