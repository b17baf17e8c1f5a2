package org.pasarela.app;

import static org.junit.Assert.assertEquals;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
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
        assertEquals("https://a.example:8443" + KEY, Links.in("\"https://a.example:8443" + KEY + "\""));
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

    @Test
    public void a_resolvers_answer_is_tried_first_and_the_link_as_it_was_after_it() {
        String link = "https://relay.example:8443/" + KEY + "&sni=none";
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
