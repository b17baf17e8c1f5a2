package androidx.test.runner.lifecycle;

import android.app.Activity;

/** As much of androidx.test:monitor as Robolectric asks for; see the README. */
public interface ActivityLifecycleCallback {
    void onActivityLifecycleChanged(Activity activity, Stage stage);
}
