//! From images to features.

use super::error::BackboneError;
use super::plan::{Block, ConvNorm};
use super::registry::Backbone;
use ssl_distributed::{BatchNorm, DistributedError, Group};
use ssl_plugin_api::description::{BatchNormMode, Level};
use tch::{Kind, TchError, Tensor, no_grad};

/// Added to the variance by every batch norm.
pub(super) const EPS: f64 = 1e-5;
/// Share of the new statistics in the running ones.
const MOMENTUM: f64 = 0.1;

/// Which statistics a forward pass normalises with.
#[derive(Clone, Copy)]
enum Norm<'a> {
    /// The running ones.
    Running,
    /// The batch's: this process's, or that of all ranks.
    Batch(Option<&'a Group>),
}

/// What ends a forward pass: libtorch, or another rank.
enum Refusal {
    Torch(TchError),
    Ranks(DistributedError),
}

impl From<TchError> for Refusal {
    fn from(error: TchError) -> Self {
        Self::Torch(error)
    }
}

impl From<DistributedError> for Refusal {
    fn from(error: DistributedError) -> Self {
        Self::Ranks(error)
    }
}

/// What a forward pass gave.
#[derive(Debug)]
pub struct Features {
    levels: Vec<(Level, Tensor)>,
}

impl Features {
    /// The features of one level, if it was asked for.
    ///
    /// Pooled: `[batch, dim]`; a stage's map: `[batch, channels, height, width]`.
    #[must_use]
    pub fn get(&self, level: Level) -> Option<&Tensor> {
        self.levels
            .iter()
            .find(|(l, _)| *l == level)
            .map(|(_, t)| t)
    }

    /// All levels that were asked for, by depth, the pooled features last.
    #[must_use]
    pub fn into_levels(self) -> Vec<(Level, Tensor)> {
        self.levels
    }
}

impl Backbone {
    /// Pooled features `[batch, dim]` of images `[batch, 3, height, width]`, without gradient: what
    /// evaluation wants.
    ///
    /// # Errors
    /// As [`Backbone::forward`].
    pub fn features(&self, images: &Tensor, mode: BatchNormMode) -> Result<Tensor, BackboneError> {
        no_grad(|| {
            let norm = match mode {
                BatchNormMode::Train => Norm::Batch(None),
                BatchNormMode::Eval => Norm::Running,
            };
            let x = self.stages(images, norm, &mut Vec::new(), &[Level::Pooled])?;
            pool(&x).map_err(torch("pooling"))
        })
    }

    /// Features of images `[batch, 3, height, width]` (f32, on the backbone's device, any memory
    /// format) at the levels asked for. Stages above the last of them are not computed.
    ///
    /// The features are in f32 whatever the backbone's precision.
    ///
    /// In [`BatchNormMode::Train`] statistics are the batch's and the running ones are updated, in
    /// [`BatchNormMode::Eval`] the running ones are used.
    ///
    /// # Errors
    /// [`BackboneError::Images`] for another shape or element type, [`BackboneError::BatchTooSmall`]
    /// where train-mode statistics would be over a single value.
    pub fn forward(
        &self,
        images: &Tensor,
        mode: BatchNormMode,
        wanted: &[Level],
    ) -> Result<Features, BackboneError> {
        self.forward_over(None, images, mode, wanted)
    }

    /// As [`Backbone::forward`], with statistics of train mode over the images of all ranks, of which this one may
    /// have none. All ranks have to call it.
    ///
    /// # Errors
    /// As [`Backbone::forward`]; [`BackboneError::Ranks`] when a collective fails.
    pub fn forward_over(
        &self,
        ranks: Option<&Group>,
        images: &Tensor,
        mode: BatchNormMode,
        wanted: &[Level],
    ) -> Result<Features, BackboneError> {
        let mut levels = Vec::with_capacity(wanted.len());
        let norm = match mode {
            BatchNormMode::Train => Norm::Batch(ranks),
            BatchNormMode::Eval => Norm::Running,
        };
        let x = self.stages(images, norm, &mut levels, wanted)?;
        if wanted.contains(&Level::Pooled) {
            levels.push((Level::Pooled, pool(&x).map_err(torch("pooling"))?));
        }
        Ok(Features { levels })
    }

    fn stages(
        &self,
        images: &Tensor,
        norm: Norm<'_>,
        levels: &mut Vec<(Level, Tensor)>,
        wanted: &[Level],
    ) -> Result<Tensor, BackboneError> {
        self.check(images, norm)?;
        let images = channels_last(images).map_err(torch("the stem"))?;
        let mut x = self.stem(&images, norm).map_err(in_part("the stem"))?;
        let last = deepest(wanted);
        for (stage, level) in STAGES.into_iter().enumerate().take(last) {
            for block in &self.plan.stages[stage] {
                x = self.block(block, &x, norm).map_err(in_part(level.name()))?;
            }
            if wanted.contains(&level) {
                let map = x.f_to_kind(Kind::Float).map_err(torch(level.name()))?;
                levels.push((level, map));
            }
        }
        Ok(x)
    }

    fn stem(&self, images: &Tensor, norm: Norm<'_>) -> Result<Tensor, Refusal> {
        let x = self.conv_norm(&self.plan.stem, images, norm)?.f_relu_()?;
        if self.plan.max_pool {
            Ok(x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?)
        } else {
            Ok(x)
        }
    }

    fn block(&self, block: &Block, input: &Tensor, norm: Norm<'_>) -> Result<Tensor, Refusal> {
        let mut x = input.shallow_clone();
        for (n, layer) in block.layers.iter().enumerate() {
            x = self.conv_norm(layer, &x, norm)?;
            if n + 1 < block.layers.len() {
                x = x.f_relu_()?;
            }
        }
        let mut x = match &block.shortcut {
            Some(shortcut) => x.f_add_(&self.conv_norm(shortcut, input, norm)?)?,
            None => x.f_add_(input)?,
        };
        Ok(x.f_relu_()?)
    }

    fn conv_norm(&self, layer: &ConvNorm, x: &Tensor, norm: Norm<'_>) -> Result<Tensor, Refusal> {
        let parameter = |place: usize| &self.parameters[place].tensor;
        let buffer = |place: usize| &self.buffers[place].tensor;
        let kind = self.precision.kind();
        let weight = parameter(layer.weight).f_to_kind(kind)?;
        let x = layer.window.convolve(&x.f_to_kind(kind)?, &weight, None)?;
        let (scale, offset) = (parameter(layer.scale), parameter(layer.offset));
        let (mean, var) = (buffer(layer.mean), buffer(layer.var));
        if let Norm::Batch(Some(ranks)) = norm {
            let layer = BatchNorm {
                scale,
                offset,
                mean,
                var,
                momentum: MOMENTUM,
                eps: EPS,
            };
            return Ok(ranks.batch_norm(&x, layer)?);
        }
        Ok(x.f_batch_norm(
            Some(scale),
            Some(offset),
            Some(mean),
            Some(var),
            matches!(norm, Norm::Batch(_)),
            MOMENTUM,
            EPS,
            true,
        )?)
    }

    fn check(&self, images: &Tensor, norm: Norm<'_>) -> Result<(), BackboneError> {
        check_images(images, matches!(norm, Norm::Batch(Some(_))))?;
        let stride = self.config().stride();
        match images.size()[..] {
            [1, _, height, width]
                if matches!(norm, Norm::Batch(None)) && height <= stride && width <= stride =>
            {
                Err(BackboneError::BatchTooSmall { size: height })
            }
            _ => Ok(()),
        }
    }
}

/// Requires images `[batch, 3, height, width]` in f32, at least one unless the batch may be empty.
pub(super) fn check_images(images: &Tensor, may_be_empty: bool) -> Result<(), BackboneError> {
    let shape = images.size();
    match shape[..] {
        [batch, 3, height, width]
            if (batch > 0 || may_be_empty)
                && height > 0
                && width > 0
                && images.kind() == Kind::Float =>
        {
            Ok(())
        }
        _ => Err(BackboneError::Images {
            shape,
            kind: format!("{:?}", images.kind()),
        }),
    }
}

const STAGES: [Level; 4] = [Level::Layer1, Level::Layer2, Level::Layer3, Level::Layer4];

/// How many stages the levels need.
fn deepest(wanted: &[Level]) -> usize {
    wanted
        .iter()
        .map(|level| STAGES.iter().position(|s| s == level).map_or(4, |n| n + 1))
        .max()
        .unwrap_or(0)
}

/// The same images with their channels side by side in memory, which all later maps inherit. Forward
/// and backward of a ResNet-18 of width 1/4 on 32×32 images then take a third less processor time.
pub(super) fn channels_last(images: &Tensor) -> Result<Tensor, TchError> {
    images
        .f_permute([0, 2, 3, 1])?
        .f_contiguous()?
        .f_permute([0, 3, 1, 2])
}

/// Means over the positions of a map, in f32.
pub(super) fn pool(map: &Tensor) -> Result<Tensor, TchError> {
    map.f_to_kind(Kind::Float)?
        .f_adaptive_avg_pool2d([1, 1])?
        .f_flatten(1, -1)
}

pub(super) const fn torch(operation: &'static str) -> impl FnOnce(TchError) -> BackboneError {
    move |source| BackboneError::Torch { operation, source }
}

const fn in_part(operation: &'static str) -> impl FnOnce(Refusal) -> BackboneError {
    move |refusal| match refusal {
        Refusal::Torch(source) => BackboneError::Torch { operation, source },
        Refusal::Ranks(failure) => BackboneError::Ranks(failure),
    }
}
