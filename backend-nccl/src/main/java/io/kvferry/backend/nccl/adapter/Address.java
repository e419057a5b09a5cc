package io.kvferry.backend.nccl.adapter;

import org.bytedeco.javacpp.Pointer;

/** A number as the binding's pointer: owns nothing and frees nothing. Immutable. */
final class Address extends Pointer {
    /** The base class holds the address in this field. */
    Address(long value) {
        address = value;
    }
}
