//! The languages that the page is written in, and which of them a browser is to see.
//!
//! The texts are in `www/texts`, a file a language. `build.rs` uses the table too.

/// A language of the page.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// Its code (BCP 47), which is also its file's name.
    pub code: &'static str,
    /// Its direction, as HTML says it.
    pub direction: &'static str,
    /// Its own name for itself.
    pub name: &'static str,
}

/// All of them; the first is for those who understand none.
pub const LANGUAGES: [Language; 8] = [
    Language { code: "en", direction: "ltr", name: "English" },
    Language { code: "es", direction: "ltr", name: "Español" },
    Language { code: "fa", direction: "rtl", name: "فارسی" },
    Language { code: "ar", direction: "rtl", name: "العربية" },
    Language { code: "ru", direction: "ltr", name: "Русский" },
    Language { code: "zh", direction: "ltr", name: "中文" },
    Language { code: "pt", direction: "ltr", name: "Português" },
    Language { code: "tr", direction: "ltr", name: "Türkçe" },
];

#[allow(dead_code, reason = "build.rs needs the table alone")]
impl Language {
    /// The language that a request asks for: by `lang=` in its query, else by its `Accept-Language`, else English.
    #[must_use]
    pub fn of(query: &str, accepted: &str) -> &'static Self {
        let mut parameters = query.trim_start_matches('?').split('&');
        let asked = parameters.find_map(|parameter| Self::find(parameter.strip_prefix("lang=")?));
        asked.or_else(|| Self::preferred(accepted)).unwrap_or(&LANGUAGES[0])
    }

    /// The one with the highest weight, of equal ones the first.
    fn preferred(accepted: &str) -> Option<&'static Self> {
        let mut best = None;
        for entry in accepted.split(',') {
            let (tag, parameter) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = parameter.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let better = weight > best.map_or(0.0_f32, |(_, weight)| weight);
            if let Some(language) = Self::find(tag.trim()).filter(|_| better) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// By its tag; a region or a script behind it does not matter.
    fn find(tag: &str) -> Option<&'static Self> {
        let primary = tag.split(['-', '_']).next()?;
        LANGUAGES.iter().find(|language| language.code.eq_ignore_ascii_case(primary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str, accepted: &str) -> &'static str {
        Language::of(query, accepted).code
    }

    #[test]
    fn a_browser_sees_the_language_that_it_prefers_of_those_there_are() {
        for (accepted, expected) in [
            ("", "en"),
            ("fa-IR,fa;q=0.9,en-US;q=0.8", "fa"),
            ("de-DE, de;q=0.9, tr;q=0.5, ru;q=0.7", "ru"),
            ("zh-Hant-TW", "zh"),
            ("PT-br", "pt"),
            ("en;q=0.1, ar", "ar"),
            ("es, ar", "es"),
            ("es;q=0, *", "en"),
            ("es;q=much", "en"),
            (";;,,q=,-", "en"),
        ] {
            assert_eq!(code("", accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn the_url_goes_before_the_browser() {
        assert_eq!(code("?lang=fa", "ru"), "fa");
        assert_eq!(code("lang=zh-CN", ""), "zh");
        assert_eq!(code("?a=b&lang=tr&lang=es", "ru"), "tr");
        assert_eq!(code("?lang=xx", "ru"), "ru");
        assert_eq!(code("?language=fa", ""), "en");
    }
}
