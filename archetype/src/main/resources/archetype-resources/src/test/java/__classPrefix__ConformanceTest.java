package ${package};

import io.kvferry.conformance.BackendConformance;
import io.kvferry.conformance.BackendHarness;

/** Every rule of the contract. One topic alone: mvn test -Dgroups=data */
class ${classPrefix}ConformanceTest extends BackendConformance {
    ${classPrefix}ConformanceTest() {
        super(BackendHarness.named("${backendName}"));
    }
}
