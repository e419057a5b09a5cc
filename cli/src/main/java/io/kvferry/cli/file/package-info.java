/**
 * Moves whole files between two engines: windows of a file go through leased memory, a SHA-256 over the whole file decides.
 *
 * <p>Threads: each type says its own. Start reading at {@link io.kvferry.cli.file.FileTopics}, the messages, then
 * {@link io.kvferry.cli.file.FileFetch} and {@link io.kvferry.cli.file.FileServer}.
 */
@NullMarked
package io.kvferry.cli.file;

import org.jspecify.annotations.NullMarked;
