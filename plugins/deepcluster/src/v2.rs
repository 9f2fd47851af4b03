//! Version 2: spherical k-means on the embeddings of the epoch before, centroids as prototypes.

use crate::IDENTITY;
use ssl_plugin_kit::blocks::{
    Assignments, BlockError, CropMemory, Empty, KMeans, Metric, UnitProjector, unit_rows,
};
use ssl_plugin_kit::bridge::{to_tch, to_tch_int};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    check_crops, multi_crop_checkpoint, multi_crop_description, training_pass,
};

/// The pass before the first epoch.
const MEMORY: &str = "memory";

config! {
    /// Keys of version 2.
    pub struct V2Config {
        /// Crops by resolution, large ones, then small ones; [2, 6] in the best recipe.
        num_crops: Vec<usize> = [2], in list_of(whole(1, 64), 1, 2),
            from "arXiv:2006.09882; swav main_deepclusterv2.py";
        /// Crops whose embeddings are stored and clustered.
        crops_for_assign: Vec<usize> = [0, 1], in list(at_least(0)),
            from "arXiv:2006.09882; swav main_deepclusterv2.py";
        /// Width of the projector's hidden layer.
        projector_hidden_dim: usize = 2048, in at_least(1),
            from "arXiv:2006.09882; swav main_deepclusterv2.py";
        /// Width of the embeddings.
        projector_dim: usize = 128, in at_least(1),
            from "arXiv:2006.09882; swav main_deepclusterv2.py";
        /// Clusters of each head.
        num_prototypes: Vec<usize> = [3000, 3000, 3000], in list(at_least(1)),
            from "arXiv:2006.09882; swav main_deepclusterv2.py";
        /// Temperature of the prediction.
        temperature: f64 = 0.1, in temperature(), from "arXiv:2006.09882; swav main_deepclusterv2.py";
        /// Steps without the prototypes' gradient in the official code; here prototypes are state and
        /// never trained, whatever the number.
        freeze_prototypes_steps: u64 = 300_000, in at_least(0),
            from "arXiv:2006.09882; swav main_deepclusterv2.py";
        /// Iterations of k-means.
        kmeans_iters: usize = 10, in at_least(1), from "main_deepclusterv2.py";
    }
    check |config| check_crops(&config.num_crops, &config.crops_for_assign)
}

module! {
    /// Centroids of one head.
    pub struct Prototypes {
        /// `[clusters, dim]`, unit rows; set by clustering, never trained.
        pub weight: Buffer<2>,
    }
}

module! {
    /// Version 2 at work.
    pub struct V2 {
        /// Linear, batch norm, ReLU, Linear, rows of unit length.
        pub projector: UnitProjector,
        /// Centroids, head by head.
        pub prototypes: Vec<Prototypes>,
        /// Clusters of the samples, `[heads, samples]`.
        pub assignments: Assignments,
        /// Embeddings of the epoch.
        pub memory as "": CropMemory,
        ..
        config: V2Config,
        random: Random,
        device: Device,
        ranks: Ranks,
    }
}

impl Framework for V2 {
    type Config = V2Config;

    const IDENTITY: Identity = IDENTITY;

    fn describe(config: &V2Config) -> Description {
        Description {
            passes: vec![training_pass(MEMORY, config.crops_for_assign.clone(), true)],
            checkpoint: multi_crop_checkpoint().rename(
                r"(?:module\.)?prototypes\.prototypes(\d+)\.weight",
                "state.prototypes.$1.weight",
            ),
            published: vec![
                Published::linear("800ep-2x224+6x96", 75.2, "facebookresearch/swav README"),
                Published::linear("400ep-2x160+4x96", 74.3, "facebookresearch/swav README"),
                Published::linear("400ep-2x224", 70.2, "facebookresearch/swav README"),
            ],
            ..multi_crop_description(&config.num_crops, 800, Vec::new())
        }
    }

    fn start(config: V2Config, start: Start) -> Result<Self, Fault> {
        let Start {
            context,
            device,
            ranks,
        } = &start;
        let rows = context.steps_per_epoch as usize * context.global_batch();
        if let Some(clusters) = config.num_prototypes.iter().find(|&&k| k > rows) {
            return Err(Fault::config(format!(
                "`num_prototypes`: expected at most the {rows} images of an epoch, found {clusters}"
            )));
        }
        let dim = config.projector_dim;
        let mut random = start.random("heads");
        let widths = [context.dim(), config.projector_hidden_dim, dim];
        let projector = UnitProjector::new(widths, &mut random, device, ranks);
        let mut prototypes = |&clusters: &usize| Prototypes {
            weight: Buffer::new(unit_rows(random.normal([clusters, dim], 0.0, 1.0, device))),
        };
        Ok(Self {
            projector,
            prototypes: config.num_prototypes.iter().map(&mut prototypes).collect(),
            assignments: Assignments::new(&config.num_prototypes, context.samples, device),
            memory: CropMemory::new(&config.crops_for_assign, dim, &start),
            random: start.random("clusters"),
            device: start.device,
            ranks: start.ranks,
            config,
        })
    }

    /// Mean over heads of the cross-entropy of `z·Cᵀ/τ` with the labels of the epoch; every crop has
    /// its image's label. The embeddings of this step then take their place in the bank.
    fn loss(&mut self, at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let crops = features.online_each(0..self.config.num_crops.iter().sum())?;
        let z = self.projector.forward(crops)?; // [crops·batch, dim]
        let sharpness = 1.0 / self.config.temperature;
        let logits = self
            .prototypes
            .iter()
            .map(|head| z.clone().matmul(head.weight.val().transpose()) * sharpness)
            .collect();
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

    /// Clusters the memory.
    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        for head in 0..self.prototypes.len() {
            let (samples, rows) = self.memory.of_head(head, at)?;
            self.label(at.epoch, head, samples, &rows)?;
        }
        Ok(EpochPlan::default())
    }

    fn cluster(&mut self, at: &TrainStep, bank: NamedTensors) -> Result<NamedTensors, Fault> {
        let mut output = Vec::new();
        for head in 0..self.prototypes.len() {
            let (samples, rows) = self.memory.of_given(head, &bank, &self.device)?;
            let labels = self.label(at.epoch, head, samples, &rows)?;
            let centroids = to_tch(&self.prototypes[head].weight.val()).copy();
            output.extend([
                (format!("points.{head}"), to_tch(&rows)),
                (format!("centroids.{head}"), centroids),
                (format!("labels.{head}"), to_tch_int(&labels)),
            ]);
        }
        Ok(output)
    }
}

impl V2 {
    /// One head's centroids and labels, from rows that are the same on every rank.
    fn label(
        &mut self,
        epoch: u64,
        head: usize,
        samples: Tensor<1, Int>,
        rows: &Tensor<2>,
    ) -> Result<Tensor<1, Int>, BlockError> {
        let kmeans = KMeans {
            clusters: self.config.num_prototypes[head],
            iterations: self.config.kmeans_iters,
            restarts: 1,
            metric: Metric::Spherical,
            empty: Empty::Keep,
            max_points: None,
        };
        let mut random = self.random.at(epoch, head as u64);
        let found = kmeans.run(rows, &mut random, &self.ranks)?;
        self.prototypes[head].weight.set(&found.centroids);
        self.assignments
            .set(head, samples, found.labels.clone(), &Ranks::single())?;
        Ok(found.labels)
    }
}
