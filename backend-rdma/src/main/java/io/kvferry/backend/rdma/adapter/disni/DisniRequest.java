package io.kvferry.backend.rdma.adapter.disni;

import com.ibm.disni.verbs.IbvQP;
import com.ibm.disni.verbs.IbvSendWR;
import com.ibm.disni.verbs.IbvSge;
import com.ibm.disni.verbs.SVCPostSend;
import java.io.IOException;
import java.util.LinkedList;
import java.util.List;

/**
 * One request of one kind, which DiSNI has laid out in native memory: changed and posted as often as needed, with nothing
 * allocated. Confined to the owner thread.
 */
final class DisniRequest {
    private final SVCPostSend call;
    private final SVCPostSend.SendWRMod request;
    private final SVCPostSend.RdmaMod remote;
    private final SVCPostSend.SgeMod local;

    /** @param opcode of IbvSendWR */
    @SuppressWarnings("JdkObsolete") // the list that DiSNI asks for
    DisniRequest(IbvQP pair, int opcode) throws IOException {
        IbvSendWR model = new IbvSendWR();
        model.setOpcode(opcode);
        model.setSg_list(new LinkedList<>(List.of(new IbvSge())));
        model.setNum_sge(1);
        this.call = pair.postSend(List.of(model), List.of());
        this.request = call.getWrMod(0);
        this.remote = request.getRdmaMod();
        this.local = request.getSgeMod(0);
    }

    /** Names the peer's bytes, of which a message has none. */
    DisniRequest remote(long address, int key) {
        remote.setRemote_addr(address);
        remote.setRkey(key);
        return this;
    }

    DisniRequest local(long address, int bytes, int key) {
        local.setAddr(address);
        local.setLength(bytes);
        local.setLkey(key);
        return this;
    }

    /**
     * Posts it.
     *
     * @param id of its completion
     * @param signaled whether it asks for one
     * @throws IOException if the library refuses it: then the pair is of no use any more
     */
    void post(long id, boolean signaled) throws IOException {
        request.setWr_id(id);
        request.setSend_flags(signaled ? IbvSendWR.IBV_SEND_SIGNALED : 0);
        var ignored = call.execute();
    }

    void free() {
        var ignored = call.free();
    }
}
