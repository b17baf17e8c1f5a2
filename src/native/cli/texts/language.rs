//! The languages that the program speaks to people, and which of them it is: as the locale says.
//!
//! What is for programs (JSON, exit codes, logs) and the help of the command line are English in each of them.

use std::{borrow::Cow, error::Error, fmt, sync::OnceLock};

/// A language of the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Language {
    #[default]
    English,
    Spanish,
    Persian,
}

static CHOSEN: OnceLock<Language> = OnceLock::new();

impl Language {
    /// Speaks as this process's environment says, from now on; on Windows, where that seldom says anything, as the system does.
    pub(in super::super) fn choose() {
        let variable = |name: &str| std::env::var(name).ok();
        let said = Self::of(variable);
        #[cfg(windows)]
        let said = locale("LC_MESSAGES", variable).map_or_else(|| Self::of_windows(sys_locale::get_locale()), |_| said);
        let _ = CHOSEN.set(said);
    }

    /// The one in use.
    pub(in super::super) fn chosen() -> Self {
        #[cfg(test)]
        if let Some(language) = tests::FORCED.get() {
            return language;
        }
        CHOSEN.get().copied().unwrap_or_default()
    }

    /// Persian has to be asked for there: many of its consoles neither join letters nor run from right to left.
    #[cfg(any(windows, test))]
    fn of_windows(system: Option<String>) -> Self {
        match Self::of(|_| system.clone()) {
            Self::Spanish => Self::Spanish,
            Self::English | Self::Persian => Self::English,
        }
    }

    /// Letters of another character set than UTF-8 would be garbled, so that a locale that names one is spoken to in English.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = locale("LC_MESSAGES", variable).unwrap_or_default();
        let (name, charset) =
            locale.split('@').next().unwrap_or_default().split_once('.').unwrap_or((locale.as_str(), "utf-8"));
        if !["utf-8", "utf8"].contains(&charset) {
            return Self::English;
        }
        match name.split(['_', '-', '@']).next() {
            Some("es") => Self::Spanish,
            Some("fa" | "prs") => Self::Persian,
            Some(_) | None => Self::English,
        }
    }
}

/// The locale of this category, in small letters: the first variable that is set counts (POSIX.1-2024, 8.2).
pub(in super::super) fn locale(category: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = ["LC_ALL", category, "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    set.map(|locale| locale.to_ascii_lowercase())
}

/// A text in all languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct In {
    pub(in super::super) en: &'static str,
    pub(in super::super) es: &'static str,
    pub(in super::super) fa: &'static str,
}

impl In {
    /// In the language in use.
    pub(in super::super) fn text(self) -> Cow<'static, str> {
        match Language::chosen() {
            Language::English => self.en.into(),
            Language::Spanish => self.es.into(),
            Language::Persian => isolated(self.fa).into(),
        }
    }
}

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl From<In> for Cow<'static, str> {
    fn from(text: In) -> Self {
        text.text()
    }
}

impl From<In> for String {
    fn from(text: In) -> Self {
        text.text().into_owned()
    }
}

impl From<In> for Box<dyn Error + Send + Sync> {
    fn from(text: In) -> Self {
        text.text().into()
    }
}

/// A text with values in it, in the language in use. The compiler lets no text name a value that is not there.
macro_rules! said {
    (en: $en:literal, es: $es:literal, fa: $fa:literal $(,)?) => {
        $crate::cli::texts::language::said_in(format_args!($en), format_args!($es), format_args!($fa))
    };
}
pub(in super::super) use said;

/// Which of these it is to be.
pub(in super::super) fn said_in(en: fmt::Arguments<'_>, es: fmt::Arguments<'_>, fa: fmt::Arguments<'_>) -> String {
    match Language::chosen() {
        Language::English => en.to_string(),
        Language::Spanish => es.to_string(),
        Language::Persian => isolated(&fa.to_string()),
    }
}

/// One thing beside another.
pub(in super::super) fn list(parts: &[String]) -> String {
    parts.join(match Language::chosen() {
        Language::English | Language::Spanish => ", ",
        Language::Persian => "، ",
    })
}

/// What keeps a part of a line together where the line runs the other way (UAX #9).
const ISOLATE: char = '\u{2068}';
const ISOLATED: char = '\u{2069}';

/// Persian with its commands, options, addresses and links kept together, each from left to right. A line without Persian is left
/// as it is: it may be copied.
pub(in super::super) fn isolated(text: &str) -> String {
    text.split_inclusive('\n').map(isolated_line).collect()
}

fn isolated_line(line: &str) -> String {
    if !line.chars().any(runs_left) {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut rest = line;
    let mut depth = 0_u32;
    while let Some(first) = rest.chars().next() {
        let latin = rest.find(|it: char| !(is_latin(it) || it == ' ')).unwrap_or(rest.len());
        if depth == 0 && latin > 0 {
            push_isolated(&mut out, &rest[..latin]);
            rest = &rest[latin..];
            continue;
        }
        match first {
            ISOLATE => depth += 1,
            ISOLATED => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// What runs from right to left: Arabic script, which Persian is written in.
fn runs_left(letter: char) -> bool {
    matches!(letter, '\u{600}'..='\u{6ff}')
}

fn is_latin(letter: char) -> bool {
    letter.is_ascii_graphic() || letter == '…'
}

/// One piece that runs to the right, without the punctuation around it, which is the sentence's. A single word or number needs no
/// help.
fn push_isolated(out: &mut String, piece: &str) {
    let core = core_of(piece);
    if core.chars().all(|it| it.is_ascii_alphanumeric()) || !core.contains(|it: char| it.is_ascii_alphanumeric()) {
        out.push_str(piece);
        return;
    }
    let (before, after) = piece.split_once(core).unwrap_or_default();
    out.push_str(before);
    out.push(ISOLATE);
    out.push_str(core);
    out.push(ISOLATED);
    out.push_str(after);
}

fn core_of(piece: &str) -> &str {
    let is_around = |it: char| ".,:;!?()[]\"".contains(it);
    let mut core = piece;
    loop {
        let count = |it: char| core.matches(it).count();
        let is_odd = count('"') % 2 == 1;
        let less = core.trim_matches(' ').trim_end_matches(['.', ',', ':', ';', '!', '?']);
        let less = match (less.split_once(' '), less.rsplit_once(' ')) {
            (Some((first, rest)), _) if first.chars().all(is_around) => rest,
            (_, Some((rest, last))) if last.chars().all(is_around) => rest,
            (_, _) => less,
        };
        core = match less.len() {
            length if length < core.len() => less,
            _ if is_odd && core.starts_with('"') || count('(') > count(')') && core.starts_with('(') => &core[1..],
            length if is_odd && core.ends_with('"') || count(')') > count('(') && core.ends_with(')') => {
                &core[..length - 1]
            }
            _ => return core,
        };
    }
}

#[cfg(test)]
pub(in super::super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        pub(super) static FORCED: Cell<Option<Language>> = const { Cell::new(None) };
    }

    /// What this says in a language.
    pub(in super::super::super) fn speaking<T>(language: Language, say: impl FnOnce() -> T) -> T {
        FORCED.set(Some(language));
        let said = say();
        FORCED.set(None);
        said
    }

    #[test]
    fn the_first_variable_that_is_set_says_which_it_is() {
        let of = |variables: [&str; 3]| {
            Language::of(|name| {
                let index = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().position(|variable| *variable == name)?;
                Some(variables[index].to_owned())
            })
        };
        for (variables, language) in [
            (["", "", ""], Language::English),
            (["", "", "es_ES.UTF-8"], Language::Spanish),
            (["", "", "es"], Language::Spanish),
            (["", "", "es-419"], Language::Spanish),
            (["", "", "fa_IR"], Language::Persian),
            (["", "", "FA_IR.utf8@calendar"], Language::Persian),
            (["", "fa_IR.UTF-8", "es_ES.UTF-8"], Language::Persian),
            (["C", "fa_IR.UTF-8", "es_ES.UTF-8"], Language::English),
            (["C.UTF-8", "", "es_ES.UTF-8"], Language::English),
            (["POSIX", "", "es_ES.UTF-8"], Language::English),
            (["de_DE.UTF-8", "", "es_ES.UTF-8"], Language::English),
            (["", "", "es_ES.ISO-8859-1"], Language::English),
            (["", "", "es_ES@euro"], Language::Spanish),
            (["", "", "est"], Language::English),
            (["", "", ".utf8"], Language::English),
        ] {
            assert_eq!(of(variables), language, "{variables:?}");
        }
    }

    #[test]
    fn windows_itself_says_spanish_or_nothing() {
        for (system, language) in
            [("es-MX", Language::Spanish), ("fa-IR", Language::English), ("en", Language::English)]
        {
            assert_eq!(Language::of_windows(Some(system.to_owned())), language, "{system}");
        }
        assert_eq!(Language::of_windows(None), Language::English);
    }

    #[test]
    fn what_is_latin_in_a_persian_line_is_kept_together_and_copied_lines_are_left_alone() {
        let marked = |text: &str| isolated(text).replace(ISOLATE, "<").replace(ISOLATED, ">");
        for (text, expected) in [
            ("یک لینک", "یک لینک"),
            ("کلید 5222 و WhatsApp است", "کلید 5222 و WhatsApp است"),
            ("با (--proxy یا HTTPS_PROXY)", "با (<--proxy> یا <HTTPS_PROXY>)"),
            ("فرمان pasarela keys --file FILE: بعد", "فرمان <pasarela keys --file FILE>: بعد"),
            ("از https://relay.example/#KEY.", "از <https://relay.example/#KEY>."),
            ("بگو \"https://…/#…\" را", "بگو <\"https://…/#…\"> را"),
            ("کد (&pin=…)، بعد 12.3 MB", "کد <(&pin=…)>، بعد <12.3 MB>"),
            ("بله\n  https://wa.me/proxy?a=b\nخیر -p", "بله\n  https://wa.me/proxy?a=b\nخیر <-p>"),
            ("(--a) ب", "<(--a)> ب"),
            ("نشانی: [::1]:443", "نشانی: <[::1]:443>"),
            ("بگو: \"https://…/#…\"", "بگو: <\"https://…/#…\">"),
            ("در .wslconfig (یا a.b (c", "در <.wslconfig> (یا <a.b (c>"),
        ] {
            assert_eq!(marked(text), expected);
            assert_eq!(isolated(&isolated(text)), isolated(text));
        }
    }

    #[test]
    fn a_text_is_said_in_the_language_in_use() {
        const HELLO: In = In { en: "hello", es: "hola", fa: "سلام" };
        let file = "a/b";
        let says = |language| {
            speaking(language, || format!("{HELLO}, {}", said! { en: "the {file}", es: "el {file}", fa: "این {file}" }))
        };
        assert_eq!(says(Language::English), "hello, the a/b");
        assert_eq!(says(Language::Spanish), "hola, el a/b");
        assert_eq!(says(Language::Persian), "سلام, این \u{2068}a/b\u{2069}");
    }
}
