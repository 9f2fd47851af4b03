//! Names where space is short.

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
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("deepcluster", 14), "deepcluster");
        assert_eq!(
            shortened("framework with a long name 17", 14),
            "framewo…ame 17"
        );
        assert_eq!(shortened("rendition", 5), "re…on");
    }
}
