package androidx.test.runner.intent;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public final class IntentStubberRegistry {
    private IntentStubberRegistry() {}

    public static boolean isLoaded() {
        return false;
    }

    public static IntentStubber getInstance() {
        throw new IllegalStateException("there is none");
    }
}
