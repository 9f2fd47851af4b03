//! How wide text is when it is set.

/// Width of the text of a page of two columns that the common styles share, in points: 6.3 inches.
pub(super) const TEXT_WIDTH: f64 = 455.0;

/// Points of type in `\small`.
const SIZE: f64 = 9.0;

/// Width of a text in points, from above: in Computer Modern and Times a digit is half of the size wide, and few letters
/// are wider than the widths taken here.
pub(super) fn points(text: &str) -> f64 {
    let width = |letter: char| match letter {
        '0'..='9' | '–' | '-' | ' ' => 0.5,
        '.' | ',' | ':' | ';' | '\'' | '(' | ')' | '|' | 'i' | 'j' | 'l' | 't' | 'f' | 'r'
        | 'I' => 0.4,
        'm' | 'w' => 0.84,
        'M' | 'W' | '…' | '@' | '%' => 1.1,
        'a'..='z' | '\u{2020}' => 0.56,
        'A'..='Z' => 0.82,
        _ => 1.0,
    };
    // Bold type is a little wider.
    1.06 * SIZE * text.chars().map(width).sum::<f64>()
}
