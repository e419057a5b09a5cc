/**
 * The contract between the engine and a backend, and the words that everyone shares. Depends on nothing but annotations.
 */
module io.kvferry.spi {
    requires static transitive org.jspecify;

    exports io.kvferry.spi;
}
