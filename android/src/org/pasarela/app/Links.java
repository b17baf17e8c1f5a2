package org.pasarela.app;

import android.text.BidiFormatter;
import java.io.UnsupportedEncodingException;
import java.net.InetAddress;
import java.net.URLDecoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Relays' links: found in what people paste or share, and made ready for the program. Messengers, mail and keyboards change links
 * on their way; what they change is put right as the program's `link::cleaned` does. What cannot be read whole is refused: a link
 * without its last parameters would show what they hide.
 */
final class Links {
    /** A link as it is kept: the authority, the key, the parameters. One without TLS would show the key to all. */
    private static final Pattern LINK =
            Pattern.compile("https://([^\\s/#?\"'<>@\\\\]+)/#([A-Za-z0-9._~-]{16,128})((?:&(?:"
                    + "addr|port|sni|verify|host|pin|ech|sibling|ports|ways|root)=[^\\s&#\"'<>]+)*)");

    private static final Pattern OURS = Pattern.compile("(?:addr|port|sni|verify|host|pin|ech|sibling|ports|ways|root)=.*");

    private static final Pattern LEADS = Pattern.compile("(?i)(?::|%3a)(?:/|%2f){2}");

    /** Each of these begins an address, wherever it stands. */
    private static final Pattern SCHEME = Pattern.compile("(?i)(?<![a-z0-9])(?:https?|wss?|pasarela)://");

    /** Only with a key can a name without a scheme be told from a word. */
    private static final Pattern BARE =
            Pattern.compile("[\\p{L}\\p{N}-]+(?:\\.[\\p{L}\\p{N}-]+)+(?::[0-9]+)?(?:/?#.*|/[A-Za-z0-9._~-]{16,128}/?)");

    /** What stands behind the key in the address of one of the relay's routes. */
    private static final Pattern ROUTES =
            Pattern.compile("/(?:ws/chat|pipe/chat|pipe/tls|tunnel|status\\.json|check\\.js|check\\.wasm)?");

    /** Around a link in a sentence; none of these begins or ends one. */
    private static final String AROUND = "'\"`<>(){},;!?‘’‚‛“”„‟«»‹›「」『』、。،؛؟…";

    /** Of what a link may consist: a word of other letters is one of the sentence. */
    private static final Pattern PIECE = Pattern.compile("[A-Za-z0-9._~:\\[\\]%&=*+/#,-]+");

    private static final String CLOSED = "&(?:sni=none|addr=[0-9.]+|ports?=[0-9,]+|ech=(?:auto|grease)"
            + "|ways=(?:.*,)?(?:ports|browser|sibling|nameless|cut|ech|plain))";

    private static final Pattern NUMBERS = Pattern.compile("[0-9.]+|\\[.*");

    /** Whoever sends more than a message sends no link. */
    private static final int LONGEST = 20_000;

    /** A relay behind a CDN may have many; more would only make the search longer. */
    private static final int ADDRESSES = 4;

    /** A dead network's resolver keeps silent for longer. */
    private static final long PATIENCE_SECONDS = 4;

    /** Knows the addresses of names. */
    interface Resolver {
        InetAddress[] addresses(String host) throws UnknownHostException;
    }

    private Links() {}

    /** The links in a text, one a line; empty if there is none, or one that cannot be read whole. */
    static String in(String text) {
        if (text.length() > LONGEST) {
            return "";
        }
        StringBuilder found = new StringBuilder();
        StringBuilder link = null;
        boolean ended = false;
        // An empty line: hardly one in the midst of a link.
        boolean gap = false;
        String plain = SCHEME.matcher(seen(text)).replaceAll(" $0");
        for (String line : plain.split("\n")) {
            String[] words = line.trim().split(" +");
            for (String word : words) {
                if (word.isEmpty()) {
                    gap = true;
                } else if (begins(word)) {
                    boolean broken = link != null && link.indexOf("#") < 0 && !SCHEME.matcher(word).find();
                    if (broken || link != null && !add(found, link.toString())) {
                        return "";
                    }
                    link = new StringBuilder(word);
                    ended = false;
                    gap = false;
                } else if (link == null || ended) {
                    // A word of the sentence. But a parameter far from its link belongs to it all the same.
                    if (link != null && word.matches("&[a-z]+=.*")) {
                        return "";
                    }
                } else if (word.startsWith("&") || word.startsWith("#") && link.indexOf("#") < 0) {
                    link.append(word);
                } else if (!isPiece(word, words.length == 1 && !gap || !isClosed(link.toString()))) {
                    ended = true;
                } else if (isOpen(link.toString())) {
                    link.append(word);
                } else {
                    // Perhaps the rest of the link, perhaps not: neither may be guessed.
                    return "";
                }
            }
        }
        return link == null || add(found, link.toString()) ? found.toString() : "";
    }

    /** Without the marks that nobody sees, with one kind of blank, and with letters as wide as ASCII. */
    private static String seen(String said) {
        StringBuilder seen = new StringBuilder();
        String text = said.replace("\r\n", "\n");
        for (int at = 0; at < text.length(); at += Character.charCount(text.codePointAt(at))) {
            int letter = text.codePointAt(at);
            if (letter == '\n' || letter == '\r' || letter == 0x2028 || letter == 0x2029) {
                seen.append('\n');
            } else if (Character.isWhitespace(letter) || Character.isSpaceChar(letter)) {
                seen.append(' ');
            } else if (letter >= 0xff01 && letter <= 0xff5e) {
                seen.append((char) (letter - 0xfee0));
            } else if (!isMark(letter)) {
                seen.appendCodePoint(letter);
            }
        }
        return seen.toString().replace("&amp;", "&");
    }

    /** Marks of direction, joiners, soft hyphens, variation selectors. */
    private static boolean isMark(int letter) {
        return Character.isISOControl(letter) || letter == 0xad || letter == 0x34f || letter == 0x61c
                || letter == 0x115f || letter == 0x1160 || letter == 0x17b4 || letter == 0x17b5
                || letter >= 0x180b && letter <= 0x180f || letter >= 0x200b && letter <= 0x200f
                || letter >= 0x202a && letter <= 0x202e || letter >= 0x2060 && letter <= 0x206f || letter == 0x3164
                || letter >= 0xfe00 && letter <= 0xfe0f || letter == 0xfeff || letter == 0xffa0
                || letter >= 0xfff9 && letter <= 0xfffb || letter >= 0xe0000 && letter <= 0xe0fff;
    }

    private static boolean begins(String word) {
        return SCHEME.matcher(word).find() || BARE.matcher(trimmed(word)).matches();
    }

    /** Whether more must come: there is no whole key yet, or the last sign asks for something behind it. */
    private static boolean isOpen(String link) {
        String text = trimmed(link);
        int number = text.indexOf('#');
        return number >= 0 && (!text.substring(number + 1).matches("[A-Za-z0-9._~-]{16}.*") || text.matches(".*[&=%]"));
    }

    /** Whether a word of letters cannot be the rest of its last value; of a key it may, but that shows no name. */
    private static boolean isClosed(String link) {
        boolean list = link.matches(".*&(?:ways|ports)=[^&]*,");
        String text = trimmed(link);
        int last = text.lastIndexOf('&');
        return last < 0 || !list && text.substring(last).matches(CLOSED);
    }

    /** Whether a word behind a link may be the rest of it; one that may be anything counts if it stands where a rest would. */
    private static boolean isPiece(String word, boolean likely) {
        String text = trimmed(word);
        return PIECE.matcher(text).matches() && (likely || text.matches(".*[0-9&=%].*") || word.matches(",[a-z].*"));
    }

    private static String trimmed(String said) {
        String text = said;
        while (true) {
            int start = 0;
            int end = text.length();
            while (start < end && AROUND.indexOf(text.charAt(start)) >= 0) {
                start++;
            }
            while (end > start && AROUND.indexOf(text.charAt(end - 1)) >= 0) {
                end--;
            }
            String inside = text.substring(start, end);
            // A sentence may end behind the bracket.
            if (inside.length() > 1 && inside.endsWith(".") && AROUND.indexOf(inside.charAt(inside.length() - 2)) >= 0) {
                inside = inside.substring(0, inside.length() - 1);
            } else if (inside.startsWith("[") && inside.contains("://")) {
                inside = inside.substring(1);
            } else if (inside.endsWith("]") && inside.contains("://") && !inside.matches(".*\\[[^\\]]*\\]")) {
                inside = inside.substring(0, inside.length() - 1);
            }
            if (inside.equals(text)) {
                return text;
            }
            text = inside;
        }
    }

    /** Adds one link. False if it is one that cannot be read; an address without a key is none of ours. */
    private static boolean add(StringBuilder found, String said) {
        String link = cleaned(said);
        if (link == null) {
            return said.indexOf('#') < 0 && !said.contains("%23");
        }
        if (!("\n" + found + "\n").contains("\n" + link + "\n")) {
            found.append(found.length() == 0 ? "" : "\n").append(link);
        }
        return true;
    }

    /** `https://HOST/#KEY` with its parameters; null if it cannot be that. */
    private static String cleaned(String said) {
        if (said.endsWith("\u2026")) {
            // Its rest was cut off.
            return null;
        }
        String text = said;
        Matcher scheme = SCHEME.matcher(text);
        if (scheme.find()) {
            // Before it is the sentence.
            text = text.substring(scheme.start());
        }
        text = trimmed(text);
        if (text.indexOf('#') < 0) {
            text = text.replaceFirst("%23", "#");
        }
        String lower = text.toLowerCase(Locale.ROOT);
        for (String other : new String[] {"wss://", "pasarela://", "https://"}) {
            if (lower.startsWith(other)) {
                text = "https://" + text.substring(other.length());
            }
        }
        if (!text.contains("://")) {
            text = "https://" + text;
        }
        int number = text.indexOf('#');
        String before = number < 0 ? text : text.substring(0, number);
        String fragment = number < 0 ? "" : fragment(text.substring(number + 1));
        // What is asked for in a query is not for us. But without a name it may be a key in the wrong place.
        int query = before.indexOf('?');
        if (query >= 0 && isQuery(before.substring(query + 1))) {
            before = before.substring(0, query);
        }
        int path = before.indexOf('/', "https://".length());
        String base = path < 0 ? before : before.substring(0, path);
        String named = path < 0 ? "" : before.substring(path + 1);
        int slash = named.indexOf('/');
        if (slash >= 0 && ROUTES.matcher(named.substring(slash)).matches()) {
            named = named.substring(0, slash);
        }
        int end = fragment.indexOf('&');
        String key = end < 0 ? fragment : fragment.substring(0, end);
        if (key.isEmpty()) {
            fragment = named + fragment;
        } else if (!named.isEmpty() && !named.equals(key) && !named.equals(page(key))) {
            return null;
        }
        String link = base + "/#" + fragment;
        return isWhole(link) ? link : null;
    }

    /** Whether it is one for somebody's statistics: neither parameters of a link nor the address that a redirect leads to. */
    private static boolean isQuery(String text) {
        for (String part : text.split("&")) {
            if (!part.isEmpty() && part.indexOf('=') < 0 || OURS.matcher(part).matches() || LEADS.matcher(part).find()) {
                return false;
            }
        }
        return true;
    }

    /** Behind the number sign. */
    private static String fragment(String said) {
        // Browsers write after this which words are to be highlighted.
        String text = said.split(":~:", 2)[0];
        if (text.indexOf('&') < 0 && text.indexOf('=') < 0 && text.indexOf('%') >= 0) {
            // A plus sign is itself here, and no blank.
            try {
                text = URLDecoder.decode(text.replace("+", "%2B"), "UTF-8");
            } catch (UnsupportedEncodingException never) {
                return text;
            } catch (IllegalArgumentException broken) {
                return text;
            }
        }
        text = cut(text).replaceAll("&+", "&");
        boolean value = text.substring(text.lastIndexOf('&') + 1).indexOf('=') >= 0;
        // Keys end in no slash. A value may end in one, and not in a full stop; a key may.
        return text.replaceFirst(value ? "\\.+$" : "/+$", "");
    }

    /** Up to the sentence's sign that follows without a blank, as it does in Chinese; but not if parameters follow that. */
    private static String cut(String text) {
        for (int at = 0; at < text.length(); at++) {
            boolean list = text.charAt(at) == ',' && text.substring(at + 1).matches("[0-9a-z].*");
            if (AROUND.indexOf(text.charAt(at)) >= 0 && !list) {
                return text.substring(at).matches(".*[&=#].*") ? text : text.substring(0, at);
            }
        }
        return text;
    }

    private static boolean isWhole(String link) {
        Matcher matcher = LINK.matcher(link);
        if (!matcher.matches()) {
            return false;
        }
        // Twice the same, other than an address: one of both would be lost.
        Set<String> names = new HashSet<String>();
        for (String parameter : matcher.group(3).split("&")) {
            String name = parameter.split("=", 2)[0];
            if (!name.isEmpty() && !name.equals("addr") && !names.add(name)) {
                return false;
            }
        }
        return true;
    }

    /** The name of a key's page, which stays in the address bar of browsers. */
    private static String page(String key) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(("pasarela page " + key).getBytes(StandardCharsets.UTF_8));
            StringBuilder name = new StringBuilder();
            for (int index = 0; index < 16; index++) {
                name.append(String.format(Locale.ROOT, "%02x", hash[index]));
            }
            return name.toString();
        } catch (NoSuchAlgorithmException never) {
            return "";
        }
    }

    /**
     * The same links for the program. It has no resolver on Android, so that it asks by HTTPS; the system's, which also knows
     * the names of this network and of a VPN, is asked here. A resolver may lie, and a link with an address is tried as it
     * says and not otherwise, so each link without one follows as it was.
     */
    static List<String> resolved(String links, Resolver resolver) {
        List<String> all = new ArrayList<String>();
        for (String link : links.split("\\s+")) {
            if (link.isEmpty()) {
                continue;
            }
            String host = asked(link);
            StringBuilder addresses = new StringBuilder();
            int count = 0;
            for (String address : host == null ? new TreeSet<String>() : addresses(host, resolver)) {
                if (count++ < ADDRESSES) {
                    addresses.append(address);
                }
            }
            if (addresses.length() > 0) {
                all.add(link + addresses);
            }
            all.add(link);
        }
        return all;
    }

    /** The hosts of links, as people read them. */
    static String hosts(String links) {
        Set<String> hosts = new LinkedHashSet<String>();
        for (String link : links.split("\\s+")) {
            Matcher matcher = LINK.matcher(link);
            if (matcher.matches()) {
                hosts.add(matcher.group(1));
            }
        }
        StringBuilder all = new StringBuilder();
        for (String host : hosts) {
            all.append(all.length() == 0 ? "" : ", ").append(BidiFormatter.getInstance().unicodeWrap(host));
        }
        return all.toString();
    }

    /**
     * Whether a relay is elsewhere than the program was told: none of the addresses in use is in the resolver's new answer. Many
     * have more than one answers hold, in turn. No answer is no news.
     */
    static boolean moved(String links, String used, Resolver resolver) {
        for (String link : links.split("\\s+")) {
            String host = asked(link);
            Set<String> now = host == null ? new TreeSet<String>() : addresses(host, resolver);
            boolean stays = now.isEmpty();
            for (String word : used.split(" ")) {
                for (String address : now) {
                    stays |= word.startsWith(link + "&addr=") && (word + "&").contains(address + "&");
                }
            }
            if (!stays) {
                return true;
            }
        }
        return false;
    }

    /** The name that the system's resolver is asked for; null if there is none, or if it is one that the link hides. */
    private static String asked(String link) {
        Matcher matcher = LINK.matcher(link);
        if (!matcher.matches()) {
            return null;
        }
        String host = matcher.group(1).replaceFirst("(?<=[^:\\]]):[0-9]+$", "");
        // The resolver asks in clear, and what it is asked for would show what the hello does not.
        boolean hidden = link.contains("&sni=") || link.contains("&ech=") && !link.contains("&ech=grease");
        return NUMBERS.matcher(host).matches() || link.contains("&addr=") || hidden ? null : host;
    }

    private static TreeSet<String> addresses(final String host, final Resolver resolver) {
        FutureTask<InetAddress[]> answer = new FutureTask<InetAddress[]>(new Callable<InetAddress[]>() {
            @Override
            public InetAddress[] call() throws UnknownHostException {
                return resolver.addresses(host);
            }
        });
        Thread thread = new Thread(answer, "resolver");
        thread.setDaemon(true);
        thread.start();
        // Sorted: the same answer in another order is the same.
        TreeSet<String> found = new TreeSet<String>();
        try {
            for (InetAddress address : answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                String text = address.getHostAddress();
                found.add("&addr=" + (text.indexOf(':') < 0 ? text : "[" + text.replaceFirst("%.*", "") + "]"));
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        } catch (Exception unknown) {
            // The program asks others.
        }
        return found;
    }
}
