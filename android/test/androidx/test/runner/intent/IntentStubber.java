package androidx.test.runner.intent;

import android.app.Instrumentation;
import android.content.Intent;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public interface IntentStubber {
    Instrumentation.ActivityResult getActivityResultForIntent(Intent intent);
}
