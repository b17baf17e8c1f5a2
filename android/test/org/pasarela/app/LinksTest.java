package org.pasarela.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import org.json.JSONArray;
import org.junit.Test;

public final class LinksTest {
    private static final String KEY = "#0123456789abcdef";

    private final Links.Resolver two = new Links.Resolver() {
        @Override
        public InetAddress[] addresses(String host) throws UnknownHostException {
            assertEquals("relay.example", host);
            return new InetAddress[] {InetAddress.getByName("2001:db8::7"), InetAddress.getByName("192.0.2.7")};
        }
    };

    private final Links.Resolver none = new Links.Resolver() {
        @Override
        public InetAddress[] addresses(String host) throws UnknownHostException {
            throw new UnknownHostException();
        }
    };

    @Test
    public void links_are_found_in_what_people_send() {
        assertEquals("https://a.example/" + KEY, Links.in("  https://a.example/" + KEY + "\n"));
        assertEquals("https://a.example:8443/" + KEY, Links.in("\"https://a.example:8443" + KEY + "\""));
        String more = "&addr=192.0.2.7&sni=none";
        assertEquals("https://a.example/" + KEY + more, Links.in("here pasarela://a.example/" + KEY + more + " ok"));
        String two = "https://a.example/" + KEY + " and https://b.example/" + KEY;
        assertEquals(two.replace(" and ", "\n"), Links.in(two));
    }

    @Test
    public void what_is_none_is_not_found() {
        String[] others = {
            "", "hello", "https://a.example/", "https://a.example/#short", "http://a.example/" + KEY, "https://u@a.example/" + KEY
        };
        for (String other : others) {
            assertEquals(other, "", Links.in(other));
        }
    }

    /** The program and the page read the same. */
    @Test
    public void what_was_made_of_a_link_on_its_way_is_put_right() throws Exception {
        Path file = Path.of(System.getProperty("pasarela.project"), "../src/native/link/examples.json");
        JSONArray rows = new JSONArray(Files.readString(file));
        assertTrue(rows.length() > 40);
        for (int index = 0; index < rows.length(); index++) {
            String said = filled(rows.getJSONObject(index).getString("said"));
            assertEquals(said, filled(rows.getJSONObject(index).getString("link")), Links.in(said));
        }
        // In place of the key's, the name of the page.
        String page = "eef4e1b67a9b7d1b2b8c8bd9e0ddd0a1";
        assertEquals("", Links.in("https://a.example/" + page + "/" + KEY));
        page = page(KEY.substring(1));
        assertEquals("https://a.example/" + KEY, Links.in("https://a.example/" + page + "/" + KEY));
    }

    /** Each is the whole link or none: without its end it would show the relay's name. */
    @Test
    public void no_link_loses_a_part_wherever_it_was_broken() {
        String whole = "https://relay.example/" + KEY + "&addr=192.0.2.7&sni=none&ways=plain";
        for (String mark : new String[] {"\n", " ", "\r\n  ", "\u00a0", "\n\n", "\u200b", "\u200f", "\u2060", "\ufeff", "\u00ad"}) {
            for (int at = 0; at <= whole.length(); at++) {
                String said = whole.substring(0, at) + mark + whole.substring(at);
                String read = Links.in(said);
                assertTrue(said + " became " + read, read.isEmpty() || read.equals(whole));
                boolean unseen = mark.charAt(0) > 0xff || mark.equals("\u00ad");
                assertTrue(said, !unseen && !said.contains("\n&") && !said.contains(" &") || read.equals(whole) || mark.equals("\n\n"));
            }
        }
    }

    @Test
    public void a_sentence_around_a_link_is_no_part_of_it() {
        String link = "https://a.example/" + KEY + "&sni=none";
        String[] all = {
            "Hello! Take " + link + ", it works.", "链接" + link + "，谢谢", "Read https://example.org/help first: " + link, link + " Good luck",
            link + "\n\nThanks", "(" + link + ")", "\u201c" + link + "\u201d", "The link:\n" + link + "\n", link + "\n" + link
        };
        for (String said : all) {
            assertEquals(said, link, Links.in(said));
        }
    }

    @Test
    public void what_cannot_be_read_whole_is_refused() {
        String[] all = {
            "https://a.example/" + KEY + "&unknown=1", "https://a.example/" + KEY + "&sni=none&sni=a.example", "https://a.example/" + KEY + "&sni=",
            "https://a.example/" + KEY + "\nnone", "https://a.example/" + KEY + " 89ab", "https://a.example/other/" + KEY,
            "https://a.example/#0123456789аbcdef0", "https://a.example/" + KEY + "\"&sni=none", "https://a.example/" + KEY + "谢谢",
            "https://a.example/" + KEY + "\nhttps://b.example/" + KEY + "&sni", "https://a.example/" + KEY + " so &sni=none",
            "https://rel\nay.example/" + KEY, "https://a.example/" + KEY + "\u2026",
            "https://l.example/?u=https%3A%2F%2Fa.example%2F" + KEY, "https://a.example/?sni=none" + KEY
        };
        for (String said : all) {
            assertEquals(said, "", Links.in(said));
        }
    }

    /** Anybody can send a text, and it is read on the main thread. */
    @Test(timeout = 5000)
    public void no_text_takes_long() {
        assertEquals("", Links.in("https://a.example/?" + "a=".repeat(60) + "&x" + KEY));
        assertEquals("", Links.in("https://a.example/#! " + "1 ".repeat(500_000)));
    }

    @Test
    public void a_name_that_the_link_hides_is_asked_of_no_resolver() {
        Links.Resolver telltale = new Links.Resolver() {
            @Override
            public InetAddress[] addresses(String host) {
                throw new AssertionError(host);
            }
        };
        for (String hidden : new String[] {"&sni=none", "&sni=other.example", "&ech=auto", "&ech=AEX-DQ"}) {
            String link = "https://relay.example/" + KEY + hidden;
            assertEquals(Arrays.asList(link), Links.resolved(link, telltale));
            assertEquals(Arrays.asList(link), Links.resolved(link, two));
        }
        assertEquals(2, Links.resolved("https://relay.example/" + KEY + "&ech=grease", two).size());
    }

    private static String filled(String text) {
        return text.replace("SCHEME", "https").replace("SOCKET", "WSS").replace("HOST", "relay.example").replace("KEY", KEY.substring(1));
    }

    private static String page(String key) throws Exception {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(("pasarela page " + key).getBytes(StandardCharsets.UTF_8));
        return String.format("%032x", new BigInteger(1, Arrays.copyOf(hash, 16)));
    }

    @Test
    public void a_resolvers_answer_is_tried_first_and_the_link_as_it_was_after_it() {
        String link = "https://relay.example:8443/" + KEY + "&ways=plain";
        List<String> both = Arrays.asList(link + "&addr=192.0.2.7&addr=[2001:db8:0:0:0:0:0:7]", link);
        assertEquals(both, Links.resolved(link, two));
        assertEquals(Arrays.asList(link), Links.resolved(link, none));
    }

    @Test
    public void a_link_that_names_addresses_is_left_alone() {
        String[] links = {
            "https://relay.example/" + KEY + "&addr=192.0.2.1", "https://192.0.2.1/" + KEY, "https://[2001:db8::1]:8443/" + KEY
        };
        for (String link : links) {
            assertEquals(Arrays.asList(link), Links.resolved(link, two));
        }
    }
}
