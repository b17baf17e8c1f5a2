package androidx.test.runner.lifecycle;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public final class ActivityLifecycleMonitorRegistry {
    private static ActivityLifecycleMonitor registered;

    private ActivityLifecycleMonitorRegistry() {}

    public static void registerInstance(ActivityLifecycleMonitor monitor) {
        registered = monitor;
    }

    public static ActivityLifecycleMonitor getInstance() {
        return registered;
    }
}
