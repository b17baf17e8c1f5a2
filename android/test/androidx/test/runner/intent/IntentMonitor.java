package androidx.test.runner.intent;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public interface IntentMonitor {}
