//! Text as LaTeX takes it.

/// Text without characters that act.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '\u{2020}' => escaped.push_str("$\\dagger$"),
            '–' => escaped.push_str("--"),
            '…' => escaped.push_str("\\ldots{}"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A title as the name of a label: letters and digits of ASCII in lower case, others as single hyphens.
pub(super) fn label(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    match words.join("-") {
        empty if empty.is_empty() => "accuracies".to_owned(),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latex_text_is_escaped_and_labels_are_plain() {
        assert_eq!(
            escape("a_b & 50% <x>"),
            "a\\_b \\& 50\\% \\textless{}x\\textgreater{}"
        );
        assert_eq!(
            label("Self-supervised benchmark: lottery!"),
            "self-supervised-benchmark-lottery"
        );
        assert_eq!(label("中"), "accuracies");
    }
}
