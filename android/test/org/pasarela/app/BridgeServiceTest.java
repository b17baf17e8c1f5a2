package org.pasarela.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Notification;
import android.app.Service;
import android.content.ComponentName;
import android.content.ContextWrapper;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.os.Build;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.android.controller.ServiceController;
import org.robolectric.annotation.Config;

@RunWith(RobolectricTestRunner.class)
@Config(sdk = {24, 34})
public final class BridgeServiceTest {
    private static final String LISTENING = "echo '{\"event\":\"listening\",\"listen\":[\"127.0.0.1:5222\"]}'\n";

    private static final Links.Resolver SILENT = new Links.Resolver() {
        @Override
        public InetAddress[] addresses(String host) throws UnknownHostException {
            throw new UnknownHostException();
        }
    };

    private Given given;
    private ServiceController<BridgeService> service;

    @Before
    public void a_phone() throws Exception {
        given = new Given().links("https://relay.example/#0123456789abcdef");
    }

    @After
    public void nothing_is_left() throws Exception {
        if (service != null) {
            service.destroy();
        }
        assertFalse(BridgeService.standing().on);
        Given.await("no program is left", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return ProcessHandle.current().children().count() == 0;
            }
        });
    }

    @Test
    public void the_program_itself_listens_until_it_is_stopped() throws Exception {
        given.program().links(Given.DEAD);
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        assertEquals(5222, BridgeService.standing().port);
        assertTrue(Given.listens(5222));
        service.destroy();
        service = null;
        assertFalse(Given.listens(5222));
    }

    @Test
    public void the_program_itself_is_started_again_when_it_is_killed() throws Exception {
        given.program().links(Given.DEAD);
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        final ProcessHandle first = ProcessHandle.current().children().findFirst().get();
        first.destroyForcibly();
        given.awaitNotification("The bridge ended. It starts again by itself.");
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        assertTrue(Given.listens(5222));
        assertNotEquals(first.pid(), ProcessHandle.current().children().findFirst().get().pid());
    }

    @Test
    public void the_program_itself_takes_the_next_port_if_the_usual_one_is_taken() throws Exception {
        given.program().links(Given.DEAD);
        try (ServerSocket other = new ServerSocket(5222, 1, InetAddress.getByName("127.0.0.1"))) {
            service = given.service();
            given.awaitNotification("The bridge is on and waits for WhatsApp.");
            assertEquals(5223, BridgeService.standing().port);
            assertTrue(Given.listens(5223));
        }
    }

    @Test
    public void it_runs_in_the_foreground_and_nothing_shows_on_a_locked_screen() throws Exception {
        given.script(LISTENING + "exec sleep 60\n");
        service = Robolectric.buildService(BridgeService.class).create();
        assertEquals(Service.START_STICKY, service.get().onStartCommand(new Intent(), 0, 1));
        Notification shown = shadowOf(service.get()).getLastForegroundNotification();
        assertNotNull(shown);
        assertEquals(Notification.VISIBILITY_SECRET, shown.visibility);
        if (Build.VERSION.SDK_INT >= 34) {
            assertEquals(ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE, service.get().getForegroundServiceType());
        }
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        assertEquals("Pasarela", given.notification().extras.get(Notification.EXTRA_TITLE));
    }

    @Test
    public void the_link_goes_by_the_environment_and_not_by_an_argument() throws Exception {
        given.script("echo \"$PASARELA_LINKS\" > \"$0.links\"\necho \"$@\" > \"$0.arguments\"\nexec sleep 60\n");
        service = given.service();
        given.awaitFile("libpasarela.so.links", "https://relay.example/#0123456789abcdef\n");
        given.awaitFile("libpasarela.so.arguments", "bridge --json --end-with-stdin --listen 127.0.0.1:5222\n");
    }

    @Test
    public void the_notification_says_how_the_bridge_stands() throws Exception {
        given.script(LISTENING
                + "echo '{\"event\":\"standing\",\"connections\":3,\"waiting\":0,\"problem\":null}'\nread wait < \"$0.pipe\"\n"
                + "echo '{\"event\":\"standing\",\"connections\":1,\"waiting\":1,"
                + "\"problem\":{\"relay\":\"relay.example\",\"trouble\":\"wrong-key\",\"hint\":\"new-link\"}}"
                + "'\n"
                + "exec sleep 60\n");
        new ProcessBuilder("mkfifo", given.folder.resolve("libpasarela.so.pipe").toString()).start().waitFor();
        service = given.service();
        given.awaitNotification("The bridge is on. Connections: 3");
        Files.writeString(given.folder.resolve("libpasarela.so.pipe"), "on\n");
        String means = "There is no relay under this key. It is mistyped, or it was taken back.\n";
        given.awaitNotification(means + "Compare the link with the one that was sent to you; then ask for a new one.");
        given.settings.neutral(true);
        BridgeService.renamed();
        given.awaitNotification("The relay cannot be reached just now. The bridge keeps trying.");
    }

    @Test
    public void why_no_relay_is_reached_is_said_in_other_words_for_other_reasons() {
        Set<String> said = new HashSet<String>();
        for (String hint : new String[] {"network", "new-link", "set-clock", "tomorrow", "intercepted", "of a later one"}) {
            Standing standing = Standing.starting().after("{\"event\":\"standing\",\"connections\":0,\"waiting\":0,"
                    + "\"problem\":{\"relay\":\"relay.example\",\"trouble\":\"other\",\"hint\":\"" + hint + "\"}}");
            assertTrue(standing.listens());
            assertTrue(hint, said.add(standing.in(given.context)));
        }
        assertTrue(said.contains("The relay cannot be reached just now. The bridge keeps trying."));
    }

    @Test
    public void its_button_stops_it_for_good() throws Exception {
        given.script(LISTENING + "exec sleep 60\n");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        assertTrue(given.settings.on());
        Notification.Action stop = given.notification().actions[0];
        assertEquals("Stop", stop.title);
        Intent intent = shadowOf(stop.actionIntent).getSavedIntent();
        assertEquals(Service.START_NOT_STICKY, service.get().onStartCommand(intent, 0, 2));
        assertTrue(shadowOf(service.get()).isStoppedBySelf());
        assertFalse(given.settings.on());
    }

    @Test
    public void what_the_system_revives_goes_on_only_if_it_was_on() throws Exception {
        given.script(LISTENING + "exec sleep 60\n").settings.on(false);
        service = Robolectric.buildService(BridgeService.class).create();
        assertEquals(Service.START_NOT_STICKY, service.get().onStartCommand(null, 0, 1));
        assertTrue(shadowOf(service.get()).isStoppedBySelf());
        service.destroy();
        given.settings.on(true);
        service = Robolectric.buildService(BridgeService.class).create();
        assertEquals(Service.START_STICKY, service.get().onStartCommand(null, 0, 1));
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
    }

    @Test
    public void a_program_that_never_listens_makes_people_look_at_the_link() throws Exception {
        given.script("exit 1\n");
        service = given.service();
        given.awaitNotification("The bridge cannot start. Look at the link: perhaps a part is missing.");
    }

    @Test
    public void a_program_that_was_told_wrongly_is_started_again_only_when_it_is_told_otherwise() throws Exception {
        given.script("echo \"$PASARELA_LINKS\" >> \"$0.links\"\n"
                + "case $PASARELA_LINKS in *bad*) exit 2;; esac\n" + LISTENING + "exec sleep 60\n");
        given.links("https://bad.example/#0123456789abcdef");
        service = given.service();
        given.awaitNotification("The bridge cannot start. Look at the link: perhaps a part is missing.");
        Given.await("it waits, and not for a time", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return Given.thread("bridge") == Thread.State.WAITING;
            }
        });
        given.links("https://relay.example/#0123456789abcdef");
        service.get().onStartCommand(new Intent(), 0, 2);
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        given.awaitFile("libpasarela.so.links",
                "https://bad.example/#0123456789abcdef\nhttps://relay.example/#0123456789abcdef\n");
    }

    @Test
    public void the_pauses_grow() throws Exception {
        given.script("echo x >> \"$0.starts\"\nexit 1\n");
        long start = System.nanoTime();
        service = given.service();
        given.awaitFile("libpasarela.so.starts", "x\nx\nx\n");
        assertTrue(System.nanoTime() - start >= 2_900_000_000L);
    }

    @Test
    public void the_systems_resolver_is_asked_and_need_not_be_believed() throws Exception {
        given.script("echo \"$PASARELA_LINKS\" > \"$0.links\"\nexec sleep 60\n");
        resolve("192.0.2.7");
        service = given.service();
        given.awaitFile("libpasarela.so.links",
                "https://relay.example/#0123456789abcdef&addr=192.0.2.7 https://relay.example/#0123456789abcdef\n");
    }

    @Test
    public void in_another_network_it_is_started_anew_if_the_relay_has_another_address_there() throws Exception {
        given.script("echo \"$PASARELA_LINKS\" >> \"$0.links\"\n" + LISTENING + "exec sleep 60\n");
        resolve("192.0.2.7");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        String first = "https://relay.example/#0123456789abcdef&addr=192.0.2.7 https://relay.example/#0123456789abcdef\n";
        given.awaitFile("libpasarela.so.links", first);
        given.networkChanges();
        BridgeService.resolver = SILENT;
        given.networkChanges();
        resolve("192.0.2.8");
        given.networkChanges();
        given.awaitFile("libpasarela.so.links", first + first.replace("2.7", "2.8"));
    }

    @Test
    public void other_phones_are_served_only_by_choice_and_only_in_a_wifi() throws Exception {
        given.script("echo \"$@\" >> \"$0.arguments\"\n" + LISTENING + "exec sleep 60\n").wifi(null);
        given.settings.wifi(true);
        service = given.service();
        String alone = "bridge --json --end-with-stdin --listen 127.0.0.1:5222\n";
        given.awaitFile("libpasarela.so.arguments", alone);
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        given.wifi("192.168.1.7").networkChanges();
        given.awaitFile("libpasarela.so.arguments",
                alone + "bridge --json --end-with-stdin --listen 127.0.0.1:5222,192.168.1.7:5222 --host 192.168.1.7\n");
    }

    @Test
    public void it_starts_with_the_phone_if_that_was_chosen() {
        BootReceiver receiver = new BootReceiver();
        given.settings.on(true);
        receiver.onReceive(given.context, new Intent(Intent.ACTION_BOOT_COMPLETED));
        assertNull(started());
        // Nor later, when a new version comes or somebody opens the app.
        assertFalse(given.settings.on());
        given.settings.boot(true);
        receiver.onReceive(given.context, new Intent(Intent.ACTION_BOOT_COMPLETED));
        assertEquals(BridgeService.class.getName(), started().getComponent().getClassName());
    }

    @Test
    public void it_goes_on_after_a_new_version_if_it_was_on() {
        BootReceiver receiver = new BootReceiver();
        receiver.onReceive(given.context, new Intent(Intent.ACTION_MY_PACKAGE_REPLACED));
        assertNull(started());
        given.settings.on(true);
        receiver.onReceive(given.context, new Intent(Intent.ACTION_MY_PACKAGE_REPLACED));
        assertEquals(BridgeService.class.getName(), started().getComponent().getClassName());
    }

    @Test
    public void other_answers_of_the_same_relay_are_no_reason_to_start_anew() throws Exception {
        given.script("echo \"$PASARELA_LINKS\" >> \"$0.links\"\n" + LISTENING + "exec sleep 60\n");
        resolve("192.0.2.7", "192.0.2.9");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        String link = "https://relay.example/#0123456789abcdef";
        String first = link + "&addr=192.0.2.7&addr=192.0.2.9 " + link + "\n";
        given.awaitFile("libpasarela.so.links", first);
        resolve("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.9");
        given.networkChanges();
        Given.await("the network was looked at", new Callable<Boolean>() {
            @Override
            public Boolean call() {
                return Given.thread("networks") == null;
            }
        });
        given.awaitFile("libpasarela.so.links", first);
        // A part of an address is not it.
        resolve("192.0.2.70");
        given.networkChanges();
        given.awaitFile("libpasarela.so.links", first + first.replace("&addr=192.0.2.9", "").replace("2.7", "2.70"));
    }

    @Test
    public void links_that_are_saved_while_it_runs_are_not_its_own() throws Exception {
        given.script("echo \"$PASARELA_LINKS\" >> \"$0.links\"\n" + LISTENING + "exec sleep 60\n");
        resolve("192.0.2.7");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        given.links("https://other.example/#0123456789abcdef");
        resolve("192.0.2.8");
        given.networkChanges();
        String link = "https://relay.example/#0123456789abcdef";
        given.awaitFile("libpasarela.so.links",
                link + "&addr=192.0.2.7 " + link + "\n" + link + "&addr=192.0.2.8 " + link + "\n");
        assertTrue(BridgeService.runsWith(link));
        assertFalse(BridgeService.runsWith("https://other.example/#0123456789abcdef"));
    }

    @Test
    public void a_neutral_notification_names_nobody_and_changes_at_once() throws Exception {
        given.script(LISTENING + "exec sleep 60\n");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        given.settings.neutral(true);
        BridgeService.renamed();
        given.awaitNotification("The bridge is on. Connections: 0");
        assertEquals("Notes", given.notification().extras.get(Notification.EXTRA_TITLE));
        given.settings.neutral(false);
    }

    @Test
    public void nothing_of_it_is_shown_when_it_has_ended() throws Exception {
        given.script(LISTENING + "exec sleep 60\n");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        service.destroy();
        service = null;
        assertNull(given.notification());
    }

    /** On phones its output is closed as soon as it is asked to end. */
    @Test
    public void when_it_is_stopped_the_program_has_ended() throws Exception {
        given.script("trap 'exec 1>&-; sleep 1; exit' TERM\n" + LISTENING + "while true; do sleep 0.1; done\n");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        service.destroy();
        service = null;
        assertEquals(0, ProcessHandle.current().children().count());
    }

    @Test
    public void one_that_does_not_heed_is_killed() throws Exception {
        if (Build.VERSION.SDK_INT < 26) {
            return;
        }
        given.script("trap '' TERM\n" + LISTENING + "while true; do sleep 0.1; done\n");
        service = given.service();
        given.awaitNotification("The bridge is on and waits for WhatsApp.");
        service.destroy();
        service = null;
        assertEquals(0, ProcessHandle.current().children().count());
    }

    @Test
    public void a_system_that_lets_nothing_start_ends_nobody() {
        BridgeService.start(new ContextWrapper(given.context) {
            @Override
            public ComponentName startService(Intent service) {
                throw new IllegalStateException("not from the background");
            }

            @Override
            public ComponentName startForegroundService(Intent service) {
                throw new IllegalStateException("not from the background");
            }
        });
    }

    private Intent started() {
        return shadowOf((android.app.Application) given.context).getNextStartedService();
    }

    private static void resolve(final String... answers) {
        BridgeService.resolver = new Links.Resolver() {
            @Override
            public InetAddress[] addresses(String host) throws UnknownHostException {
                InetAddress[] found = new InetAddress[answers.length];
                for (int index = 0; index < found.length; index++) {
                    found[index] = InetAddress.getByName(answers[index]);
                }
                return found;
            }
        };
    }
}
