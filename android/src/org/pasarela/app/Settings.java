package org.pasarela.app;

import android.content.ComponentName;
import android.content.Context;
import android.content.SharedPreferences;
import android.content.pm.PackageManager;

/** The links and the choices: all that the app stores, in its private preferences. The name that it shows is the system's to keep. */
final class Settings {
    private static final String LINKS = "links";
    private static final String ON = "on";
    private static final String WIFI = "wifi";
    private static final String BOOT = "boot";
    private static final String HIDE = "hide";

    private final Context context;
    private final SharedPreferences kept;

    Settings(Context context) {
        this.context = context;
        kept = context.getSharedPreferences("settings", Context.MODE_PRIVATE);
    }

    /** Relays' links, one a line, as {@link Links} reads them. */
    String links() {
        return kept.getString(LINKS, "");
    }

    void links(String links) {
        kept.edit().putString(LINKS, links).apply();
    }

    /** Whether the bridge is to run: what the system revives after it ended the app, and what a new version goes on with. */
    boolean on() {
        return kept.getBoolean(ON, false);
    }

    void on(boolean on) {
        kept.edit().putBoolean(ON, on).apply();
    }

    /** Whether other phones in the Wi-Fi may use the bridge. */
    boolean wifi() {
        return kept.getBoolean(WIFI, false);
    }

    void wifi(boolean wifi) {
        kept.edit().putBoolean(WIFI, wifi).apply();
    }

    /** Whether the bridge starts with the phone. */
    boolean boot() {
        return kept.getBoolean(BOOT, false);
    }

    void boot(boolean boot) {
        kept.edit().putBoolean(BOOT, boot).apply();
    }

    /** Whether nobody may see the screen in pictures of it. */
    boolean hide() {
        return kept.getBoolean(HIDE, false);
    }

    void hide(boolean hide) {
        kept.edit().putBoolean(HIDE, hide).apply();
    }

    /** Whether the app goes by its neutral name. */
    boolean neutral() {
        return context.getPackageManager().getComponentEnabledSetting(alias("Neutral"))
                == PackageManager.COMPONENT_ENABLED_STATE_ENABLED;
    }

    void neutral(boolean neutral) {
        // First the new door, then the old one away: there is always one.
        show(neutral ? "Neutral" : "Pasarela", PackageManager.COMPONENT_ENABLED_STATE_ENABLED);
        show(neutral ? "Pasarela" : "Neutral", PackageManager.COMPONENT_ENABLED_STATE_DISABLED);
    }

    /** What the app calls itself where others may read it. */
    String name() {
        return context.getString(neutral() ? R.string.neutral_name : R.string.app_name);
    }

    /** Deletes all of it, on the disk when it returns. A neutral name stays: an icon that appears is seen. */
    void forget() {
        kept.edit().clear().commit();
    }

    private void show(String alias, int state) {
        context.getPackageManager().setComponentEnabledSetting(alias(alias), state, PackageManager.DONT_KILL_APP);
    }

    private ComponentName alias(String name) {
        return new ComponentName(context.getPackageName(), "org.pasarela.app." + name);
    }
}
