package org.pasarela.app;

import java.io.IOException;

/**
 * Keeps `pasarela bridge` running on a thread of its own: again when it ended, after pauses that grow, unless it was told wrongly; at
 * once when it is told to.
 */
final class Bridge {
    /** How it is started, and what becomes of what it says. Called on the bridge's thread. */
    interface Owner {
        Program start() throws IOException;

        void said(String line);

        /** It ended by itself; whether it had listened. */
        void ended(boolean listened);
    }

    private static final long PAUSE_FIRST_MS = 1000;
    private static final long PAUSE_LAST_MS = 60_000;
    /** One that ran so long is started again as if nothing had been. */
    private static final long WELL_MS = 60_000;
    /** The main thread waits for this in the worst case: well below what the system takes for a hang. */
    private static final long PATIENCE_MS = 2000;
    private static final long KILLED_MS = 1000;
    /** What it ends with if a link or an option cannot be used: it would be the same again, until it is started otherwise. */
    private static final int TOLD_WRONGLY = 2;

    private final Owner owner;
    private final Thread thread;
    private Program program;
    private boolean stopped;
    private boolean again;
    private int status;

    Bridge(Owner owner) {
        this.owner = owner;
        thread = new Thread(new Runnable() {
            @Override
            public void run() {
                keepRunning();
            }
        }, "bridge");
        thread.start();
    }

    /** Starts it anew, since it is to be started otherwise now. */
    synchronized void restart() {
        again = true;
        if (program != null) {
            program.close();
        }
        notifyAll();
    }

    /** Ends it. When this returns its port is free. */
    void stop() {
        synchronized (this) {
            stopped = true;
            if (program != null) {
                program.close();
            }
            notifyAll();
        }
        try {
            thread.join(PATIENCE_MS);
            synchronized (this) {
                if (!thread.isAlive() || program == null) {
                    return;
                }
                program.kill();
            }
            thread.join(KILLED_MS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void keepRunning() {
        long pause = PAUSE_FIRST_MS;
        while (true) {
            long start = now();
            boolean listened = once();
            synchronized (this) {
                if (stopped) {
                    return;
                }
                if (again) {
                    again = false;
                    pause = PAUSE_FIRST_MS;
                    continue;
                }
            }
            owner.ended(listened);
            if (now() - start >= WELL_MS) {
                pause = PAUSE_FIRST_MS;
            }
            if (status == TOLD_WRONGLY) {
                untilTold();
                pause = PAUSE_FIRST_MS;
            } else {
                rest(pause);
                pause = Math.min(2 * pause, PAUSE_LAST_MS);
            }
        }
    }

    /** One run of the program; whether it listened. */
    private boolean once() {
        synchronized (this) {
            if (stopped) {
                return false;
            }
        }
        boolean listened = false;
        Program started = null;
        status = 0;
        try {
            started = owner.start();
            synchronized (this) {
                program = started;
                // It may have been asked for while the program started.
                if (stopped || again) {
                    started.close();
                }
            }
            String line;
            while ((line = started.line()) != null) {
                listened |= line.contains("\"listening\"");
                owner.said(line);
            }
        } catch (IOException cannot) {
            // The same as one that ended. Where the system closes what is read when it is asked to end, it may still run.
            if (started != null) {
                started.close();
            }
        } finally {
            end(started);
        }
        synchronized (this) {
            program = null;
        }
        return listened;
    }

    /** Waits until it has ended: only then its port is free, and until then it can be killed. */
    private void end(Program started) {
        try {
            if (started != null) {
                status = started.status();
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static long now() {
        return System.nanoTime() / 1_000_000;
    }

    private synchronized void untilTold() {
        try {
            while (!stopped && !again) {
                wait();
            }
        } catch (InterruptedException interrupted) {
            stopped = true;
        }
        again = false;
    }

    private synchronized void rest(long pause) {
        long end = now() + pause;
        long left = pause;
        while (left > 0 && !stopped && !again) {
            try {
                wait(left);
            } catch (InterruptedException interrupted) {
                stopped = true;
            }
            left = end - now();
        }
        again = false;
    }
}
