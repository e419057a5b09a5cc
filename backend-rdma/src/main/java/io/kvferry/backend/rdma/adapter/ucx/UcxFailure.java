package io.kvferry.backend.rdma.adapter.ucx;

/** Hears that UCX could not do something. Does not throw: UCX may be the caller. */
@FunctionalInterface
interface UcxFailure {
    void failed(String doing, int status, String message);
}
