/**
 * The {@code kvferry} command: one class for each subcommand, over the same engine an application uses.
 *
 * <p>Threads: a command runs on the thread that called it. Start reading at {@link io.kvferry.cli.Main}.
 */
@NullMarked
package io.kvferry.cli;

import org.jspecify.annotations.NullMarked;
