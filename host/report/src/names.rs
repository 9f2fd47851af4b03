//! Names as they may be printed: one spelling, nothing that acts on a terminal, short where space is.

use unicode_normalization::UnicodeNormalization as _;

/// A name in its composed spelling (NFC), with what would act on a terminal written as an escape.
#[must_use]
pub fn printable(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in name.nfc() {
        if acts(letter) {
            text.extend(letter.escape_unicode());
        } else {
            text.push(letter);
        }
    }
    text
}

/// Control characters, and those that turn the direction of text or end its line.
fn acts(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// A name in at most `longest` letters, at least 3, with its middle left out if need be.
pub(super) fn shortened(name: &str, longest: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= longest {
        return name.to_owned();
    }
    let tail = (longest - 1) / 2;
    let (head, rest) = (longest - 1 - tail, letters.len() - tail);
    let kept = letters[..head].iter().chain(&['…']).chain(&letters[rest..]);
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_names_are_normalised_without_control_characters() {
        assert_eq!(printable("re\u{301}seau"), "r\u{e9}seau");
        assert_eq!(printable("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(printable("rtl\u{202e}abc"), "rtl\\u{202e}abc");
        assert_eq!(printable("\u{4e2d} \u{5d0}"), "\u{4e2d} \u{5d0}");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("deepcluster", 14), "deepcluster");
        assert_eq!(
            shortened("framework with a long name 17", 14),
            "framewo…ame 17"
        );
        assert_eq!(shortened("rendition", 5), "re…on");
    }
}
