package io.kvferry.control.http;

import io.kvferry.spi.TransferErrorCode;

/** The status that an error code is told with. */
final class HttpStatus {
    private HttpStatus() {}

    static int of(TransferErrorCode code) {
        return switch (code) {
            case OK -> 200;
            case INVALID_REQUEST, PROTOCOL_ERROR, BUFFER_MISMATCH, MEMORY_NOT_REGISTERED -> 400;
            case ACCESS_DENIED -> 403;
            case NOT_FOUND -> 404;
            case ALREADY_EXISTS, INCOMPATIBLE_PEER, NOT_QUIESCENT, CANCELLED -> 409;
            case LEASE_ENDED -> 410;
            case RESOURCE_EXHAUSTED -> 429;
            case UNSUPPORTED -> 501;
            case CONNECTION_FAILED, CONTROL_FAILED, TRANSFER_FAILED, PEER_LOST, PEER_RESTARTED, DATA_CORRUPTED -> 502;
            case BACKEND_UNAVAILABLE, SHUTTING_DOWN -> 503;
            case DEADLINE_EXCEEDED -> 504;
            case INTERNAL, UNRECOGNIZED -> 500;
        };
    }
}
