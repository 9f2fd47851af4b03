//! How long each stage of a cell takes, as its parent hears it.

use super::event::{Event, EventListener, Stage};
use std::collections::BTreeMap;
use std::time::Instant;

/// Passes events on and adds up the time between them by stage, for a cell that dies before it says so
/// itself.
pub(super) struct StageClock<'a> {
    listener: &'a mut dyn EventListener,
    stage: Stage,
    last: Instant,
    timings_s: BTreeMap<Stage, f64>,
}

impl<'a> StageClock<'a> {
    /// A clock that starts now.
    pub(super) fn start(listener: &'a mut dyn EventListener) -> Self {
        Self {
            listener,
            stage: Stage::Prepare,
            last: Instant::now(),
            timings_s: BTreeMap::new(),
        }
    }

    fn add(&mut self) {
        let now = Instant::now();
        let time = now.duration_since(self.last).as_secs_f64();
        *self.timings_s.entry(self.stage).or_insert(0.0) += time;
        self.last = now;
    }

    /// Seconds by stage up to now.
    pub(super) fn stop(mut self) -> BTreeMap<Stage, f64> {
        self.add();
        self.timings_s
    }
}

impl EventListener for StageClock<'_> {
    fn on_event(&mut self, event: Event) {
        self.add();
        if let Event::Progress { stage, .. } = &event {
            self.stage = *stage;
        }
        self.listener.on_event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_for_the_stage_that_was_heard_last() {
        let mut heard = 0;
        let mut count = |_| heard += 1;
        let mut clock = StageClock::start(&mut count);
        for stage in [Stage::Pretrain, Stage::Evaluate] {
            clock.on_event(Event::Progress {
                stage,
                done: 0,
                total: 1,
                note: String::new(),
            });
        }
        clock.on_event(Event::Alive);
        let timings = clock.stop();
        let stages: Vec<Stage> = timings.keys().copied().collect();
        assert_eq!(stages, [Stage::Prepare, Stage::Pretrain, Stage::Evaluate]);
        assert_eq!(heard, 3);
    }
}
