package io.kvferry.control.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvferry.control.cluster.NodeSession;
import io.kvferry.control.cluster.NodeStats;
import io.kvferry.spi.Deadline;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** The dashboard in a real browser, which can reach nothing but this machine. */
class DashboardTest {
    private static final long GIB = 1L << 30;

    @TempDir(cleanup = CleanupMode.NEVER) // the browser may still write while it dies
    private Path profile;

    @Test
    void showsNodesTrafficAndEventsAsTheyChange() throws Exception {
        try (TestCluster cluster = TestCluster.open();
                Browser browser = Browser.open(profile)) {
            NodeSession prefill = cluster.node("prefill-0", "prefill");
            NodeSession decode = cluster.node("<b>decode</b>", "decode");
            TestCluster.hold(prefill, 1, 2, 3);
            prefill.keepAlive(new NodeStats(35, 8 * GIB, 6 * GIB, 3, 64L << 20, 0, 1000, 0));
            decode.keepAlive(new NodeStats(80, 8 * GIB, 2 * GIB, 2, 0, 0, 0, 0));

            browser.show(cluster.uri("/"));
            browser.await("document.body.dataset.state === 'live'");
            browser.await("document.querySelectorAll('#nodes tr').length === 2");
            browser.await("document.getElementById('live').textContent === '2'");
            browser.await("document.getElementById('in-flight').textContent === '5'");
            browser.await("document.getElementById('quarantine').textContent === '64.0 MiB'");
            browser.await("document.getElementById('chunks').textContent === '3'");
            assertThat(browser.evaluate("document.querySelector('#nodes b')").isNull())
                    .as("a node's name is text, never a piece of the page")
                    .isTrue();

            // traffic is what counters gain between two looks, of which the first must have been taken
            browser.await("samples.some(sample => sample.transfersInFlight === 5)");
            prefill.keepAlive(new NodeStats(35, 8 * GIB, 6 * GIB, 3, 64L << 20, 3 * GIB, 5000, 3000));
            browser.await("samples.some(sample => sample.movedBytesPerSecond > 0)");
            browser.await("document.getElementById('hit-rate').textContent === '75 %'");
            browser.await("Chart.getChart('throughput-chart').data.datasets[0].data.some(value => value > 0)");
            byte[] light = browser.screenshot();
            browser.preferDark(true);
            browser.await("Chart.getChart('throughput-chart').data.datasets[0].borderColor === '#58b8e0'");
            byte[] dark = browser.screenshot();
            assertThat(dark).isNotEqualTo(light);
            keep("light.png", light);
            keep("dark.png", dark);

            decode.deregister(Deadline.after(TestCluster.PATIENCE));
            browser.await("document.querySelectorAll('#nodes tr').length === 1");
            browser.await("document.getElementById('events').innerText.includes('node gone: <b>decode</b>')");
            assertThat(browser.complaints()).isEmpty();
        }
    }

    /** For a person to look at. */
    private static void keep(String name, byte[] png) throws Exception {
        Files.createDirectories(Path.of("target/dashboard"));
        Files.write(Path.of("target/dashboard", name), png);
    }
}
