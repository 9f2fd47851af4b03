//! Keys, modules, what is asked of the host, the wiring of a step.

use ssl_plugin_kit::blocks::{
    BlockError, Init, Linear, UnitProjector, rewrite_unit_rows, shift_in, sinkhorn,
    swapped_cross_entropy,
};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{
    check_crops, finetune_in_steps, multi_crop_checkpoint, multi_crop_description,
};

config! {
    /// SwAV's configuration.
    pub struct SwavConfig {
        /// Crops by resolution, large ones, then small ones; [2, 6] in the best recipe.
        num_crops: Vec<usize> = [2], in list_of(whole(1, 64), 1, 2), from "main_swav.py";
        /// Crops that give codes.
        crops_for_assign: Vec<usize> = [0, 1], in list(at_least(0)), from "main_swav.py";
        /// Width of the projector's hidden layer.
        projector_hidden_dim: usize = 2048, in at_least(1), from "main_swav.py";
        /// Width of the projections.
        projector_dim: usize = 128, in at_least(1), from "main_swav.py";
        /// Number of prototypes.
        num_prototypes: usize = 3000, in at_least(1), from "arXiv:2006.09882 section 4";
        /// Temperature of the prediction.
        temperature: f64 = 0.1, in temperature(), from "arXiv:2006.09882 section 4";
        /// Regularisation of the codes.
        epsilon: f64 = 0.05, in temperature(), from "arXiv:2006.09882 section 4";
        /// Rounds of Sinkhorn.
        sinkhorn_iters: usize = 3, in at_least(1), from "arXiv:2006.09882 section 4";
        /// Rows of the queue over all ranks, rounded down to whole batches; 0 for none, 3840 at batch 256.
        queue_size: usize = 0, in at_least(0), from "main_swav.py";
        /// Epoch from which the queue is kept.
        queue_start_epoch: u64 = 15, in at_least(0), from "main_swav.py";
        /// Steps for which the prototypes' gradient is dropped; 5005 at batch 256.
        freeze_prototypes_steps: u64 = 313, in at_least(0), from "main_swav.py";
    }
    check |config| check_crops(&config.num_crops, &config.crops_for_assign)
}

module! {
    /// SwAV at work.
    pub struct Swav {
        /// Linear, batch norm, ReLU, Linear, rows of unit length.
        pub projector: UnitProjector,
        /// `[num_prototypes, projector_dim]`, no bias.
        pub prototypes: Linear,
        /// Earlier projections of all ranks, which widen Sinkhorn's batch: `[crops_for_assign, size, dim]`, newest
        /// first; absent until its first epoch.
        pub queue: Buffer<3>,
        ..
        config: SwavConfig,
        /// Rows of the queue: whole batches only; 0 for none.
        queue_rows: usize,
        device: Device,
        ranks: Ranks,
    }
}

impl Framework for Swav {
    type Config = SwavConfig;

    const IDENTITY: Identity = Identity {
        id: "swav",
        name: "SwAV",
        family: Family::Clustering,
        paper: "arXiv:2006.09882",
        year: 2020,
    };

    fn describe(config: &SwavConfig) -> Description {
        let frozen = GroupRule {
            frozen_steps: Some(config.freeze_prototypes_steps),
            ..GroupRule::heads("^prototypes")
        };
        let mut description = Description {
            // Codes are computed from the same projections.
            stops_gradient: Some(true),
            finetune: vec![
                finetune_in_steps(0.01, [0.02, 5.0]),
                finetune_in_steps(0.1, [0.01, 0.2]),
            ],
            checkpoint: multi_crop_checkpoint().rename(
                r"(?:module\.)?prototypes\.weight",
                "param.prototypes.weight",
            ),
            published: vec![
                Published::linear("800ep-2x224+6x96", 75.3, "facebookresearch/swav README"),
                Published::linear("400ep-2x224+6x96", 74.6, "facebookresearch/swav README"),
                Published::linear("200ep-2x224+6x96", 73.9, "facebookresearch/swav README"),
                Published::linear("100ep-2x224+6x96", 72.1, "facebookresearch/swav README"),
                Published::linear("400ep-2x224", 70.1, "facebookresearch/swav README"),
                Published::linear(
                    "400ep-2x224+6x96-batch256",
                    74.3,
                    "facebookresearch/swav README",
                ),
                Published::linear(
                    "200ep-2x224+6x96-batch256",
                    72.7,
                    "facebookresearch/swav README",
                ),
            ],
            ..multi_crop_description(&config.num_crops, 800, vec![frozen])
        };
        description.recipe.mixed_precision = true;
        description
    }

    fn start(config: SwavConfig, start: Start) -> Result<Self, Fault> {
        let batch = start.context.global_batch();
        if config.queue_size > 0 && config.queue_size < batch {
            return Err(Fault::config(format!(
                "`queue_size`: expected 0 or at least the global batch of {batch}, found {}",
                config.queue_size
            )));
        }
        let mut random = start.random("heads");
        let (dim, device) = (config.projector_dim, &start.device);
        let widths = [start.dim(), config.projector_hidden_dim, dim];
        let projector = UnitProjector::new(widths, &mut random, device, &start.ranks);
        let prototypes = config.num_prototypes;
        let queue_rows = config.queue_size / batch * batch;
        Ok(Self {
            projector,
            prototypes: Linear::new(dim, prototypes, false, Init::Torch, &mut random, device),
            queue: Buffer::absent([config.crops_for_assign.len(), queue_rows, dim]),
            queue_rows,
            config,
            device: start.device,
            ranks: start.ranks,
        })
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        self.start_queue(at);
        Ok(EpochPlan::default())
    }

    fn loss(&mut self, at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        // For a run that goes on from a state without a queue.
        self.start_queue(at);
        let (batch, crops) = (features.batch(), self.config.num_crops.iter().sum());
        rewrite_unit_rows(&mut self.prototypes.weight);
        let z = self.projector.forward(features.online_each(0..crops)?)?; // [crops·batch, dim]
        let scores = self.prototypes.forward(z.clone())?; // [crops·batch, prototypes]
        let of_crop = |all: &Tensor<2>, v: usize| all.clone().narrow(0, v * batch, batch);
        let (z_plain, s_plain) = (z.without_autodiff(), scores.clone().without_autodiff());
        let mut codes = Vec::new();
        for (n, &i) in self.config.crops_for_assign.clone().iter().enumerate() {
            codes.push((i, self.codes(n, of_crop(&s_plain, i))?));
            if self.queue.get().is_some() {
                let newest = self.ranks.all_gather(of_crop(&z_plain, i))?;
                shift_in(&mut self.queue, n, &newest)?;
            }
        }
        let logits = scores * (1.0 / self.config.temperature);
        Ok(swapped_cross_entropy(logits, &codes, crops)?.into())
    }
}

impl Swav {
    /// Makes the queue, all zeros, in the epochs that have one, unless it is there.
    fn start_queue(&mut self, at: &TrainStep) {
        let wanted = self.queue_rows > 0 && at.epoch >= self.config.queue_start_epoch;
        if wanted && self.queue.get().is_none() {
            let queues = self.config.crops_for_assign.len();
            let shape = [queues, self.queue_rows, self.config.projector_dim];
            self.queue.set(&Tensor::zeros(shape, &self.device));
        }
    }

    /// This rank's part of the rows of queue `n`, when that is full: its last slot is not all zero.
    fn full_queue(&self, n: usize) -> Option<Tensor<2>> {
        let queue = self.queue.get()?;
        let [_, size, dim] = queue.dims();
        let rows = queue.narrow(0, n, 1).reshape([size, dim]);
        let last = rows.clone().narrow(0, size - 1, 1).abs().sum();
        let full = last.into_scalar::<f32>() > 0.0;
        full.then(|| rows.slice_dim(0, self.ranks.part_of(size)))
    }

    /// Sinkhorn's codes of one crop, over the queue's rows too when the queue is full.
    fn codes(&self, n: usize, scores: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        let [batch, _] = scores.dims();
        let (epsilon, rounds) = (self.config.epsilon, self.config.sinkhorn_iters);
        let Some(queue) = self.full_queue(n) else {
            return sinkhorn(scores, epsilon, rounds, &self.ranks);
        };
        let [rows, _] = queue.dims();
        let prototypes = self.prototypes.weight.val().without_autodiff();
        let all = Tensor::cat(vec![queue.matmul(prototypes.transpose()), scores], 0);
        Ok(sinkhorn(all, epsilon, rounds, &self.ranks)?.narrow(0, rows, batch))
    }
}
