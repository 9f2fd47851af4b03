//! Version 1: k-means on whitened features of a fresh pass, a classifier drawn anew each time.

use crate::IDENTITY;
use crate::sampling::uniform_over_clusters;
use ssl_plugin_kit::blocks::{
    Assignments, BlockError, Clustering, Empty, Init, KMeans, Linear, Metric, TablePass, whiten,
};
use ssl_plugin_kit::bridge::{export_ints, from_tch, from_tch_int, to_tch, to_tch_int};
use ssl_plugin_kit::module::find_tensor;
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    center_pass, crop, flip, group, multi_crop_checkpoint, normalize, sgd,
};

/// The pass before every epoch.
const FEATURES: &str = "features";
/// Standard deviation of a fresh classifier's weights.
const STD: f32 = 0.01;
/// Rows of the whitened features that certification looks at.
const SHOWN: i64 = 48;

config! {
    /// Keys of version 1.
    pub struct V1Config {
        /// Clusters.
        num_clusters: usize = 10000, in at_least(1), from "deepcluster main.py, clustering.py";
        /// Images of an epoch, drawn uniformly over clusters, in training sets.
        reassign_epochs: f64 = 1.0, in share(), from "deepcluster main.py, clustering.py";
        /// Principal components that are clustered, at most the features' width.
        pca_dim: usize = 256, in at_least(1), from "deepcluster main.py, clustering.py";
        /// Iterations of k-means.
        kmeans_iters: usize = 20, in at_least(1), from "clustering.py";
    }
}

module! {
    /// Version 1 at work.
    pub struct V1 {
        /// `[num_clusters, dim]` with bias, on the pooled features.
        pub top_layer: Linear,
        /// Clusters of the samples, `[1, samples]`.
        pub assignments: Assignments,
        ..
        config: V1Config,
        /// The pass of each epoch.
        pass: TablePass,
        random: Random,
        device: Device,
        ranks: Ranks,
    }
}

impl Framework for V1 {
    type Config = V1Config;

    const IDENTITY: Identity = IDENTITY;

    /// The official networks see greyscale through a Sobel filter, and their classifier sees 4096
    /// dimensions; here the backbone is the host's, with colours and pooled features. The official
    /// evaluation probes AlexNet's convolutions, not pooled features.
    fn describe(_config: &V1Config) -> Description {
        let transforms = vec![
            crop(224, [0.08, 1.0], Interpolation::Bilinear),
            flip(),
            normalize(),
        ];
        let lr = LearningRate {
            base: 0.05,
            scaling: Scaling::None,
            warmup: None,
            decay: Decay::Constant,
        };
        let classifier = GroupRule {
            optimizer: Some(Optimizer::Sgd {
                momentum: 0.0,
                nesterov: false,
            }),
            own_lr: Some(0.05),
            own_weight_decay: Some(1e-5),
            ..GroupRule::heads("^top_layer")
        };
        let recipe = Recipe {
            groups: vec![classifier],
            ..Recipe::new(256, 200, sgd(), lr, 1e-5)
        };
        let views = vec![group("view", 1, ViewRole::Global, transforms)];
        let encoder = EncoderRequest::pooled(Encoder::Online, [0], Grouping::PerView);
        Description {
            passes: vec![center_pass(FEATURES, Encoder::Online)],
            checkpoint: multi_crop_checkpoint().rename(
                r"(?:module\.)?top_layer\.(weight|bias)",
                "param.top_layer.$1",
            ),
            ..Description::new(views, vec![encoder], recipe)
        }
    }

    fn start(config: V1Config, start: Start) -> Result<Self, Fault> {
        let (samples, clusters) = (start.context.samples, config.num_clusters);
        if clusters > samples {
            return Err(Fault::config(format!(
                "`num_clusters`: expected at most the {samples} training images, found {clusters}"
            )));
        }
        let (init, mut random) = (Init::Normal(STD), start.random("heads"));
        Ok(Self {
            top_layer: Linear::new(
                start.dim(),
                clusters,
                true,
                init,
                &mut random,
                &start.device,
            ),
            assignments: Assignments::new(&[clusters], samples, &start.device),
            config,
            pass: TablePass::new(start.dim(), &start.device),
            random: start.random("clusters"),
            device: start.device,
            ranks: start.ranks,
        })
    }

    /// Cross-entropy of the classifier with the labels.
    fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let logits = self.top_layer.forward(features.online(0)?)?;
        Ok(self
            .assignments
            .loss(vec![logits], features.indices())?
            .into())
    }

    fn due(&mut self, at: &TrainStep) -> Option<&'static str> {
        let due = at.batch_in_epoch() == 0 && !self.pass.is_finished(at.epoch);
        due.then_some(FEATURES)
    }

    fn begin_pass(&mut self, at: &TrainStep, _id: &str, samples: usize) -> Result<(), Fault> {
        self.pass.begin(at.epoch, samples);
        Ok(())
    }

    fn absorb(&mut self, features: &Features) -> Result<(), Fault> {
        Ok(self.pass.put(features.indices(), &features.online(0)?)?)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        if let Some((epoch, table)) = self.pass.end() {
            let (samples, features) = table.collect(&self.ranks)?;
            self.label(epoch, samples, &features)?;
            self.pass.finish(epoch);
        }
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

    fn cluster(&mut self, at: &TrainStep, bank: NamedTensors) -> Result<NamedTensors, Fault> {
        let features: Tensor<2> = from_tch(find_tensor(&bank, "features", 2)?);
        let features = features.to_device(&self.device);
        let samples = from_tch_int(find_tensor(&bank, "index", 1)?);
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

impl V1 {
    /// Whitens and clusters features, which are the same on every rank; gives back the whitened ones. Rank 0's labels
    /// count, in case others round otherwise.
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
        let labels = self.ranks.broadcast_int(found.labels.clone(), 0)?;
        self.assignments.set(0, samples, labels, &Ranks::single())?;
        Ok((points, found))
    }
}
