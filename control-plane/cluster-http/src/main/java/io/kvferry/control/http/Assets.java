package io.kvferry.control.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** The dashboard's files, and the description of what can be asked. All come from the class path; nothing is fetched. */
final class Assets {
    private Assets() {}

    static List<Route> routes() {
        return List.of(
                route("/", "dashboard/index.html", "text/html; charset=utf-8"),
                route("/assets/dashboard.css", "dashboard/dashboard.css", "text/css; charset=utf-8"),
                route("/assets/dashboard.js", "dashboard/dashboard.js", "text/javascript; charset=utf-8"),
                route("/assets/favicon.svg", "dashboard/favicon.svg", "image/svg+xml"),
                route("/favicon.ico", "dashboard/favicon.svg", "image/svg+xml"),
                route("/assets/chart.js", chart(), "text/javascript; charset=utf-8"),
                route("/v1/openapi.json", "openapi.json", Json.TYPE));
    }

    private static Route route(String path, String resource, String type) {
        byte[] bytes = read(resource);
        HttpAnswer answer = new HttpAnswer.Whole(200, type, bytes, Map.of("Cache-Control", "no-cache"));
        return Route.get(path, _ -> answer);
    }

    /** Where the web jar keeps the chart library; the version, which the build writes down, is part of the path. */
    private static String chart() {
        Properties build = new Properties();
        try {
            build.load(new ByteArrayInputStream(read("build.properties")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return "/META-INF/resources/webjars/chart.js/" + build.getProperty("chart-js") + "/dist/chart.umd.js";
    }

    static byte[] read(String resource) {
        try (InputStream stream = Assets.class.getResourceAsStream(resource)) {
            if (stream == null) {
                throw new IllegalStateException("the class path lacks " + resource);
            }
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
