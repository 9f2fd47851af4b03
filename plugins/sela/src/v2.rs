//! Version 2: balanced labels from the embeddings of the epoch before, trained unit prototypes.

use crate::{IDENTITY, check_clusters};
use ssl_plugin_kit::blocks::{
    Assignments, Balanced, BlockError, CropMemory, Init, Linear, Stop, UnitProjector,
    label_balanced, rewrite_unit_rows, unit_rows,
};
use ssl_plugin_kit::bridge::to_tch;
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    check_crops, multi_crop_checkpoint, multi_crop_description, training_pass,
};

/// The pass before the first epoch.
const MEMORY: &str = "memory";

config! {
    /// Keys of version 2.
    pub struct V2Config {
        /// Crops by resolution, large ones, then small ones.
        num_crops: Vec<usize> = [2], in list_of(whole(1, 64), 1, 2),
            from "arXiv:2006.09882 appendix D; swav main_deepclusterv2.py";
        /// Crops whose embeddings are stored and labelled.
        crops_for_assign: Vec<usize> = [0, 1], in list(at_least(0)),
            from "arXiv:2006.09882 appendix D; swav main_deepclusterv2.py";
        /// Width of the projector's hidden layer.
        projector_hidden_dim: usize = 2048, in at_least(1),
            from "arXiv:2006.09882 appendix D; swav main_deepclusterv2.py";
        /// Width of the embeddings.
        projector_dim: usize = 128, in at_least(1),
            from "arXiv:2006.09882 appendix D; swav main_deepclusterv2.py";
        /// Prototypes of each head.
        num_prototypes: Vec<usize> = [3000, 3000, 3000], in list(at_least(1)),
            from "arXiv:2006.09882 appendix D; swav main_deepclusterv2.py";
        /// Temperature of the prediction.
        temperature: f64 = 0.1, in temperature(),
            from "arXiv:2006.09882 appendix D; swav main_deepclusterv2.py";
        /// Regularisation of the labels.
        epsilon: f64 = 0.05, in temperature(),
            from "arXiv:2006.09882: as SwAV; not published for SeLa-v2";
        /// Rounds of Sinkhorn.
        sinkhorn_iters: usize = 3, in at_least(1),
            from "arXiv:2006.09882: as SwAV; not published for SeLa-v2";
        /// Steps for which the prototypes' gradient is dropped.
        freeze_prototypes_steps: u64 = 313, in at_least(0),
            from "arXiv:2006.09882: as SwAV; not published for SeLa-v2";
    }
    check |config| check_crops(&config.num_crops, &config.crops_for_assign)
}

module! {
    /// Version 2 at work.
    pub struct V2 {
        /// Linear, batch norm, ReLU, Linear, rows of unit length.
        pub projector: UnitProjector,
        /// `[num_prototypes[h], projector_dim]` each, no bias.
        pub prototypes: Vec<Linear>,
        /// Labels of the samples, `[heads, samples]`.
        pub assignments: Assignments,
        /// Embeddings of the epoch.
        pub memory as "": CropMemory,
        ..
        config: V2Config,
        device: Device,
        ranks: Ranks,
    }
}

impl Framework for V2 {
    type Config = V2Config;

    const IDENTITY: Identity = IDENTITY;

    fn describe(config: &V2Config) -> Description {
        let frozen = GroupRule {
            frozen_steps: Some(config.freeze_prototypes_steps),
            ..GroupRule::heads("^prototypes")
        };
        Description {
            passes: vec![training_pass(MEMORY, config.crops_for_assign.clone(), true)],
            checkpoint: multi_crop_checkpoint().rename(
                r"(?:module\.)?prototypes\.prototypes(\d+)\.weight",
                "param.prototypes.$1.weight",
            ),
            published: vec![
                Published::linear("400ep-2x160+4x96", 71.8, "facebookresearch/swav README"),
                Published::linear("400ep-2x224", 67.2, "facebookresearch/swav README"),
            ],
            ..multi_crop_description(&config.num_crops, 400, vec![frozen])
        }
    }

    fn start(config: V2Config, start: Start) -> Result<Self, Fault> {
        for &count in &config.num_prototypes {
            check_clusters("num_prototypes", count, start.context.samples)?;
        }
        let Start {
            context,
            device,
            ranks,
        } = &start;
        let dim = config.projector_dim;
        let mut random = start.random("heads");
        let widths = [context.dim(), config.projector_hidden_dim, dim];
        let projector = UnitProjector::new(widths, &mut random, device, ranks);
        let mut layer = |&count| Linear::new(dim, count, false, Init::Torch, &mut random, device);
        Ok(Self {
            projector,
            prototypes: config.num_prototypes.iter().map(&mut layer).collect(),
            assignments: Assignments::new(&config.num_prototypes, context.samples, device),
            memory: CropMemory::new(&config.crops_for_assign, dim, &start),
            device: start.device,
            ranks: start.ranks,
            config,
        })
    }

    /// Mean over heads of the cross-entropy of `z·Pᵀ/τ` with the labels of the epoch; every crop has
    /// its image's label. Prototypes are brought to unit length first, in the parameter.
    fn loss(&mut self, at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        for head in &mut self.prototypes {
            rewrite_unit_rows(&mut head.weight);
        }
        let crops = features.online_each(0..self.config.num_crops.iter().sum())?;
        let z = self.projector.forward(crops)?; // [crops·batch, dim]
        let sharpness = 1.0 / self.config.temperature;
        let logits = self
            .prototypes
            .iter()
            .map(|head| Ok(head.forward(z.clone())? * sharpness))
            .collect::<Result<_, BlockError>>()?;
        let loss = self.assignments.loss(logits, features.indices())?;
        self.memory.keep(at, features.indices(), z)?;
        Ok(loss.into())
    }

    fn due(&mut self, at: &TrainStep) -> Option<&'static str> {
        self.memory.is_due(at).then_some(MEMORY)
    }

    fn begin_pass(&mut self, _at: &TrainStep, _id: &str, _samples: usize) -> Result<(), Fault> {
        self.memory.begin_pass();
        Ok(())
    }

    fn absorb(&mut self, features: &Features) -> Result<(), Fault> {
        self.memory.absorb(features, &mut self.projector)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        self.memory.end_pass();
        Ok(())
    }

    /// Labels the memory.
    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        for head in 0..self.prototypes.len() {
            let (samples, rows) = self.memory.of_head(head, at)?;
            self.label(head, samples, &rows)?;
        }
        Ok(EpochPlan::default())
    }

    fn cluster(&mut self, _at: &TrainStep, bank: NamedTensors) -> Result<NamedTensors, Fault> {
        let mut output = Vec::new();
        for head in 0..self.prototypes.len() {
            let (samples, rows) = self.memory.of_given(head, &bank, &self.device)?;
            let found = self.label(head, samples, &rows)?;
            let soft = found.soft(&self.log_scores(head, rows));
            output.push((format!("assignment.{head}"), to_tch(&soft)));
        }
        Ok(output)
    }
}

impl V2 {
    /// `z·Pᵀ/ε` with unit prototypes.
    fn log_scores(&self, head: usize, rows: Tensor<2>) -> Tensor<2> {
        let prototypes = unit_rows(self.prototypes[head].weight.val());
        rows.matmul(prototypes.transpose()) * (1.0 / self.config.epsilon)
    }

    /// Sinkhorn over rows that are the same on every rank, of which each one takes its part.
    fn label(
        &mut self,
        head: usize,
        samples: Tensor<1, Int>,
        rows: &Tensor<2>,
    ) -> Result<Balanced, BlockError> {
        let part = self.ranks.part_of(rows.dims()[0]);
        let (samples, rows) = (
            samples.slice_dim(0, part.clone()),
            rows.clone().slice_dim(0, part),
        );
        let shape = [rows.dims()[0], self.config.num_prototypes[head]];
        let stop = Stop::Rounds(self.config.sinkhorn_iters);
        let found = label_balanced(shape, stop, &self.ranks, |range| {
            Ok(self.log_scores(head, rows.clone().narrow(0, range.start, range.len())))
        })?;
        self.assignments
            .set(head, samples, found.labels.clone(), &self.ranks)?;
        Ok(found)
    }
}
