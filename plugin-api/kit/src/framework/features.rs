//! The features of a step, as burn tensors.

use crate::bridge::Foreign;
use burn::tensor::{Gradients, Tensor};
use ssl_plugin_api::description::{Encoder, FeatureKey, Level};
use ssl_plugin_api::export::called;
use ssl_plugin_api::{Dtype, Fault, FaultKind, Feature, FfiTensor, RunContext};

/// Pooled features or a feature map.
enum Tensors {
    Pooled(Tensor<2>),
    Map(Tensor<4>),
}

struct Entry {
    key: FeatureKey,
    tensors: Tensors,
}

/// The features of one step or of one batch of a pass.
pub struct Features {
    entries: Vec<Entry>,
    indices: Vec<i64>,
}

impl Features {
    /// Wraps the host's tensors without a copy. With `leaves`, online features become leaves.
    /// A tensor that is kept keeps the host's memory.
    ///
    /// # Errors
    /// Another type than f32; shapes that do not fit the level, the batch or the run's widths; NaN or
    /// infinity, with the row named.
    pub(super) fn new(
        context: &RunContext,
        indices: &FfiTensor,
        features: Vec<Feature>,
        leaves: bool,
    ) -> Result<Self, Fault> {
        let indices = indices.as_slice::<i64>()?.to_vec();
        let entries = features
            .into_iter()
            .map(|feature| entry(feature, indices.len(), context, leaves))
            .collect::<Result<_, Fault>>()?;
        Ok(Self { entries, indices })
    }

    /// Pooled features of a view from the trained encoder, `[batch, dim]`.
    ///
    /// # Errors
    /// The host did not send them.
    #[track_caller]
    pub fn online(&self, view: usize) -> Result<Tensor<2>, Fault> {
        let _call = called();
        self.pooled(Encoder::Online, view)
    }

    /// Pooled features of a view from the momentum encoder, `[batch, dim]`.
    ///
    /// # Errors
    /// The host did not send them.
    #[track_caller]
    pub fn target(&self, view: usize) -> Result<Tensor<2>, Fault> {
        let _call = called();
        self.pooled(Encoder::Target, view)
    }

    /// Pooled features of views `views` from the trained encoder.
    ///
    /// # Errors
    /// The host did not send one of them.
    #[track_caller]
    pub fn online_each(
        &self,
        views: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<Tensor<2>>, Fault> {
        let _call = called();
        views.into_iter().map(|view| self.online(view)).collect()
    }

    /// A feature map of a view from the momentum encoder, `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// The host did not send it.
    #[track_caller]
    pub fn target_map(&self, view: usize, level: Level) -> Result<Tensor<4>, Fault> {
        let _call = called();
        let key = FeatureKey {
            encoder: Encoder::Target,
            view,
            level,
        };
        match self.find(key)? {
            Tensors::Map(map) => Ok(map.clone()),
            Tensors::Pooled(_) => Err(missing(key)),
        }
    }

    /// Position of each sample in the training set.
    #[must_use]
    pub fn indices(&self) -> &[i64] {
        &self.indices
    }

    /// Number of samples.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.indices.len()
    }

    fn pooled(&self, encoder: Encoder, view: usize) -> Result<Tensor<2>, Fault> {
        let key = FeatureKey {
            encoder,
            view,
            level: Level::Pooled,
        };
        match self.find(key)? {
            Tensors::Pooled(pooled) => Ok(pooled.clone()),
            Tensors::Map(_) => Err(missing(key)),
        }
    }

    fn find(&self, key: FeatureKey) -> Result<&Tensors, Fault> {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry
            .map(|entry| &entry.tensors)
            .ok_or_else(|| missing(key))
    }

    /// The gradients that backward left, in the order of the features.
    pub(super) fn gradients(&self, gradients: &Gradients) -> Vec<Option<tch::Tensor>> {
        self.entries
            .iter()
            .map(|entry| match &entry.tensors {
                Tensors::Pooled(t) => t.grad(gradients).map(|grad| crate::bridge::to_tch(&grad)),
                Tensors::Map(t) => t.grad(gradients).map(|grad| crate::bridge::to_tch(&grad)),
            })
            .collect()
    }
}

fn missing(key: FeatureKey) -> Fault {
    Fault::shape(format!("expected {key} among the features, found none"))
}

fn entry(
    feature: Feature,
    batch: usize,
    context: &RunContext,
    leaves: bool,
) -> Result<Entry, Fault> {
    let key = feature.key();
    let FeatureKey { encoder, level, .. } = key;
    fits(key, &feature.tensor, batch, context.level_dim(level))?;
    let foreign = Foreign::new(feature.tensor)?;
    finite(key, foreign.tch())?;
    let leaf = leaves && encoder == Encoder::Online;
    let tensors = if level == Level::Pooled {
        let pooled = foreign.burn::<2>();
        Tensors::Pooled(if leaf {
            pooled.autodiff().require_grad()
        } else {
            pooled
        })
    } else {
        let map = foreign.burn::<4>();
        Tensors::Map(if leaf {
            map.autodiff().require_grad()
        } else {
            map
        })
    };
    Ok(Entry { key, tensors })
}

/// Refuses what no framework can compute with, before libtorch throws somewhere inside of it.
fn fits(
    key: FeatureKey,
    tensor: &FfiTensor,
    batch: usize,
    width: Option<usize>,
) -> Result<(), Fault> {
    let size = tensor.shape();
    let rank = if key.level == Level::Pooled { 2 } else { 4 };
    if size.len() != rank || size[0] != batch as i64 {
        return Err(Fault::shape(format!(
            "{key}: expected {rank} dimensions, the first of {batch}, found {size:?}"
        )));
    }
    if size[1..].contains(&0) {
        return Err(Fault::shape(format!(
            "{key}: expected at least one channel and one place, found {size:?}"
        )));
    }
    if let Some(width) = width.filter(|&width| size[1] != width as i64) {
        return Err(Fault::shape(format!(
            "{key}: expected {width} channels, as the run was created with, found {}",
            size[1]
        )));
    }
    if tensor.dtype() != Dtype::F32 {
        let found = tensor.dtype();
        return Err(Fault::shape(format!("{key}: expected f32, found {found}")));
    }
    Ok(())
}

/// Refuses NaN and infinity; the sum of a finite tensor this size is finite in double precision.
fn finite(key: FeatureKey, tensor: &tch::Tensor) -> Result<(), Fault> {
    if tensor.sum(tch::Kind::Double).double_value(&[]).is_finite() {
        return Ok(());
    }
    let rows = tensor
        .flatten(1, -1)
        .isfinite()
        .all_dim(1, false)
        .logical_not()
        .nonzero();
    let row = rows.flatten(0, -1).int64_value(&[0]);
    Err(Fault::new(
        FaultKind::Numeric,
        format!("{key}: expected finite features, found NaN or infinity in row {row}"),
    ))
}
