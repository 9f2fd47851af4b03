//! Version 1: balanced labels from a fresh pass, linear classifiers that are kept.

use crate::config::{V1Config, check_clusters};
use crate::describe::LABELS;
use crate::passes::due_at;
use ssl_plugin_kit::blocks::{
    Assignments, Balanced, BlockError, FeatureTable, Init, Linear, Stop, label_balanced,
};
use ssl_plugin_kit::bridge::{from_tch, from_tch_int, to_tch};
use ssl_plugin_kit::burn::tensor::{DType, activation::log_softmax};
use ssl_plugin_kit::framework::{Bank, Start, Version, Views, find_in_bank};
use ssl_plugin_kit::module::{Module, Path, Visitor};
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, Fault, Int, RunContext, Tensor, TrainStep};

/// Most rounds of Sinkhorn; the official code has no end but the tolerance.
const LIMIT: usize = 100_000;

/// Weights and state of version 1.
pub struct V1 {
    /// `[num_clusters, dim]` with bias each, on the pooled features.
    pub top_layer: Vec<Linear>,
    /// Labels of the samples, `[heads, samples]`.
    pub assignments: Assignments,
    config: V1Config,
    /// Features of the open pass, and the step it is for.
    pass: Option<(u64, FeatureTable)>,
    /// The step before which the last labelling was.
    labelled: Option<u64>,
    context: RunContext,
    device: Device,
    ranks: Ranks,
}

impl Module for V1 {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        path.enter("top_layer", |path| self.top_layer.visit(path, visitor));
        path.enter("assignments", |path| self.assignments.visit(path, visitor));
    }
}

impl V1 {
    /// Fresh classifiers; labels `n mod K` in random order for each head.
    ///
    /// # Errors
    /// More clusters than images.
    pub(crate) fn new(config: V1Config, start: Start) -> Result<Self, Fault> {
        let mut random = start.random("heads");
        let (samples, clusters) = (start.context.samples, config.num_clusters);
        check_clusters("num_clusters", clusters, samples)?;
        let device = &start.device;
        let top_layer = (0..config.num_heads)
            .map(|_| {
                let dim = start.context.dim();
                Linear::new(dim, clusters, true, Init::Torch, &mut random, device)
            })
            .collect();
        let mut assignments = Assignments::new(config.num_heads, samples, device);
        let mut random = start.random("labels");
        let ints = |values: Vec<usize>| {
            let values: Vec<i64> = values.into_iter().map(|v| v as i64).collect();
            Tensor::<1, Int>::from_data(values.as_slice(), device)
        };
        for head in 0..config.num_heads {
            let labels = (0..samples).map(|n| n % clusters).collect();
            let places = ints(random.permutation(samples));
            assignments.set(head, places, ints(labels), &Ranks::single())?;
        }
        Ok(Self {
            top_layer,
            assignments,
            config,
            pass: None,
            labelled: None,
            context: start.context,
            device: start.device,
            ranks: start.ranks,
        })
    }

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

    /// Sinkhorn over features that are the same on every rank.
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
        self.assignments
            .set(head, samples, found.labels.clone(), &self.ranks)?;
        Ok(found)
    }
}

impl Version for V1 {
    fn pass(&self) -> &'static str {
        LABELS
    }

    /// Mean over heads of the cross-entropy of each classifier with its labels.
    fn loss(&mut self, _moment: &TrainStep, views: &Views) -> Result<Tensor<1>, Fault> {
        let features = views.online(0)?;
        let logits = self
            .top_layer
            .iter()
            .map(|head| head.forward(features.clone()))
            .collect::<Result<_, BlockError>>()?;
        Ok(self.assignments.loss(logits, views.indices())?)
    }

    fn is_due(&mut self, at: &TrainStep) -> bool {
        let pass = due_at(
            at.step,
            self.context.global_batch(),
            self.context.samples,
            at.epochs,
            self.config.label_passes,
        );
        pass.is_some() && self.labelled != Some(at.step)
    }

    fn begin_pass(&mut self, at: &TrainStep) {
        let table = FeatureTable::new(self.context.samples, self.context.dim(), &self.device);
        self.pass = Some((at.step, table));
    }

    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        let Some((_, table)) = &mut self.pass else {
            return Err(Fault::state("expected an open feature pass, found none"));
        };
        Ok(table.put(views.indices(), &views.online(0)?)?)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        let Some((step, table)) = self.pass.take() else {
            return Err(Fault::state("expected an open feature pass, found none"));
        };
        let (samples, features) = table.collect(&self.ranks)?;
        for head in 0..self.top_layer.len() {
            self.label(head, samples.clone(), &features)?;
        }
        self.labelled = Some(step);
        Ok(())
    }

    /// Labels a given bank, for certification.
    fn cluster(&mut self, _moment: &TrainStep, bank: Bank) -> Result<Bank, Fault> {
        let features: Tensor<2> = from_tch(find_in_bank(&bank, "features", 2)?);
        let features = features.to_device(&self.device);
        let index = find_in_bank(&bank, "index", 1)?;
        let mut output = Vec::new();
        for head in 0..self.top_layer.len() {
            let found = self.label(head, from_tch_int(index.copy()), &features)?;
            let soft = found.soft(&self.log_scores(head, features.clone()));
            output.push((format!("assignment.{head}"), to_tch(&soft)));
        }
        Ok(output)
    }
}
