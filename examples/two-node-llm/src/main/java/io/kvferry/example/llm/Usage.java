package io.kvferry.example.llm;

/**
 * How many tokens a request was about.
 *
 * @param promptTokens of the prompt
 * @param cachedTokens of the prompt, those that needed no computing
 * @param completionTokens of the answer
 */
record Usage(int promptTokens, int cachedTokens, int completionTokens) {}
