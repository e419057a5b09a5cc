package io.kvferry.engine;

/**
 * One value as somebody wrote it.
 *
 * @param name the key, not checked yet
 * @param text the value, not checked yet
 * @param source where it was written
 */
record ConfigSetting(String name, String text, String source) {}
