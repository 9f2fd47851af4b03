//! The wiring of a step.

use crate::config::DinoConfig;
use crate::describe::description;
use crate::heads::Head;
use crate::loss::{moved_center, sharpened};
use ssl_plugin_kit::blocks::swapped_cross_entropy;
use ssl_plugin_kit::prelude::*;

module! {
    /// DINO at work.
    pub struct Dino {
        /// The student's head.
        pub head as "": Head,
        /// What is taken off the teacher's logits, `[1, out_dim]`; starts at 0.
        pub center: Buffer<2>,
        /// The teacher's head.
        pub target: Momentum<Head>,
        ..
        config: DinoConfig,
        ranks: Ranks,
    }
}

impl Framework for Dino {
    type Config = DinoConfig;

    const IDENTITY: Identity = Identity {
        id: "dino",
        name: "DINO",
        family: Family::Distillation,
        paper: "arXiv:2104.14294",
        year: 2021,
    };

    fn describe(config: &DinoConfig) -> Description {
        description(config)
    }

    fn start(config: DinoConfig, start: Start) -> Result<Self, Fault> {
        let mut head = Head::new(&config, &start, "heads");
        Ok(Self {
            center: Buffer::new(Tensor::zeros([1, config.out_dim], &start.device)),
            target: Momentum::of(&mut head, Head::new(&config, &start, "target")),
            head,
            config,
            ranks: start.ranks,
        })
    }

    fn loss(&mut self, at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
        let views = 0..self.config.views();
        let student = self.head.forward(features.online_each(views.clone())?)?;
        let large = vec![features.target(0)?, features.target(1)?];
        let teacher = self.target.forward(large)?;
        let center = self.center.val();
        let temperature = self.config.teacher_temp_at(at.epoch);
        let sharp = sharpened(teacher.clone(), center.clone(), temperature)?;
        let targets: Vec<_> = sharp.chunk(2, 0).into_iter().enumerate().collect();
        let logits = student * (1.0 / self.config.student_temp);
        let loss = swapped_cross_entropy(logits, &targets, views.len())?;
        // After the loss: this batch is centred with what came before it.
        let m = self.config.center_momentum;
        self.center
            .set(&moved_center(center, teacher, m, &self.ranks)?);
        Ok(Loss::new(loss).with("teacher_temp", temperature))
    }

    fn after_update(&mut self, _at: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        self.target.follow(&mut self.head, momentum);
        Ok(())
    }
}
