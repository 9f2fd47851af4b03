//! Version 1: balanced labels from a fresh pass, linear classifiers that are kept.

use crate::passes::due_at;
use crate::{IDENTITY, check_clusters};
use ssl_plugin_kit::RunContext;
use ssl_plugin_kit::blocks::{
    Assignments, Balanced, BlockError, Init, Linear, Stop, TablePass, label_balanced,
};
use ssl_plugin_kit::bridge::{from_tch, from_tch_int, to_tch};
use ssl_plugin_kit::burn::tensor::{DType, activation::log_softmax};
use ssl_plugin_kit::module::find_tensor;
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    crop, flip, grayscale, group, jitter, linear_probe, multi_crop_checkpoint, normalize, sgd,
    training_pass,
};

/// The pass whenever labels are due.
const LABELS: &str = "labels";
/// Most rounds of Sinkhorn; the official code has no end but the tolerance.
const LIMIT: usize = 100_000;

config! {
    /// Keys of version 1.
    pub struct V1Config {
        /// Clusters of each head.
        num_clusters: usize = 3000, in at_least(1), from "arXiv:1911.05371; self-label main.py";
        /// Classifiers (1 where the command line says nothing).
        num_heads: usize = 10, in at_least(1), from "arXiv:1911.05371; self-label main.py";
        /// Power that sharpens the predictions before they are balanced.
        lambda: f64 = 25.0, in factor(), from "arXiv:1911.05371; self-label main.py";
        /// Times that all images are labelled anew, spaced quadratically.
        label_passes: u64 = 100, in at_least(1), from "arXiv:1911.05371; self-label main.py";
        /// Sum over the images of relative changes at which Sinkhorn ends.
        sinkhorn_tol: f64 = 0.1, in positive(), from "arXiv:1911.05371; self-label main.py";
        /// Rounds from one look at the tolerance to the next.
        sinkhorn_check_every: usize = 10, in at_least(1),
            from "arXiv:1911.05371; self-label main.py";
    }
}

module! {
    /// Version 1 at work.
    pub struct V1 {
        /// `[num_clusters, dim]` with bias each, on the pooled features.
        pub top_layer: Vec<Linear>,
        /// Labels of the samples, `[heads, samples]`.
        pub assignments: Assignments,
        ..
        config: V1Config,
        /// The passes, by the steps that they come before.
        pass: TablePass,
        context: RunContext,
        device: Device,
        ranks: Ranks,
    }
}

impl Framework for V1 {
    type Config = V1Config;

    const IDENTITY: Identity = IDENTITY;

    fn describe(_config: &V1Config) -> Description {
        let transforms = vec![
            crop(224, [0.08, 1.0], Interpolation::Bilinear),
            grayscale(),
            jitter(1.0, [0.4, 0.4, 0.4, 0.4]),
            flip(),
            normalize(),
        ];
        let lr = LearningRate {
            base: 0.08,
            scaling: Scaling::None,
            warmup: None,
            // Epochs 150, 300 and 350 of 400.
            decay: Decay::Steps {
                milestones: vec![0.375, 0.75, 0.875],
                factor: 0.1,
            },
        };
        let views = vec![group("view", 1, ViewRole::Global, transforms)];
        let encoder = EncoderRequest::pooled(Encoder::Online, [0], Grouping::PerView);
        Description {
            passes: vec![training_pass(LABELS, vec![0], false)],
            linear: Some(LinearRecipe {
                schedule: LinearSchedule::Steps {
                    epochs: vec![85, 128],
                    factor: 0.1,
                },
                ..linear_probe(146, 1024, 0.1, 0.0)
            }),
            // torchvision's ResNets ("Aug++") name head 0 `fc`.
            checkpoint: multi_crop_checkpoint()
                .rename(
                    r"(?:module\.)?top_layer(\d+)\.(weight|bias)",
                    "param.top_layer.$1.$2",
                )
                .rename(r"(?:module\.)?fc\.(weight|bias)", "param.top_layer.0.$1"),
            ..Description::new(views, vec![encoder], Recipe::new(256, 400, sgd(), lr, 1e-5))
        }
    }

    /// Fresh classifiers; labels `n mod K` in random order for each head.
    fn start(config: V1Config, start: Start) -> Result<Self, Fault> {
        let (samples, clusters) = (start.context.samples, config.num_clusters);
        check_clusters("num_clusters", clusters, samples)?;
        let (device, heads) = (&start.device, config.num_heads);
        let mut random = start.random("heads");
        let mut layer = |_| {
            Linear::new(
                start.dim(),
                clusters,
                true,
                Init::Torch,
                &mut random,
                device,
            )
        };
        let top_layer = (0..heads).map(&mut layer).collect();
        let mut assignments = Assignments::new(&vec![clusters; heads], samples, device);
        let mut random = start.random("labels");
        let ints = |values: Vec<usize>| {
            let values: Vec<i64> = values.into_iter().map(|v| v as i64).collect();
            Tensor::<1, Int>::from_data(values.as_slice(), device)
        };
        for head in 0..heads {
            let labels = (0..samples).map(|n| n % clusters).collect();
            let places = ints(random.permutation(samples));
            assignments.set(head, places, ints(labels), &Ranks::single())?;
        }
        Ok(Self {
            top_layer,
            assignments,
            config,
            pass: TablePass::new(start.dim(), &start.device),
            context: start.context,
            device: start.device,
            ranks: start.ranks,
        })
    }

    /// Mean over heads of the cross-entropy of each classifier with its labels.
    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let pooled = features.online(0)?;
        let logits = self
            .top_layer
            .iter()
            .map(|head| head.forward(pooled.clone()))
            .collect::<Result<_, BlockError>>()?;
        Ok(self.assignments.loss(logits, features.indices())?.into())
    }

    fn due(&mut self, at: &TrainStep) -> Option<&'static str> {
        let (batch, samples) = (self.context.global_batch(), self.context.samples);
        let pass = due_at(at.step, batch, samples, at.epochs, self.config.label_passes);
        (pass.is_some() && !self.pass.is_finished(at.step)).then_some(LABELS)
    }

    fn begin_pass(&mut self, at: &TrainStep, _id: &str, samples: usize) -> Result<(), Fault> {
        self.pass.begin(at.step, samples);
        Ok(())
    }

    fn absorb(&mut self, features: &Features) -> Result<(), Fault> {
        Ok(self.pass.put(features.indices(), &features.online(0)?)?)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        if let Some((step, table)) = self.pass.end() {
            let (samples, features) = table.collect(&self.ranks)?;
            for head in 0..self.top_layer.len() {
                self.label(head, samples.clone(), &features)?;
            }
            self.pass.finish(step);
        }
        Ok(())
    }

    fn cluster(&mut self, _at: &TrainStep, bank: NamedTensors) -> Result<NamedTensors, Fault> {
        let features: Tensor<2> = from_tch(find_tensor(&bank, "features", 2)?);
        let features = features.to_device(&self.device);
        let index = find_tensor(&bank, "index", 1)?;
        let mut output = Vec::new();
        for head in 0..self.top_layer.len() {
            let found = self.label(head, from_tch_int(index.copy()), &features)?;
            let soft = found.soft(&self.log_scores(head, features.clone()));
            output.push((format!("assignment.{head}"), to_tch(&soft)));
        }
        Ok(output)
    }
}

impl V1 {
    /// `λ · log softmax(head(x))`, in float64.
    fn log_scores(&self, head: usize, features: Tensor<2>) -> Tensor<2> {
        let layer = &self.top_layer[head];
        let weight = layer.weight.val().cast(DType::F64);
        let mut logits = features.cast(DType::F64).matmul(weight.transpose());
        if let Some(bias) = &layer.bias {
            logits = logits + bias.val().cast(DType::F64).unsqueeze();
        }
        log_softmax(logits, 1) * self.config.lambda
    }

    /// Sinkhorn over features that are the same on every rank; rank 0's labels count, in case others round otherwise.
    fn label(
        &mut self,
        head: usize,
        samples: Tensor<1, Int>,
        features: &Tensor<2>,
    ) -> Result<Balanced, BlockError> {
        let shape = [features.dims()[0], self.config.num_clusters];
        let stop = Stop::Tolerance {
            tolerance: self.config.sinkhorn_tol,
            check_every: self.config.sinkhorn_check_every,
            limit: LIMIT,
        };
        let found = label_balanced(shape, stop, &Ranks::single(), |range| {
            Ok(self.log_scores(head, features.clone().narrow(0, range.start, range.len())))
        })?;
        let labels = self.ranks.broadcast_int(found.labels.clone(), 0)?;
        self.assignments
            .set(head, samples, labels, &Ranks::single())?;
        Ok(found)
    }
}
