package androidx.test.runner.lifecycle;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public final class ApplicationLifecycleMonitorRegistry {
    private ApplicationLifecycleMonitorRegistry() {}

    public static void registerInstance(ApplicationLifecycleMonitor monitor) {}
}
