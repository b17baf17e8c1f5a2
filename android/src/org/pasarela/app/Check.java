package org.pasarela.app;

import android.content.Context;
import android.text.BidiFormatter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * The program's own check, and what it found in words. Where the bridge runs it is asked what WhatsApp would ask of it; if that
 * fails, or none runs, the links are tried themselves, for the reason.
 */
final class Check {
    /** A stage that was passed or not. */
    static final class Stage {
        final boolean ok;
        final String text;

        Stage(boolean ok, String text) {
            this.ok = ok;
            this.text = text;
        }
    }

    /** In the order in which they were done. */
    final List<Stage> stages = new ArrayList<Stage>();
    /** WhatsApp proved by its own key that it is there, for the bridge or, where none runs, for a relay. */
    boolean proven;
    /** What that means, and what to try. */
    String text = "";

    private Check() {}

    /** Takes up to a minute or so; not for the main thread. */
    static Check run(Context context, String links, Standing standing) {
        if (standing.on) {
            JSONObject through = ask(context, null, null, "check", "--json", "--via", "127.0.0.1:" + standing.port);
            Check bridge = read(context, through);
            if (bridge.proven) {
                return bridge;
            }
            Check relay = relays(context, links);
            if (relay.proven) {
                // The relay is not what is wrong.
                relay.proven = false;
                relay.stages.addAll(bridge.stages);
                relay.text = bridge.stages.size() > 1 ? bridge.text : context.getString(R.string.bridge_dead);
            }
            return relay;
        }
        Check relay = relays(context, links);
        if (relay.proven) {
            relay.text += "\n" + context.getString(R.string.now_start);
        }
        return relay;
    }

    /** The first link that leads to WhatsApp; else the one that came furthest. */
    private static Check relays(Context context, String links) {
        Check best = null;
        for (String link : Links.resolved(links, BridgeService.resolver)) {
            Check check = read(context, ask(context, "PASARELA_CHECK_LINK", link, "check", "--json"));
            if (best == null || check.proven || check.stages.size() > best.stages.size()) {
                best = check;
            }
            if (check.proven) {
                break;
            }
        }
        return best == null ? read(context, null) : best;
    }

    private static JSONObject ask(Context context, String variable, String secret, String... arguments) {
        try {
            Program program = Program.start(context, variable, secret, arguments);
            try {
                String line = program.line();
                return line == null ? null : new JSONObject(line);
            } finally {
                program.close();
            }
        } catch (IOException cannot) {
            return null;
        } catch (JSONException cannot) {
            return null;
        }
    }

    /** What the program's answer means; null if it gave none. */
    static Check read(Context context, JSONObject said) {
        Check check = new Check();
        JSONArray stages = said == null ? null : said.optJSONArray("stages");
        if (stages == null) {
            check.text = context.getString(R.string.page_internal_means);
            return check;
        }
        boolean chat = false;
        String detail = "";
        for (int index = 0; index < stages.length(); index++) {
            JSONObject stage = stages.optJSONObject(index);
            if (stage == null) {
                continue;
            }
            String name = stage.optString("stage");
            boolean passed = stage.optBoolean("ok");
            chat |= passed && name.equals("chat");
            detail = stage.optString("detail");
            int text = stage(name);
            if (text != 0) {
                check.stages.add(new Stage(passed, context.getString(text)));
            }
        }
        boolean ok = said.optString("verdict").equals("ok");
        if (ok && said.has("root")) {
            // The link says whom to believe: that proves nothing.
            check.text = context.getString(R.string.page_check_root);
        } else if (ok && chat) {
            check.proven = true;
            check.text = context.getString(R.string.page_check_ok_what);
        } else {
            check.text = failure(context, said.optString("hint"), detail);
        }
        if (said.has("verified")) {
            // The link asks for that; whoever reads the name in it must know.
            String name = BidiFormatter.getInstance().unicodeWrap(said.optString("verified"));
            check.text += "\n" + context.getString(R.string.page_vouched) + " " + name;
        }
        return check;
    }

    private static int stage(String name) {
        switch (name) {
            case "name":
                return R.string.stage_name;
            case "connect":
                return R.string.stage_connect;
            case "tls":
                return R.string.stage_tls;
            case "upgrade":
                return R.string.page_stage_relay;
            case "key":
                return R.string.stage_key;
            case "upstream":
                return R.string.page_stage_connect;
            case "chat":
                return R.string.page_stage_proof;
            case "media":
                return R.string.stage_media;
            default:
                return 0;
        }
    }

    private static String failure(Context context, String hint, String detail) {
        switch (detail) {
            case "silent":
                return both(context, R.string.page_silent_means, R.string.page_silent_try);
            case "garbage":
                return both(context, R.string.page_garbled_means, R.string.page_garbled_try);
            case "forged":
                return both(context, R.string.page_forged_means, R.string.page_forged_try);
            default:
                // The program knows one that the app does not: they are made together, so that tests find it.
                String text = ofHint(context, hint);
                return text == null ? context.getString(R.string.page_internal_means) : text;
        }
    }

    /** What a word of the program's for what to try next means, and the advice itself; null for no such word. */
    static String ofHint(Context context, String hint) {
        switch (hint) {
            case "link":
            case "new-link":
                return both(context, R.string.page_key_means, R.string.page_key_try);
            case "set-clock":
            case "look-at-clock":
                return both(context, R.string.page_clock_means, R.string.page_clock_try);
            case "intercepted":
            case "certificate":
                return both(context, R.string.intercepted, R.string.page_websocket_try);
            case "ech":
            case "front":
            case "forbidden":
            case "slow":
                return both(context, R.string.page_websocket_means, R.string.page_websocket_try);
            case "tomorrow":
            case "later":
                return both(context, R.string.page_busy_means, R.string.page_busy_try);
            case "relays-way":
                return both(context, R.string.page_upstream_means, R.string.page_upstream_try);
            case "newer":
                return both(context, R.string.page_expired_means, R.string.page_expired_try);
            case "do-not-use":
                return both(context, R.string.page_garbled_means, R.string.page_garbled_try);
            case "media-port":
                return both(context, R.string.media_fails, R.string.page_upstream_try);
            case "network":
            case "operator":
            case "other-address":
            case "hide-name":
            case "exit":
            case "proxy":
            case "ports":
                return both(context, R.string.page_offline_means, R.string.page_offline_try);
            default:
                return null;
        }
    }

    private static String both(Context context, int means, int advice) {
        return context.getString(means) + "\n" + context.getString(advice);
    }
}
