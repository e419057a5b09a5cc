/*
 * What UCX gives without KVFerry: one process puts blocks into another's malloc'ed memory, or gets them, and flushes.
 *
 *   ucx TRANSPORTS put|get BLOCK-BYTES BLOCKS SECONDS
 *
 * One transfer is BLOCKS operations and a flush. Walks 256 MiB on both sides, so that caches do not flatter. Prints one JSON
 * object. Measures SECONDS after a warm-up of half as long.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <ucp/api/ucp.h>
#include <unistd.h>

enum { MAX_BLOCKS = 4096, MAX_SAMPLES = 1 << 20, GRACE_SECONDS = 20, MAX_PACKED = 4096 };
static const size_t REGION = 256u << 20;

typedef struct {
    ucp_context_h context;
    ucp_worker_h worker;
    char *memory;
    ucp_mem_h handle;
} side_t;

/* What the target tells the initiator. */
typedef struct {
    uint64_t memory;
    size_t address_bytes, key_bytes;
    char address[MAX_PACKED], key[MAX_PACKED];
} offer_t;

static void check(ucs_status_t status, const char *what) {
    if (status == UCS_OK) return;
    fprintf(stderr, "%s: %s\n", what, ucs_status_string(status));
    exit(1);
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static side_t open_side(const char *transports, int filling) {
    side_t side;
    ucp_config_t *config;
    check(ucp_config_read(NULL, NULL, &config), "ucp_config_read");
    check(ucp_config_modify(config, "TLS", transports), "TLS");
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES, .features = UCP_FEATURE_RMA | UCP_FEATURE_WAKEUP};
    check(ucp_init(&params, config, &side.context), "ucp_init");
    ucp_config_release(config);
    ucp_worker_params_t worker = {.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE, .thread_mode = UCS_THREAD_MODE_SINGLE};
    check(ucp_worker_create(side.context, &worker, &side.worker), "ucp_worker_create");
    side.memory = malloc(REGION);
    if (side.memory == NULL) fail("malloc");
    memset(side.memory, filling, REGION);
    ucp_mem_map_params_t map = {.field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH,
                                .address = side.memory,
                                .length = REGION};
    check(ucp_mem_map(side.context, &map, &side.handle), "ucp_mem_map");
    return side;
}

static void pack(char *to, size_t *bytes, const void *from, size_t count) {
    if (count > MAX_PACKED) {
        fprintf(stderr, "%zu packed bytes, expected at most %d\n", count, MAX_PACKED);
        exit(1);
    }
    memcpy(to, from, count);
    *bytes = count;
}

/* The target: makes progress, and sleeps where there is none, until the other process ends. */
static int serve(const char *transports, int channel) {
    static offer_t offer;
    side_t side = open_side(transports, 2);
    ucp_address_t *address;
    size_t bytes;
    void *key;
    int event_fd;
    check(ucp_worker_get_address(side.worker, &address, &bytes), "ucp_worker_get_address");
    pack(offer.address, &offer.address_bytes, address, bytes);
    check(ucp_rkey_pack(side.context, side.handle, &key, &bytes), "ucp_rkey_pack");
    pack(offer.key, &offer.key_bytes, key, bytes);
    offer.memory = (uintptr_t)side.memory;
    if (write(channel, &offer, sizeof offer) != (ssize_t)sizeof offer) fail("write");
    check(ucp_worker_get_efd(side.worker, &event_fd), "ucp_worker_get_efd");
    struct pollfd events[] = {{.fd = event_fd, .events = POLLIN}, {.fd = channel, .events = POLLIN}};
    while (!(events[1].revents & (POLLIN | POLLHUP))) {
        if (ucp_worker_progress(side.worker) != 0) continue;
        ucs_status_t armed = ucp_worker_arm(side.worker);
        if (armed == UCS_ERR_BUSY) continue;
        check(armed, "ucp_worker_arm");
        if (poll(events, 2, -1) < 0) fail("poll");
    }
    return 0;
}

static void await_request(ucp_worker_h worker, ucs_status_ptr_t request, const char *what) {
    if (request == NULL) return;
    if (UCS_PTR_IS_ERR(request)) check(UCS_PTR_STATUS(request), what);
    ucs_status_t status;
    while ((status = ucp_request_check_status(request)) == UCS_INPROGRESS) ucp_worker_progress(worker);
    check(status, what);
    ucp_request_free(request);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void move(const char *transports, int channel, int put, size_t block, int blocks, double seconds) {
    static offer_t offer;
    static double micros[MAX_SAMPLES];
    static ucs_status_ptr_t requests[MAX_BLOCKS];
    side_t side = open_side(transports, 1);
    for (size_t got = 0; got < sizeof offer;) {
        ssize_t part = read(channel, (char *)&offer + got, sizeof offer - got);
        if (part <= 0) fail("the target ended");
        got += part;
    }
    ucp_ep_h endpoint;
    ucp_ep_params_t params = {.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS,
                              .address = (ucp_address_t *)offer.address};
    check(ucp_ep_create(side.worker, &params, &endpoint), "ucp_ep_create");
    ucp_rkey_h key;
    check(ucp_ep_rkey_unpack(endpoint, offer.key, &key), "ucp_ep_rkey_unpack");
    ucp_request_param_t plain = {.op_attr_mask = 0};
    int samples = 0;
    size_t at = 0;
    uint64_t transfers = 0;
    double start = now(), warm = start + seconds / 2, counted = 0, end = start;
    while (end < start + seconds * 1.5) {
        double begun = now();
        if (counted == 0 && begun >= warm) {
            counted = begun;
            transfers = 0;
        }
        for (int i = 0; i < blocks; i++) {
            requests[i] = put ? ucp_put_nbx(endpoint, side.memory + at, block, offer.memory + at, key, &plain)
                              : ucp_get_nbx(endpoint, side.memory + at, block, offer.memory + at, key, &plain);
            at = (at + block) % REGION;
        }
        ucs_status_ptr_t flush = ucp_ep_flush_nbx(endpoint, &plain);
        for (int i = 0; i < blocks; i++) await_request(side.worker, requests[i], put ? "put" : "get");
        await_request(side.worker, flush, "flush");
        end = now();
        transfers++;
        if (counted > 0 && samples < MAX_SAMPLES) micros[samples++] = (end - begun) * 1e6;
    }
    if (samples == 0) {
        fprintf(stderr, "no transfer in %.1f s\n", seconds);
        exit(1);
    }
    qsort(micros, samples, sizeof *micros, ascending);
    printf("{\"gb_per_s\": %.4f, \"transfers\": %llu, \"mean_us\": %.2f, \"p50_us\": %.2f, "
           "\"p99_us\": %.2f}\n",
           (double)transfers * blocks * block / (end - counted) / 1e9, (unsigned long long)transfers,
           (end - counted) * 1e6 / transfers, micros[samples / 2], micros[samples - 1 - samples / 100]);
}

int main(int count, char **arguments) {
    if (count != 6 || (strcmp(arguments[2], "put") && strcmp(arguments[2], "get"))) {
        fprintf(stderr, "usage: ucx TRANSPORTS put|get BLOCK-BYTES BLOCKS SECONDS\n");
        return 2;
    }
    size_t block = strtoull(arguments[3], NULL, 10);
    int blocks = atoi(arguments[4]);
    double seconds = atof(arguments[5]);
    if (block < 1 || REGION % block || blocks < 1 || blocks > MAX_BLOCKS || seconds <= 0) {
        fprintf(stderr, "blocks must divide 256 MiB, and there are 1 to %d of them\n", MAX_BLOCKS);
        return 2;
    }
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel)) fail("socketpair");
    pid_t target = fork();
    if (target < 0) fail("fork");
    alarm((unsigned)(seconds * 3) + GRACE_SECONDS);
    if (target == 0) {
        close(channel[0]);
        _exit(serve(arguments[1], channel[1]));
    }
    close(channel[1]);
    move(arguments[1], channel[0], !strcmp(arguments[2], "put"), block, blocks, seconds);
    close(channel[0]);
    int status = 0;
    if (waitpid(target, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "the target failed\n");
        return 1;
    }
    return 0;
}
