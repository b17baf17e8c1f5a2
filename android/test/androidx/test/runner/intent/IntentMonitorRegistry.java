package androidx.test.runner.intent;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public final class IntentMonitorRegistry {
    private IntentMonitorRegistry() {}

    public static void registerInstance(IntentMonitor monitor) {}
}
