package org.pasarela.app;

import android.content.ContentResolver;
import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Color;
import android.net.Uri;
import java.io.IOException;
import java.io.InputStream;

/** The link in a picture: the system opens it, the program reads the code in its grey pixels. Nothing of it is stored. */
final class Picture {
    /** More pixels a side would only take longer: a code that fills a tenth of it is still read. */
    private static final int SIDE = 2048;

    private Picture() {}

    /** The link; empty if there is none that can be read. Takes a second or more; not for the main thread. */
    static String link(Context context, Uri picture) {
        try {
            Bitmap bitmap = opened(context.getContentResolver(), picture);
            return bitmap == null ? "" : read(context, bitmap);
        } catch (IOException cannot) {
            return "";
        } catch (RuntimeException foreign) {
            // Another app gives it, and may fail as it likes.
            return "";
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    /** No larger than it need be; null if it is no picture. */
    private static Bitmap opened(ContentResolver resolver, Uri picture) throws IOException {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inJustDecodeBounds = true;
        decoded(resolver, picture, options);
        options.inJustDecodeBounds = false;
        options.inSampleSize = 1;
        while (Math.max(options.outWidth, options.outHeight) / options.inSampleSize > SIDE) {
            options.inSampleSize *= 2;
        }
        return decoded(resolver, picture, options);
    }

    private static Bitmap decoded(ContentResolver resolver, Uri picture, BitmapFactory.Options options) throws IOException {
        InputStream stream = resolver.openInputStream(picture);
        if (stream == null) {
            return null;
        }
        try {
            return BitmapFactory.decodeStream(stream, null, options);
        } finally {
            stream.close();
        }
    }

    private static String read(Context context, Bitmap bitmap) throws IOException, InterruptedException {
        String size = bitmap.getWidth() + "x" + bitmap.getHeight();
        Program program = Program.start(context, null, null, "share", "--text", "--grey", size);
        try {
            program.give(grey(bitmap));
            String link = program.line("https://");
            return link != null && program.status() == 0 ? link : "";
        } finally {
            program.close();
        }
    }

    /** A byte a pixel, as bright as people see it. */
    private static byte[] grey(Bitmap bitmap) {
        int width = bitmap.getWidth();
        int height = bitmap.getHeight();
        byte[] grey = new byte[width * height];
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            bitmap.getPixels(row, 0, width, 0, y, width, 1);
            for (int x = 0; x < width; x++) {
                int light = (299 * Color.red(row[x]) + 587 * Color.green(row[x]) + 114 * Color.blue(row[x])) / 1000;
                // What cannot be seen is the paper.
                grey[y * width + x] = (byte) (255 - (255 - light) * Color.alpha(row[x]) / 255);
            }
        }
        return grey;
    }
}
