package io.kvferry.example.llm;

import com.sun.net.httpserver.HttpExchange;
import io.kvferry.example.llm.model.Answer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Writes answers in the words of OpenAI's completions. */
final class Json {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private Json() {}

    static void reply(HttpExchange exchange, int status, String json) throws IOException {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    static String error(int status, String message) {
        String type = status < 500 ? "invalid_request_error" : "server_error";
        return MAPPER.writeValueAsString(Map.of("error", Map.of("message", message, "type", type, "code", status)));
    }

    static String models(String name) {
        return MAPPER.writeValueAsString(Map.of(
                "object", "list", "data", List.of(Map.of("id", name, "object", "model", "owned_by", "kvferry"))));
    }

    /** An answer or a part of one; a stream has many, the last of them with a reason. */
    static String completion(
            String id,
            String model,
            List<Answer> answers,
            boolean logProbabilities,
            @Nullable String finishReason,
            @Nullable Usage usage) {
        ObjectNode root = head(id, model);
        ObjectNode choice = root.putArray("choices").addObject();
        choice.put("index", 0);
        choice.put("text", text(answers));
        choice.put("finish_reason", finishReason);
        if (logProbabilities) {
            ObjectNode logprobs = choice.putObject("logprobs");
            ArrayNode tokens = logprobs.putArray("tokens");
            ArrayNode values = logprobs.putArray("token_logprobs");
            for (Answer answer : answers) {
                tokens.add(text(List.of(answer)));
                values.add(answer.logProbability());
            }
        } else {
            choice.putNull("logprobs");
        }
        if (usage != null) {
            put(root, usage);
        }
        return MAPPER.writeValueAsString(root);
    }

    /** The last part of a stream for who asked for it. */
    static String usage(String id, String model, Usage usage) {
        ObjectNode root = head(id, model);
        root.putArray("choices");
        put(root, usage);
        return MAPPER.writeValueAsString(root);
    }

    private static ObjectNode head(String id, String model) {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("id", id);
        root.put("object", "text_completion");
        root.put("model", model);
        return root;
    }

    private static void put(ObjectNode root, Usage usage) {
        ObjectNode node = root.putObject("usage");
        node.put("prompt_tokens", usage.promptTokens());
        node.put("completion_tokens", usage.completionTokens());
        node.put("total_tokens", usage.promptTokens() + usage.completionTokens());
        node.putObject("prompt_tokens_details").put("cached_tokens", usage.cachedTokens());
    }

    private static String text(List<Answer> answers) {
        return answers.stream()
                .map(answer -> Character.toString(answer.token()))
                .collect(Collectors.joining());
    }
}
