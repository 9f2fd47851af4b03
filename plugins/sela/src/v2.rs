//! Version 2: balanced labels from the embeddings of the epoch before, trained unit prototypes.

use crate::config::{V2Config, check_clusters};
use crate::describe::MEMORY;
use ssl_plugin_kit::blocks::{
    Assignments, Balanced, BlockError, CropMemory, Init, Linear, Stop, UnitProjector,
    label_balanced, rewrite_unit_rows, unit_rows,
};
use ssl_plugin_kit::bridge::to_tch;
use ssl_plugin_kit::framework::{Bank, Start, Version, Views};
use ssl_plugin_kit::module::{Module, Path, Visitor};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, EpochPlan, Fault, Int, Tensor, TrainStep};

/// Weights and state of version 2.
pub struct V2 {
    /// Linear, batch norm, ReLU, Linear, rows of unit length.
    pub projector: UnitProjector,
    /// `[num_prototypes[h], projector_dim]` each, no bias.
    pub prototypes: Vec<Linear>,
    /// Labels of the samples, `[heads, samples]`.
    pub assignments: Assignments,
    /// Embeddings of the epoch.
    pub memory: CropMemory,
    config: V2Config,
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
    /// # Errors
    /// More prototypes than images.
    pub(crate) fn new(config: V2Config, start: Start) -> Result<Self, Fault> {
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
        let prototypes = config
            .num_prototypes
            .iter()
            .map(|&count| Linear::new(dim, count, false, Init::Torch, &mut random, device))
            .collect();
        Ok(Self {
            projector,
            prototypes,
            assignments: Assignments::new(config.num_prototypes.len(), context.samples, device),
            memory: CropMemory::new(&config.crops_for_assign, dim, &start),
            device: start.device,
            ranks: start.ranks,
            config,
        })
    }

    /// `z·Pᵀ/ε` with unit prototypes.
    fn log_scores(&self, head: usize, rows: Tensor<2>) -> Tensor<2> {
        let prototypes = unit_rows(self.prototypes[head].weight.val());
        rows.matmul(prototypes.transpose()) * (1.0 / self.config.epsilon)
    }

    /// Sinkhorn over this rank's rows and those of the others.
    fn label(
        &mut self,
        head: usize,
        samples: Tensor<1, Int>,
        rows: &Tensor<2>,
    ) -> Result<Balanced, BlockError> {
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

impl Version for V2 {
    fn pass(&self) -> &'static str {
        MEMORY
    }

    /// Mean over heads of the cross-entropy of `z·Pᵀ/τ` with the labels of the epoch; every crop has
    /// its image's label. Prototypes are brought to unit length first, in the parameter.
    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Tensor<1>, Fault> {
        for head in &mut self.prototypes {
            rewrite_unit_rows(&mut head.weight);
        }
        let crops = views.online_each(0..self.config.views())?;
        let z = self.projector.forward(crops)?; // [crops·batch, dim]
        let logits = self
            .prototypes
            .iter()
            .map(|head| Ok(head.forward(z.clone())? * (1.0 / self.config.temperature)))
            .collect::<Result<_, BlockError>>()?;
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

    /// Labels the memory.
    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        for head in 0..self.prototypes.len() {
            let (samples, rows) = self.memory.of_head(head, at)?;
            self.label(head, samples, &rows)?;
        }
        Ok(EpochPlan::default())
    }

    /// Labels a given bank, for certification.
    fn cluster(&mut self, _moment: &TrainStep, bank: Bank) -> Result<Bank, Fault> {
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
