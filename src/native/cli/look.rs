//! What the terminal can show: colours, block characters, so many columns.

use std::{env, io::IsTerminal};

use super::texts::{language::locale, share as texts};
use crate::share::{Canvas, Qr};

/// A terminal that does not say how wide it is, in columns.
const WIDTH: usize = 80;

/// Columns of the terminal.
pub(super) fn width() -> usize {
    terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0.into())
}

/// As much of a line as fits into these columns. What only joins or turns letters takes none.
pub(super) fn cut(line: &str, columns: usize) -> String {
    let is_wide = |letter: char| !matches!(letter, '\u{200c}' | '\u{2068}' | '\u{2069}');
    line.chars()
        .scan(0, |taken, letter| {
            *taken += usize::from(is_wide(letter));
            (*taken <= columns).then_some(letter)
        })
        .collect()
}

/// Whether standard output is a terminal on which a line can be written over.
pub(super) fn is_screen() -> bool {
    std::io::stdout().is_terminal() && !is_dumb()
}

/// Whether standard error is a terminal that shows colours.
pub(super) fn is_coloured() -> bool {
    std::io::stderr().is_terminal() && !is_dumb() && !is_no_colour()
}

fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn is_no_colour() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether other letters than ASCII are shown, by the locale. Who sets none has a modern terminal.
pub(super) fn is_unicode() -> bool {
    is_unicode_in(|name| env::var(name).ok())
}

fn is_unicode_in(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = locale("LC_CTYPE", variable);
    locale.is_none_or(|locale| cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8"))
}

/// A code as standard output can show it; an advice in its place if it is too wide.
pub(super) fn code(code: &Qr) -> String {
    let plain = is_no_colour() || !is_screen();
    let canvas = match (is_unicode(), plain) {
        (false, _) => Canvas::Ascii,
        (true, true) => Canvas::Blocks,
        (true, false) => Canvas::Painted,
    };
    let columns = code.columns(canvas);
    if std::io::stdout().is_terminal() && columns > width() {
        return texts::too_wide(columns, width());
    }
    code.draw(canvas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_the_columns_end() {
        assert_eq!((cut("a line", 3), cut("a line", 9)), ("a l".to_owned(), "a line".to_owned()));
        assert_eq!(cut("می\u{200c}شود \u{2068}b\u{2069}", 7), "می\u{200c}شود \u{2068}b\u{2069}");
    }

    #[test]
    fn the_first_variable_of_the_locale_that_is_set_counts() {
        let unicode = |all: &str, lang: &str| {
            let value = |name: &str| match name {
                "LC_ALL" => Some(all.to_owned()),
                "LANG" => Some(lang.to_owned()),
                _ => None,
            };
            is_unicode_in(value)
        };
        assert!(unicode("", "") && unicode("", "de_DE.UTF-8") && unicode("C.utf8", "POSIX"));
        assert!(cfg!(windows) || (!unicode("C", "de_DE.UTF-8") && !unicode("", "fa_IR.ISO-8859-1")));
    }
}
