package org.pasarela.app;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Relays' links: found in what people paste or share, and made ready for the program. What is in them is the program's to judge. */
final class Links {
    /** `https://HOST/#KEY` and what may follow; our own scheme stands for https. A link without TLS would show the key to all. */
    private static final Pattern LINK =
            Pattern.compile("(?:https|pasarela)://([^\\s/#\"'<>@]+)/?#[A-Za-z0-9._~-]{16,128}(?:&[^\\s\"'<>]*)?");

    private static final Pattern NUMBERS = Pattern.compile("[0-9.]+|\\[.*");

    /** A relay behind a CDN may have many; more would only make the search longer. */
    private static final int ADDRESSES = 4;

    /** A dead network's resolver keeps silent for longer. */
    private static final long PATIENCE_SECONDS = 4;

    /** Knows the addresses of names. */
    interface Resolver {
        InetAddress[] addresses(String host) throws UnknownHostException;
    }

    private Links() {}

    /** The links in a text, one a line; empty if there is none. */
    static String in(String text) {
        StringBuilder found = new StringBuilder();
        Matcher matcher = LINK.matcher(text);
        while (matcher.find()) {
            String link = matcher.group();
            if (link.startsWith("pasarela:")) {
                link = "https" + link.substring("pasarela".length());
            }
            found.append(found.length() == 0 ? "" : "\n").append(link);
        }
        return found.toString();
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
            Matcher matcher = LINK.matcher(link);
            String host = matcher.matches() ? matcher.group(1).replaceFirst("(?<=[^:\\]]):[0-9]+$", "") : "";
            if (!host.isEmpty() && !NUMBERS.matcher(host).matches() && !link.contains("&addr=")) {
                String addresses = addresses(host, resolver);
                if (!addresses.isEmpty()) {
                    all.add(link + addresses);
                }
            }
            all.add(link);
        }
        return all;
    }

    private static String addresses(final String host, final Resolver resolver) {
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
        StringBuilder parameters = new StringBuilder();
        int count = 0;
        for (String parameter : found) {
            if (count++ < ADDRESSES) {
                parameters.append(parameter);
            }
        }
        return parameters.toString();
    }
}
