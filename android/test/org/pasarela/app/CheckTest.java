package org.pasarela.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;

@RunWith(RobolectricTestRunner.class)
@Config(sdk = {24, 34})
public final class CheckTest {
    private static final String LINK = "https://relay.example/#0123456789abcdef";
    private static final String WELL = answer("ok", "null", "chat:true:until=1", "media:true:well");
    private static final String DEAD = answer("connect", "\"operator\"", "connect:false:refused");

    private Given given;

    @Before
    public void a_phone() throws Exception {
        given = new Given();
    }

    private static String answer(String verdict, String hint, String... stages) {
        StringBuilder all = new StringBuilder();
        for (String stage : stages) {
            String[] parts = stage.split(":");
            all.append(all.length() == 0 ? "" : ",")
                    .append("{\"stage\":\"" + parts[0] + "\",\"ok\":" + parts[1] + ",\"ms\":1,\"detail\":\"" + parts[2] + "\"}");
        }
        return "echo '{\"stages\":[" + all + "],\"verdict\":\"" + verdict + "\",\"hint\":" + hint + "}'";
    }

    private Check run(String script, boolean on) throws Exception {
        given.script(script + "\n");
        return Check.run(given.context, LINK, on ? Standing.starting() : Standing.OFF);
    }

    @Test
    public void all_stages_are_told_and_the_tick_is_a_proof() throws Exception {
        String[] names = {"name", "connect", "tls", "upgrade", "key", "upstream", "chat", "media"};
        String[] stages = new String[names.length];
        for (int index = 0; index < names.length; index++) {
            stages[index] = names[index] + ":true:well";
        }
        Check check = run(answer("ok", "null", stages), false);
        assertTrue(check.proven);
        assertEquals(8, check.stages.size());
        assertEquals("The relay leads to WhatsApp. Now start the bridge.", check.text.split("\n")[1]);
    }

    @Test
    public void there_is_no_tick_without_a_proof() throws Exception {
        assertFalse(run(answer("ok", "null", "name:true:well"), false).proven);
        assertFalse(run("echo '{\"stages\":[{\"stage\":\"chat\",\"ok\":true}],\"verdict\":\"ok\",\"root\":\"link\"}'", false).proven);
        assertFalse(run("exit 1", false).proven);
        assertFalse(run("echo nonsense", false).proven);
        assertFalse(run("echo '{broken'", false).proven);
    }

    @Test
    public void a_running_bridge_is_asked_what_whatsapp_would_ask() throws Exception {
        Check check = run("[ \"$*\" = \"check --json --via 127.0.0.1:5222\" ] || exit 1\n" + WELL, true);
        assertTrue(check.proven);
        assertEquals(2, check.stages.size());
    }

    @Test
    public void where_the_bridge_fails_the_links_tell_why() throws Exception {
        String script = "if [ \"$3\" = --via ]; then " + answer("chat", "\"later\"", "connect:true:well", "chat:false:silent") + "; else "
                + answer("key", "\"new-link\"", "upgrade:true:well", "key:false:wrong-key") + "; fi";
        Check check = run(script, true);
        assertFalse(check.proven);
        assertEquals("The relay knows the key", check.stages.get(1).text);
        assertTrue(check.text.startsWith("There is no relay under this key."));
    }

    @Test
    public void where_only_the_bridge_fails_it_is_what_is_told() throws Exception {
        Check check = run("if [ \"$3\" = --via ]; then " + DEAD + "; else " + WELL + "; fi", true);
        assertFalse(check.proven);
        assertEquals("The bridge on this phone does not answer. Stop it and start it again.", check.text);
    }

    @Test
    public void the_link_goes_by_the_environment() throws Exception {
        Check check = run("[ \"$PASARELA_CHECK_LINK\" = '" + LINK + "' ] && [ \"$*\" = 'check --json' ] || exit 1\n" + WELL, false);
        assertTrue(check.proven);
    }

    @Test
    public void of_several_links_one_that_works_is_enough() throws Exception {
        given.script("case \"$PASARELA_CHECK_LINK\" in *two*) " + WELL + ";; *) " + DEAD + ";; esac\n");
        String links = "https://one.example/#0123456789abcdef\nhttps://two.example/#0123456789abcdef";
        assertTrue(Check.run(given.context, links, Standing.OFF).proven);
    }

    @Test
    public void every_hint_of_the_program_has_words() throws Exception {
        String words = Files.readString(Path.of(System.getProperty("pasarela.project"), "../docs/json.md")).split("## Hints\n")[1];
        String[] hints = words.split("\n#")[0].replace("`", "").trim().split("\\s+");
        assertTrue(hints.length > 20);
        String unknown = given.context.getString(R.string.page_internal_means);
        assertTrue(run(answer("tls", "\"unheard-of\"", "tls:false:tls-other"), false).text.startsWith(unknown));
        for (String hint : hints) {
            Check check = run(answer("tls", "\"" + hint + "\"", "tls:false:tls-other"), false);
            assertFalse(hint, check.text.startsWith(unknown));
            assertTrue(hint, check.text.contains("\n") && check.text.length() > 40);
        }
        assertTrue(run(answer("tls", "\"intercepted\"", "tls:false:certificate-name"), false).text.startsWith("Another certificate"));
        assertTrue(run(answer("chat", "\"do-not-use\"", "chat:false:forged"), false).text.startsWith("Warning"));
        assertTrue(run(answer("tls", "\"set-clock\"", "tls:false:certificate-expired"), false).text.startsWith("Your clock"));
    }

    @Test
    public void whom_else_a_certificate_is_for_is_said() throws Exception {
        Check check = run("echo '{\"stages\":[{\"stage\":\"chat\",\"ok\":true}],\"verdict\":\"ok\",\"verified\":\"other.example\"}'", true);
        assertTrue(check.proven);
        assertTrue(check.text.endsWith("but for: other.example"));
    }

    /** The program itself, with a relay that is not there. */
    @Test
    public void the_programs_own_words_are_understood() throws Exception {
        given.program();
        Check check = Check.run(given.context, Given.DEAD, Standing.OFF);
        assertEquals(2, check.stages.size());
        assertTrue(check.stages.get(0).ok);
        assertFalse(check.stages.get(1).ok);
        assertTrue(check.text.startsWith("The relay does not answer at all."));
    }
}
