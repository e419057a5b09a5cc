/*
 * What UCX gives without KVFerry: one-sided operations between two processes, on memory from malloc.
 *
 *   ucx put|get BLOCK WINDOW SECONDS     bandwidth, WINDOW operations in flight, over 256 MiB on both sides
 *   ucx latency BLOCK SECONDS            time of one put with its flush
 *
 * Prints one JSON object. UCX_TLS says over what; PEER_ERRORS=1 asks UCX to watch for a lost peer, as KVFerry does.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <ucp/api/ucp.h>
#include <unistd.h>

enum { REGION = 256 << 20, MAX_SAMPLES = 1 << 22, MAX_BLOB = 4096 };

static ucp_context_h context;
static ucp_worker_h worker;
static ucp_mem_h registration;
static char *memory;
static int in_flight;

static void check(ucs_status_t status, const char *what) {
    if (status != UCS_OK) {
        fprintf(stderr, "%s: %s\n", what, ucs_status_string(status));
        exit(1);
    }
}

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void open_ucx(int filling) {
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = UCP_FEATURE_RMA};
    ucp_config_t *config;
    check(ucp_config_read(NULL, NULL, &config), "ucp_config_read");
    check(ucp_init(&params, config, &context), "ucp_init");
    ucp_config_release(config);
    ucp_worker_params_t single = {.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE, .thread_mode = UCS_THREAD_MODE_SINGLE};
    check(ucp_worker_create(context, &single, &worker), "ucp_worker_create");
    memory = malloc(REGION);
    if (memory == NULL) fail("malloc");
    memset(memory, filling, REGION);
    ucp_mem_map_params_t map = {.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH,
                                .address = memory, .length = REGION};
    check(ucp_mem_map(context, &map, &registration), "ucp_mem_map");
}

static void put_blob(int fd, const void *bytes, size_t length) {
    if (write(fd, &length, sizeof(length)) != sizeof(length) || write(fd, bytes, length) != (ssize_t)length) fail("write");
}

static size_t get_blob(int fd, void *bytes) {
    size_t length, got = 0;
    if (read(fd, &length, sizeof(length)) != sizeof(length) || length > MAX_BLOB) fail("read");
    while (got < length) {
        ssize_t more = read(fd, (char *)bytes + got, length - got);
        if (more <= 0) fail("read");
        got += more;
    }
    return length;
}

/* Says where the memory is, then serves until the other side closes. */
static void serve(int fd) {
    ucp_address_t *address;
    void *key;
    size_t length;
    char byte;
    open_ucx(2);
    check(ucp_worker_get_address(worker, &address, &length), "ucp_worker_get_address");
    put_blob(fd, address, length);
    check(ucp_rkey_pack(context, registration, &key, &length), "ucp_rkey_pack");
    put_blob(fd, key, length);
    put_blob(fd, &memory, sizeof(memory));
    for (;;) {
        for (int i = 0; i < 4096; i++) ucp_worker_progress(worker);
        ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) _exit(0);
    }
}

static void done(void *request, ucs_status_t status, void *user) {
    (void)user;
    check(status, "operation");
    in_flight--;
    ucp_request_free(request);
}

static void await(int most) {
    while (in_flight > most) ucp_worker_progress(worker);
}

static void started(ucs_status_ptr_t request) {
    if (UCS_PTR_IS_ERR(request)) check(UCS_PTR_STATUS(request), "post");
    if (request != NULL) in_flight++;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments) {
    if (count < 4) return fprintf(stderr, "ucx put|get BLOCK WINDOW SECONDS, or ucx latency BLOCK SECONDS\n"), 2;
    int latency = strcmp(arguments[1], "latency") == 0, put = latency || strcmp(arguments[1], "put") == 0;
    size_t block = strtoul(arguments[2], NULL, 10);
    int window = latency ? 0 : atoi(arguments[3]) - 1;
    double seconds = atof(arguments[latency ? 3 : 4]);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) fail("socketpair");
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        close(pair[0]);
        serve(pair[1]);
    }
    close(pair[1]);
    open_ucx(1);
    char address[MAX_BLOB], key[MAX_BLOB];
    uint64_t remote = 0;
    get_blob(pair[0], address);
    get_blob(pair[0], key);
    get_blob(pair[0], &remote);
    const char *watched = getenv("PEER_ERRORS");
    ucp_ep_params_t params = {.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE,
                              .address = (ucp_address_t *)address,
                              .err_mode = watched && *watched ? UCP_ERR_HANDLING_MODE_PEER : UCP_ERR_HANDLING_MODE_NONE};
    ucp_ep_h endpoint;
    ucp_rkey_h rkey;
    check(ucp_ep_create(worker, &params, &endpoint), "ucp_ep_create");
    check(ucp_ep_rkey_unpack(endpoint, key, &rkey), "ucp_ep_rkey_unpack");
    ucp_request_param_t request = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_MEMORY_TYPE,
                                   .cb.send = done, .memory_type = UCS_MEMORY_TYPE_HOST};
    static double samples[MAX_SAMPLES];
    double warm = now() + seconds / 4, start = warm, end;
    uint64_t bytes = 0, operations = 0;
    size_t at = 0;
    do {
        double before = now();
        started(put ? ucp_put_nbx(endpoint, memory + at, block, remote + at, rkey, &request)
                    : ucp_get_nbx(endpoint, memory + at, block, remote + at, rkey, &request));
        if (latency) started(ucp_ep_flush_nbx(endpoint, &request));
        await(window);
        end = now();
        at = at + 2 * block <= REGION ? at + block : 0;
        if (before < warm) {
            start = end;
            continue;
        }
        if (operations < MAX_SAMPLES) samples[operations] = end - before;
        operations++;
        bytes += block;
    } while (end - warm < seconds);
    if (put) started(ucp_ep_flush_nbx(endpoint, &request));
    await(0);
    end = now();
    if (latency) {
        size_t n = operations < MAX_SAMPLES ? operations : MAX_SAMPLES;
        qsort(samples, n, sizeof(double), compare);
        printf("{\"p50_us\": %.2f, \"p99_us\": %.2f}\n", samples[n / 2] * 1e6, samples[n * 99 / 100] * 1e6);
    } else {
        printf("{\"gb_per_s\": %.3f}\n", bytes / (end - start) / 1e9);
    }
    fflush(stdout);
    kill(child, SIGKILL); /* our own child; it only serves */
    waitpid(child, NULL, 0);
    _exit(0);
}
