//! A picture for a README.

/// Width of a letter in the font that the badge names, about.
const LETTER: usize = 7;

/// The badge of a certificate: `conformance | level 3`, green, or `conformance | not certified`, red.
#[must_use]
pub fn badge(certified: Option<u8>) -> String {
    let (text, colour) = match certified {
        Some(level) => (format!("level {level}"), "#2e7d32"),
        None => ("not certified".to_owned(), "#c62828"),
    };
    let name = "conformance";
    let (left, right) = (name.len() * LETTER + 12, text.len() * LETTER + 12);
    let (width, middle) = (left + right, left + right / 2);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{name}: {text}">
<title>{name}: {text}</title>
<rect width="{left}" height="20" fill="#424242"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{}" y="14">{name}</text>
<text x="{middle}" y="14">{text}</text>
</g>
</svg>
"##,
        left / 2
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_badge_says_the_level_or_that_there_is_none() {
        assert!(badge(Some(3)).contains("aria-label=\"conformance: level 3\""));
        assert!(badge(None).contains("not certified"));
    }
}
