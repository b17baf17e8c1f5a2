package org.pasarela.app;

import android.Manifest;
import android.app.Activity;
import android.app.ActivityManager;
import android.app.AlertDialog;
import android.content.ActivityNotFoundException;
import android.content.ClipData;
import android.content.ClipboardManager;
import android.content.DialogInterface;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.graphics.Bitmap;
import android.graphics.Rect;
import android.net.Uri;
import android.os.Build;
import android.os.Bundle;
import android.os.PowerManager;
import android.text.BidiFormatter;
import android.view.View;
import android.view.WindowManager;
import android.widget.CompoundButton;
import android.widget.ImageView;
import android.widget.LinearLayout;
import android.widget.Switch;
import android.widget.TextView;

/** The one screen: link, switch, the way to WhatsApp's setting, check, choices. */
public final class MainActivity extends Activity
        implements View.OnClickListener, CompoundButton.OnCheckedChangeListener, BridgeService.Watcher {
    /** The request for a picture. */
    private static final int PICTURE = 2;

    private Settings settings;
    private boolean checking;
    /** The question whose the links shall be, while it is asked. */
    private AlertDialog asking;
    /** For which address the QR code is shown. */
    private String shown = "";

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        settings = new Settings(this);
        if (Build.VERSION.SDK_INT >= 33) {
            // The system keeps the picture of a task on the disk, and the link is in it.
            setRecentsScreenshotEnabled(false);
        }
        setContentView(R.layout.main);
        text(R.id.link).setText(settings.links());
        text(R.id.hand_steps).setText(lines(R.string.page_step_one, R.string.page_step_two, R.string.page_step_three));
        text(R.id.neutral_what).setText(getString(R.string.neutral_what, getString(R.string.neutral_name)));
        int[] buttons = {
            R.id.paste, R.id.picture, R.id.toggle, R.id.battery_do, R.id.whatsapp, R.id.by_hand, R.id.second_do, R.id.check,
            R.id.forget
        };
        for (int button : buttons) {
            findViewById(button).setOnClickListener(this);
        }
        choice(R.id.wifi, settings.wifi());
        choice(R.id.boot, settings.boot());
        choice(R.id.hide, settings.hide());
        choice(R.id.neutral, settings.neutral());
        showFace();
        if (saved == null) {
            take(getIntent());
        }
    }

    @Override
    protected void onNewIntent(Intent intent) {
        super.onNewIntent(intent);
        take(intent);
    }

    @Override
    protected void onStart() {
        super.onStart();
        BridgeService.watch(this);
        stands(BridgeService.standing());
        if (settings.on() && !BridgeService.standing().on) {
            // The system ended it, and did not let it come back from the background.
            BridgeService.start(this);
        }
    }

    @Override
    protected void onStop() {
        BridgeService.watch(null);
        super.onStop();
    }

    @Override
    protected void onDestroy() {
        if (asking != null) {
            asking.dismiss();
        }
        super.onDestroy();
    }

    @Override
    public void onClick(View view) {
        int id = view.getId();
        if (id == R.id.paste) {
            paste();
        } else if (id == R.id.picture) {
            choosePicture();
        } else if (id == R.id.toggle) {
            toggle();
        } else if (id == R.id.battery_do) {
            askForBattery();
        } else if (id == R.id.whatsapp) {
            setUp(Whatsapp.HERE);
        } else if (id == R.id.by_hand) {
            show(R.id.hand, findViewById(R.id.hand).getVisibility() != View.VISIBLE);
        } else if (id == R.id.second_do) {
            setUp(Net.wifi(this));
        } else if (id == R.id.check) {
            check();
        } else if (id == R.id.forget) {
            askToForget();
        }
    }

    @Override
    public void onCheckedChanged(CompoundButton button, boolean on) {
        int id = button.getId();
        if (id == R.id.boot) {
            settings.boot(on);
        } else if (id == R.id.wifi) {
            settings.wifi(on);
            if (BridgeService.standing().on) {
                BridgeService.start(this);
            }
            stands(BridgeService.standing());
        } else if (id == R.id.hide) {
            settings.hide(on);
            showFace();
        } else if (id == R.id.neutral) {
            settings.neutral(on);
            showFace();
            BridgeService.renamed();
        }
    }

    @Override
    public void stands(Standing standing) {
        text(R.id.standing).setText(standing.in(this));
        text(R.id.toggle).setText(standing.on ? R.string.stop : R.string.start);
        PowerManager power = getSystemService(PowerManager.class);
        show(R.id.battery, standing.on && !power.isIgnoringBatteryOptimizations(getPackageName()));
        text(R.id.hand_values).setText(values(Whatsapp.HERE, standing.port));
        String address = settings.wifi() ? Net.wifi(this) : null;
        findViewById(R.id.second_do).setEnabled(address != null);
        findViewById(R.id.second_do).setAlpha(address != null ? 1 : 0.5f);
        show(R.id.others, settings.wifi());
        if (settings.wifi()) {
            text(R.id.others_values).setText(address == null ? getString(R.string.wifi_none) : values(address, standing.port));
            showCode(standing.listens() ? address : null, standing.port);
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent answer) {
        super.onActivityResult(request, result, answer);
        if (request == PICTURE && result == RESULT_OK && answer != null && answer.getData() != null) {
            read(answer.getData(), false);
        }
    }

    /** A link or a picture of its code that was shared with the app, or opened with it. */
    private void take(Intent intent) {
        // From the list of recent apps the system sends again what it had sent long before.
        if ((intent.getFlags() & Intent.FLAG_ACTIVITY_LAUNCHED_FROM_HISTORY) != 0) {
            return;
        }
        Uri picture = sentPicture(intent);
        String text = sent(intent);
        if (picture != null && (text == null || Links.in(text).isEmpty())) {
            read(picture, true);
        } else if (text != null) {
            offer(text);
        }
    }

    /** Anybody can send a link, so it takes the place of no other unasked. */
    private void offer(String text) {
        String links = Links.in(text);
        String own = settings.links();
        if (links.isEmpty() || own.isEmpty() || own.equals(links)) {
            fill(text);
        } else {
            ask(links);
        }
    }

    /** The picture that came with an intent; null if none did. What names a file is not believed: it may be one of the app's. */
    @SuppressWarnings("deprecation")
    private static Uri sentPicture(Intent intent) {
        try {
            Uri picture = Intent.ACTION_SEND.equals(intent.getAction()) ? intent.<Uri>getParcelableExtra(Intent.EXTRA_STREAM) : null;
            intent.removeExtra(Intent.EXTRA_STREAM);
            intent.setClipData(null);
            return picture != null && "content".equals(picture.getScheme()) ? picture : null;
        } catch (RuntimeException foreign) {
            // Another app's objects, which cannot be read here.
            return null;
        }
    }

    /** What came with an intent; null if nothing did. */
    private static String sent(Intent intent) {
        try {
            String text = null;
            if (Intent.ACTION_SEND.equals(intent.getAction())) {
                CharSequence shared = intent.getCharSequenceExtra(Intent.EXTRA_TEXT);
                text = shared == null ? null : shared.toString();
            } else if (Intent.ACTION_VIEW.equals(intent.getAction())) {
                text = intent.getDataString();
            }
            // The system keeps intents for a while.
            intent.removeExtra(Intent.EXTRA_TEXT);
            intent.setData(null);
            return text;
        } catch (RuntimeException foreign) {
            // Another app's objects, which cannot be read here.
            return null;
        }
    }

    private void ask(final String links) {
        if (asking != null) {
            asking.dismiss();
        }
        DialogInterface.OnClickListener answer = new DialogInterface.OnClickListener() {
            @Override
            public void onClick(DialogInterface dialog, int which) {
                fill(which == DialogInterface.BUTTON_POSITIVE ? links : settings.links() + "\n" + links);
            }
        };
        asking = new AlertDialog.Builder(this)
                .setMessage(getString(R.string.other_link, Links.hosts(links), Links.hosts(settings.links())))
                .setNegativeButton(android.R.string.cancel, null)
                .setNeutralButton(R.string.other_add, answer)
                .setPositiveButton(R.string.other_replace, answer)
                .create();
        if (settings.hide()) {
            // A dialog has a window of its own.
            asking.getWindow().addFlags(WindowManager.LayoutParams.FLAG_SECURE);
        }
        asking.show();
    }

    private void paste() {
        ClipData clip = getSystemService(ClipboardManager.class).getPrimaryClip();
        CharSequence text = clip == null || clip.getItemCount() == 0 ? null : clip.getItemAt(0).coerceToText(this);
        if (text == null || text.length() == 0) {
            complain(R.string.nothing_to_paste);
        } else {
            fill(text.toString());
        }
    }

    private void choosePicture() {
        // The system's own screen gives the one picture that is chosen, and the app needs no permission.
        for (String action : new String[] {Intent.ACTION_GET_CONTENT, Intent.ACTION_OPEN_DOCUMENT}) {
            try {
                startActivityForResult(new Intent(action).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*"), PICTURE);
                return;
            } catch (ActivityNotFoundException nobody) {
                // Then the other, if there is one.
            }
        }
        complain(R.string.picture_bad);
    }

    private void read(final Uri picture, final boolean stranger) {
        final View button = findViewById(R.id.picture);
        button.setEnabled(false);
        new Thread("picture") {
            @Override
            public void run() {
                final String link = Picture.link(MainActivity.this, picture);
                runOnUiThread(new Runnable() {
                    @Override
                    public void run() {
                        button.setEnabled(true);
                        if (isDestroyed()) {
                            return;
                        }
                        if (link.isEmpty()) {
                            complain(R.string.picture_bad);
                        } else if (stranger) {
                            offer(link);
                        } else {
                            fill(link);
                        }
                    }
                });
            }
        }.start();
    }

    /** What has no link in it changes nothing. */
    private void fill(String text) {
        String links = Links.in(text);
        if (links.isEmpty()) {
            complain(R.string.link_bad);
        } else {
            complain(0);
            text(R.id.link).setText(links);
        }
    }

    /** The links in the field; empty, with a complaint, if there are none. */
    private String links() {
        String links = Links.in(text(R.id.link).getText().toString());
        complain(links.isEmpty() ? R.string.link_bad : 0);
        return links;
    }

    private void complain(int what) {
        show(R.id.link_said, what != 0);
        if (what != 0) {
            text(R.id.link_said).setText(what);
        }
    }

    private void toggle() {
        if (BridgeService.standing().on) {
            settings.on(false);
            stopService(new Intent(this, BridgeService.class));
            return;
        }
        String links = links();
        if (links.isEmpty()) {
            findViewById(R.id.link).requestFocus();
            return;
        }
        settings.links(links);
        BridgeService.start(this);
        // Without it the bridge runs all the same, but nothing in sight says so.
        if (Build.VERSION.SDK_INT >= 33
                && checkSelfPermission(Manifest.permission.POST_NOTIFICATIONS) != PackageManager.PERMISSION_GRANTED) {
            requestPermissions(new String[] {Manifest.permission.POST_NOTIFICATIONS}, 1);
        }
    }

    private void askForBattery() {
        open(new Intent(
                android.provider.Settings.ACTION_REQUEST_IGNORE_BATTERY_OPTIMIZATIONS, Uri.parse("package:" + getPackageName())));
    }

    private void setUp(String host) {
        for (String app : Whatsapp.APPS) {
            if (host != null && open(Whatsapp.setting(app, host, BridgeService.standing().port))) {
                return;
            }
        }
        text(R.id.hand_steps).setText(getString(R.string.no_whatsapp) + "\n"
                + lines(R.string.page_step_one, R.string.page_step_two, R.string.page_step_three));
        show(R.id.hand, true);
    }

    private boolean open(Intent intent) {
        try {
            startActivity(intent);
            return true;
        } catch (ActivityNotFoundException nobody) {
            return false;
        }
    }

    private void check() {
        final String links = links();
        if (checking || links.isEmpty()) {
            return;
        }
        checking = true;
        text(R.id.check).setText(R.string.page_running);
        show(R.id.stages, false);
        show(R.id.verdict, false);
        // A bridge with other links says nothing of these.
        final Standing standing = BridgeService.runsWith(links) ? BridgeService.standing() : Standing.OFF;
        new Thread("check") {
            @Override
            public void run() {
                final Check found = Check.run(MainActivity.this, links, standing);
                runOnUiThread(new Runnable() {
                    @Override
                    public void run() {
                        checking = false;
                        showCheck(found);
                    }
                });
            }
        }.start();
    }

    private void showCheck(Check found) {
        text(R.id.check).setText(R.string.page_again);
        final LinearLayout stages = findViewById(R.id.stages);
        stages.removeAllViews();
        for (Check.Stage stage : found.stages) {
            TextView line = (TextView) getLayoutInflater().inflate(R.layout.stage, stages, false);
            line.setText((stage.ok ? "✓  " : "✗  ") + stage.text);
            line.setContentDescription(stage.text + ": " + getString(stage.ok ? R.string.page_done : R.string.page_failed));
            line.setTextColor(getColor(stage.ok ? R.color.good : R.color.bad));
            stages.addView(line);
        }
        show(R.id.stages, !found.stages.isEmpty());
        final TextView verdict = text(R.id.verdict);
        String title = getString(found.proven ? R.string.page_check_ok : R.string.page_check_failed);
        verdict.setText((found.proven ? "✓  " : "✗  ") + title + "\n" + found.text);
        verdict.setContentDescription(title + ". " + found.text);
        verdict.setBackgroundResource(found.proven ? R.drawable.good : R.drawable.bad);
        show(R.id.verdict, true);
        stages.post(new Runnable() {
            @Override
            public void run() {
                View all = (View) verdict.getParent();
                all.requestRectangleOnScreen(new Rect(0, stages.getTop(), all.getWidth(), all.getHeight()));
            }
        });
    }

    private void showCode(final String address, final int port) {
        final ImageView code = findViewById(R.id.code);
        final String wanted = address + " " + port;
        if (address == null || wanted.equals(shown)) {
            code.setVisibility(address == null ? View.GONE : code.getVisibility());
            shown = address == null ? "" : shown;
            return;
        }
        shown = wanted;
        new Thread("code") {
            @Override
            public void run() {
                final Bitmap made = Whatsapp.code(MainActivity.this, address, port);
                runOnUiThread(new Runnable() {
                    @Override
                    public void run() {
                        if (made != null && wanted.equals(shown)) {
                            code.setImageBitmap(made);
                            code.setVisibility(View.VISIBLE);
                        }
                    }
                });
            }
        }.start();
    }

    private void askToForget() {
        new AlertDialog.Builder(this)
                .setMessage(R.string.forget_ask)
                .setNegativeButton(android.R.string.cancel, null)
                .setPositiveButton(R.string.forget, new DialogInterface.OnClickListener() {
                    @Override
                    public void onClick(DialogInterface dialog, int which) {
                        forget();
                    }
                })
                .show();
    }

    private void forget() {
        stopService(new Intent(this, BridgeService.class));
        settings.forget();
        if (Build.VERSION.SDK_INT >= 28) {
            // The link may still lie there.
            getSystemService(ClipboardManager.class).clearPrimaryClip();
        }
        finishAndRemoveTask();
    }

    /** The name, and whether the screen may be seen in pictures. */
    @SuppressWarnings("deprecation")
    private void showFace() {
        setTitle(settings.name());
        text(R.id.title).setText(settings.name());
        show(R.id.lead, !settings.neutral());
        setTaskDescription(new ActivityManager.TaskDescription(settings.name()));
        if (settings.hide()) {
            getWindow().addFlags(WindowManager.LayoutParams.FLAG_SECURE);
        } else {
            getWindow().clearFlags(WindowManager.LayoutParams.FLAG_SECURE);
        }
    }

    private void choice(int id, boolean on) {
        Switch choice = findViewById(id);
        // What the system restores of a view would come too late.
        choice.setSaveEnabled(false);
        choice.setChecked(on);
        choice.setOnCheckedChangeListener(this);
    }

    /** What is entered in WhatsApp by hand. */
    private String values(String host, int port) {
        BidiFormatter bidi = BidiFormatter.getInstance();
        return getString(R.string.page_host) + ": " + bidi.unicodeWrap(host) + "\n"
                + getString(R.string.page_chat_port) + ": " + port + "\n"
                + getString(R.string.page_media_port) + ": " + port;
    }

    private String lines(int... texts) {
        StringBuilder lines = new StringBuilder();
        for (int index = 0; index < texts.length; index++) {
            lines.append(index == 0 ? "" : "\n").append(index + 1).append(". ").append(getString(texts[index]));
        }
        return lines.toString();
    }

    private void show(int id, boolean visible) {
        findViewById(id).setVisibility(visible ? View.VISIBLE : View.GONE);
    }

    private TextView text(int id) {
        return findViewById(id);
    }
}
