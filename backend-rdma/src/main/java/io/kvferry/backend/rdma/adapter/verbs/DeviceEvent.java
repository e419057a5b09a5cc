package io.kvferry.backend.rdma.adapter.verbs;

/**
 * Something that a device reports without being asked. Immutable.
 *
 * @param type of enum ibv_event_type
 * @param element the queue pair or completion queue it is about, by address
 * @param description as the library has it
 */
record DeviceEvent(int type, long element, String description) {
    private static final int CQ_ERROR = 0;
    private static final int PAIR_FATAL = 1;
    private static final int PAIR_REQUEST_ERROR = 2;
    private static final int PAIR_ACCESS_ERROR = 3;
    private static final int PAIR_PATH_ERROR = 7;
    private static final int DEVICE_FATAL = 8;

    /** Whether it makes a queue pair useless. */
    boolean concerns(QueuePair pair) {
        return switch (type) {
            case DEVICE_FATAL -> true;
            case CQ_ERROR -> element == pair.completionQueueAddress();
            case PAIR_FATAL, PAIR_REQUEST_ERROR, PAIR_ACCESS_ERROR, PAIR_PATH_ERROR -> element == pair.address();
            default -> false;
        };
    }
}
