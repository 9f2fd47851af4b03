//! The wiring of a step.

use crate::config::SwavConfig;
use crate::describe;
use crate::heads::Heads;
use crate::loss::swapped_prediction;
use crate::queue::State;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::blocks::{BlockError, rewrite_unit_rows, sinkhorn};
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::module::Buffer;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, EpochPlan, Fault, Tensor, TrainStep};

/// SwAV at work.
pub struct Swav {
    config: SwavConfig,
    heads: Heads,
    state: State,
    /// Rows of this rank's queue: whole batches only; 0 for none.
    queue_rows: usize,
    device: Device,
    ranks: Ranks,
}

impl Framework for Swav {
    type Config = SwavConfig;
    type Heads = Heads;
    type State = State;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &SwavConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: SwavConfig, start: Start) -> Result<Self, Fault> {
        let batch = start.context.global_batch();
        if config.queue_size > 0 && config.queue_size < batch {
            return Err(Fault::config(format!(
                "`queue_size`: expected 0 or at least the global batch of {batch}, found {}",
                config.queue_size
            )));
        }
        let heads = Heads::new(&config, &start);
        Ok(Self {
            queue_rows: config.queue_size / batch * start.context.batch_size,
            config,
            heads,
            state: State {
                queue: Buffer::absent(),
            },
            device: start.device,
            ranks: start.ranks,
        })
    }

    fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn begin_epoch(&mut self, at: &TrainStep) -> Result<EpochPlan, Fault> {
        self.start_queue(at);
        Ok(EpochPlan::default())
    }

    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        // For a run that goes on from a state without a queue.
        self.start_queue(at);
        let (batch, crops) = (views.batch(), self.config.views());
        rewrite_unit_rows(&mut self.heads.prototypes.weight);
        let z = self.heads.projector.forward(views.online_each(0..crops)?)?; // [crops·batch, dim]
        let scores = self.heads.prototypes.forward(z.clone())?; // [crops·batch, prototypes]
        let of_crop = |all: &Tensor<2>, v: usize| all.clone().narrow(0, v * batch, batch);
        let (z_plain, s_plain) = (z.without_autodiff(), scores.clone().without_autodiff());
        let mut codes = Vec::new();
        for (n, &i) in self.config.crops_for_assign.clone().iter().enumerate() {
            codes.push((i, self.codes(n, of_crop(&s_plain, i))?));
            self.state.push(n, &of_crop(&z_plain, i))?;
        }
        let scores: Vec<_> = (0..crops).map(|v| of_crop(&scores, v)).collect();
        Ok(Loss::new(swapped_prediction(
            &codes,
            &scores,
            self.config.temperature,
        )?))
    }
}

impl Swav {
    /// Makes the queue in the epochs that have one, unless it is there.
    fn start_queue(&mut self, at: &TrainStep) {
        if self.queue_rows > 0 && at.epoch >= self.config.queue_start_epoch {
            let queues = self.config.crops_for_assign.len();
            let shape = [queues, self.queue_rows, self.config.projector_dim];
            self.state.start_queue(shape, &self.device);
        }
    }

    /// Sinkhorn's codes of one crop, over the queue's rows too when the queue is full.
    fn codes(&self, n: usize, scores: Tensor<2>) -> Result<Tensor<2>, BlockError> {
        let [batch, _] = scores.dims();
        let (epsilon, rounds) = (self.config.epsilon, self.config.sinkhorn_iters);
        let Some(queue) = self.state.full(n) else {
            return sinkhorn(scores, epsilon, rounds, &self.ranks);
        };
        let [rows, _] = queue.dims();
        let prototypes = self.heads.prototypes.weight.val().without_autodiff();
        let all = Tensor::cat(vec![queue.matmul(prototypes.transpose()), scores], 0);
        Ok(sinkhorn(all, epsilon, rounds, &self.ranks)?.narrow(0, rows, batch))
    }
}
