package org.pasarela.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.app.Application;
import android.app.AlertDialog;
import android.content.ClipData;
import android.content.ClipboardManager;
import android.content.ComponentName;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.content.pm.ResolveInfo;
import android.net.Uri;
import android.os.Build;
import android.view.View;
import android.view.WindowManager;
import android.widget.LinearLayout;
import android.widget.Switch;
import android.widget.TextView;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import javax.imageio.ImageIO;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowAlertDialog;

@RunWith(RobolectricTestRunner.class)
@Config(sdk = {24, 34})
public final class MainActivityTest {
    private static final String LINK = "https://relay.example/#0123456789abcdef";

    private Given given;

    @Before
    public void a_phone() throws Exception {
        given = new Given();
    }

    @Test
    public void four_taps_paste_start_set_up_check() throws Exception {
        given.script("echo '{\"verdict\":\"ok\",\"hint\":null,\"stages\":[{\"stage\":\"chat\",\"ok\":true,\"ms\":1,\"detail\":\"until=1\"}]}'\n");
        clip("Hello! Here it is: " + LINK + " Good luck");
        MainActivity screen = screen();
        screen.findViewById(R.id.paste).performClick();
        assertEquals(LINK, text(screen, R.id.link));
        screen.findViewById(R.id.toggle).performClick();
        assertEquals(BridgeService.class.getName(), startedService().getComponent().getClassName());
        assertEquals(LINK, given.settings.links());
        screen.findViewById(R.id.whatsapp).performClick();
        assertEquals(
                "https://wa.me/proxy?host=127.0.0.1&chatPort=5222&mediaPort=5222&chatTLS=false",
                opened(screen));
        screen.findViewById(R.id.check).performClick();
        awaitVerdict(screen);
        assertTrue(text(screen, R.id.verdict).startsWith("✓  It works\nWhatsApp answered"));
    }

    @Test
    public void a_link_is_shared_with_the_app() {
        Intent share = new Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, "take this " + LINK);
        assertDoors(share);
        assertEquals(LINK, text(screen(share), R.id.link));
    }

    @Test
    public void a_link_of_our_scheme_opens_the_app() {
        Intent view = new Intent(Intent.ACTION_VIEW, Uri.parse("pasarela://relay.example/#0123456789abcdef&sni=none"));
        assertDoors(view);
        assertEquals(LINK + "&sni=none", text(screen(view), R.id.link));
    }

    @Test
    public void a_second_link_comes_to_the_same_screen_and_starts_nothing() {
        MainActivity screen = screen();
        screen.onNewIntent(new Intent(Intent.ACTION_VIEW, Uri.parse("pasarela://other.example/#0123456789abcdef")));
        assertEquals("https://other.example/#0123456789abcdef", text(screen, R.id.link));
        assertEquals("", given.settings.links());
        assertNull(startedService());
    }

    private static final String OTHER = "https://other.example/#0123456789abcdef";

    private MainActivity withOwnLink(int button) {
        given.links(LINK);
        MainActivity screen = screen(new Intent(Intent.ACTION_VIEW, Uri.parse(OTHER.replace("https", "pasarela"))));
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        assertEquals(LINK, text(screen, R.id.link));
        String said = shadowOf(dialog).getMessage().toString();
        assertTrue(said, said.contains("other.example") && said.contains("relay.example") && !said.contains("0123"));
        dialog.getButton(button).performClick();
        shadowOf(android.os.Looper.getMainLooper()).idle();
        // Only Start saves.
        assertEquals(LINK, given.settings.links());
        return screen;
    }

    @Test
    public void a_strangers_link_takes_the_place_of_ones_own_only_if_that_is_wanted() {
        assertEquals(LINK, text(withOwnLink(AlertDialog.BUTTON_NEGATIVE), R.id.link));
        assertEquals(LINK + "\n" + OTHER, text(withOwnLink(AlertDialog.BUTTON_NEUTRAL), R.id.link));
        MainActivity screen = withOwnLink(AlertDialog.BUTTON_POSITIVE);
        assertEquals(OTHER, text(screen, R.id.link));
        screen.findViewById(R.id.toggle).performClick();
        assertEquals(OTHER, given.settings.links());
    }

    @Test
    public void a_hidden_screen_hides_whose_links_they_are() {
        given.settings.hide(true);
        withOwnLink(AlertDialog.BUTTON_NEGATIVE);
        assertTrue(shadowOf(ShadowAlertDialog.getLatestDialog().getWindow()).getFlag(WindowManager.LayoutParams.FLAG_SECURE));
    }

    private static final Uri PICTURE = Uri.parse("content://chat.example/7");

    /** The program reads this from every picture. */
    private void pictureOf(String link) throws Exception {
        given.script("cat > /dev/null\ncase \"$*\" in \"share --text --grey 64x48\") ;; *) exit 2;; esac\n"
                + (link.isEmpty() ? "echo 'error: cannot take a link from these pixels' >&2\nexit 2\n" : "echo '" + link + "'\n"));
        final ByteArrayOutputStream any = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(64, 48, BufferedImage.TYPE_BYTE_GRAY), "png", any);
        shadowOf(given.context.getContentResolver()).registerInputStreamSupplier(PICTURE, new Supplier<InputStream>() {
            @Override
            public InputStream get() {
                return new ByteArrayInputStream(any.toByteArray());
            }
        });
    }

    private static Intent sharedPicture(Uri picture) {
        return new Intent(Intent.ACTION_SEND).setType("image/jpeg").putExtra(Intent.EXTRA_STREAM, picture);
    }

    private static void awaitRead(final MainActivity screen) throws Exception {
        Given.await("the picture has been read", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return screen.findViewById(R.id.picture).isEnabled();
            }
        });
    }

    @Test
    public void a_link_is_read_from_a_picture_that_is_chosen() throws Exception {
        pictureOf(OTHER);
        given.links(LINK);
        MainActivity screen = screen();
        screen.findViewById(R.id.picture).performClick();
        Intent asked = shadowOf(screen).getNextStartedActivityForResult().intent;
        assertEquals(Intent.ACTION_GET_CONTENT, asked.getAction());
        assertEquals("image/*", asked.getType());
        shadowOf(screen).receiveResult(asked, Activity.RESULT_CANCELED, null);
        assertTrue(screen.findViewById(R.id.picture).isEnabled());
        screen.findViewById(R.id.picture).performClick();
        shadowOf(screen).receiveResult(asked, Activity.RESULT_OK, new Intent().setData(PICTURE));
        assertFalse(screen.findViewById(R.id.picture).isEnabled());
        awaitRead(screen);
        // As when it is pasted: who does it wants it.
        assertEquals(OTHER, text(screen, R.id.link));
        assertEquals(LINK, given.settings.links());
    }

    @Test
    public void a_picture_is_shared_with_the_app() throws Exception {
        pictureOf(OTHER);
        assertDoors(sharedPicture(PICTURE));
        MainActivity screen = screen(sharedPicture(PICTURE));
        awaitRead(screen);
        assertEquals(OTHER, text(screen, R.id.link));
        // Beside one's own it is a stranger's link like others.
        given.links(LINK);
        screen = screen(sharedPicture(PICTURE));
        awaitRead(screen);
        assertEquals(LINK, text(screen, R.id.link));
        assertTrue(shadowOf((AlertDialog) ShadowAlertDialog.getLatestDialog()).getMessage().toString().contains("other.example"));
        // Words that have a link in them go first.
        screen = screen(sharedPicture(PICTURE).putExtra(Intent.EXTRA_TEXT, "my friend's: " + LINK));
        assertTrue(screen.findViewById(R.id.picture).isEnabled());
    }

    @Test
    public void a_picture_without_a_code_is_said_and_changes_nothing() throws Exception {
        pictureOf("");
        given.links(LINK);
        MainActivity screen = screen(sharedPicture(PICTURE));
        awaitRead(screen);
        assertTrue(text(screen, R.id.link_said).startsWith("No relay’s code can be read in this picture."));
        assertEquals(LINK, text(screen, R.id.link));
        // A file may be the app's own, which whoever names it may not read.
        screen = screen(sharedPicture(Uri.parse("file:///data/data/org.pasarela.app/shared_prefs/settings.xml")));
        assertTrue(screen.findViewById(R.id.picture).isEnabled());
        assertEquals(View.GONE, screen.findViewById(R.id.link_said).getVisibility());
    }

    @Test
    public void ones_own_link_again_asks_nothing() {
        given.links(LINK);
        screen(new Intent(Intent.ACTION_VIEW, Uri.parse(LINK.replace("https", "pasarela"))));
        assertNull(ShadowAlertDialog.getLatestDialog());
    }

    @Test
    public void a_check_saves_nothing_and_speaks_of_the_links_in_the_field() throws Exception {
        given.links(LINK).script("case \"$*\" in\n"
                + "bridge*) echo '{\"event\":\"listening\",\"listen\":[\"127.0.0.1:5222\"]}'; exec sleep 60;;\n"
                + "*--via*) echo '{\"verdict\":\"ok\",\"hint\":null,\"stages\":[{\"stage\":\"chat\",\"ok\":true}]}';;\n"
                + "*) echo '{\"verdict\":\"key\",\"hint\":\"new-link\",\"stages\":[{\"stage\":\"key\",\"ok\":false}]}';;\nesac\n");
        org.robolectric.android.controller.ServiceController<BridgeService> service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        MainActivity screen = screen();
        screen.findViewById(R.id.check).performClick();
        awaitVerdict(screen);
        assertTrue(text(screen, R.id.verdict).startsWith("✓"));
        ((TextView) screen.findViewById(R.id.link)).setText(OTHER);
        screen.findViewById(R.id.check).performClick();
        awaitVerdict(screen);
        assertTrue(text(screen, R.id.verdict).startsWith("✗"));
        assertEquals(LINK, given.settings.links());
        service.destroy();
    }

    @Test
    public void what_the_system_sends_again_and_what_cannot_be_read_is_no_link() {
        Intent again = new Intent(Intent.ACTION_VIEW, Uri.parse(OTHER.replace("https", "pasarela")));
        MainActivity screen = screen(again.addFlags(Intent.FLAG_ACTIVITY_LAUNCHED_FROM_HISTORY));
        assertEquals("", text(screen, R.id.link));
        screen.onNewIntent(new Intent(Intent.ACTION_SEND) {
            @Override
            public CharSequence getCharSequenceExtra(String name) {
                throw new android.os.BadParcelableException("another app's");
            }
        });
        assertEquals("", text(screen, R.id.link));
    }

    @Test
    public void the_system_keeps_neither_what_it_was_started_with_nor_another_name() throws Exception {
        PackageManager manager = given.context.getPackageManager();
        assertEquals("Notes", manager.getApplicationLabel(given.context.getApplicationInfo()).toString());
        // Robolectric's package manager does not tell the mode.
        String manifest = Files.readString(Path.of(System.getProperty("pasarela.project"), "AndroidManifest.xml"));
        String screen = manifest.split("android:name=\".MainActivity\"")[1].split("/>")[0];
        assertTrue(screen, screen.contains("android:persistableMode=\"persistNever\""));
    }

    @Test
    public void what_is_no_link_is_said_and_changes_nothing() {
        given.links(LINK);
        MainActivity screen = screen();
        screen.findViewById(R.id.paste).performClick();
        assertEquals("There is nothing to paste. Copy the link first.", text(screen, R.id.link_said));
        clip("https://example.org/");
        screen.findViewById(R.id.paste).performClick();
        assertTrue(text(screen, R.id.link_said).startsWith("That is not a relay’s link."));
        assertEquals(LINK, text(screen, R.id.link));
        ((TextView) screen.findViewById(R.id.link)).setText("nothing");
        screen.findViewById(R.id.toggle).performClick();
        assertNull(startedService());
        assertEquals(LINK, given.settings.links());
    }

    @Test
    public void without_whatsapp_it_tells_how_by_hand() {
        MainActivity screen = screen();
        shadowOf((Application) given.context).checkActivities(true);
        screen.findViewById(R.id.whatsapp).performClick();
        assertEquals(View.VISIBLE, screen.findViewById(R.id.hand).getVisibility());
        assertTrue(text(screen, R.id.hand_steps).startsWith("WhatsApp did not open. Set it by hand:\n1. "));
        assertEquals("Proxy address: 127.0.0.1\nChat port: 5222\nMedia port: 5222", text(screen, R.id.hand_values));
    }

    @Test
    public void the_second_way_is_the_address_in_the_wifi() throws Exception {
        given.wifi("192.168.1.7");
        MainActivity screen = screen();
        assertFalse(screen.findViewById(R.id.second_do).isEnabled());
        ((Switch) screen.findViewById(R.id.wifi)).setChecked(true);
        assertTrue(given.settings.wifi());
        assertTrue(screen.findViewById(R.id.second_do).isEnabled());
        assertTrue(text(screen, R.id.others_values).startsWith("Proxy address: 192.168.1.7\n"));
        screen.findViewById(R.id.second_do).performClick();
        assertEquals(
                "https://wa.me/proxy?host=192.168.1.7&chatPort=5222&mediaPort=5222&chatTLS=false", opened(screen));
    }

    @Test
    public void what_the_system_ended_comes_back_with_the_screen() {
        given.links(LINK);
        screen();
        assertNull(startedService());
        given.settings.on(true);
        screen();
        assertEquals(BridgeService.class.getName(), startedService().getComponent().getClassName());
    }

    @Test
    public void choices_are_off_until_they_are_chosen() {
        MainActivity screen = screen();
        for (int choice : new int[] {R.id.wifi, R.id.boot, R.id.hide, R.id.neutral}) {
            assertFalse(((Switch) screen.findViewById(choice)).isChecked());
        }
        ((Switch) screen.findViewById(R.id.boot)).setChecked(true);
        assertTrue(given.settings.boot());
        assertFalse(shadowOf(screen.getWindow()).getFlag(WindowManager.LayoutParams.FLAG_SECURE));
        ((Switch) screen.findViewById(R.id.hide)).setChecked(true);
        assertTrue(shadowOf(screen.getWindow()).getFlag(WindowManager.LayoutParams.FLAG_SECURE));
        assertTrue(shadowOf(screen().getWindow()).getFlag(WindowManager.LayoutParams.FLAG_SECURE));
    }

    @Test
    public void a_neutral_name_is_everywhere_where_others_see_it() {
        MainActivity screen = screen();
        assertEquals("Pasarela", launcher());
        ((Switch) screen.findViewById(R.id.neutral)).setChecked(true);
        assertEquals("Notes", launcher());
        assertEquals("Notes", text(screen, R.id.title));
        assertEquals("Notes", screen.getTitle());
        assertEquals(View.GONE, screen.findViewById(R.id.lead).getVisibility());
        assertEquals("Notes", given.settings.name());
        ((Switch) screen.findViewById(R.id.neutral)).setChecked(false);
        assertEquals("Pasarela", launcher());
    }

    @Test
    public void everything_is_forgotten_in_two_taps() {
        given.links(LINK);
        given.settings.boot(true);
        given.settings.on(true);
        clip(LINK);
        MainActivity screen = screen();
        screen.findViewById(R.id.forget).performClick();
        AlertDialog dialog = (AlertDialog) ShadowAlertDialog.getLatestDialog();
        assertEquals(LINK, given.settings.links());
        dialog.getButton(AlertDialog.BUTTON_POSITIVE).performClick();
        shadowOf(android.os.Looper.getMainLooper()).idle();
        assertTrue(given.context.getSharedPreferences("settings", 0).getAll().isEmpty());
        if (Build.VERSION.SDK_INT >= 28) {
            assertFalse(given.context.getSystemService(ClipboardManager.class).hasPrimaryClip());
        }
        Intent stopped = shadowOf((Application) given.context).getNextStoppedService();
        assertEquals(BridgeService.class.getName(), stopped.getComponent().getClassName());
        assertTrue(screen.isFinishing());
    }

    @Test
    public void the_exemption_from_saving_battery_is_asked_for_while_the_bridge_is_on() throws Exception {
        given.script("echo '{\"event\":\"listening\",\"listen\":[\"127.0.0.1:5222\"]}'\nexec sleep 60\n").links(LINK);
        final MainActivity screen = screen();
        assertEquals(View.GONE, screen.findViewById(R.id.battery).getVisibility());
        org.robolectric.android.controller.ServiceController<BridgeService> service = given.service();
        Given.await("the screen says so", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return text(screen, R.id.standing).equals("The bridge is on and waits for WhatsApp.");
            }
        });
        assertEquals("Stop", text(screen, R.id.toggle));
        assertEquals(View.VISIBLE, screen.findViewById(R.id.battery).getVisibility());
        screen.findViewById(R.id.battery_do).performClick();
        Intent asked = shadowOf(screen).getNextStartedActivity();
        assertEquals(android.provider.Settings.ACTION_REQUEST_IGNORE_BATTERY_OPTIMIZATIONS, asked.getAction());
        assertEquals("package:org.pasarela.app", asked.getDataString());
        service.destroy();
        shadowOf(android.os.Looper.getMainLooper()).idle();
        assertEquals("The bridge is off.", text(screen, R.id.standing));
    }

    @Test
    public void whoever_cannot_see_hears_how_each_stage_went() throws Exception {
        given.program().links(Given.DEAD);
        MainActivity screen = screen();
        screen.findViewById(R.id.check).performClick();
        assertEquals("Checking …", text(screen, R.id.check));
        awaitVerdict(screen);
        LinearLayout stages = screen.findViewById(R.id.stages);
        assertEquals("Its address is found: done", stages.getChildAt(0).getContentDescription());
        assertEquals("Somebody answers there: failed", stages.getChildAt(1).getContentDescription());
        assertTrue(text(screen, R.id.verdict).startsWith("✗  It does not work\nThe relay does not answer at all."));
    }

    private static MainActivity screen() {
        return Robolectric.setupActivity(MainActivity.class);
    }

    private static MainActivity screen(Intent intent) {
        return Robolectric.buildActivity(MainActivity.class, intent).setup().get();
    }

    private static String text(MainActivity screen, int id) {
        return ((TextView) screen.findViewById(id)).getText().toString();
    }

    private static void awaitVerdict(final MainActivity screen) throws Exception {
        Given.await("a verdict", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return screen.findViewById(R.id.verdict).getVisibility() == View.VISIBLE;
            }
        });
    }

    private void clip(String text) {
        given.context.getSystemService(ClipboardManager.class).setPrimaryClip(ClipData.newPlainText("", text));
    }

    private Intent startedService() {
        return shadowOf((Application) given.context).getNextStartedService();
    }

    /** What the screen opened last. */
    private static String opened(MainActivity screen) {
        Intent intent = shadowOf(screen).getNextStartedActivity();
        assertNotNull(intent);
        assertEquals(Intent.ACTION_VIEW, intent.getAction());
        assertEquals("com.whatsapp", intent.getPackage());
        return intent.getDataString();
    }

    /** Under which name the phone's home screen has the app. */
    private String launcher() {
        PackageManager manager = given.context.getPackageManager();
        Intent main = new Intent(Intent.ACTION_MAIN).addCategory(Intent.CATEGORY_LAUNCHER).setPackage(given.context.getPackageName());
        List<ResolveInfo> found = manager.queryIntentActivities(main, 0);
        assertEquals(1, found.size());
        return found.get(0).loadLabel(manager).toString();
    }

    /** Others may send this to the app, under its present name alone. */
    private void assertDoors(Intent intent) {
        List<ResolveInfo> found = given.context.getPackageManager()
                .queryIntentActivities(new Intent(intent).setComponent((ComponentName) null), PackageManager.MATCH_DEFAULT_ONLY);
        assertEquals(1, found.size());
        assertEquals("org.pasarela.app.Pasarela", found.get(0).activityInfo.name);
        assertTrue(found.get(0).activityInfo.exported);
    }
}
