package org.pasarela.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Paint;
import android.graphics.Rect;
import android.net.Uri;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;

/** Real pictures, opened by the real decoders and read by the real program. */
@RunWith(RobolectricTestRunner.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = 34)
public final class PictureTest {
    private static final String LINK = "https://relay.example/#0123456789abcdef&addr=192.0.2.7&sni=none";
    private static final Uri PICTURE = Uri.parse("content://chat.example/7");

    private Given given;

    @Before
    public void a_phone() throws Exception {
        given = new Given().program();
    }

    @Test
    public void a_link_is_read_from_a_screenshot_and_from_a_photo() throws Exception {
        Bitmap code = code("PASARELA_SHARE_LINK", LINK, "share");
        Bitmap screen = Bitmap.createBitmap(1080, 2340, Bitmap.Config.ARGB_8888);
        draw(screen, Color.rgb(11, 20, 26), code, 600);
        assertEquals(LINK, link(bytes(screen, Bitmap.CompressFormat.PNG)));
        assertEquals(LINK, link(bytes(screen, Bitmap.CompressFormat.JPEG)));
        // Four times as many pixels as the program is given.
        Bitmap photo = Bitmap.createBitmap(4000, 3000, Bitmap.Config.ARGB_8888);
        draw(photo, Color.GRAY, code, 900);
        assertEquals(LINK, link(bytes(photo, Bitmap.CompressFormat.JPEG)));
        // Ink alone, on nothing.
        Bitmap ink = code.copy(Bitmap.Config.ARGB_8888, true);
        ink.setHasAlpha(true);
        for (int y = 0; y < ink.getHeight(); y++) {
            for (int x = 0; x < ink.getWidth(); x++) {
                ink.setPixel(x, y, ink.getPixel(x, y) == Color.WHITE ? Color.TRANSPARENT : Color.BLACK);
            }
        }
        assertEquals(LINK, link(bytes(ink, Bitmap.CompressFormat.PNG)));
    }

    @Test
    public void what_holds_no_link_of_a_relay_gives_none() throws Exception {
        Bitmap nothing = Bitmap.createBitmap(400, 400, Bitmap.Config.ARGB_8888);
        nothing.eraseColor(Color.WHITE);
        assertEquals("", link(bytes(nothing, Bitmap.CompressFormat.PNG)));
        Bitmap whatsapp = code(null, null, "share", "--bridge", "192.168.1.7");
        assertEquals("", link(bytes(whatsapp, Bitmap.CompressFormat.PNG)));
        assertEquals("", link("no picture".getBytes(StandardCharsets.UTF_8)));
        assertEquals("", Picture.link(given.context, Uri.parse("content://nobody.example/1")));
    }

    /** A code that the program draws. */
    private Bitmap code(String variable, String secret, String... arguments) throws Exception {
        File file = given.folder.resolve("code.png").toFile();
        String[] all = java.util.Arrays.copyOf(arguments, arguments.length + 3);
        all[arguments.length] = "--force";
        all[arguments.length + 1] = "--output";
        all[arguments.length + 2] = file.getPath();
        Program program = Program.start(given.context, variable, secret, all);
        assertEquals(0, program.status());
        return BitmapFactory.decodeFile(file.getPath());
    }

    private static void draw(Bitmap picture, int ground, Bitmap code, int side) {
        Canvas canvas = new Canvas(picture);
        canvas.drawColor(ground);
        int left = (picture.getWidth() - side) / 2;
        int top = (picture.getHeight() - side) / 3;
        canvas.drawBitmap(code, null, new Rect(left, top, left + side, top + side), new Paint(Paint.FILTER_BITMAP_FLAG));
        Paint paint = new Paint();
        paint.setColor(Color.LTGRAY);
        paint.setTextSize(48);
        canvas.drawText("Here it is. Give it to nobody.", left, top + side + 80, paint);
    }

    private static byte[] bytes(Bitmap picture, Bitmap.CompressFormat format) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        assertTrue(picture.compress(format, 80, bytes));
        return bytes.toByteArray();
    }

    private String link(final byte[] picture) {
        shadowOf(given.context.getContentResolver()).registerInputStreamSupplier(PICTURE, new Supplier<InputStream>() {
            @Override
            public InputStream get() {
                return new ByteArrayInputStream(picture);
            }
        });
        return Picture.link(given.context, PICTURE);
    }
}
