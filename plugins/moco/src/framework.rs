//! The wiring of a step.

use crate::config::{MocoConfig, Version};
use crate::describe;
use crate::heads::Heads;
use crate::loss::in_batch_contrast;
use crate::state::State;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::blocks::{BlockError, push_columns, queue_contrast, unit_rows};
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::module::momentum_update;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, Tensor, TrainStep};

/// MoCo at work.
pub struct Moco {
    version: Version,
    temperature: f64,
    heads: Heads,
    state: State,
    ranks: Ranks,
}

impl Framework for Moco {
    type Config = MocoConfig;
    type Heads = Heads;
    type State = State;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &MocoConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: MocoConfig, start: Start) -> Result<Self, Fault> {
        let mut heads = Heads::new(&config, &start);
        let state = State::new(&config, &mut heads, &start)?;
        Ok(Self {
            version: config.version,
            temperature: config.temperature,
            heads,
            state,
            ranks: start.ranks,
        })
    }

    fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn loss(&mut self, _moment: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        let loss = match self.version {
            Version::V2 => self.against_queue(views.online(0)?, views.target(1)?)?,
            Version::V3 => self.against_batch(
                [views.online(0)?, views.online(1)?],
                [views.target(0)?, views.target(1)?],
            )?,
        };
        Ok(Loss::new(loss))
    }

    fn after_update(&mut self, _moment: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        if let Some(m) = momentum {
            momentum_update(
                &mut self.heads.projector,
                &mut self.state.target.projector,
                m,
            );
        }
        Ok(())
    }
}

impl Moco {
    /// Version 2: queries of view 0 against keys of view 1, which join the queue afterwards.
    fn against_queue(&mut self, query: Tensor<2>, key: Tensor<2>) -> Result<Tensor<1>, BlockError> {
        let q = unit_rows(self.heads.projector.forward(query)?);
        let k = unit_rows(self.state.target.projector.forward(key)?);
        let (Some(queue), Some(ptr)) = (&mut self.state.queue, &mut self.state.queue_ptr) else {
            return Err(Fault::internal("version 2 starts with a queue").into());
        };
        let loss = queue_contrast(q, k.clone(), queue.val(), self.temperature)?;
        push_columns(queue, ptr, &self.ranks.all_gather(k)?)?;
        Ok(loss)
    }

    /// Version 3: each view's queries against the other view's keys.
    fn against_batch(
        &mut self,
        online: [Tensor<2>; 2],
        target: [Tensor<2>; 2],
    ) -> Result<Tensor<1>, BlockError> {
        let Heads {
            projector,
            predictor,
        } = &mut self.heads;
        // One pass per view: batch statistics are each view's own.
        let mut query = |h: Tensor<2>| -> Result<Tensor<2>, BlockError> {
            let z = projector.forward(h)?;
            let p = match predictor {
                Some(predictor) => predictor.forward(z)?,
                None => z,
            };
            Ok(unit_rows(p))
        };
        let [h_0, h_1] = online;
        let (q_0, q_1) = (query(h_0)?, query(h_1)?);
        let copy = &mut self.state.target.projector;
        let [h_0, h_1] = target;
        let k_0 = unit_rows(copy.forward(h_0)?);
        let k_1 = unit_rows(copy.forward(h_1)?);
        let half = |q, k| in_batch_contrast(q, k, self.temperature, &self.ranks);
        Ok(half(q_0, k_1)? + half(q_1, k_0)?)
    }
}
