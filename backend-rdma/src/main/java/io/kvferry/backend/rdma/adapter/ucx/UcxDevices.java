package io.kvferry.backend.rdma.adapter.ucx;

import io.kvferry.spi.BackendConfig;
import io.kvferry.spi.BackendEnvironment;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;

/**
 * Which network devices UCX may use. Over TCP UCX listens on every one it uses, so a node that is bound to one address uses
 * the device of that address alone. Immutable.
 *
 * @param names as in UCX_NET_DEVICES; empty lets UCX choose
 */
record UcxDevices(String names) {
    static UcxDevices of(BackendConfig config, BackendEnvironment environment) {
        String configured = config.get(UcxConfigKeys.DEVICES);
        if (configured.isEmpty() && config.get(UcxConfigKeys.TRANSPORTS).equals("tcp")) {
            return new UcxDevices(deviceOf(environment.bindHost()));
        }
        return new UcxDevices(configured);
    }

    private static String deviceOf(String host) {
        try {
            InetAddress address = InetAddress.getByName(host);
            NetworkInterface device = address.isAnyLocalAddress() ? null : NetworkInterface.getByInetAddress(address);
            return device == null ? "" : device.getName();
        } catch (UnknownHostException | SocketException e) {
            return ""; // whoever listens there says so
        }
    }

    @Override
    public String toString() {
        return names.isEmpty() ? "all devices" : "devices " + names;
    }
}
