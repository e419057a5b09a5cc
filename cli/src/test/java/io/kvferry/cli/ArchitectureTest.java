package io.kvferry.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The arrows of docs/architecture.md point down only. It lives here because the command line sees every module. */
class ArchitectureTest {
    private static final String SPI = "io.kvferry.spi..";
    private static final String OURS = "io.kvferry..";

    private static JavaClasses modules;

    @BeforeAll
    static void importEveryModule() {
        modules = new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importPackages("io.kvferry");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "io.kvferry.spi",
                "io.kvferry.engine",
                "io.kvferry.conformance",
                "io.kvferry.backend.inprocess",
                "io.kvferry.backend.tcp",
                "io.kvferry.backend.mooncake",
                "io.kvferry.netty",
                "io.kvferry.backend.nccl",
                "io.kvferry.backend.rdma",
                "io.kvferry.control.grpc",
                "io.kvferry.control.peer",
                "io.kvferry.control.cluster",
                "io.kvferry.example.llm",
                "io.kvferry.control.http",
                "io.kvferry.control.etcd",
                "io.kvferry.node",
                "io.kvferry.cli"
            })
    void everyModuleIsSeenByTheseRules(String modulePackage) {
        assertThat(modules.containPackage(modulePackage)).isTrue();
    }

    @Test
    void spiDependsOnTheJdkAndAnnotationsOnly() {
        classes()
                .that()
                .resideInAPackage(SPI)
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(SPI, "java..", "org.jspecify.annotations..", "com.google.errorprone.annotations..")
                .check(modules);
    }

    @ParameterizedTest
    @ValueSource(strings = {"io.kvferry.engine..", "io.kvferry.control.grpc..", "io.kvferry.netty.."})
    void engineAndWhatModulesShareSeeOfOursTheSpiAlone(String module) {
        assertSeesOnly(module, SPI);
    }

    @ParameterizedTest
    @ValueSource(strings = {"io.kvferry.control.peer..", "io.kvferry.control.cluster.."})
    void theControlPlaneSeesBesidesTheSpiWhatItsPortsShare(String module) {
        assertSeesOnly(module, SPI, "io.kvferry.control.grpc..");
    }

    @ParameterizedTest
    @ValueSource(strings = {"io.kvferry.control.http..", "io.kvferry.control.etcd.."})
    void whatSurroundsTheControllerSeesOfOursTheControllerAndTheSpi(String module) {
        assertSeesOnly(module, SPI, "io.kvferry.control.cluster..");
    }

    @ParameterizedTest
    @ValueSource(strings = {"io.kvferry.backend.inprocess..", "io.kvferry.backend.rdma..", "io.kvferry.backend.nccl.."})
    void aBackendSeesOfOursTheSpiAlone(String backend) {
        assertSeesOnly(backend, SPI);
    }

    @ParameterizedTest
    @ValueSource(strings = {"io.kvferry.backend.tcp..", "io.kvferry.backend.mooncake.."})
    void aBackendOverSocketsSeesBesidesTheMemoryThatSuchBackendsShare(String backend) {
        assertSeesOnly(backend, SPI, "io.kvferry.netty..");
    }

    @Test
    void theKvNodeSeesEngineAndClusterAndNoBackend() {
        assertSeesOnly("io.kvferry.node..", SPI, "io.kvferry.engine..", "io.kvferry.control.cluster..");
    }

    @Test
    void theBindingOfCudaStaysInOnePackage() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.kvferry.backend.nccl.adapter..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.bytedeco..")
                .check(modules.that(JavaClass.Predicates.resideInAPackage(OURS)));
    }

    @Test
    void ucxStaysInItsAdapter() {
        noClasses()
                .that()
                .resideOutsideOfPackages("io.kvferry.backend.rdma.adapter.ucx..", "org.openucx..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.openucx..")
                .check(modules);
    }

    @Test
    void theConformanceKitSeesSpiAndEngineAlone() {
        assertSeesOnly("io.kvferry.conformance..", SPI, "io.kvferry.engine..");
    }

    @Test
    void theExampleSeesWhatAnApplicationWouldSee() {
        assertSeesOnly("io.kvferry.example.llm..", SPI, "io.kvferry.engine..", "io.kvferry.node..");
    }

    @Test
    void packagesAreFreeOfCycles() {
        slices().matching("io.kvferry.(**)").should().beFreeOfCycles().check(modules);
    }

    @Test
    void timeComesFromTheTicker() {
        noClasses()
                .that()
                .doNotHaveSimpleName("SystemTicker")
                .should()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(Thread.class, "sleep", long.class)
                .check(modules);
    }

    private static void assertSeesOnly(String module, String... allowed) {
        noClasses()
                .that()
                .resideInAPackage(module)
                .should()
                .dependOnClassesThat(oursOutside(module, allowed))
                .check(modules);
    }

    private static DescribedPredicate<JavaClass> oursOutside(String module, String... allowed) {
        return JavaClass.Predicates.resideInAPackage(OURS)
                .and(DescribedPredicate.not(JavaClass.Predicates.resideInAnyPackage(allowed)))
                .and(DescribedPredicate.not(JavaClass.Predicates.resideInAPackage(module)))
                .as("are ours and outside %s and %s", module, List.of(allowed));
    }
}
