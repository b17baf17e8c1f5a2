package org.pasarela.app;

import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.os.Looper;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Switch;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.util.concurrent.Callable;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ServiceController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowDialog;

/** Draws the screen into target/android/shots, whole, for people to look at; and what can be measured of its looks. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 34, qualifiers = "w360dp-h740dp-xhdpi")
public final class LookTest {
    private static final String STAGES = "{\"stage\":\"name\",\"ok\":true},{\"stage\":\"connect\",\"ok\":true},"
            + "{\"stage\":\"tls\",\"ok\":true},{\"stage\":\"upgrade\",\"ok\":true},";
    private static final String WELL = "{\"stages\":[" + STAGES + "{\"stage\":\"key\",\"ok\":true},{\"stage\":\"upstream\",\"ok\":true},"
            + "{\"stage\":\"chat\",\"ok\":true},{\"stage\":\"media\",\"ok\":true}],\"verdict\":\"ok\",\"hint\":null}";
    private static final String ILL = "{\"stages\":[" + STAGES + "{\"stage\":\"key\",\"ok\":false,\"detail\":\"wrong-key\"}],"
            + "\"verdict\":\"key\",\"hint\":\"new-link\"}";
    private static final String SCRIPT = "case \"$1\" in\n"
            + "bridge) echo '{\"event\":\"listening\",\"listen\":[\"127.0.0.1:5222\"]}'; exec sleep 60;;\n"
            + "share) exec REAL \"$@\";;\n"
            + "check) echo 'ANSWER';;\nesac\n";

    @Test
    @Config(qualifiers = "+en")
    public void in_english() throws Exception {
        draw("en");
    }

    @Test
    @Config(qualifiers = "+en-night")
    public void in_english_by_night() throws Exception {
        draw("en-night");
    }

    @Test
    @Config(qualifiers = "+fa-ldrtl")
    public void in_persian() throws Exception {
        draw("fa");
    }

    @Test
    @Config(qualifiers = "+fa-ldrtl-night")
    public void in_persian_by_night() throws Exception {
        draw("fa-night");
    }

    @Test
    @Config(qualifiers = "+zh")
    public void in_chinese() throws Exception {
        draw("zh");
    }

    @Test
    @Config(qualifiers = "+zh-night")
    public void in_chinese_by_night() throws Exception {
        draw("zh-night");
    }

    @Test
    public void in_the_other_languages() throws Exception {
        for (String language : new String[] {"es", "ar-ldrtl", "ru-ldltr", "pt", "tr"}) {
            RuntimeEnvironment.setQualifiers("+" + language);
            draw(language.substring(0, 2));
        }
    }

    /** The longest words, on a small phone, twice as large. */
    @Test
    @Config(qualifiers = "+ru-w320dp-h480dp")
    public void in_large_type() throws Exception {
        RuntimeEnvironment.setFontScale(2);
        draw("ru-large");
    }

    private static void draw(String name) throws Exception {
        Given given = new Given().wifi("192.168.1.7");
        String real = System.getProperty("pasarela.program");
        given.script(SCRIPT.replace("REAL", real).replace("ANSWER", ILL));
        MainActivity screen = Robolectric.setupActivity(MainActivity.class);
        ((TextView) screen.findViewById(R.id.link)).setText("https://relay.example/#0123456789abcdef");
        check(screen);
        picture(screen, name + "-off");
        given.script(SCRIPT.replace("REAL", real).replace("ANSWER", WELL));
        given.links("https://relay.example/#0123456789abcdef").settings.wifi(true);
        ServiceController<BridgeService> service = given.service();
        given.awaitNotification(given.context.getString(R.string.waiting));
        final MainActivity on = Robolectric.setupActivity(MainActivity.class);
        on.findViewById(R.id.by_hand).performClick();
        ((Switch) on.findViewById(R.id.boot)).setChecked(true);
        Given.await("the code is shown", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return on.findViewById(R.id.code).getVisibility() == View.VISIBLE;
            }
        });
        check(on);
        picture(on, name + "-on");
        on.findViewById(R.id.forget).performClick();
        shadowOf(Looper.getMainLooper()).idle();
        View dialog = ShadowDialog.getLatestDialog().getWindow().getDecorView();
        save(dialog, dialog.getWidth(), dialog.getHeight(), name + "-forget");
        service.destroy();
    }

    private static void check(final MainActivity screen) throws Exception {
        screen.findViewById(R.id.check).performClick();
        Given.await("a verdict", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return screen.findViewById(R.id.verdict).getVisibility() == View.VISIBLE;
            }
        });
    }

    /** All that can be scrolled to, in one picture. */
    private static void picture(MainActivity screen, String name) throws Exception {
        ViewGroup scroll = screen.findViewById(R.id.scroll);
        View content = scroll.getChildAt(0);
        int width = screen.getResources().getDisplayMetrics().widthPixels;
        content.measure(
                View.MeasureSpec.makeMeasureSpec(width, View.MeasureSpec.EXACTLY),
                View.MeasureSpec.makeMeasureSpec(0, View.MeasureSpec.UNSPECIFIED));
        content.layout(0, 0, width, content.getMeasuredHeight());
        large(content);
        save(content, width, content.getHeight(), name);
    }

    private static void save(View view, int width, int height, String name) throws Exception {
        Bitmap bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888);
        Canvas canvas = new Canvas(bitmap);
        canvas.drawColor(view.getContext().getColor(R.color.ground));
        view.draw(canvas);
        File folder = new File(System.getProperty("pasarela.shots"));
        folder.mkdirs();
        try (FileOutputStream out = new FileOutputStream(new File(folder, name + ".png"))) {
            bitmap.compress(Bitmap.CompressFormat.PNG, 100, out);
        }
    }

    /** What is tapped is large enough for a finger, and no text is cut off. */
    private static void large(View view) {
        if (view.getVisibility() != View.VISIBLE) {
            return;
        }
        float density = view.getResources().getDisplayMetrics().density;
        if (view.isClickable()) {
            assertTrue(view + " is too small", view.getHeight() >= 48 * density);
        }
        if (view instanceof TextView && ((TextView) view).getLayout() != null && view.getId() != R.id.link) {
            TextView text = (TextView) view;
            int room = text.getHeight() - text.getTotalPaddingTop() - text.getTotalPaddingBottom();
            assertTrue(text.getText() + " is cut off", text.getLayout().getHeight() <= room);
        }
        if (view instanceof ViewGroup) {
            for (int index = 0; index < ((ViewGroup) view).getChildCount(); index++) {
                large(((ViewGroup) view).getChildAt(index));
            }
        }
    }
}
