package io.kvferry.backend.tcp;

import io.kvferry.spi.TransferErrorCode;

/** Why a frame of the peer was not acted on. Immutable. */
record Refusal(TransferErrorCode code, String detail) {}
