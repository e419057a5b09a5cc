/**
 * The conformance kit: the suites that every backend must pass, and the fakes that make failures happen on demand.
 *
 * <p>Threads: every type states its own rule; test methods run on JUnit's thread. Start reading at {@link
 * io.kvferry.conformance.BackendHarness}.
 */
@NullMarked
package io.kvferry.conformance;

import org.jspecify.annotations.NullMarked;
