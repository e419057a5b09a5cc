package io.kvferry.example.llm;

import java.nio.charset.StandardCharsets;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a client asks for, in the words of OpenAI's completions. Fields that are not known are ignored; those that would change
 * the answer and are not supported are refused.
 *
 * @param prompt what the answer continues; a token for each of its bytes in UTF-8
 * @param maxTokens how many tokens to answer
 * @param stream true for each token as it comes, false for all at the end
 * @param includeUsage whether a stream ends with the counts of tokens
 * @param temperature zero for the most likely answer
 * @param seed what the answer is drawn with; the same seed gives the same answer
 * @param logProbabilities whether the answer says how likely each token was
 * @param reuse whether the prompt may begin with a KV cache that is known
 */
record CompletionRequest(
        String prompt,
        int maxTokens,
        boolean stream,
        boolean includeUsage,
        float temperature,
        long seed,
        boolean logProbabilities,
        boolean reuse) {
    private static final int USUAL_ANSWER = 16;
    private static final Set<String> REFUSED = Set.of("stop", "suffix", "logit_bias");
    private static final JsonMapper JSON = JsonMapper.builder().build();

    /**
     * Reads a request.
     *
     * @param body what the client sent
     * @param model the one that is served
     * @param mostTokens of prompt and answer together
     * @throws RefusedException with what to change
     */
    static CompletionRequest read(byte[] body, String model, int mostTokens) {
        JsonNode json = parse(body);
        for (String field : REFUSED) {
            if (!json.path(field).isMissingNode() && !json.path(field).isNull()) {
                throw new RefusedException(400, "this server does not support '" + field + "'; leave it out");
            }
        }
        if (json.path("echo").asBoolean(false) || json.path("n").asInt(1) != 1) {
            throw new RefusedException(400, "this server answers once and without the prompt: n=1, echo=false");
        }
        String named = json.path("model").asString(model);
        if (!named.equals(model)) {
            throw new RefusedException(404, "the model '" + named + "' is not served here, '" + model + "' is");
        }
        String prompt = prompt(json.path("prompt"));
        int promptTokens = prompt.getBytes(StandardCharsets.UTF_8).length;
        int maxTokens = (int) number(json, "max_tokens", USUAL_ANSWER, 1, mostTokens);
        if (promptTokens + maxTokens > mostTokens) {
            throw new RefusedException(
                    400,
                    "the prompt of " + promptTokens + " tokens and max_tokens=" + maxTokens + " are together more than "
                            + mostTokens + "; a token is a byte here");
        }
        return new CompletionRequest(
                prompt,
                maxTokens,
                json.path("stream").asBoolean(false),
                json.path("stream_options").path("include_usage").asBoolean(false),
                (float) number(json, "temperature", 1, 0, 2),
                json.path("seed").asLong(0),
                json.path("logprobs").isNumber(),
                json.path("kv_reuse").asBoolean(true));
    }

    private static JsonNode parse(byte[] body) {
        try {
            JsonNode json = JSON.readTree(body);
            if (json.isObject()) {
                return json;
            }
            throw new RefusedException(400, "the body is no JSON object");
        } catch (JacksonException e) {
            throw new RefusedException(400, "the body is no JSON: " + e.getOriginalMessage());
        }
    }

    private static String prompt(JsonNode prompt) {
        JsonNode text = prompt.isArray() && prompt.size() == 1 ? prompt.get(0) : prompt;
        if (!text.isString() || text.asString().isEmpty()) {
            throw new RefusedException(400, "'prompt' is one string that is not empty");
        }
        return text.asString();
    }

    /** Returns the prompt as the model reads it. */
    int[] tokens() {
        byte[] bytes = prompt.getBytes(StandardCharsets.UTF_8);
        int[] tokens = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            tokens[i] = bytes[i] & 0xFF;
        }
        return tokens;
    }

    private static double number(JsonNode json, String field, double otherwise, double min, double max) {
        JsonNode node = json.path(field);
        if (node.isMissingNode() || node.isNull()) {
            return otherwise;
        }
        double value = node.isNumber() ? node.asDouble() : Double.NaN;
        if (value >= min && value <= max) {
            return value;
        }
        throw new RefusedException(400, field + "=" + node + " is not a number from " + min + " to " + max);
    }
}
