//! Version 1: k-means on whitened features of a fresh pass, a classifier drawn anew each time.

use crate::config::V1Config;
use crate::describe::FEATURES;
use crate::sampling::uniform_over_clusters;
use ssl_plugin_kit::blocks::{
    Assignments, BlockError, Clustering, Empty, FeatureTable, Init, KMeans, Linear, Metric, whiten,
};
use ssl_plugin_kit::bridge::{export_ints, from_tch, from_tch_int, to_tch, to_tch_int};
use ssl_plugin_kit::framework::{Bank, Start, Version, Views, find_in_bank};
use ssl_plugin_kit::module::{Module, Path, Visitor};
use ssl_plugin_kit::random::Random;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, EpochPlan, Fault, Int, RunContext, Tensor, TrainStep};

/// Standard deviation of a fresh classifier's weights.
const STD: f32 = 0.01;
/// Rows of the whitened features that certification looks at.
const SHOWN: i64 = 48;

/// Weights and state of version 1.
pub struct V1 {
    /// `[num_clusters, dim]` with bias, on the pooled features.
    pub top_layer: Linear,
    /// Clusters of the samples, `[1, samples]`.
    pub assignments: Assignments,
    config: V1Config,
    /// Features of the open pass, and the epoch it is for.
    pass: Option<(u64, FeatureTable)>,
    /// The epoch whose labels are there.
    labelled: Option<u64>,
    random: Random,
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
    pub(crate) fn new(config: V1Config, start: Start) -> Result<Self, Fault> {
        let samples = start.context.samples;
        if config.num_clusters > samples {
            return Err(Fault::config(format!(
                "`num_clusters`: expected at most the {samples} training images, found {}",
                config.num_clusters
            )));
        }
        let top_layer = Linear::new(
            start.context.dim(),
            config.num_clusters,
            true,
            Init::Normal(STD),
            &mut start.random("heads"),
            &start.device,
        );
        Ok(Self {
            top_layer,
            assignments: Assignments::new(1, samples, &start.device),
            config,
            pass: None,
            labelled: None,
            random: start.random("clusters"),
            context: start.context,
            device: start.device,
            ranks: start.ranks,
        })
    }

    /// Whitens and clusters features, which are the same on every rank; gives back the whitened ones.
    fn label(
        &mut self,
        epoch: u64,
        samples: Tensor<1, Int>,
        features: &Tensor<2>,
    ) -> Result<(Tensor<2>, Clustering), BlockError> {
        let [_, dim] = features.dims();
        let points = whiten(features, self.config.pca_dim.min(dim))?;
        let kmeans = KMeans {
            clusters: self.config.num_clusters,
            iterations: self.config.kmeans_iters,
            restarts: 1,
            metric: Metric::Euclidean,
            empty: Empty::Split,
            max_points: None,
        };
        let mut random = self.random.at(epoch, 0);
        let found = kmeans.run(&points, &mut random, &Ranks::single())?;
        self.assignments
            .set(0, samples, found.labels.clone(), &self.ranks)?;
        Ok((points, found))
    }
}

impl Version for V1 {
    fn pass(&self) -> &'static str {
        FEATURES
    }

    /// Cross-entropy of the classifier with the labels.
    fn loss(&mut self, _moment: &TrainStep, views: &Views) -> Result<Tensor<1>, Fault> {
        let logits = self.top_layer.forward(views.online(0)?)?;
        Ok(self.assignments.loss(vec![logits], views.indices())?)
    }

    fn is_due(&mut self, at: &TrainStep) -> bool {
        at.batch_in_epoch() == 0 && self.labelled != Some(at.epoch)
    }

    fn begin_pass(&mut self, at: &TrainStep) {
        let table = FeatureTable::new(self.context.samples, self.context.dim(), &self.device);
        self.pass = Some((at.epoch, table));
    }

    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        let Some((_, table)) = &mut self.pass else {
            return Err(Fault::state("expected an open feature pass, found none"));
        };
        Ok(table.put(views.indices(), &views.online(0)?)?)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        let Some((epoch, table)) = self.pass.take() else {
            return Err(Fault::state("expected an open feature pass, found none"));
        };
        let (samples, features) = table.collect(&self.ranks)?;
        self.label(epoch, samples, &features)?;
        self.labelled = Some(epoch);
        Ok(())
    }

    /// A fresh classifier, a fresh optimiser for it, and an order in which all clusters come equally
    /// often.
    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        let labels = self.assignments.of_all(0);
        let count = (self.config.reassign_epochs * labels.len() as f64) as usize;
        let mut random = self.random.at(at.epoch, 1);
        let order = uniform_over_clusters(&labels, count, &mut random);
        if order.is_empty() {
            return Err(Fault::state(format!(
                "expected the pass `{FEATURES}` before epoch {}, found no labels",
                at.epoch
            )));
        }
        let [outputs, inputs] = self.top_layer.weight.dims();
        let init = Init::Normal(STD);
        let weight = init.weight([outputs, inputs], &mut random, &self.device);
        self.top_layer.weight.rewrite(&weight);
        if let Some(bias) = &mut self.top_layer.bias {
            bias.rewrite(&init.bias(outputs, inputs, &mut random, &self.device));
        }
        Ok(EpochPlan {
            order: Some(export_ints(&order)?),
            reset_optimizer: ["top_layer.weight", "top_layer.bias"]
                .map(str::to_owned)
                .into(),
            parameters_moved: false,
        })
    }

    /// Clusters a given bank, for certification.
    fn cluster(&mut self, at: &TrainStep, bank: Bank) -> Result<Bank, Fault> {
        let features: Tensor<2> = from_tch(find_in_bank(&bank, "features", 2)?);
        let features = features.to_device(&self.device);
        let samples = from_tch_int(find_in_bank(&bank, "index", 1)?);
        let (points, found) = self.label(at.epoch, samples, &features)?;
        let points = to_tch(&points);
        let shown = points.narrow(0, 0, SHOWN.min(points.size()[0]));
        Ok(vec![
            ("gram".to_owned(), shown.matmul(&shown.transpose(0, 1))),
            ("points.0".to_owned(), points),
            ("centroids.0".to_owned(), to_tch(&found.centroids)),
            ("labels.0".to_owned(), to_tch_int(&found.labels)),
        ])
    }
}
