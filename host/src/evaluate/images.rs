//! Images on their way to a network, outside pretraining.

use super::Result;
use ssl_datasets::loader::{Batch, Batches};
use ssl_datasets::views::{ViewTuning, rescale};
use ssl_plugin_api::description::{Interpolation, Transform, ViewGroup, ViewRole};
use tch::{TchError, Tensor};

/// Images per forward pass.
pub(super) const BATCH: usize = 256;

/// The view that classifiers are trained on where augmentation is wanted: a random crop of 8 to 100 % of
/// the area, brought to `size`, and a flip.
#[must_use]
pub fn classifier_view(
    size: usize,
    tuning: &ViewTuning,
    normalize: Option<([f32; 3], [f32; 3])>,
) -> ViewGroup {
    let mut transforms = vec![
        Transform::RandomResizedCrop {
            size,
            area: [0.08, 1.0],
            ratio: [0.75, 4.0 / 3.0],
            interpolation: Interpolation::Bilinear,
        },
        Transform::HorizontalFlip { p: 0.5 },
    ];
    transforms.extend(normalize.map(|(mean, std)| Transform::Normalize { mean, std }));
    let group = ViewGroup {
        name: "classifier".to_owned(),
        count: 1,
        role: ViewRole::Global,
        transforms,
        patches: None,
    };
    // Small images need the same change of the least area as the frameworks' views.
    let fitted = rescale(std::slice::from_ref(&group), size, size, tuning);
    fitted.into_iter().next().unwrap_or(group)
}

/// The images of each batch, `[batch, 3, size, size]`; `seen` is called with how many they are, and ends
/// the work with an error.
pub(super) fn first_views(
    batches: Batches,
    mut seen: impl FnMut(u64) -> Result<()>,
) -> impl Iterator<Item = Result<Tensor>> {
    batches.map(move |batch| {
        let batch = batch?;
        seen(batch.len() as u64)?;
        Ok(first_view(&batch)?)
    })
}

/// The first view of a batch, `[batch, 3, size, size]`.
///
/// # Errors
/// What the tensor library reports.
pub(crate) fn first_view(batch: &Batch) -> std::result::Result<Tensor, TchError> {
    let view = &batch.views[0];
    let side = view.size as i64;
    Tensor::f_from_slice(&view.data)?.f_view([batch.len() as i64, 3, side, side])
}
