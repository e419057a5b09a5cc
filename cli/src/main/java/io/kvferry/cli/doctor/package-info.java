/**
 * Checks a set-up before it fails: configuration, ports, controllers, who is registered, and whether nodes agree.
 *
 * <p>Threads: confined to the thread that runs a command. Start reading at {@link io.kvferry.cli.doctor.Finding}.
 */
@NullMarked
package io.kvferry.cli.doctor;

import org.jspecify.annotations.NullMarked;
