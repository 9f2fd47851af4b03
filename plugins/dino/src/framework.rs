//! The wiring of a step.

use crate::config::DinoConfig;
use crate::describe;
use crate::heads::{Head, State, build};
use crate::loss::{distillation, sharpened};
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::blocks::BlockError;
use ssl_plugin_kit::framework::{Framework, Loss, Start, Views};
use ssl_plugin_kit::module::momentum_update;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Fault, TrainStep};

/// DINO at work.
pub struct Dino {
    config: DinoConfig,
    head: Head,
    state: State,
    ranks: Ranks,
}

impl Framework for Dino {
    type Config = DinoConfig;
    type Heads = Head;
    type State = State;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &DinoConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: DinoConfig, start: Start) -> Result<Self, Fault> {
        let (head, state) = build(&config, &start);
        Ok(Self {
            config,
            head,
            state,
            ranks: start.ranks,
        })
    }

    fn heads(&mut self) -> &mut Head {
        &mut self.head
    }

    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        let student = self
            .head
            .forward(views.online_each(0..self.config.views())?)?;
        let large = vec![views.target(0)?, views.target(1)?];
        let teacher = self.state.target.forward(large)?;
        let temperature = self.config.teacher_temp_at(at.epoch);
        let targets = teacher
            .iter()
            .map(|t| sharpened(t.clone(), self.state.center.val(), temperature))
            .collect::<Result<Vec<_>, BlockError>>()?;
        let loss = distillation(&targets, &student, self.config.student_temp)?;
        // After the loss: this batch is centred with what came before it.
        self.state
            .center
            .update(&teacher, self.config.center_momentum, &self.ranks)?;
        Ok(Loss::new(loss).with("teacher_temp", temperature))
    }

    fn after_update(&mut self, _moment: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        if let Some(m) = momentum {
            momentum_update(&mut self.head, &mut self.state.target, m);
        }
        Ok(())
    }
}
