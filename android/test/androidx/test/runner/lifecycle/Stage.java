package androidx.test.runner.lifecycle;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public enum Stage {
    PRE_ON_CREATE,
    CREATED,
    STARTED,
    RESUMED,
    PAUSED,
    STOPPED,
    RESTARTED,
    DESTROYED
}
