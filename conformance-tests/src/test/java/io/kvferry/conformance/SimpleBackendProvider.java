package io.kvferry.conformance;

/** Lets {@link java.util.ServiceLoader} find the sound {@link SimpleBackend}. */
public final class SimpleBackendProvider extends Forwarding.Provider {
    /** Made by ServiceLoader. */
    public SimpleBackendProvider() {
        super(SimpleBackend.provider(null));
    }
}
