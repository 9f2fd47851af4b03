//! The wiring of a step and of the clustering pass.

use crate::clusters::{Clusters, Found};
use crate::config::PclConfig;
use crate::loss::{columns, prototype_contrast};
use ssl_plugin_kit::blocks::{FeatureTable, KeyQueue, Mlp, TablePass, unit_rows};
use ssl_plugin_kit::bridge::{from_tch, to_tch, to_tch_int};
use ssl_plugin_kit::module::find_tensor;
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    center_pass, momentum, momentum_contrast_checkpoint, momentum_contrast_description,
    momentum_contrast_heads,
};

/// The clustering pass.
const PASS: &str = "clustering";

module! {
    /// PCL at work.
    pub struct Pcl {
        /// Linears with bias, ReLU between them.
        pub projector: Mlp,
        /// Keys of earlier batches.
        pub keys as "": KeyQueue,
        /// The key encoder's head.
        pub target as "target.projector": Momentum<Mlp>,
        /// The clusters of this epoch.
        pub clusters as "": Clusters,
        ..
        config: PclConfig,
        /// The pass of each epoch, over keys.
        pass: TablePass,
        seed: u64,
        device: Device,
        ranks: Ranks,
    }
}

impl Framework for Pcl {
    type Config = PclConfig;

    const IDENTITY: Identity = Identity {
        id: "pcl",
        name: "PCL",
        family: Family::Contrastive,
        paper: "arXiv:2005.04966",
        year: 2020,
    };

    fn describe(config: &PclConfig) -> Description {
        // The official code averages at the start of a step, the host after the optimiser, with the
        // momentum of the step that follows.
        let momentum = momentum(&config.momentum_schedule, config.momentum, 1);
        Description {
            passes: vec![center_pass(PASS, Encoder::Target)],
            checkpoint: momentum_contrast_checkpoint(
                r"module\.encoder_q\.",
                r"module\.encoder_k\.",
            ),
            published: vec![
                Published::linear("v1-200ep", 61.5, "salesforce/PCL README"),
                Published::linear("v2-200ep", 67.6, "salesforce/PCL README"),
            ],
            ..momentum_contrast_description(momentum, 5.0)
        }
    }

    fn start(config: PclConfig, start: Start) -> Result<Self, Fault> {
        let most = config.num_clusters.iter().max().copied().unwrap_or(0);
        if config.warmup_epochs < start.context.epochs && most > start.context.samples {
            return Err(Fault::config(format!(
                "`num_clusters`: expected at most as many clusters as there are samples, {}, found {most}",
                start.context.samples
            )));
        }
        let (projector, target) = momentum_contrast_heads(
            config.projector_layers,
            config.projector_hidden_dim,
            config.projector_dim,
            &start,
        );
        Ok(Self {
            projector,
            target,
            keys: KeyQueue::new(config.queue_size, config.projector_dim, &start)?,
            clusters: Clusters::absent(&config, start.context.samples),
            pass: TablePass::new(config.projector_dim, &start.device),
            config,
            seed: start.context.seed,
            device: start.device,
            ranks: start.ranks,
        })
    }

    fn loss(&mut self, at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let q = unit_rows(self.projector.forward(features.online(0)?)?);
        let k = unit_rows(self.target.forward(features.target(1)?)?);
        let info = self.keys.contrast(q.clone(), k, self.config.temperature)?;
        if at.epoch < self.config.warmup_epochs {
            return Ok(info.into());
        }
        let proto = self.against_prototypes(q, at, features.indices())?;
        let logged = |loss: &Tensor<1>| {
            let plain = loss.clone().without_autodiff();
            f64::from(plain.into_scalar::<f32>())
        };
        let (info_nce, proto_nce) = (logged(&info), logged(&proto));
        Ok(Loss::new(info + proto)
            .with("info_nce", info_nce)
            .with("proto_nce", proto_nce))
    }

    fn after_update(&mut self, _at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        self.target.follow(&mut self.projector, momentum);
        Ok(())
    }

    /// At the start of each epoch after the warm-up; a run resumed later in the epoch has its clusters.
    fn due(&mut self, at: &TrainStep) -> Option<&'static str> {
        let due = at.epoch >= self.config.warmup_epochs
            && at.batch_in_epoch() == 0
            && !self.pass.is_finished(at.epoch);
        due.then_some(PASS)
    }

    fn begin_pass(&mut self, at: &TrainStep, _id: &str, samples: usize) -> Result<(), Fault> {
        self.pass.begin(at.epoch, samples);
        Ok(())
    }

    fn absorb(&mut self, features: &Features) -> Result<(), Fault> {
        let keys = unit_rows(self.target.forward_eval(features.target(0)?)?);
        Ok(self.pass.put(features.indices(), &keys)?)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        if let Some((epoch, table)) = self.pass.end() {
            self.cluster_table(table, &[], epoch)?;
            self.pass.finish(epoch);
        }
        Ok(())
    }

    /// Given `centroids.0`, `centroids.1`, …, k-means is left out.
    fn cluster(&mut self, at: &TrainStep, bank: NamedTensors) -> Result<NamedTensors, Fault> {
        let features: Tensor<2> = from_tch(find_tensor(&bank, "features", 2)?);
        let index = find_tensor(&bank, "index", 1)?;
        let index = Vec::<i64>::try_from(index).map_err(Fault::shape)?;
        let [rows, dim] = features.dims();
        let reach = index.iter().max().map_or(0, |&last| last as usize + 1);
        let mut table = FeatureTable::new(rows.max(reach), dim, &self.device);
        table.put(&index, &features)?;
        let given: Option<Vec<Tensor<2>>> = (0..self.config.num_clusters.len())
            .map(|m| {
                find_tensor(&bank, &format!("centroids.{m}"), 2)
                    .ok()
                    .map(from_tch)
            })
            .collect();
        let found = self.cluster_table(table, &given.unwrap_or_default(), at.epoch)?;
        let mut output = Vec::new();
        for (m, Found { points, clustering }) in found.iter().enumerate() {
            output.push((format!("points.{m}"), to_tch(points)));
            output.push((format!("centroids.{m}"), to_tch(&clustering.centroids)));
            output.push((format!("labels.{m}"), to_tch_int(&clustering.labels)));
        }
        Ok(output)
    }
}

impl Pcl {
    /// Clusters the keys of all ranks, with random numbers of the epoch that are the same on every rank.
    fn cluster_table(
        &mut self,
        table: FeatureTable,
        centroids: &[Tensor<2>],
        epoch: u64,
    ) -> Result<Vec<Found>, Fault> {
        let random = Random::new(self.seed, &format!("clusters of epoch {epoch}"));
        self.clusters
            .renew(&self.config, table, centroids, &random, &self.ranks)
    }

    /// Mean over clusterings of the contrast with the columns of the batch of all ranks, or with this rank's own.
    fn against_prototypes(
        &self,
        q: Tensor<2>,
        at: &TrainStep,
        indices: &[i64],
    ) -> Result<Tensor<1>, Fault> {
        let ranks = match self.config.negatives_from.as_str() {
            "rank" => Ranks::single(),
            _ => self.ranks.clone(),
        };
        // One batch of all ranks has the same columns on every rank.
        let drawn_by = match ranks.world_size() {
            1 => self.ranks.rank(),
            _ => 0,
        };
        let purpose = format!("negatives of rank {drawn_by}");
        let mut random = Random::new(self.seed, &purpose).at(at.epoch, at.step);
        let most = self.config.proto_negatives;
        let clusterings = self.config.num_clusters.len();
        let mut terms = Vec::new();
        for m in 0..clusterings {
            let (prototypes, density, own, clusters) = self.clusters.of(m, indices)?;
            let all = ranks.all_gather_int(Tensor::from_data(own.as_slice(), &self.device))?;
            let all = all.try_into_vec_as::<i64>().map_err(Fault::internal)?;
            let columns = columns(&all, clusters, most, &mut random);
            terms.push(prototype_contrast(
                q.clone(),
                prototypes,
                density,
                &columns,
                ranks.rank() * own.len(),
            )?);
        }
        Ok(Tensor::cat(terms, 0).sum().div_scalar(clusterings as f64))
    }
}
