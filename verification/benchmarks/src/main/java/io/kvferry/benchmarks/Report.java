package io.kvferry.benchmarks;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes results for people and for programs. */
final class Report {
    private static final List<String> HEADERS = List.of(
            "row",
            "figure",
            "ours",
            "peer",
            "medians",
            "pairs",
            "all pairs",
            "target",
            "result",
            "slow/runs",
            "memory copy");

    private Report() {}

    static String table(List<RowResult> results) {
        List<List<String>> lines = new ArrayList<>();
        lines.add(HEADERS);
        for (RowResult result : results) {
            for (Check check : result.row().checks()) {
                lines.add(line(result, check));
            }
        }
        StringBuilder text = new StringBuilder();
        int[] widths = new int[HEADERS.size()];
        for (int column = 0; column < widths.length; column++) {
            widths[column] = width(lines, column);
        }
        lines.add(1, Arrays.stream(widths).mapToObj("-"::repeat).toList());
        for (List<String> line : lines) {
            text.append("|");
            for (int column = 0; column < widths.length; column++) {
                text.append(String.format(Locale.ROOT, " %-" + widths[column] + "s |", line.get(column)));
            }
            text.append('\n');
        }
        return text.toString();
    }

    private static List<String> line(RowResult result, Check check) {
        boolean ratio = check.againstPeer();
        Row row = result.row();
        return List.of(
                row.name(),
                check.figure(),
                result.ours(check).toString(),
                ratio ? row.peerName() + " " + result.peer(check) : "-",
                ratio ? Summary.digits(result.ratioOfMedians(check)) : "-",
                ratio ? result.pairRatios(check).toString() : "-",
                ratio ? result.allPairRatios(check).toString() : "-",
                check.target(),
                result.verdict(check).name().toLowerCase(Locale.ROOT).replace('_', ' '),
                result.slowPairs() + "/" + result.pairs().size(),
                Summary.of(result.pairs().stream().mapToDouble(Pair::copyGbPerS).filter(value -> !Double.isNaN(value)))
                        .toString());
    }

    private static int width(List<List<String>> lines, int column) {
        return lines.stream().mapToInt(line -> line.get(column).length()).max().orElse(1);
    }

    /** Every figure of every run, slow ones included. */
    static String json(Map<String, String> environment, List<RowResult> results) {
        Gson gson = new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create();
        JsonObject report = new JsonObject();
        report.add("environment", gson.toJsonTree(environment));
        JsonArray rows = new JsonArray();
        for (RowResult result : results) {
            JsonObject row = new JsonObject();
            row.addProperty("row", result.row().name());
            row.addProperty("what", result.row().what());
            row.addProperty("peer", result.row().peerName());
            JsonArray pairs = new JsonArray();
            result.pairs().forEach(pair -> pairs.add(pair(gson, pair)));
            row.add("runs", pairs);
            JsonObject verdicts = new JsonObject();
            result.row()
                    .checks()
                    .forEach(check -> verdicts.addProperty(
                            check.figure() + " " + check.target(),
                            result.verdict(check).name()));
            row.add("results", verdicts);
            rows.add(row);
        }
        report.add("rows", rows);
        return gson.toJson(report) + "\n";
    }

    private static JsonObject pair(Gson gson, Pair pair) {
        JsonObject object = new JsonObject();
        object.addProperty("slow_phase", pair.isSlow());
        object.add("ours", gson.toJsonTree(new TreeMap<>(pair.ours().figures())));
        Sample peer = pair.peer();
        if (peer != null) {
            object.add("peer", gson.toJsonTree(new TreeMap<>(peer.figures())));
            object.addProperty("memory_copy_gb_per_s", pair.copyGbPerS());
        }
        return object;
    }
}
