//! Images on their way to a network, outside pretraining.

use crate::config::Views;
use ssl_datasets::DataError;
use ssl_datasets::loader::{Batch, Batches};
use ssl_datasets::views::rescale;
use ssl_plugin_api::description::{Interpolation, Transform, ViewGroup, ViewRole};
use tch::Tensor;

/// Images per forward pass.
pub(super) const BATCH: usize = 256;

/// What classifiers are trained on where augmentation is wanted: a random crop of 8 to 100 % of the
/// area and a flip.
pub(super) fn train_view(
    size: usize,
    views: &Views,
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
    let fitted = rescale(std::slice::from_ref(&group), size, size, &views.tuning);
    fitted.into_iter().next().unwrap_or(group)
}

/// The images of each batch, `[batch, 3, size, size]`; `seen` hears how many.
pub(super) fn eval_batches(
    batches: Batches,
    mut seen: impl FnMut(u64),
) -> impl Iterator<Item = Result<Tensor, DataError>> {
    batches.map(move |batch| {
        let batch = batch?;
        seen(batch.len() as u64);
        Ok(images(&batch))
    })
}

/// The first view of a batch, `[batch, 3, size, size]`.
pub(super) fn images(batch: &Batch) -> Tensor {
    let view = &batch.views[0];
    let side = view.size as i64;
    Tensor::from_slice(&view.data).view([batch.len() as i64, 3, side, side])
}
