package org.pasarela.app;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;

import java.io.File;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Every language has every text, with the same places for numbers and names. */
public final class TextsTest {
    private static final String[] LANGUAGES = {"ar", "es", "fa", "pt", "ru", "tr", "zh"};

    @Test
    public void every_language_has_every_text() throws Exception {
        compare(new File(System.getProperty("pasarela.project"), "res"), "strings.xml");
        compare(new File(System.getProperty("pasarela.pages")), "page.xml");
    }

    @Test
    public void what_people_read_is_a_resource() throws Exception {
        NodeList all = DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(new File(System.getProperty("pasarela.project"), "res/layout/main.xml")).getElementsByTagName("*");
        for (int index = 0; index < all.getLength(); index++) {
            for (String name : new String[] {"android:text", "android:hint", "android:contentDescription"}) {
                String text = ((Element) all.item(index)).getAttribute(name);
                assertEquals(text, true, text.isEmpty() || text.startsWith("@string/") || text.equals("WhatsApp"));
            }
            boolean picture = all.item(index).getNodeName().equals("ImageView");
            assertFalse(picture && ((Element) all.item(index)).getAttribute("android:contentDescription").isEmpty());
        }
    }

    private static void compare(File folder, String name) throws Exception {
        Map<String, String> english = read(new File(folder, "values/" + name));
        for (String language : LANGUAGES) {
            Map<String, String> other = read(new File(folder, "values-" + language + "/" + name));
            assertEquals(language, new TreeSet<String>(english.keySet()), new TreeSet<String>(other.keySet()));
            for (Map.Entry<String, String> text : english.entrySet()) {
                String translated = other.get(text.getKey());
                assertEquals(language + " " + text.getKey(), places(text.getValue()), places(translated));
                assertFalse(language + " " + text.getKey(), translated.trim().isEmpty());
            }
        }
    }

    private static Map<String, String> read(File file) throws Exception {
        NodeList strings = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file).getElementsByTagName("string");
        Map<String, String> texts = new TreeMap<String, String>();
        for (int index = 0; index < strings.getLength(); index++) {
            Element string = (Element) strings.item(index);
            String text = string.getTextContent();
            if (!string.getAttribute("translatable").equals("false") && !text.startsWith("@string/")) {
                texts.put(string.getAttribute("name"), text);
            }
        }
        return texts;
    }

    private static TreeSet<String> places(String text) {
        TreeSet<String> places = new TreeSet<String>();
        Matcher matcher = Pattern.compile("%\\d\\$[ds]|%[^ ]?").matcher(text);
        while (matcher.find()) {
            places.add(matcher.group());
        }
        return places;
    }
}
