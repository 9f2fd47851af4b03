//! Recognising a backbone's tensor by the end of a key, whatever stands before it.
//!
//! Training scripts put the backbone into other modules, so that its names get any prefix
//! (`model.backbone.`), and wrap it, so that names such as `module` and `_orig_mod` stand between
//! the parts. A key is read at every dot: what is before the dot is the prefix, the rest is compared
//! with the backbone's names.

/// Parts that wrappers of modules add: data-parallel, compiled, sharded and re-computing ones. They
/// may stand anywhere in a key and mean nothing.
const WRAPPERS: [&str; 6] = [
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_forward_module",
    "_module",
];

/// The longest name of a backbone's tensor has five parts; the rest leaves room for wrappers.
const MAX_PARTS: usize = 12;

/// How the network's children are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Style {
    /// torchvision's names.
    Named,
    /// Numbers in a `Sequential`: 0 the convolution, 1 its batch norm, and four stages from this
    /// number on. A ReLU and a pooling between them have no tensors, but a number each, where they
    /// are modules.
    Numbered(u8),
}

/// A key read as the name of a tensor behind a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading<'k> {
    /// What stands before the name, with its last dot.
    pub(super) prefix: &'k str,
    /// How children are called.
    pub(super) style: Style,
    /// torchvision's name.
    pub(super) name: String,
}

/// Every way to read a key; which of the names the backbone has is for the caller to see.
pub(super) fn readings(key: &str) -> Vec<Reading<'_>> {
    let starts: Vec<usize> = std::iter::once(0)
        .chain(key.match_indices('.').map(|(at, _)| at + 1))
        .collect();
    let mut readings = Vec::new();
    for &start in starts.iter().rev().take(MAX_PARTS) {
        let (prefix, rest) = key.split_at(start);
        let first = rest.split('.').next().unwrap_or_default();
        // A wrapper belongs to the prefix.
        if WRAPPERS.contains(&first) {
            continue;
        }
        let parts: Vec<&str> = rest
            .split('.')
            .filter(|part| !WRAPPERS.contains(part))
            // What CIFAR's residual networks call it.
            .map(|part| {
                if part == "shortcut" {
                    "downsample"
                } else {
                    part
                }
            })
            .collect();
        let Some((first, tail)) = parts.split_first() else {
            continue;
        };
        let tail = tail.join(".");
        let mut read = |style, child: &str| {
            readings.push(Reading {
                prefix,
                style,
                name: format!("{child}.{tail}"),
            });
        };
        match first.parse::<u8>() {
            Ok(number) => {
                for stages in 2..=4 {
                    let child = match number {
                        0 => "conv1".to_owned(),
                        1 => "bn1".to_owned(),
                        n if (stages..stages + 4).contains(&n) => {
                            format!("layer{}", n - stages + 1)
                        }
                        _ => continue,
                    };
                    read(Style::Numbered(stages), &child);
                }
            }
            Err(_) => read(Style::Named, first),
        }
    }
    readings
}

/// A key without the wrappers at its beginning, as a framework's own map may know it.
pub(super) fn unwrapped(key: &str) -> &str {
    let mut rest = key;
    while let Some((first, tail)) = rest.split_once('.') {
        if !WRAPPERS.contains(&first) {
            break;
        }
        rest = tail;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(key: &str, prefix: &str, style: Style, name: &str) -> bool {
        readings(key).contains(&Reading {
            prefix,
            style,
            name: name.to_owned(),
        })
    }

    #[test]
    fn a_name_is_found_behind_any_prefix_and_between_wrappers() {
        for (key, prefix, name) in [
            ("conv1.weight", "", "conv1.weight"),
            (
                "module._orig_mod.conv1.weight",
                "module._orig_mod.",
                "conv1.weight",
            ),
            ("a.b.layer1.0.bn1.bias", "a.b.", "layer1.0.bn1.bias"),
            (
                "net.layer1._orig_mod.0._fsdp_wrapped_module.conv2.weight",
                "net.",
                "layer1.0.conv2.weight",
            ),
            (
                "encoder.layer2.0.shortcut.0.weight",
                "encoder.",
                "layer2.0.downsample.0.weight",
            ),
        ] {
            assert!(has(key, prefix, Style::Named, name), "{key}");
        }
    }

    #[test]
    fn numbers_stand_for_children() {
        for (key, prefix, stages, name) in [
            ("0.weight", "", 4, "conv1.weight"),
            ("backbone.1.running_var", "backbone.", 4, "bn1.running_var"),
            (
                "backbone.4.0.conv1.weight",
                "backbone.",
                4,
                "layer1.0.conv1.weight",
            ),
            ("7.1.bn2.bias", "", 4, "layer4.1.bn2.bias"),
            ("net.3.0.conv1.weight", "net.", 3, "layer1.0.conv1.weight"),
            ("net.5.0.conv1.weight", "net.", 2, "layer4.0.conv1.weight"),
        ] {
            assert!(has(key, prefix, Style::Numbered(stages), name), "{key}");
        }
        assert!(!has("8.weight", "", Style::Numbered(4), "layer5.weight"));
    }

    #[test]
    fn a_key_of_many_parts_is_read_at_its_end_alone() {
        let key = "a.".repeat(10_000) + "conv1.weight";
        assert!(readings(&key).len() <= MAX_PARTS);
        assert!(has(
            &key,
            &"a.".repeat(10_000),
            Style::Named,
            "conv1.weight"
        ));
    }

    #[test]
    fn wrappers_are_taken_away_in_any_order() {
        assert_eq!(
            unwrapped("module._orig_mod.encoder.module.x"),
            "encoder.module.x"
        );
        assert_eq!(unwrapped("_orig_mod.module.x"), "x");
        assert_eq!(unwrapped("module"), "module");
    }
}
