package androidx.test.runner.lifecycle;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public enum ApplicationStage {
    PRE_ON_CREATE,
    CREATED
}
