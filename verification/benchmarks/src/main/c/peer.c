/*
 * What a machine gives without KVFerry: a plain memory copy, and a plain request and response over TCP.
 *
 *   peer copy SECONDS
 *   peer answer SECONDS CONGESTION-CONTROL
 *
 * Prints one JSON object. Walks 256 MiB on both sides, so that caches do not flatter.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 64 << 10, ANSWER = 16, CHUNK = 1 << 20, MAX_SAMPLES = 1 << 20, GRACE_SECONDS = 10 };
static const size_t REGION = 256u << 20;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static char *region(int filling) {
    char *memory = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    memset(memory, filling, REGION);
    return memory;
}

static void copy(double seconds) {
    char *from = region(1), *to = region(2);
    double start = now(), end;
    uint64_t bytes = 0;
    do {
        for (size_t at = 0; at < REGION; at += CHUNK) memcpy(to + at, from + at, CHUNK);
        bytes += REGION;
        end = now();
    } while (end - start < seconds);
    printf("{\"gb_per_s\": %.3f, \"check\": %d}\n", bytes / (end - start) / 1e9, to[bytes % REGION]);
}

/* Returns 0 at the end of the stream. */
static int receive(int fd, char *to, size_t count) {
    while (count > 0) {
        ssize_t got = read(fd, to, count);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return 0;
        to += got;
        count -= got;
    }
    return 1;
}

static void transmit(int fd, const char *from, size_t count) {
    while (count > 0) {
        ssize_t put = write(fd, from, count);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) fail("write");
        from += put;
        count -= put;
    }
}

static void tune(int fd, const char *congestion) {
    int one = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) fail("TCP_NODELAY");
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion))) fail("TCP_CONGESTION");
}

/* Trusts the socket, not the option: both ends check what they run. */
static void check(int fd, const char *congestion) {
    char actual[16] = "";
    socklen_t size = sizeof actual;
    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, actual, &size)) fail("TCP_CONGESTION");
    if (strncmp(actual, congestion, sizeof actual)) {
        fprintf(stderr, "the socket runs %.16s, %s was asked for\n", actual, congestion);
        exit(1);
    }
}

static int answer(int listener, const char *congestion) {
    char reply[ANSWER] = {0};
    char *memory = region(2);
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    tune(fd, congestion);
    check(fd, congestion);
    for (size_t at = 0; receive(fd, memory + at, BLOCK); at = (at + BLOCK) % REGION) transmit(fd, reply, ANSWER);
    return 0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ask(int fd, double seconds, pid_t server) {
    static double micros[MAX_SAMPLES];
    char reply[ANSWER];
    char *memory = region(1);
    int samples = 0;
    size_t at = 0;
    double start = now(), warm = start + seconds / 2;
    while (now() < start + seconds * 1.5 && samples < MAX_SAMPLES) {
        double asked = now();
        transmit(fd, memory + at, BLOCK);
        if (!receive(fd, reply, ANSWER)) fail("the other side ended");
        double answered = now();
        if (asked >= warm) micros[samples++] = (answered - asked) * 1e6;
        at = (at + BLOCK) % REGION;
    }
    close(fd);
    int status = 0;
    if (waitpid(server, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "the answering process failed\n");
        exit(1);
    }
    if (samples == 0) {
        fprintf(stderr, "no answer in %.1f s\n", seconds);
        exit(1);
    }
    qsort(micros, samples, sizeof *micros, ascending);
    printf("{\"transfers\": %d, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", samples, micros[samples / 2],
           micros[samples - 1 - samples / 100]);
}

static void request_response(double seconds, const char *congestion) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1)) fail("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size)) fail("getsockname");
    pid_t server = fork();
    if (server < 0) fail("fork");
    alarm((unsigned)(seconds * 2) + GRACE_SECONDS);
    if (server == 0) exit(answer(listener, congestion));
    close(listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) fail("socket");
    tune(fd, congestion);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    check(fd, congestion);
    ask(fd, seconds, server);
}

int main(int count, char **arguments) {
    if (count == 3 && !strcmp(arguments[1], "copy")) {
        copy(atof(arguments[2]));
    } else if (count == 4 && !strcmp(arguments[1], "answer")) {
        request_response(atof(arguments[2]), arguments[3]);
    } else {
        fprintf(stderr, "usage: peer copy SECONDS | peer answer SECONDS CONGESTION-CONTROL\n");
        return 2;
    }
    return 0;
}
