//! Ranks as threads of one process, whose collectives meet in memory.

use ssl_plugin_api::{Fault, FaultKind, FfiTensor, LogLevel, Reduce, Services};
use ssl_plugin_tensor::{export, import};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tch::Tensor;

/// How long a rank waits for the others.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where ranks meet.
pub struct Meeting {
    world_size: usize,
    table: Mutex<Table>,
    news: Condvar,
}

#[derive(Default)]
struct Table {
    /// What each rank has brought: the call in words, and its tensor.
    brought: Vec<Option<(String, Tensor)>>,
    /// Ranks that have seen what all brought.
    seen: usize,
    /// Ranks that will bring nothing more.
    gone: usize,
    /// What went wrong, for all ranks.
    broken: Option<String>,
    /// Collectives done.
    done: usize,
}

/// The services of one rank. When it is dropped the others wait for it no longer.
pub struct Rank {
    rank: usize,
    meeting: Arc<Meeting>,
}

impl Meeting {
    /// A place for so many ranks, and each rank's services.
    #[must_use]
    pub fn of(world_size: usize) -> (Arc<Self>, Vec<Arc<Rank>>) {
        let meeting = Arc::new(Self {
            world_size,
            table: Mutex::new(Table {
                brought: (0..world_size).map(|_| None).collect(),
                ..Table::default()
            }),
            news: Condvar::new(),
        });
        let rank = |rank| {
            Arc::new(Rank {
                rank,
                meeting: Arc::clone(&meeting),
            })
        };
        let ranks = (0..world_size).map(rank).collect();
        (meeting, ranks)
    }

    /// What went wrong, if anything did, and the number of collectives that were done.
    #[must_use]
    pub fn told(&self) -> (Option<String>, usize) {
        let table = self.lock();
        (table.broken.clone(), table.done)
    }

    /// Says that a rank has done all its work.
    pub fn leave(&self) {
        let mut table = self.lock();
        table.gone += 1;
        let here = table.brought.iter().flatten().count();
        // When all are here the round is done, and some have yet to take what it gave.
        if (1..self.world_size).contains(&here) {
            let waiting = table
                .brought
                .iter()
                .flatten()
                .next()
                .map(|(call, _)| call.clone());
            table.broken.get_or_insert(format!(
                "expected all ranks to call the same collectives, found one that waits in {} when another has ended",
                waiting.unwrap_or_default()
            ));
        }
        drop(table);
        self.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // A rank that panicked leaves a table that is still whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready`, or until nothing can come of it.
    fn wait<'a>(
        &'a self,
        table: MutexGuard<'a, Table>,
        ready: impl Fn(&Table) -> bool,
    ) -> Result<MutexGuard<'a, Table>, Fault> {
        let (mut table, timeout) = self
            .news
            .wait_timeout_while(table, PATIENCE, |table| {
                !ready(table) && table.broken.is_none() && table.gone == 0
            })
            .unwrap_or_else(PoisonError::into_inner);
        if !ready(&table) || table.broken.is_some() {
            if table.broken.is_none() {
                let why = if timeout.timed_out() {
                    "did not come"
                } else {
                    "has ended"
                };
                table.broken = Some(format!(
                    "expected all ranks to call the same collectives, found one that waits for another, which {why}"
                ));
                self.news.notify_all();
            }
            let message = table.broken.clone().unwrap_or_default();
            return Err(Fault::new(FaultKind::Collective, message));
        }
        Ok(table)
    }
}

impl Rank {
    /// Everybody's tensors, in rank order.
    fn exchange(&self, call: &str, own: &Tensor) -> Result<Vec<Tensor>, Fault> {
        let call = format!("{call} of {:?} {:?}", own.kind(), own.size());
        let meeting = &self.meeting;
        // The round before may not have been seen by all.
        let mut table = meeting.wait(meeting.lock(), |table| table.brought[self.rank].is_none())?;
        table.brought[self.rank] = Some((call.clone(), own.copy()));
        if let Some((other, _)) = table
            .brought
            .iter()
            .flatten()
            .find(|(other, _)| *other != call)
        {
            table.broken = Some(format!(
                "expected all ranks to call the same collectives, found {other} on one and {call} on rank {}",
                self.rank
            ));
        }
        meeting.news.notify_all();
        let mut table = meeting.wait(table, |table| table.brought.iter().all(Option::is_some))?;
        let all = table
            .brought
            .iter()
            .flatten()
            .map(|(_, tensor)| tensor.copy())
            .collect();
        table.seen += 1;
        if table.seen == meeting.world_size {
            table.brought.iter_mut().for_each(|place| *place = None);
            table.seen = 0;
            table.done += 1;
            meeting.news.notify_all();
        }
        Ok(all)
    }
}

impl Services for Rank {
    fn log(&self, _level: LogLevel, _message: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn all_reduce(&self, tensor: FfiTensor, reduce: Reduce) -> Result<(), Fault> {
        let mut own = import(tensor)?;
        let name = match reduce {
            Reduce::Sum => "all_reduce (sum)",
            Reduce::Max => "all_reduce (max)",
        };
        let all = Tensor::stack(&self.exchange(name, &own)?, 0);
        own.copy_(&match reduce {
            Reduce::Sum => all.sum_dim_intlist([0_i64].as_slice(), false, own.kind()),
            Reduce::Max => all.amax([0_i64].as_slice(), false),
        });
        Ok(())
    }
    fn all_gather(&self, tensor: FfiTensor) -> Result<FfiTensor, Fault> {
        export(&Tensor::cat(
            &self.exchange("all_gather", &import(tensor)?)?,
            0,
        ))
    }
    fn broadcast(&self, tensor: FfiTensor, root: usize) -> Result<(), Fault> {
        let mut own = import(tensor)?;
        let all = self.exchange(&format!("broadcast from {root}"), &own)?;
        let from = all.get(root).ok_or_else(|| {
            let message = format!("expected a rank below {}, found {root}", all.len());
            Fault::new(FaultKind::Collective, message)
        })?;
        own.copy_(from);
        Ok(())
    }
}
