//! What is quoted of texts from outside: short, and fit for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Most characters that are quoted of a line, and of what a parser says of it.
const PIECE: usize = 60;
const REASON: usize = 300;

/// A text as a terminal may be shown it. Control characters, with which escape sequences begin, are written out, as in `\u{1b}`,
/// and so are those that turn the direction of what follows. Line ends and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_harmful(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

fn is_harmful(letter: char) -> bool {
    let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (letter.is_control() && !matches!(letter, '\n' | '\t'))
}

/// The first `most` characters of a text, and how many bytes follow.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let rest = text.len() - end;
            Cow::Owned(format!("{}… ({rest} bytes more)", &text[..end]))
        }
    }
}

/// What is wrong with a TOML text, in a line: where, why, and a piece of what stands there. What the parser itself prints quotes
/// the whole line, however long.
pub fn toml_fault(text: &str, error: &toml::de::Error) -> String {
    let reason = shortened(error.message().trim(), REASON);
    let Some(span) = error.span() else {
        return reason.into_owned();
    };
    let before = text.get(..span.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[start..].chars().count() + 1;
    // A few words before the place belong to it.
    let from = before[start..]
        .char_indices()
        .rev()
        .nth(PIECE / 2)
        .map_or(start, |(at, _)| start + at);
    let rest = text[from..].lines().next().unwrap_or_default();
    let piece: String = rest.chars().take(PIECE).collect();
    let mut said = format!("line {line}, column {column}: {reason}");
    if !piece.trim().is_empty() {
        let more = if piece.len() < rest.len() { "…" } else { "" };
        let less = if from > start { "…" } else { "" };
        // It is written to memory.
        let _ = write!(said, " (in `{less}{}{more}`)", piece.trim());
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out_and_all_else_stays() {
        for plain in ["", "scène 10 – ночь\n\tדרופ", "🎛 a\\b"] {
            assert!(matches!(printable(plain), Cow::Borrowed(shown) if shown == plain));
        }
        let title = "\u{1b}]0;owned\u{7} \u{9b}2J \r\u{7f}\u{202e}txt";
        let shown = printable(title);
        assert_eq!(
            shown,
            r"\u{1b}]0;owned\u{7} \u{9b}2J \u{d}\u{7f}\u{202e}txt"
        );
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        assert_eq!(shortened("ночь", 4), "ночь");
        assert_eq!(shortened("ночью", 4), "ночь… (2 bytes more)");
    }

    #[test]
    fn a_fault_of_toml_is_a_line_with_its_place_and_a_piece() {
        let fault = |text: &str| {
            let error = toml::from_str::<toml::Table>(text).unwrap_err();
            toml_fault(text, &error)
        };
        let said = fault("a = 1\nb = = 2\n");
        assert!(said.starts_with("line 2, column 5: "), "{said}");
        assert!(said.ends_with("(in `b = = 2`)"), "{said}");
        let long = format!("é = \"{}\" x\n", "z".repeat(1 << 20));
        let said = fault(&long);
        assert!(said.contains("column 1048584"), "{said}");
        assert!(said.len() < 500 && said.lines().count() == 1, "{said}");
        // The parser quotes names in what it says, too.
        let name = format!("{} = 1\n", "n".repeat(1 << 20)).repeat(2);
        assert!(fault(&name).len() < 1000);
    }
}
