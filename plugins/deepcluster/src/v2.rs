//! Version 2: spherical k-means on the embeddings of the epoch before, centroids as prototypes.

use crate::config::V2Config;
use crate::describe::MEMORY;
use ssl_plugin_kit::blocks::{
    Assignments, BlockError, CropMemory, Empty, KMeans, Metric, UnitProjector, unit_rows,
};
use ssl_plugin_kit::bridge::{to_tch, to_tch_int};
use ssl_plugin_kit::framework::{Bank, Start, Version, Views};
use ssl_plugin_kit::module;
use ssl_plugin_kit::module::{Buffer, Module, Path, Visitor};
use ssl_plugin_kit::random::Random;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, EpochPlan, Fault, Int, Tensor, TrainStep};

module! {
    /// Centroids of one head.
    pub struct Prototypes {
        /// `[clusters, dim]`, unit rows; set by clustering, never trained.
        pub weight: Buffer<2>,
    }
}

/// Weights and state of version 2.
pub struct V2 {
    /// Linear, batch norm, ReLU, Linear, rows of unit length.
    pub projector: UnitProjector,
    /// Centroids, head by head.
    pub prototypes: Vec<Prototypes>,
    /// Clusters of the samples, `[heads, samples]`.
    pub assignments: Assignments,
    /// Embeddings of the epoch.
    pub memory: CropMemory,
    config: V2Config,
    random: Random,
    device: Device,
    ranks: Ranks,
}

impl Module for V2 {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        path.enter("projector", |path| self.projector.visit(path, visitor));
        path.enter("prototypes", |path| self.prototypes.visit(path, visitor));
        path.enter("assignments", |path| self.assignments.visit(path, visitor));
        self.memory.visit(path, visitor);
    }
}

impl V2 {
    pub(crate) fn new(config: V2Config, start: Start) -> Result<Self, Fault> {
        let rows = start.context.steps_per_epoch as usize * start.context.batch_size;
        if let Some(clusters) = config.num_prototypes.iter().find(|&&k| k > rows) {
            return Err(Fault::config(format!(
                "`num_prototypes`: expected at most the {rows} images of an epoch, found {clusters}"
            )));
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
        let prototypes = config
            .num_prototypes
            .iter()
            .map(|&clusters| Prototypes {
                weight: Buffer::new(unit_rows(random.normal([clusters, dim], 0.0, 1.0, device))),
            })
            .collect();
        let memory = CropMemory::new(&config.crops_for_assign, dim, &start);
        Ok(Self {
            projector,
            prototypes,
            assignments: Assignments::new(config.num_prototypes.len(), context.samples, device),
            memory,
            random: start.random("clusters"),
            device: start.device,
            ranks: start.ranks,
            config,
        })
    }

    /// One head's centroids and labels; gives back this rank's labels.
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
            .set(head, samples, found.labels.clone(), &self.ranks)?;
        Ok(found.labels)
    }
}

impl Version for V2 {
    fn pass(&self) -> &'static str {
        MEMORY
    }

    /// Mean over heads of the cross-entropy of `z·Cᵀ/τ` with the labels of the epoch; every crop has
    /// its image's label. The embeddings of this step then take their place in the bank.
    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Tensor<1>, Fault> {
        let crops = views.online_each(0..self.config.views())?;
        let z = self.projector.forward(crops)?; // [crops·batch, dim]
        let logits = self
            .prototypes
            .iter()
            .map(|head| {
                z.clone().matmul(head.weight.val().transpose()) * (1.0 / self.config.temperature)
            })
            .collect();
        let loss = self.assignments.loss(logits, views.indices())?;
        self.memory.keep(at, views.indices(), z)?;
        Ok(loss)
    }

    fn is_due(&mut self, at: &TrainStep) -> bool {
        self.memory.is_due(at)
    }

    fn begin_pass(&mut self, _moment: &TrainStep) {
        self.memory.begin_pass();
    }

    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        self.memory.absorb(views, &mut self.projector)
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

    /// Clusters a given bank, for certification.
    fn cluster(&mut self, at: &TrainStep, bank: Bank) -> Result<Bank, Fault> {
        let mut output = Vec::new();
        for head in 0..self.prototypes.len() {
            let (samples, rows) = self.memory.of_given(head, &bank, &self.device)?;
            let labels = self.label(at.epoch, head, samples, &rows)?;
            output.extend([
                (format!("points.{head}"), to_tch(&rows)),
                (
                    format!("centroids.{head}"),
                    to_tch(&self.prototypes[head].weight.val()).copy(),
                ),
                (format!("labels.{head}"), to_tch_int(&labels)),
            ]);
        }
        Ok(output)
    }
}
