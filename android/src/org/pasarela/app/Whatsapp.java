package org.pasarela.app;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.net.Uri;
import java.io.File;
import java.io.IOException;

/** WhatsApp's own link to a proxy, and its QR code. */
final class Whatsapp {
    static final String HERE = "127.0.0.1";

    private Whatsapp() {}

    /** Opens WhatsApp's setting with all of it filled in. */
    static Uri link(String host, int port) {
        return Uri.parse("https://wa.me/proxy?host=" + host + "&chatPort=" + port + "&mediaPort=" + port + "&chatTLS=false");
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
