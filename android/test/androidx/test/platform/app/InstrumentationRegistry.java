package androidx.test.platform.app;

import android.app.Instrumentation;
import android.os.Bundle;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public final class InstrumentationRegistry {
    private static Instrumentation registered;
    private static Bundle arguments;

    private InstrumentationRegistry() {}

    public static void registerInstance(Instrumentation instrumentation, Bundle with) {
        registered = instrumentation;
        arguments = with;
    }

    public static Instrumentation getInstrumentation() {
        return registered;
    }

    public static Bundle getArguments() {
        return arguments;
    }
}
