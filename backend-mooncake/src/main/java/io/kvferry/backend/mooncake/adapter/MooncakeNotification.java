package io.kvferry.backend.mooncake.adapter;

/**
 * What a peer told.
 *
 * @param name the sender's word for it
 * @param text the body
 * @since 0.1.0
 */
public record MooncakeNotification(String name, String text) {}
