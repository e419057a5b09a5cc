package io.kvferry.control.lmcache;

import java.util.regex.Pattern;

/** Who a worker is: its engine's instance, and its rank there. */
record WorkerId(String instance, long worker) {
    private static final Pattern INSTANCE = Pattern.compile("[!-~]{1,100}");

    static WorkerId of(Message message) throws MalformedMessageException {
        String instance = message.text("instance_id");
        long worker = message.integer("worker_id");
        if (!INSTANCE.matcher(instance).matches()) {
            throw new MalformedMessageException(
                    "instance_id has not 1 to 100 printable ASCII characters without spaces;"
                            + " set lmcache_instance_id");
        }
        if (worker < 0) {
            throw new MalformedMessageException("worker_id " + worker + " is negative");
        }
        return new WorkerId(instance, worker);
    }

    /** Its name in the cluster. */
    String nodeId() {
        return instance + "/" + worker;
    }

    @Override
    public String toString() {
        return nodeId();
    }
}
