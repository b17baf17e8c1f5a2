package org.pasarela.app;

import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Notification;
import android.app.NotificationManager;
import android.content.Context;
import android.content.Intent;
import android.net.ConnectivityManager;
import android.net.LinkAddress;
import android.net.LinkProperties;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.os.Looper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ServiceController;
import org.robolectric.shadows.ShadowConnectivityManager;
import org.robolectric.shadows.ShadowNetwork;
import org.robolectric.shadows.ShadowNetworkCapabilities;

/** What the tests are given: a phone with a program, and ways to wait. */
final class Given {
    /** Nobody listens there. */
    static final String DEAD = "https://127.0.0.1:9/#0123456789abcdef";

    private static final long PATIENCE_MS = 20_000;

    final Context context = RuntimeEnvironment.getApplication();
    final Settings settings = new Settings(context);
    final Path folder;

    Given() throws IOException {
        folder = Files.createTempDirectory("phone");
        context.getApplicationInfo().nativeLibraryDir = folder.toString();
        BridgeService.resolver = new Links.Resolver() {
            @Override
            public InetAddress[] addresses(String host) throws UnknownHostException {
                throw new UnknownHostException();
            }
        };
    }

    /** A program that is a script. */
    Given script(String script) throws IOException {
        Path program = folder.resolve("libpasarela.so");
        // Not written over while it runs.
        Files.deleteIfExists(program);
        Files.writeString(program, "#!/bin/sh\n" + script);
        assertTrue(program.toFile().setExecutable(true));
        return this;
    }

    /** The program itself, built for this machine. */
    Given program() throws IOException {
        Files.createSymbolicLink(folder.resolve("libpasarela.so"), Path.of(System.getProperty("pasarela.program")));
        return this;
    }

    Given links(String links) {
        settings.links(links);
        return this;
    }

    /** The phone is in this Wi-Fi. */
    Given wifi(String address) throws Exception {
        ConnectivityManager manager = context.getSystemService(ConnectivityManager.class);
        ShadowConnectivityManager shadow = shadowOf(manager);
        shadow.clearAllNetworks();
        if (address != null) {
            Network network = ShadowNetwork.newInstance(7);
            shadow.addNetwork(network, null);
            NetworkCapabilities can = ShadowNetworkCapabilities.newInstance();
            shadowOf(can).addTransportType(NetworkCapabilities.TRANSPORT_WIFI);
            shadow.setNetworkCapabilities(network, can);
            LinkProperties has = new LinkProperties();
            has.addLinkAddress(new LinkAddress(InetAddress.getByName(address), 24));
            shadow.setLinkProperties(network, has);
        }
        return this;
    }

    /** The system tells of another network. */
    void networkChanges() {
        ShadowConnectivityManager shadow = shadowOf(context.getSystemService(ConnectivityManager.class));
        for (ConnectivityManager.NetworkCallback callback : shadow.getNetworkCallbacks()) {
            callback.onAvailable(ShadowNetwork.newInstance(8));
        }
        shadowOf(Looper.getMainLooper()).idleFor(java.time.Duration.ofSeconds(5));
    }

    ServiceController<BridgeService> service() {
        ServiceController<BridgeService> service = Robolectric.buildService(BridgeService.class).create();
        service.get().onStartCommand(new Intent(), 0, 1);
        return service;
    }

    Notification notification() {
        return shadowOf(context.getSystemService(NotificationManager.class)).getNotification(1);
    }

    void awaitNotification(final String text) throws Exception {
        await("the notification says " + text, new Callable<Boolean>() {
            @Override
            public Boolean call() {
                Notification shown = notification();
                return shown != null && text.equals(String.valueOf(shown.extras.get(Notification.EXTRA_TEXT)));
            }
        });
    }

    /** A line that the script wrote. */
    void awaitFile(final String name, final String content) throws Exception {
        await(name + " holds " + content, new Callable<Boolean>() {
            @Override
            public Boolean call() throws IOException {
                Path file = folder.resolve(name);
                return Files.exists(file) && Files.readString(file).equals(content);
            }
        });
    }

    static boolean listens(int port) {
        try {
            new Socket("127.0.0.1", port).close();
            return true;
        } catch (IOException refused) {
            return false;
        }
    }

    /** What a thread of this name does; null if there is none. */
    static Thread.State thread(String name) {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals(name)) {
                return thread.getState();
            }
        }
        return null;
    }

    static void await(String what, Callable<Boolean> so) throws Exception {
        long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
        while (!so.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("in vain: " + what);
            }
            shadowOf(Looper.getMainLooper()).idle();
            Thread.sleep(10);
        }
    }
}
