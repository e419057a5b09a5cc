package io.kvferry.backend.rdma.adapter.disni;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.ArgumentMatchers.anyShort;
import static org.mockito.Mockito.RETURNS_DEFAULTS;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;
import static org.mockito.Mockito.withSettings;

import com.ibm.disni.verbs.IbvCQ;
import com.ibm.disni.verbs.IbvCompChannel;
import com.ibm.disni.verbs.IbvContext;
import com.ibm.disni.verbs.IbvMr;
import com.ibm.disni.verbs.IbvPd;
import com.ibm.disni.verbs.IbvQP;
import com.ibm.disni.verbs.IbvRecvWR;
import com.ibm.disni.verbs.IbvSendWR;
import com.ibm.disni.verbs.IbvWC;
import com.ibm.disni.verbs.RdmaCm;
import com.ibm.disni.verbs.RdmaCmEvent;
import com.ibm.disni.verbs.RdmaCmEvent.EventType;
import com.ibm.disni.verbs.RdmaCmId;
import com.ibm.disni.verbs.RdmaEventChannel;
import com.ibm.disni.verbs.SVCDeregMr;
import com.ibm.disni.verbs.SVCPollCq;
import com.ibm.disni.verbs.SVCPostRecv;
import com.ibm.disni.verbs.SVCPostSend;
import com.ibm.disni.verbs.SVCRegMr;
import com.ibm.disni.verbs.SVCReqNotify;
import com.ibm.disni.verbs.impl.NatObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/** DiSNI without libdisni: a device whose events and completions a test decides, and which keeps what was asked of it. */
final class MockedDisni {
    static final InetSocketAddress HERE = new InetSocketAddress("10.77.0.1", 7001);
    static final long DEVICE = 4711;

    private static final long RECEIVE = 1L << 62;
    private static final int NO_DESCRIPTOR = -1;

    final RdmaCm manager = mock(RdmaCm.class);
    final RdmaEventChannel channel = mock(RdmaEventChannel.class, withSettings().extraInterfaces(NatObject.class));
    final IbvContext context = context(DEVICE);
    final IbvPd domain = mock(IbvPd.class);

    /** In the order in which they were made; the first is the listener. */
    final List<RdmaCmId> ids = new ArrayList<>();

    final List<Pair> pairs = new ArrayList<>();
    final List<IbvMr> registrations = new ArrayList<>();
    private final Queue<RdmaCmEvent> events = new ArrayDeque<>();
    private final MemorySegment struct = Arena.global().allocate(16, 8);
    private final ArrayDeque<IbvCQ> unusedQueues = new ArrayDeque<>();
    private final Map<IbvCQ, Queue<IbvWC>> completions = new HashMap<>();

    /** What was posted: values by the names of their setters. */
    record Posted(int opcode, Map<String, Object> values) {
        boolean isSignaled() {
            return values.get("setSend_flags").equals(IbvSendWR.IBV_SEND_SIGNALED);
        }

        long id() {
            return (long) values.get("setWr_id");
        }
    }

    /** A queue pair with what was posted to it. */
    record Pair(IbvQP pair, RdmaCmId id, IbvCQ queue, List<Posted> posted, Map<Long, MemorySegment> slots) {}

    MockedDisni() throws IOException {
        struct.set(ValueLayout.JAVA_INT, 0, NO_DESCRIPTOR);
        struct.set(ValueLayout.JAVA_INT, 8, NO_DESCRIPTOR);
        when(((NatObject) channel).getObjId()).thenReturn(struct.address());
        when(manager.createEventChannel()).thenReturn(channel);
        when(channel.createId(anyShort())).thenAnswer(call -> id());
        when(channel.getCmEvent(0)).thenAnswer(call -> events.poll());
        when(context.allocPd()).thenReturn(domain);
        when(context.createCompChannel()).thenAnswer(call -> completionChannel());
        when(context.createCQ(any(), anyInt(), anyInt())).thenAnswer(call -> queue());
        when(domain.regMr(anyLong(), anyInt(), anyInt()))
                .thenAnswer(call -> registering(call.getArgument(0), call.getArgument(1)));
    }

    static IbvContext context(long object) {
        IbvContext made = mock(IbvContext.class, withSettings().extraInterfaces(NatObject.class));
        when(((NatObject) made).getObjId()).thenReturn(object);
        return made;
    }

    /** An id as the connection manager makes it: by a call, or with a request to connect. */
    RdmaCmId id() throws IOException {
        RdmaCmId made = mock(RdmaCmId.class);
        when(made.getVerbs()).thenReturn(context);
        when(made.getSource()).thenReturn(HERE);
        when(made.createQP(any(), any())).thenAnswer(call -> pair(made));
        ids.add(made);
        return made;
    }

    RdmaCmId listener() {
        return ids.getFirst();
    }

    private IbvCompChannel completionChannel() {
        IbvCompChannel made = mock(IbvCompChannel.class, withSettings().extraInterfaces(NatObject.class));
        when(((NatObject) made).getObjId()).thenReturn(struct.address());
        return made;
    }

    private IbvCQ queue() throws IOException {
        IbvCQ made = mock(IbvCQ.class);
        Queue<IbvWC> waiting = new ArrayDeque<>();
        completions.put(made, waiting);
        unusedQueues.add(made);
        when(made.reqNotification(false)).thenReturn(mock(SVCReqNotify.class));
        when(made.poll(any(), anyInt())).thenAnswer(call -> {
            IbvWC[] into = call.getArgument(0);
            SVCPollCq poll = mock(SVCPollCq.class);
            int[] polled = new int[1];
            when(poll.getPolls()).thenAnswer(ask -> polled[0]);
            when(poll.execute()).thenAnswer(ask -> {
                polled[0] = 0;
                while (!waiting.isEmpty() && polled[0] < into.length) {
                    into[polled[0]++] = waiting.remove();
                }
                return poll;
            });
            return poll;
        });
        return made;
    }

    private SVCRegMr registering(long address, int bytes) throws IOException {
        IbvMr registration = mock(IbvMr.class);
        int number = registrations.size() + 1;
        registrations.add(registration);
        SVCDeregMr end = mock(SVCDeregMr.class);
        when(end.execute()).thenReturn(end);
        when(registration.getAddr()).thenReturn(address);
        when(registration.getLength()).thenReturn(bytes);
        when(registration.getLkey()).thenReturn(number);
        when(registration.getRkey()).thenReturn(1000 + number);
        when(registration.deregMr()).thenReturn(end);
        SVCRegMr call = mock(SVCRegMr.class);
        when(call.execute()).thenReturn(call);
        when(call.getMr()).thenReturn(registration);
        return call;
    }

    private IbvQP pair(RdmaCmId owner) throws IOException {
        Pair made = new Pair(mock(IbvQP.class), owner, unusedQueues.remove(), new ArrayList<>(), new HashMap<>());
        pairs.add(made);
        when(made.pair().postSend(any(), any())).thenAnswer(call -> {
            List<IbvSendWR> models = call.getArgument(0);
            return request(made, models.getFirst().getOpcode());
        });
        when(made.pair().postRecv(any(), any())).thenAnswer(call -> {
            List<IbvRecvWR> models = call.getArgument(0);
            IbvRecvWR model = models.getFirst();
            made.slots()
                    .put(
                            model.getWr_id(),
                            MemorySegment.ofAddress(
                                            model.getSg_list().getFirst().getAddr())
                                    .reinterpret(model.getSg_list().getFirst().getLength()));
            return mock(SVCPostRecv.class);
        });
        return made.pair();
    }

    private static SVCPostSend request(Pair pair, int opcode) throws IOException {
        Map<String, Object> values = new HashMap<>();
        SVCPostSend call = mock(SVCPostSend.class);
        SVCPostSend.RdmaMod remote = keeping(SVCPostSend.RdmaMod.class, values);
        SVCPostSend.SgeMod local = keeping(SVCPostSend.SgeMod.class, values);
        SVCPostSend.SendWRMod request = keeping(SVCPostSend.SendWRMod.class, values);
        when(request.getRdmaMod()).thenReturn(remote);
        when(request.getSgeMod(0)).thenReturn(local);
        when(call.getWrMod(0)).thenReturn(request);
        when(call.execute()).thenAnswer(ask -> {
            pair.posted().add(new Posted(opcode, Map.copyOf(values)));
            return call;
        });
        return call;
    }

    private static <T> T keeping(Class<T> type, Map<String, Object> values) {
        return mock(type, call -> {
            if (call.getMethod().getName().startsWith("set")) {
                values.put(call.getMethod().getName(), call.getArgument(0));
            }
            return RETURNS_DEFAULTS.answer(call);
        });
    }

    /** The connection manager will say this of an id. */
    void happens(EventType type, RdmaCmId id) {
        RdmaCmEvent event = mock(RdmaCmEvent.class);
        when(event.getEvent()).thenReturn(List.of(EventType.values()).indexOf(type));
        when(event.getConnIdPriv()).thenReturn(id);
        when(event.getListenIdPriv()).thenReturn(listener());
        events.add(event);
    }

    /** A request is done: the one that was posted last, and so all before it. */
    void completes(Pair pair, int status) {
        completes(pair, pair.posted().getLast().id(), status, 0);
    }

    /** A message of the peer's is in a slot. */
    void arrives(Pair pair, int slot, byte[] message) {
        MemorySegment.copy(message, 0, pair.slots().get(RECEIVE | slot), ValueLayout.JAVA_BYTE, 0, message.length);
        completes(pair, RECEIVE | slot, 0, message.length);
    }

    /** All receives that are posted are given up, as they are by a dead pair. */
    void flushesReceives(Pair pair, int flushed) {
        for (int slot = 0; slot < DisniMessages.RECEIVES; slot++) {
            completes(pair, RECEIVE | slot, flushed, 0);
        }
    }

    private void completes(Pair pair, long id, int status, int bytes) {
        IbvWC completion = new IbvWC();
        completion.setWr_id(id);
        completion.setStatus(status);
        completion.setByte_len(bytes);
        completions.get(pair.queue()).add(completion);
    }
}
