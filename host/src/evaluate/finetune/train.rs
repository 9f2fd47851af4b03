//! Backbone and classifier, trained together.

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use ssl_datasets::loader::{Batch, EpochOptions, LoaderConfig, TrainLoader};
use ssl_datasets::source::{Relabelled, Source};
use ssl_plugin_api::description::{
    BatchNormMode, FinetuneRecipe, GroupRule, Level, Scope, ViewGroup,
};
use tch::{Kind, Reduction, Tensor};

use crate::backbone::{Backbone, BackboneError};
use crate::evaluate::images::first_view;
use crate::evaluate::linear::training as linear_training;
use crate::evaluate::{Result, TrainingState};
use crate::optim::{Length, Optimizer, Owner, ParameterSpec, Update};

use super::resume;

/// A fine-training to carry out.
pub struct Training<'a> {
    /// Where the backbone starts; it is copied.
    pub backbone: &'a Backbone,
    /// Size of the label space.
    pub num_classes: usize,
    /// The images; only those of `rows` are seen.
    pub source: &'a Arc<dyn Source>,
    /// Their labels, one for each image of the source.
    pub labels: &'a [u32],
    /// The rows to learn from.
    pub rows: &'a [usize],
    /// The view for training.
    pub view: &'a ViewGroup,
    /// Rates, length, optimiser.
    pub recipe: &'a FinetuneRecipe,
    /// Factor on both rates.
    pub factor: f64,
    /// Standard deviation of the classifier's initial weights.
    pub init_std: f64,
    /// Seed of classifier, order and crops.
    pub seed: u64,
    /// Threads that load images.
    pub workers: usize,
}

/// A backbone with a classifier on its pooled features.
#[derive(Debug)]
pub struct Network {
    pub(super) backbone: Backbone,
    /// `[classes, dim]`.
    pub(super) weight: Tensor,
    /// `[classes]`.
    pub(super) bias: Tensor,
}

impl Network {
    /// Logits `[batch, classes]` in eval mode, without gradient.
    ///
    /// # Errors
    /// As [`Backbone::features`].
    pub fn logits(&self, images: &Tensor) -> std::result::Result<Tensor, BackboneError> {
        let features = self.backbone.features(images, BatchNormMode::Eval)?;
        self.bias
            .f_addmm(&features, &self.weight.tr())
            .map_err(|source| BackboneError::Torch {
                operation: "the classifier",
                source,
            })
    }

    /// Whether every parameter is finite.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn is_finite(&self) -> Result<bool> {
        let tensors = self.backbone.tensors().map(|named| &named.tensor);
        for tensor in tensors.chain([&self.weight, &self.bias]) {
            let finite = tensor.f_isfinite()?.f_all()?.f_int64_value(&[])?;
            if finite == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Trains. Batch norms are in train mode, as in the authors' codes. A batch larger than the number of
/// images is all of them, and both rates shrink with it in proportion. `tick` is called before every
/// step with the number of those that are done, and may end the work, after the state was kept.
///
/// # Errors
/// What data, backbone and optimiser report, and what `tick` returns.
pub fn train(
    training: &Training<'_>,
    mut state: TrainingState,
    mut tick: impl FnMut(u64) -> Result<()>,
) -> Result<Network> {
    let mut network = begin(training)?;
    let rows: Vec<u32> = training.rows.iter().map(|&row| row as u32).collect();
    let images: Arc<dyn Source> = Arc::new(Relabelled::keep(Arc::clone(training.source), rows));
    let batch = training.recipe.batch_size.min(training.rows.len()).max(1);
    let config = LoaderConfig {
        batch_size: batch,
        seed: training.seed,
        workers: training.workers,
        drop_last: true,
        ..LoaderConfig::default()
    };
    let loader = TrainLoader::new(images, std::slice::from_ref(training.view), config)?;
    let steps_per_epoch = loader.batches_per_epoch() as u64;
    let mut optimizer = optimizer(training, &network, batch, steps_per_epoch)?;
    let done = resume::go_on(&state, &mut network, &mut optimizer)?;
    let mut step = done;
    for epoch in done / steps_per_epoch.max(1)..training.recipe.epochs {
        let batches = loader.start(EpochOptions {
            first_batch: (step - epoch * steps_per_epoch) as usize,
            ..EpochOptions::at(epoch as u32)
        })?;
        for batch in batches {
            let ticked = tick(step);
            if ticked.is_err() || state.is_due() {
                resume::keep(&mut state, step, &network, &optimizer);
            }
            ticked?;
            let batch = batch?;
            one_step(training, &network, &mut optimizer, &batch, step)?;
            step += 1;
        }
    }
    resume::finish(&mut state, step, &network);
    network.backbone.set_trainable(false);
    let network = Network {
        weight: network.weight.detach(),
        bias: network.bias.detach(),
        ..network
    };
    Ok(network)
}

fn begin(training: &Training<'_>) -> Result<Network> {
    let backbone = training.backbone.frozen_copy()?;
    backbone.set_trainable(true);
    let dim = backbone.config().feature_dim();
    let mut rng = ChaCha8Rng::seed_from_u64(training.seed);
    let values: Vec<f32> = (0..training.num_classes * dim as usize)
        .map(|_| {
            let value: f64 = StandardNormal.sample(&mut rng);
            (training.init_std * value) as f32
        })
        .collect();
    let device = backbone.device();
    let classes = training.num_classes as i64;
    let weight = Tensor::f_from_slice(&values)?
        .f_reshape([classes, dim])?
        .f_to_device(device)?
        .f_set_requires_grad(true)?;
    let bias = Tensor::f_zeros([classes], (Kind::Float, device))?.f_set_requires_grad(true)?;
    Ok(Network {
        backbone,
        weight,
        bias,
    })
}

/// One rate for the classifier and a share of it for the backbone.
fn optimizer(
    training: &Training<'_>,
    network: &Network,
    batch: usize,
    steps_per_epoch: u64,
) -> Result<Optimizer> {
    let recipe = training.recipe;
    let share = batch as f64 / recipe.batch_size.max(1) as f64;
    let mut whole = linear_training(
        recipe.epochs,
        batch,
        recipe.lr_head * share * training.factor,
        recipe.weight_decay,
        recipe.optimizer.clone(),
        &recipe.schedule,
    );
    whole.groups = vec![GroupRule {
        scope: Scope::Backbone,
        lr_scale: Some(recipe.lr_backbone / recipe.lr_head),
        ..GroupRule::default()
    }];
    let spec = |owner, name: &str, tensor: &Tensor| ParameterSpec {
        owner,
        name: name.to_owned(),
        shape: tensor.size(),
    };
    let mut specs: Vec<ParameterSpec> = network
        .backbone
        .parameters()
        .iter()
        .map(|named| spec(Owner::Backbone, &named.name, &named.tensor))
        .collect();
    specs.push(spec(Owner::Heads, "fc.weight", &network.weight));
    specs.push(spec(Owner::Heads, "fc.bias", &network.bias));
    let length = Length {
        batch_size: batch,
        epochs: recipe.epochs,
        steps_per_epoch,
    };
    Ok(Optimizer::new(&whole, length, specs)?)
}

fn one_step(
    training: &Training<'_>,
    network: &Network,
    optimizer: &mut Optimizer,
    batch: &Batch,
    step: u64,
) -> Result<()> {
    let device = network.backbone.device();
    let images = first_view(batch)?.f_to_device(device)?;
    // The loader counts within the rows that take part.
    let targets: Vec<i64> = batch
        .indices
        .iter()
        .map(|&place| i64::from(training.labels[training.rows[place as usize]]))
        .collect();
    let targets = Tensor::f_from_slice(&targets)?.f_to_device(device)?;
    let features = network
        .backbone
        .forward(&images, BatchNormMode::Train, &[Level::Pooled])?;
    let Some(pooled) = features.get(Level::Pooled) else {
        return Ok(());
    };
    let loss = network
        .bias
        .f_addmm(pooled, &network.weight.tr())?
        .f_cross_entropy_loss::<Tensor>(&targets, None, Reduction::Mean, -100, 0.0)?;
    let parameters: Vec<&Tensor> = network
        .backbone
        .parameters()
        .iter()
        .map(|named| &named.tensor)
        .chain([&network.weight, &network.bias])
        .collect();
    let gradients = Tensor::f_run_backward(&[&loss], &parameters, false, false)?;
    let updates: Vec<Update<'_>> = parameters
        .into_iter()
        .zip(&gradients)
        .map(|(parameter, grad)| Update {
            parameter,
            grad: Some(grad),
        })
        .collect();
    optimizer.step(step, &updates)?;
    Ok(())
}
