/**
 * What became of the rules: one backend as a page to look at, and all backends of a build side by side. Confined to the thread
 * that calls.
 */
@NullMarked
package io.kvferry.cli.conformance;

import org.jspecify.annotations.NullMarked;
