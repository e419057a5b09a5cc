/**
 * The backend {@code ${backendName}}. Read {@link ${package}.${classPrefix}Backend} first; {@code README.md} says what to
 * replace, in which order.
 */
@NullMarked
package ${package};

import org.jspecify.annotations.NullMarked;
