package io.kvferry.control.etcd;

import io.grpc.Status;
import io.kvferry.spi.Stage;
import io.kvferry.spi.TransferErrorCode;
import io.kvferry.spi.TransferException;
import org.jspecify.annotations.Nullable;

/** Turns what etcd and its client say into the errors of a store. */
final class EtcdErrors {
    private static final String LEASE_GONE = "requested lease not found";

    private EtcdErrors() {}

    static boolean isLeaseGone(Throwable failure) {
        return String.valueOf(Status.fromThrowable(failure).getDescription()).contains(LEASE_GONE)
                || String.valueOf(failure.getMessage()).contains(LEASE_GONE);
    }

    static TransferException of(Throwable failure, String endpoints) {
        if (isLeaseGone(failure)) {
            return new TransferException(
                    TransferErrorCode.LEASE_ENDED, Stage.OFFER, "the lease has ended in etcd", failure);
        }
        Status status = Status.fromThrowable(failure);
        String reason =
                status.getDescription() == null ? String.valueOf(failure.getMessage()) : status.getDescription();
        if (isRefused(status.getCode(), reason)) {
            return new TransferException(
                    TransferErrorCode.ACCESS_DENIED,
                    Stage.HELLO,
                    "etcd at " + place(endpoints) + ": " + reason + "; set " + EtcdConfigKeys.USER.name() + " and "
                            + EtcdConfigKeys.PASSWORD.name() + " to a user who may read and write under "
                            + EtcdConfigKeys.PREFIX.name(),
                    failure);
        }
        TransferErrorCode code = switch (status.getCode()) {
            case RESOURCE_EXHAUSTED -> TransferErrorCode.RESOURCE_EXHAUSTED;
            case DEADLINE_EXCEEDED -> TransferErrorCode.DEADLINE_EXCEEDED;
            default -> TransferErrorCode.CONTROL_FAILED;
        };
        return new TransferException(code, Stage.HELLO, "etcd at " + place(endpoints) + ": " + reason, failure);
    }

    /** Etcd calls a wrong password, and none, an invalid argument. */
    private static boolean isRefused(Status.Code code, String reason) {
        return code == Status.Code.UNAUTHENTICATED
                || code == Status.Code.PERMISSION_DENIED
                || reason.contains("authentication failed")
                || reason.contains("user name is empty");
    }

    static TransferException late(String endpoints) {
        return new TransferException(
                TransferErrorCode.DEADLINE_EXCEEDED,
                Stage.HELLO,
                "etcd at " + place(endpoints) + " did not answer in time; what was asked for may have been done");
    }

    static TransferException closed() {
        return new TransferException(TransferErrorCode.SHUTTING_DOWN, Stage.CLOSE, "the store in etcd is closed");
    }

    static TransferException interrupted() {
        return new TransferException(
                TransferErrorCode.CANCELLED, Stage.HELLO, "interrupted while waiting for etcd; it may have been done");
    }

    static TransferException invalid(String detail, @Nullable Throwable cause) {
        return new TransferException(TransferErrorCode.INVALID_REQUEST, Stage.OPEN, detail, cause);
    }

    private static String place(String endpoints) {
        return EtcdConfigKeys.ENDPOINTS.name() + "=" + endpoints;
    }
}
