package io.kvferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Set-ups of vLLM's P2pNcclConnector that hang or fail, and one that does not. */
class DoctorVllmTest {
    private static final String PREFILL = """
            #!/bin/bash
            # the prefill instance
            export NCCL_DEBUG=INFO
            VLLM_DISABLE_REQUEST_ID_RANDOMIZATION=1 CUDA_VISIBLE_DEVICES=0 \\
            vllm serve some/model --host 0.0.0.0 --port 20001 \\
              --tensor-parallel-size 1 --dtype=float16 --enforce-eager \\
              --kv-transfer-config '{"kv_connector":"P2pNcclConnector","kv_role":"kv_producer","kv_buffer_size":"1e1",
                "kv_port":"21001","kv_connector_extra_config":{"proxy_ip":"10.0.0.5","proxy_port":"30001",
                "http_port":"20001","send_type":"PUT_ASYNC","nccl_num_channels":"16"}}' &
            """;
    private static final String DECODE = PREFILL.replace("DEVICES=0", "DEVICES=1")
            .replace("20001", "20002")
            .replace("21001", "22001")
            .replace("kv_producer", "kv_consumer")
            .replace("1e1", "8e9");

    @TempDir
    private Path folder;

    private String file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content).toString();
    }

    private Cli doctor(String prefill, String decode) throws IOException {
        return Cli.run("doctor", "--vllm", file("prefill.sh", prefill), file("decode.sh", decode));
    }

    @Test
    void instancesThatFitPass() throws IOException {
        Cli good = doctor(PREFILL, DECODE);

        assertThat(good.out())
                .doesNotContain("✗")
                .contains(
                        "✓ prefill.sh kv_role: kv_producer",
                        "✓ decode.sh kv_port: 22001",
                        "✓ same send_type: PUT_ASYNC")
                .contains("✓ same model: some/model", "✓ decode.sh kv_buffer_size: 8.0E9");
        assertThat(good.code()).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            "22001"                  | "21001"                   | decode.sh kv_port: 21001 is taken by prefill.sh kv_port
            "22001"                  | "20001"                   | decode.sh kv_port: 20001 is taken by prefill.sh http_port
            "22001"                  | "65536"                   | decode.sh kv_port: 65536 is no port
            "http_port":"20002"      | "http_port":"20009"       | decode.sh http_port: 20009, but 'vllm serve' listens on 20002
            "http_port":"20002",     |                           | KeyError: 'http_port'
            kv_consumer              | kv_producer               | roles: not both a kv_producer and a kv_consumer
            kv_consumer              | kv_both                   | a producer of P2pNcclConnector never loads
            kv_consumer              | decode                    | decode.sh kv_role: it is decode
            P2pNcclConnector         | LMCacheConnectorV1        | check the file of LMCACHE_CONFIG_FILE with --lmcache
            PUT_ASYNC                | GET                       | same send_type: {decode.sh=GET, prefill.sh=PUT_ASYNC}
            PUT_ASYNC                | PUSH                      | decode.sh send_type: it is PUSH
            8e9                      | 1e1                       | 1e1 bytes hold no layer of a prompt
            8e9                      | much                      | much is no number of bytes
            "30001"                  | 30001                     | quote it: "proxy_port": "30001"
            "10.0.0.5"               | "0.0.0.0"                 | 0.0.0.0 is no address to dial
            "proxy_port":"30001",    |                           | set both, the port as the proxy's ZeroMQ port
            "nccl_num_channels":"16" | "nccl_num_channels":"8"   | same nccl_num_channels: {decode.sh=8, prefill.sh=16}
            size 1                   | size 2                    | same tensor-parallel-size: {decode.sh=2, prefill.sh=1}
            size 1                   | size 2                    | decode.sh CUDA_VISIBLE_DEVICES: 1 for 2 ranks
            DEVICES=1                | DEVICES=0                 | 0 is that of prefill.sh, too
            RANDOMIZATION=1          | RANDOMIZATION=0           | since vLLM 0.14
            NCCL_DEBUG=INFO          | NCCL_PROTO=LL             | same NCCL_PROTO: {decode.sh=LL, prefill.sh=not set}
            some/model               | other/model               | same model: {decode.sh=other/model, prefill.sh=some/model}
            """)
    void aMistakeInDecodeIsNamedWithItsRemedy(String right, String wrong, String finding) throws IOException {
        assertThat(DECODE).contains(right);

        Cli bad = doctor(PREFILL, DECODE.replace(right, wrong == null ? "" : wrong));

        assertThat(bad.out()).contains("✗ ").contains(finding);
        assertThat(bad.code()).isEqualTo(ExitCode.FAILED);
    }

    /** The port of rank r is kv_port + r. */
    @Test
    void portsOfEveryRankAreCompared() throws IOException {
        String prefill = PREFILL.replace("size 1", "size 4").replace("DEVICES=0", "DEVICES=0,1,2,3");
        String decode = DECODE.replace("size 1", "size 4")
                .replace("DEVICES=1", "DEVICES=4,5,6,7")
                .replace("22001", "21003");

        assertThat(doctor(prefill, decode).out())
                .contains("✓ prefill.sh kv_port: 21001 to 21004, one for each rank")
                .contains("✗ decode.sh kv_port: 21003 is taken by prefill.sh kv_port");
    }

    @Test
    void instancesOnTwoMachinesMayTakeTheSamePorts() throws IOException {
        String decode = DECODE.replace("22001", "21001").replace("DEVICES=1", "DEVICES=0");
        String prefillFile = file("prefill.sh", PREFILL);
        String decodeFile = file("decode.sh", decode);

        Cli apart = Cli.run("doctor", "--vllm", prefillFile + "@10.0.1.2", decodeFile + "@10.0.1.3");
        assertThat(apart.out()).doesNotContain("✗").contains("✓ decode.sh: on 10.0.1.3");

        Cli lost = Cli.run(
                "doctor",
                "--vllm",
                prefillFile + "@10.0.1.2",
                file("lo.sh", "export NCCL_SOCKET_IFNAME=lo\n" + decode) + "@10.0.1.3");
        assertThat(lost.out()).contains("✗ lo.sh NCCL_SOCKET_IFNAME: lo reaches no other machine");
    }

    /** A rank that is not read is the first thing that people change. */
    @Test
    void whatIsNotReadIsSaidToBeHarmless() throws IOException {
        String json = "{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"kv_consumer\",\"kv_rank\":2,"
                + "\"kv_parallel_size\":2,\"kv_connector_extra_config\":{\"http_port\":\"20002\"}}";
        String yaml = "model: some/model\nport: 20003\nkv-transfer-config:\n  kv_connector: P2pNcclConnector\n"
                + "  kv_role: kv_producer\n  kv_connector_extra_config: {http_port: 20003}\n";

        Cli both = Cli.run("doctor", "--vllm", file("decode.json", json), file("prefill.yaml", yaml));

        assertThat(both.out())
                .contains("✓ decode.json kv_rank: 2; P2pNcclConnector does not read it")
                .contains("✗ prefill.yaml kv_port: 14579 is taken by decode.json kv_port")
                .contains("✓ prefill.yaml proxy: none is set", "___prefill_addr_");
    }

    @Test
    void whatIsNoConfigurationIsSaidToBeNone() throws IOException {
        assertThat(Cli.run("doctor", "--vllm", file("a", "- 1")).out()).contains("✗ ", "neither a command");
        assertThat(Cli.run("doctor", "--vllm", file("b", "a: [")).out()).contains("✗ ", "cannot be read");
        assertThat(Cli.run("doctor", "--vllm", folder.resolve("absent").toString())
                        .out())
                .contains("✗ ", "cannot be read");
        assertThat(Cli.run("doctor", "--vllm", file("c", "vllm serve x --kv-transfer-config '- 1'"))
                        .out())
                .contains("✗ ", "cannot be read");
    }

    @Test
    void logsTellVersionsThatDifferAndFailuresThatAreKnown() throws IOException {
        String prefill = file("prefill.log", """
                INFO 08-20 16:42:10 [api_server.py:1395] vLLM API server version 0.11.0
                INFO 08-20 16:42:21 [pynccl.py:113] vLLM is using nccl==2.28.9
                """);
        String decode = file("decode.log", """
                INFO 08-20 16:42:10 [core.py:77] Initializing a V1 LLM engine (v0.11.0) with config
                host:1:1 [0] NCCL INFO NCCL version 2.21.5+cuda12.4
                zmq.error.ZMQError: Address already in use (addr='tcp://10.0.0.8:14579')
                """);

        Cli logs = Cli.run("doctor", "--vllm-log", prefill, decode);

        assertThat(logs.code()).isEqualTo(ExitCode.FAILED);
        assertThat(logs.out())
                .contains("✗ same NCCL: {decode.log=2.21.5, prefill.log=2.28.9}", "✓ same vLLM: 0.11.0")
                .contains("✗ decode.log: zmq.error.ZMQError: Address already in use", "kv_port of its own")
                .contains("✓ prefill.log: no failure whose cause is known");
    }
}
