//! The thousand classes and the two subsets of two hundred.

use std::sync::OnceLock;

/// One class per line in label order: WordNet id, `r` and `a` where the class is in
/// ImageNet-Rendition and -Adversarial (`-` where not), a short unique name.
const TABLE: &str = include_str!("classes.txt");

struct Class {
    wnid: &'static str,
    rendition: bool,
    adversarial: bool,
    name: &'static str,
}

fn classes() -> &'static [Class] {
    static CLASSES: OnceLock<Vec<Class>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        TABLE
            .lines()
            .filter_map(|line| {
                let (wnid, rest) = line.split_once(' ')?;
                let (flags, name) = rest.split_once(' ')?;
                Some(Class {
                    wnid,
                    rendition: flags.contains('r'),
                    adversarial: flags.contains('a'),
                    name,
                })
            })
            .collect()
    })
}

/// Short unique names of the classes, in label order.
#[must_use]
pub fn names() -> Vec<String> {
    classes().iter().map(|c| c.name.to_owned()).collect()
}

/// WordNet id of a label below 1000.
#[must_use]
pub fn wnid(label: u32) -> Option<&'static str> {
    classes().get(label as usize).map(|c| c.wnid)
}

/// Label of a WordNet id.
#[must_use]
pub fn class_of(wnid: &str) -> Option<u32> {
    classes()
        .binary_search_by(|c| c.wnid.cmp(wnid))
        .ok()
        .map(|label| label as u32)
}

/// Labels of the 200 classes of ImageNet-Rendition, ascending.
#[must_use]
pub fn rendition() -> Vec<u32> {
    labels(|c| c.rendition)
}

/// Labels of the 200 classes of ImageNet-Adversarial, ascending; 86 are those of Rendition.
#[must_use]
pub fn adversarial() -> Vec<u32> {
    labels(|c| c.adversarial)
}

fn labels(accept: impl Fn(&Class) -> bool) -> Vec<u32> {
    classes()
        .iter()
        .enumerate()
        .filter(|(_, class)| accept(class))
        .map(|(label, _)| label as u32)
        .collect()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn hash(labels: &[u32]) -> String {
        let text: String = labels.iter().map(|l| format!("{l}\n")).collect();
        Sha256::digest(text)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    }

    #[test]
    fn the_lists_are_the_published_ones() {
        assert_eq!(
            hash(&rendition()),
            "91e09d2ff0a002104bc0d37a892a7e75ffc2cc0db47b2b506047a3493b9116d2"
        );
        assert_eq!(
            hash(&adversarial()),
            "e81223a35add6e78f9afe6f215652c1926ebefe1d8efc26c6e923d7ac9143937"
        );
        let shared = rendition()
            .iter()
            .filter(|l| adversarial().contains(l))
            .count();
        assert_eq!(shared, 86);
    }

    #[test]
    fn classes_are_sorted_and_their_names_unique() {
        assert_eq!(classes().len(), 1000);
        assert!(classes().windows(2).all(|w| w[0].wnid < w[1].wnid));
        let mut names = names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 1000);
        assert_eq!(class_of("n01440764"), Some(0));
        assert_eq!(class_of("n15075141"), Some(999));
        assert_eq!(class_of("n02085620"), Some(151));
        assert_eq!(class_of("n99999999"), None);
        assert_eq!(wnid(151), Some("n02085620"));
    }
}
