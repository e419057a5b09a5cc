/**
 * What the RDMA lab runs inside its guest. Confined to the main thread. Start reading at {@link io.kvferry.lab.Lab}.
 */
@NullMarked
package io.kvferry.lab;

import org.jspecify.annotations.NullMarked;
