package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.RdmaCmEvent;
import com.ibm.disni.verbs.RdmaCmEvent.EventType;
import com.ibm.disni.verbs.RdmaCmId;
import io.kvferry.spi.TransferException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes the events of the connection manager to whom they are for, and lets strangers in. Confined to the owner thread. */
final class DisniSwitchboard {
    private static final Logger LOG = LoggerFactory.getLogger(DisniSwitchboard.class);
    private static final EventType[] EVENT_TYPES = EventType.values();

    /** More connections than this that have not said whose they are, and the next is sent away. */
    private static final int MAX_STRANGERS = 64;

    private final DisniAdapter adapter;
    private final DisniDevice device;
    private final Map<RdmaCmId, IdListener> ids = new HashMap<>();
    private final List<DisniStranger> strangers = new ArrayList<>();

    /** Hears what the connection manager says of one id, on the owner thread. */
    interface IdListener {
        void heard(EventType event);
    }

    DisniSwitchboard(DisniAdapter adapter, DisniDevice device) {
        this.adapter = adapter;
        this.device = device;
    }

    List<DisniStranger> strangers() {
        return strangers;
    }

    /** Takes the events that are there; returns whether there were any. */
    boolean takeEvents() {
        boolean any = false;
        for (RdmaCmEvent event = device.nextEvent(); event != null; event = device.nextEvent()) {
            any = true;
            heard(event);
        }
        return any;
    }

    private void heard(RdmaCmEvent event) {
        EventType type = EVENT_TYPES[event.getEvent()];
        RdmaCmId id = event.getConnIdPriv();
        if (type == EventType.RDMA_CM_EVENT_CONNECT_REQUEST) {
            if (id != null && device.isListener(event.getListenIdPriv())) {
                letIn(id);
            }
            return;
        }
        IdListener listener = ids.get(id);
        if (listener != null) {
            listener.heard(type);
        }
    }

    private void letIn(RdmaCmId id) {
        if (strangers.size() >= MAX_STRANGERS) {
            LOG.warn("a connection is sent away: {} others have not said whose they are", strangers.size());
            destroy(id);
            return;
        }
        try {
            strangers.add(new DisniStranger(adapter, id));
        } catch (IOException | TransferException e) {
            LOG.warn("a connection is sent away: {}", e.getMessage());
            destroy(id);
        }
    }

    /** Lets strangers say whose they are; returns whether one did, or went. */
    boolean progress() {
        return strangers.removeIf(DisniStranger::progress);
    }

    /** Who hears of an id from now on. */
    void route(RdmaCmId id, IdListener listener) {
        ids.put(id, listener);
    }

    /** Destroys an id, of which nobody hears any more. */
    void destroy(RdmaCmId id) {
        ids.remove(id);
        try {
            id.destroyId();
        } catch (IOException e) {
            LOG.warn("destroying a connection's id: {}", DisniDevice.text(e));
        }
    }

    void close() {
        strangers.forEach(DisniStranger::end);
        strangers.clear();
    }
}
