//! Ranks as threads, for tests.

use super::Ranks;
use ssl_plugin_api::{Fault, FfiTensor, LogLevel, Reduce, Services};
use ssl_plugin_tensor::{export, import};
use std::sync::{Arc, Barrier, Mutex};

/// Runs `work` on `world_size` threads that reach each other, and gives back their results in rank order.
pub fn on_ranks<T: Send>(world_size: usize, work: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    let meeting = Arc::new(Meeting {
        barrier: Barrier::new(world_size),
        table: Mutex::new((0..world_size).map(|_| None).collect()),
    });
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..world_size)
            .map(|rank| {
                let services = Arc::new(Thread {
                    rank,
                    meeting: Arc::clone(&meeting),
                });
                let work = &work;
                scope.spawn(move || work(Ranks::new(world_size, rank, services)))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("the rank did not panic"))
            .collect()
    })
}

struct Meeting {
    barrier: Barrier,
    table: Mutex<Vec<Option<tch::Tensor>>>,
}

struct Thread {
    rank: usize,
    meeting: Arc<Meeting>,
}

impl Thread {
    /// Everybody's tensors.
    fn exchange(&self, own: &tch::Tensor) -> Vec<tch::Tensor> {
        let table = || self.meeting.table.lock().expect("no rank panicked");
        table()[self.rank] = Some(own.copy());
        self.meeting.barrier.wait();
        let all = table()
            .iter()
            .map(|t| t.as_ref().expect("all are here").copy())
            .collect();
        self.meeting.barrier.wait();
        all
    }
}

impl Services for Thread {
    fn log(&self, _level: LogLevel, _message: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        let mut own = import(tensor)?;
        let all = tch::Tensor::stack(&self.exchange(&own), 0);
        own.copy_(&match reduce {
            Reduce::Sum => all.sum_dim_intlist(0, false, None),
            Reduce::Max => all.amax(0, false),
        });
        Ok(())
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        export(&tch::Tensor::cat(&self.exchange(&import(tensor)?), 0))
    }
    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        let mut own = import(tensor)?;
        own.copy_(&self.exchange(&own)[root]);
        Ok(())
    }
}
