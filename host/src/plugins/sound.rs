//! What a framework says about itself must be sound before anything is made of it.

use super::sound_recipe::check_recipe;
use serde_json::json;
use ssl_plugin_api::description::{Description, Metadata, Schema, Transform, ViewGroup};

/// The longest id; it names folders.
const LONGEST_ID: usize = 64;
/// The most views of one image.
const MOST_VIEWS: usize = 1024;
/// The longest side of an image, in pixels.
const LONGEST_SIDE: usize = 4096;
/// The longest text of a description, in bytes.
const LONGEST_TEXT: usize = 1 << 20;

/// Looks at an id, which names folders.
///
/// # Errors
/// One sentence: what was expected and what was found.
pub fn check_id(id: &str) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let plain =
        !id.is_empty() && id.len() <= LONGEST_ID && !id.starts_with('-') && id.chars().all(letters);
    if plain {
        return Ok(());
    }
    Err(format!(
        "expected a framework id of a-z, 0-9 and hyphens, [a-z0-9][a-z0-9-]*, found {id:?}"
    ))
}

/// Looks at the id and at the defaults, which train without being checked again.
///
/// # Errors
/// One sentence: what was expected and what was found.
pub fn check_metadata(metadata: &Metadata) -> Result<(), String> {
    check_id(&metadata.id)?;
    for key in &metadata.schema.keys {
        let alone = Schema {
            keys: vec![key.clone()],
        };
        if alone.resolve(&json!({ &key.key: key.default })).is_err() {
            return Err(format!(
                "expected the default of `{}` of {} to be {}, found {}",
                key.key,
                metadata.id,
                key.kind.describe(),
                key.default
            ));
        }
    }
    Ok(())
}

/// Looks at how much a description asks for: the host makes what it says, and a billion views would
/// end the machine.
///
/// # Errors
/// One sentence: what was expected and what was found.
pub fn check_description(description: &Description) -> Result<(), String> {
    let counts = description.views.iter().map(|group| group.count);
    let views = counts.fold(0_usize, usize::saturating_add);
    if views > MOST_VIEWS {
        return Err(format!(
            "expected at most {MOST_VIEWS} views of an image, found {views}"
        ));
    }
    let sides = description.views.iter().flat_map(|group: &ViewGroup| {
        let of_transforms = group
            .transforms
            .iter()
            .filter_map(|transform| match transform {
                Transform::RandomResizedCrop { size, .. }
                | Transform::Resize { size, .. }
                | Transform::CenterCrop { size } => Some(*size),
                _ => None,
            });
        of_transforms.chain(group.patches.map(|grid| grid.patch))
    });
    if let Some(side) = sides.filter(|&side| side == 0 || side > LONGEST_SIDE).max() {
        return Err(format!(
            "expected images of 1 to {LONGEST_SIDE} pixels a side, found {side}"
        ));
    }
    check_recipe(description)?;
    let length = serde_json::to_string(description).map_or(usize::MAX, |text| text.len());
    if length > LONGEST_TEXT {
        return Err(format!(
            "expected a description of at most {LONGEST_TEXT} bytes, found {length}"
        ));
    }
    Ok(())
}
