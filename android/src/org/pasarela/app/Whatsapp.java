package org.pasarela.app;

import android.content.Context;
import android.content.Intent;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.net.Uri;
import java.io.File;
import java.io.IOException;

/** WhatsApp's own link to a proxy, and its QR code. */
final class Whatsapp {
    static final String HERE = "127.0.0.1";
    /** WhatsApp, and WhatsApp Business for whoever has that alone. */
    static final String[] APPS = {"com.whatsapp", "com.whatsapp.w4b"};

    private Whatsapp() {}

    /**
     * Opens WhatsApp's setting with all of it filled in. It names the app: a browser would take the link where the system could not
     * make sure of whom it is, which it asks wa.me for, and that is blocked.
     */
    static Intent setting(String app, String host, int port) {
        String link = "https://wa.me/proxy?host=" + host + "&chatPort=" + port + "&mediaPort=" + port + "&chatTLS=false";
        return new Intent(Intent.ACTION_VIEW, Uri.parse(link)).setPackage(app);
    }

    /** The same as a QR code, by the program; null if it cannot be made. The file is gone when this returns. */
    static Bitmap code(Context context, String host, int port) {
        File file = new File(context.getCacheDir(), "code.png");
        try {
            Program program = Program.start(
                    context, null, null, "share", "--bridge", host, "--chat-port", "" + port, "--force", "--output", file.getPath());
            while (program.line() != null) {
                // It has nothing to say to us.
            }
            return program.status() == 0 ? BitmapFactory.decodeFile(file.getPath()) : null;
        } catch (IOException cannot) {
            return null;
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
            return null;
        } finally {
            file.delete();
        }
    }
}
