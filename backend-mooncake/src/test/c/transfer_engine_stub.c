/*
 * The C API of Mooncake's transfer engine as far as the native engine calls it, without anything behind it: "remote"
 * addresses are addresses of this process. It keeps to what the real one does: a batch is busy until every task was polled
 * to its end, ids are pointers, registrations must not overlap. stubSet makes it late, busy, stalling or failing.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct transfer_request {
    int opcode;
    void *source;
    int32_t target_id;
    uint64_t target_offset;
    uint64_t length;
};

struct transfer_status {
    int status;
    uint64_t transferred_bytes;
};

struct notify_msg {
    char *name;
    char *msg;
};

enum { MAX_TASKS = 4096, MAX_RANGES = 64, MAX_MESSAGES = 16, MAX_NAMES = 64 };
enum { WAITING = 0, COMPLETED = 4, FAILED = 6 };

struct batch {
    size_t capacity;
    size_t size;
    struct transfer_request tasks[MAX_TASKS];
    int polls[MAX_TASKS];
    int finished[MAX_TASKS];
};

struct engine {
    uintptr_t start[MAX_RANGES];
    size_t length[MAX_RANGES];
    char *names[MAX_NAMES];
    int opened;
    struct notify_msg told[MAX_MESSAGES];
    int tellings;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int late, busy, stall, fail, engines, batches, fresh_opens;

/* Switches of the test: "late" polls before a task ends, "busy" frees, "stall", "fail". */
void stubSet(const char *what, int value) {
    pthread_mutex_lock(&lock);
    if (!strcmp(what, "late")) late = value;
    if (!strcmp(what, "busy")) busy = value;
    if (!strcmp(what, "stall")) stall = value;
    if (!strcmp(what, "fail")) fail = value;
    pthread_mutex_unlock(&lock);
}

int stubCount(const char *what) {
    pthread_mutex_lock(&lock);
    int count = !strcmp(what, "engines") ? engines : !strcmp(what, "batches") ? batches : fresh_opens;
    pthread_mutex_unlock(&lock);
    return count;
}

void *createTransferEngine(const char *metadata, const char *name, const char *host, uint64_t port, int discover) {
    (void)name, (void)host, (void)port, (void)discover;
    if (strcmp(metadata, "P2PHANDSHAKE")) return NULL;
    engines++;
    return calloc(1, sizeof(struct engine));
}

void destroyTransferEngine(void *engine) {
    engines--;
    batches = 0; /* those in flight are leaked, as the real one leaks them */
    free(engine);
}

int discoverTopology(void *engine) {
    (void)engine;
    return 0;
}

void *installTransport(void *engine, const char *protocol, void **args) {
    (void)args;
    return strcmp(protocol, "efa") ? engine : NULL;
}

int getLocalIpAndPort(void *engine, char *out, size_t size) {
    (void)engine;
    strncpy(out, "127.0.0.1:15999", size);
    return 0;
}

int registerLocalMemory(void *engine, void *address, size_t length, const char *location, int remote) {
    struct engine *e = engine;
    uintptr_t start = (uintptr_t)address;
    (void)location, (void)remote;
    int free_at = -1;
    for (int i = 0; i < MAX_RANGES; i++) {
        if (!e->length[i]) free_at = i;
        else if (start < e->start[i] + e->length[i] && e->start[i] < start + length) return -7;
    }
    if (free_at < 0) return -1;
    e->start[free_at] = start;
    e->length[free_at] = length;
    return 0;
}

int unregisterLocalMemory(void *engine, void *address) {
    struct engine *e = engine;
    for (int i = 0; i < MAX_RANGES; i++)
        if (e->length[i] && e->start[i] == (uintptr_t)address) {
            e->length[i] = 0;
            return 0;
        }
    return -3;
}

static int holds(struct engine *e, uintptr_t start, size_t length) {
    for (int i = 0; i < MAX_RANGES; i++)
        if (e->length[i] && start >= e->start[i] && start + length <= e->start[i] + e->length[i]) return 1;
    return 0;
}

int openSegment(void *engine, const char *name) {
    struct engine *e = engine;
    if (!strcmp(name, "nobody:1") || e->opened == MAX_NAMES) return -1;
    for (int i = 0; i < e->opened; i++)
        if (!strcmp(e->names[i], name)) return i + 1;
    e->names[e->opened++] = strdup(name);
    return e->opened;
}

int openSegmentNoCache(void *engine, const char *name) {
    fresh_opens++;
    return openSegment(engine, name);
}

uint64_t allocateBatchID(void *engine, size_t size) {
    (void)engine;
    struct batch *made = calloc(1, sizeof(struct batch));
    made->capacity = size;
    pthread_mutex_lock(&lock);
    batches++;
    pthread_mutex_unlock(&lock);
    return (uint64_t)(uintptr_t)made;
}

int submitTransfer(void *engine, uint64_t id, struct transfer_request *entries, size_t count) {
    struct batch *batch = (struct batch *)(uintptr_t)id;
    struct engine *e = engine;
    if (batch->size + count > batch->capacity || count > MAX_TASKS) return 2;
    for (size_t i = 0; i < count; i++)
        if (entries[i].target_id < 1 || entries[i].target_id > e->opened) return 1;
    memcpy(batch->tasks + batch->size, entries, count * sizeof *entries);
    batch->size += count;
    return 0;
}

int getTransferStatus(void *engine, uint64_t id, size_t task, struct transfer_status *status) {
    struct batch *batch = (struct batch *)(uintptr_t)id;
    if (task >= batch->size) return 1;
    struct transfer_request *r = &batch->tasks[task];
    status->transferred_bytes = 0;
    status->status = WAITING;
    pthread_mutex_lock(&lock);
    int waits = stall || batch->polls[task]++ < late, fails = fail;
    pthread_mutex_unlock(&lock);
    if (waits && !batch->finished[task]) return 0;
    if (fails || !holds(engine, (uintptr_t)r->target_offset, r->length)) {
        status->status = FAILED;
    } else {
        if (!batch->finished[task]) {
            void *remote = (void *)(uintptr_t)r->target_offset;
            if (r->opcode == 1) memcpy(remote, r->source, r->length);
            else memcpy(r->source, remote, r->length);
        }
        status->status = COMPLETED;
        status->transferred_bytes = r->length;
    }
    batch->finished[task] = 1;
    return 0;
}

int freeBatchID(void *engine, uint64_t id) {
    (void)engine;
    struct batch *batch = (struct batch *)(uintptr_t)id;
    for (size_t i = 0; i < batch->size; i++)
        if (!batch->finished[i]) return 4;
    pthread_mutex_lock(&lock);
    if (busy) {
        pthread_mutex_unlock(&lock);
        return 4;
    }
    free(batch);
    batches--;
    pthread_mutex_unlock(&lock);
    return 0;
}

int genNotifyInEngine(void *engine, uint64_t segment, struct notify_msg message) {
    struct engine *e = engine;
    if (segment < 1 || segment > (uint64_t)e->opened || e->tellings == MAX_MESSAGES) return -1;
    e->told[e->tellings].name = strdup(message.name);
    e->told[e->tellings++].msg = strdup(message.msg);
    return 0;
}

struct notify_msg *getNotifsFromEngine(void *engine, int *size) {
    struct engine *e = engine;
    *size = e->tellings;
    if (!e->tellings) return NULL;
    struct notify_msg *out = malloc(sizeof(struct notify_msg) * (size_t)e->tellings);
    memcpy(out, e->told, sizeof(struct notify_msg) * (size_t)e->tellings);
    e->tellings = 0;
    return out;
}

int freeNotifsMsgBuf(struct notify_msg *messages, int size) {
    for (int i = 0; i < size; i++) {
        free(messages[i].name);
        free(messages[i].msg);
    }
    free(messages);
    return 0;
}

#ifndef OLD
/* Came with v0.3.12, as acknowledged WRITEs did. */
int getNicLoadStats(void *engine, void *stats, size_t *count) {
    (void)engine, (void)stats;
    *count = 0;
    return 0;
}
#endif
