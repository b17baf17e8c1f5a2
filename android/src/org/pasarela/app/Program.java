package org.pasarela.app;

import android.content.Context;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The native program as a child process. What it says on standard error is read and thrown away: there is no log. Its standard input
 * stays open as long as this process lives, so that a bridge that is told to ends with it, even when the system kills this one.
 */
final class Program implements Closeable {
    private final Process process;
    private final BufferedReader lines;

    private Program(Process process) {
        this.process = process;
        lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /** Starts it with these arguments. The secret goes by this variable: arguments are for every process to see. */
    static Program start(Context context, String variable, String secret, String... arguments) throws IOException {
        List<String> command = new ArrayList<String>();
        // The system unpacks it as if it were a library: that is the one place whose files may be run.
        command.add(new File(context.getApplicationInfo().nativeLibraryDir, "libpasarela.so").getPath());
        command.addAll(Arrays.asList(arguments));
        // Merged, since nobody else empties standard error, and its redirection is there from Android 8 on only.
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        if (variable != null) {
            builder.environment().put(variable, secret);
        }
        return new Program(builder.start());
    }

    /** All of its input. */
    void give(byte[] input) throws IOException {
        OutputStream stream = process.getOutputStream();
        try {
            stream.write(input);
        } finally {
            stream.close();
        }
    }

    /** The next line of JSON; null when the program has ended. */
    String line() throws IOException {
        return line("{");
    }

    /** The next line that begins so; null when the program has ended. */
    String line(String beginning) throws IOException {
        String line = lines.readLine();
        while (line != null && !line.startsWith(beginning)) {
            line = lines.readLine();
        }
        return line;
    }

    int status() throws InterruptedException {
        return process.waitFor();
    }

    /** Asks it to end (SIGTERM); it resets its connections and does. */
    @Override
    public void close() {
        process.destroy();
    }

    /** For one that does not heed that. On Android 7 there is nothing harder. */
    void kill() {
        if (android.os.Build.VERSION.SDK_INT >= 26) {
            process.destroyForcibly();
        }
    }
}
