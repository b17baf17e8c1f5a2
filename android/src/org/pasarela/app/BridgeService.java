package org.pasarela.app;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.app.Service;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.net.ConnectivityManager;
import android.net.LinkProperties;
import android.net.Network;
import android.os.Build;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Objects;

/** Keeps the bridge running while it is switched on, in the foreground, with a notification that says how it stands. */
public final class BridgeService extends Service implements Bridge.Owner {
    /** Who wants to know how the bridge stands. Called on the main thread. */
    interface Watcher {
        void stands(Standing standing);
    }

    /** Asks the service to end, from its own notification. */
    static final String STOP = "org.pasarela.app.STOP";

    private static final String CHANNEL = "bridge";
    private static final int NOTIFICATION = 1;
    /** A change of the network comes in several steps. */
    private static final long SETTLED_MS = 1500;

    static final Links.Resolver SYSTEM = new Links.Resolver() {
        @Override
        public InetAddress[] addresses(String host) throws UnknownHostException {
            return InetAddress.getAllByName(host);
        }
    };
    static Links.Resolver resolver = SYSTEM;

    private static final Handler MAIN = new Handler(Looper.getMainLooper());
    private static volatile Standing standing = Standing.OFF;
    private static Watcher watcher;
    private static BridgeService running;
    /** The links that the bridge was started with, as they were saved then. */
    private static volatile String saved = "";

    private Settings settings;
    private volatile Bridge bridge;
    /** With what the program was started last: its links, and the address that others use. */
    private volatile String links = "";
    private volatile String host;

    private final ConnectivityManager.NetworkCallback networks = new ConnectivityManager.NetworkCallback() {
        @Override
        public void onAvailable(Network network) {
            changed();
        }

        @Override
        public void onLinkPropertiesChanged(Network network, LinkProperties properties) {
            changed();
        }

        private void changed() {
            MAIN.removeCallbacks(look);
            MAIN.postDelayed(look, SETTLED_MS);
        }
    };

    /** What the program sees by itself, another way out, it deals with; it is started anew only for what it was told. */
    private final Runnable look = new Runnable() {
        @Override
        public void run() {
            new Thread("networks") {
                @Override
                public void run() {
                    Bridge now = bridge;
                    if (now == null || links.isEmpty()) {
                        return;
                    }
                    if (Links.moved(saved, links, resolver) || !Objects.equals(host(), host)) {
                        now.restart();
                    }
                }
            }.start();
        }
    };

    static Standing standing() {
        return standing;
    }

    /** There is one watcher, the screen; null if nobody looks. */
    static void watch(Watcher by) {
        watcher = by;
    }

    /** Whether the bridge runs with these links and no others. */
    static boolean runsWith(String links) {
        return standing.on && links.equals(saved);
    }

    /** The app goes by another name: so does its notification, at once. */
    static void renamed() {
        if (running != null && standing.on) {
            running.tell(standing);
        }
    }

    static void start(Context context) {
        Intent service = new Intent(context, BridgeService.class);
        try {
            if (Build.VERSION.SDK_INT >= 26) {
                context.startForegroundService(service);
            } else {
                context.startService(service);
            }
        } catch (IllegalStateException notFromTheBackground) {
            // It stays off until somebody opens the app.
        }
    }

    @Override
    public void onCreate() {
        super.onCreate();
        settings = new Settings(this);
        running = this;
        if (Build.VERSION.SDK_INT >= 26) {
            NotificationChannel channel = new NotificationChannel(
                    CHANNEL, getString(R.string.bridge_title), NotificationManager.IMPORTANCE_LOW);
            channel.setShowBadge(false);
            channel.setLockscreenVisibility(Notification.VISIBILITY_SECRET);
            getSystemService(NotificationManager.class).createNotificationChannel(channel);
        }
    }

    @Override
    public int onStartCommand(Intent intent, int flags, int id) {
        if (intent != null && STOP.equals(intent.getAction())) {
            settings.on(false);
            stopSelf();
            return START_NOT_STICKY;
        }
        // Without an intent it was the system that revived the service.
        boolean wanted = !settings.links().isEmpty() && (intent != null || settings.on());
        if (!toForeground() || !wanted) {
            stopSelf();
            return START_NOT_STICKY;
        }
        settings.on(true);
        saved = settings.links();
        if (bridge == null) {
            stand(Standing.starting());
            synchronized (this) {
                bridge = new Bridge(this);
            }
            getSystemService(ConnectivityManager.class).registerDefaultNetworkCallback(networks);
        } else {
            // Its links or a choice changed.
            bridge.restart();
        }
        return START_STICKY;
    }

    private boolean toForeground() {
        Notification notification = notification(bridge == null ? Standing.starting() : standing);
        try {
            if (Build.VERSION.SDK_INT >= 34) {
                startForeground(NOTIFICATION, notification, ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE);
            } else {
                startForeground(NOTIFICATION, notification);
            }
            return true;
        } catch (IllegalStateException notFromTheBackground) {
            // From Android 12 on, where the app is not exempt from saving battery.
            return false;
        }
    }

    @Override
    public void onDestroy() {
        if (bridge != null) {
            MAIN.removeCallbacks(look);
            getSystemService(ConnectivityManager.class).unregisterNetworkCallback(networks);
            Bridge ending = bridge;
            synchronized (this) {
                bridge = null;
            }
            ending.stop();
        }
        running = null;
        saved = "";
        stand(Standing.OFF);
        // What came in between the end of the foreground and the bridge's would stay.
        getSystemService(NotificationManager.class).cancel(NOTIFICATION);
        super.onDestroy();
    }

    @Override
    public IBinder onBind(Intent intent) {
        return null;
    }

    @Override
    public Program start() throws IOException {
        links = links();
        host = host();
        int port = Net.freePort();
        // Not on all addresses: in a mobile network strangers are neighbours.
        String at = Whatsapp.HERE + ":" + port + (host == null ? "" : "," + host + ":" + port);
        return host == null
                ? Program.start(this, "PASARELA_LINKS", links, "bridge", "--json", "--end-with-stdin", "--listen", at)
                : Program.start(
                        this, "PASARELA_LINKS", links, "bridge", "--json", "--end-with-stdin", "--listen", at, "--host", host);
    }

    @Override
    public synchronized void said(String line) {
        // The last words of one that is being stopped are not heard.
        if (bridge != null) {
            stand(standing.after(line));
        }
    }

    @Override
    public synchronized void ended(boolean listened) {
        if (bridge != null) {
            stand(standing.ended(listened));
        }
    }

    private String links() {
        List<String> links = Links.resolved(saved, resolver);
        StringBuilder all = new StringBuilder();
        for (String link : links) {
            all.append(link).append(' ');
        }
        return all.toString().trim();
    }

    private String host() {
        return settings.wifi() ? Net.wifi(this) : null;
    }

    private void stand(Standing now) {
        boolean same = now.sameAs(standing);
        standing = now;
        if (same) {
            return;
        }
        if (now.on) {
            tell(now);
        }
        MAIN.post(new Runnable() {
            @Override
            public void run() {
                if (watcher != null) {
                    watcher.stands(standing);
                }
            }
        });
    }

    private void tell(Standing now) {
        getSystemService(NotificationManager.class).notify(NOTIFICATION, notification(now));
    }

    /** A builder without a channel is what there was before Android 8. */
    @SuppressWarnings("deprecation")
    private Notification notification(Standing now) {
        Notification.Builder builder =
                Build.VERSION.SDK_INT >= 26 ? new Notification.Builder(this, CHANNEL) : new Notification.Builder(this);
        PendingIntent open = PendingIntent.getActivity(
                this, 0, new Intent(this, MainActivity.class), PendingIntent.FLAG_IMMUTABLE);
        PendingIntent stop = PendingIntent.getService(
                this, 0, new Intent(this, BridgeService.class).setAction(STOP), PendingIntent.FLAG_IMMUTABLE);
        String text = now.outside(this, settings.neutral());
        return builder.setSmallIcon(R.drawable.notice)
                .setContentTitle(settings.name())
                .setContentText(text)
                // Why no relay can be reached takes more than a line.
                .setStyle(new Notification.BigTextStyle().bigText(text))
                .setContentIntent(open)
                .addAction(new Notification.Action.Builder(null, getString(R.string.stop), stop).build())
                .setVisibility(Notification.VISIBILITY_SECRET)
                .setOngoing(true)
                .setShowWhen(false)
                .build();
    }
}
