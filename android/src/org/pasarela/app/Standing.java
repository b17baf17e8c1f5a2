package org.pasarela.app;

import android.content.Context;
import org.json.JSONException;
import org.json.JSONObject;

/** How the bridge stands, as a person is told, and under which port it is found. Holds no address and no name. */
final class Standing {
    static final int PORT = 5222;
    static final Standing OFF = new Standing(false, R.string.off, "", 0, PORT);

    /** Whether the bridge is switched on. */
    final boolean on;
    /** Where it listens. */
    final int port;
    private final int text;
    /** Why no relay can be reached, as the program's word for what to try next. */
    private final String hint;
    private final int connections;

    private Standing(boolean on, int text, String hint, int connections, int port) {
        this.on = on;
        this.text = text;
        this.hint = hint;
        this.connections = connections;
        this.port = port;
    }

    static Standing starting() {
        return new Standing(true, R.string.starting, "", 0, PORT);
    }

    /** After the program ended by itself. One that never listened will hardly do so the next time. */
    Standing ended(boolean listened) {
        return new Standing(true, listened ? R.string.ended : R.string.unusable, "", 0, port);
    }

    /** After a line of the program. */
    Standing after(String line) {
        try {
            JSONObject said = new JSONObject(line);
            String event = said.optString("event");
            if (event.equals("listening")) {
                String address = said.getJSONArray("listen").getString(0);
                int at = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
                int text = connections > 0 ? R.string.connected : R.string.waiting;
                return new Standing(true, text, "", connections, at);
            }
            if (event.equals("standing")) {
                int now = said.optInt("connections");
                JSONObject problem = said.optJSONObject("problem");
                if (problem != null && now <= said.optInt("waiting")) {
                    return new Standing(true, R.string.trouble, problem.optString("hint"), now, port);
                }
                return new Standing(true, now > 0 ? R.string.connected : R.string.waiting, "", now, port);
            }
        } catch (JSONException other) {
            // Not for us.
        } catch (NumberFormatException other) {
            // Nor this.
        }
        return this;
    }

    String in(Context context) {
        String why = text == R.string.trouble ? Check.ofHint(context, hint) : null;
        return why == null ? context.getString(text, connections) : why;
    }

    /** The same where others may read it: under the neutral name it names no other app. */
    String outside(Context context, boolean neutral) {
        if (!neutral) {
            return in(context);
        }
        return context.getString(text == R.string.waiting ? R.string.connected : text, connections);
    }

    boolean listens() {
        return text == R.string.waiting || text == R.string.connected || text == R.string.trouble;
    }

    boolean sameAs(Standing other) {
        boolean says = text == other.text && hint.equals(other.hint) && connections == other.connections;
        return says && on == other.on && port == other.port;
    }
}
