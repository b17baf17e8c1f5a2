package org.pasarela.app;

import android.content.Context;
import android.net.ConnectivityManager;
import android.net.LinkAddress;
import android.net.LinkProperties;
import android.net.Network;
import android.net.NetworkCapabilities;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.ServerSocket;

/** What the system knows of networks: the phone's address in the Wi-Fi, and a port that is free. */
final class Net {
    private static final int PORTS = 8;
    /** What has just ended may hold the port for a moment. */
    private static final int TRIES = 10;
    private static final long PAUSE_MS = 100;

    private Net() {}

    /** This phone's IPv4 address in a Wi-Fi or at a cable; null if it is in none. */
    @SuppressWarnings("deprecation")
    static String wifi(Context context) {
        ConnectivityManager manager = context.getSystemService(ConnectivityManager.class);
        // There is no other way to see all of them at once; what is in place of it only tells of changes.
        for (Network network : manager.getAllNetworks()) {
            NetworkCapabilities can = manager.getNetworkCapabilities(network);
            LinkProperties has = manager.getLinkProperties(network);
            boolean shared = can != null
                    && !can.hasTransport(NetworkCapabilities.TRANSPORT_VPN)
                    && (can.hasTransport(NetworkCapabilities.TRANSPORT_WIFI)
                            || can.hasTransport(NetworkCapabilities.TRANSPORT_ETHERNET));
            if (shared && has != null) {
                for (LinkAddress address : has.getLinkAddresses()) {
                    if (address.getAddress() instanceof Inet4Address) {
                        return address.getAddress().getHostAddress();
                    }
                }
            }
        }
        return null;
    }

    /** The usual port, for which WhatsApp was set up, or one behind it if that stays taken. */
    static int freePort() {
        for (int tries = 0; tries < TRIES; tries++) {
            if (isFree(Standing.PORT)) {
                return Standing.PORT;
            }
            try {
                Thread.sleep(PAUSE_MS);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
                return Standing.PORT;
            }
        }
        for (int port = Standing.PORT + 1; port <= Standing.PORT + PORTS; port++) {
            if (isFree(port)) {
                return port;
            }
        }
        return Standing.PORT;
    }

    private static boolean isFree(int port) {
        try {
            new ServerSocket(port, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1})).close();
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
