/**
 * What two commands say to each other beside the bytes they move. Start reading at {@link io.kvferry.cli.message.Fields}.
 *
 * <p>Threads: everything here is immutable.
 */
@NullMarked
package io.kvferry.cli.message;

import org.jspecify.annotations.NullMarked;
