package org.pasarela.app;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** Starts the bridge with the phone, if that was chosen; and after the app was replaced by a newer one, if it ran. */
public final class BootReceiver extends BroadcastReceiver {
    @Override
    public void onReceive(Context context, Intent intent) {
        Settings settings = new Settings(context);
        boolean booted = Intent.ACTION_BOOT_COMPLETED.equals(intent.getAction());
        if (booted && !settings.boot()) {
            // Or it would start when the app is opened, or replaced, long after.
            settings.on(false);
        }
        boolean wanted = booted
                ? settings.boot()
                : Intent.ACTION_MY_PACKAGE_REPLACED.equals(intent.getAction()) && settings.on();
        if (wanted && !settings.links().isEmpty()) {
            BridgeService.start(context);
        }
    }
}
