//! Ranks that know who of them is at fault.

use crate::call::{Call, LENGTH};
use crate::{DistributedError, Group, Launch, Reduction, Store};
use std::ops::Deref;
use std::time::{Duration, Instant};
use tch::Tensor;

/// How long the others are given to say why they stopped, once a collective has failed.
const GRACE: Duration = Duration::from_secs(5);

/// All ranks of a run: a [`Group`], and the store in which they tell each other why they stop.
#[derive(Debug)]
pub struct Ranks {
    group: Group,
    store: Store,
    name: String,
    limit: Duration,
}

impl Deref for Ranks {
    type Target = Group;

    fn deref(&self) -> &Group {
        &self.group
    }
}

impl Ranks {
    /// Meets the other ranks of the work called `name`; `cuda` tells whether they compute on GPUs. A rank that does
    /// not come, or a collective that takes longer than `limit`, is a fault.
    ///
    /// # Errors
    /// [`DistributedError::Rank`] names a rank that did not come in time; [`DistributedError::Failed`] tells why the
    /// store or the others cannot be reached.
    pub fn join(
        launch: &Launch,
        name: &str,
        cuda: bool,
        limit: Duration,
    ) -> Result<Self, DistributedError> {
        Self::meet(Store::of(launch, limit)?, launch, name, cuda, limit)
    }

    /// As [`Ranks::join`], through a store that is open.
    ///
    /// # Errors
    /// As [`Ranks::join`].
    pub fn meet(
        store: Store,
        launch: &Launch,
        name: &str,
        cuda: bool,
        limit: Duration,
    ) -> Result<Self, DistributedError> {
        let name = format!("ssl-lottery/{}/{name}", launch.restart);
        let here = |rank: usize| format!("{name}/here/{rank}");
        store.set(&here(launch.rank), "")?;
        let until = Instant::now() + limit;
        for rank in 0..launch.world_size {
            let left = until.saturating_duration_since(Instant::now());
            store
                .get(&here(rank), left)
                .map_err(|_| DistributedError::Rank {
                    rank,
                    world_size: launch.world_size,
                    message: format!("it did not come within {} s", limit.as_secs_f64()),
                })?;
        }
        Ok(Self {
            group: Group::join(&store, &name, launch, cuda, limit)?,
            store,
            name,
            limit,
        })
    }

    /// Finds out whether all ranks are about to call the same collective. One that is not is named on every rank.
    ///
    /// This costs one reduction of two numbers.
    ///
    /// # Errors
    /// [`DistributedError::Rank`] for a rank that calls another one than most do; [`DistributedError::Failed`].
    pub fn agree(&self, call: &Call) -> Result<(), DistributedError> {
        let hash = call.hash();
        let extremes = Tensor::from_slice(&[hash, -hash]);
        self.all_reduce(&extremes, Reduction::Max)?;
        let found = [extremes.int64_value(&[0]), -extremes.int64_value(&[1])];
        if found == [hash, hash] {
            return Ok(());
        }
        let told = self.all_gather(&Tensor::from_slice(call.told()))?;
        let told = Vec::<i64>::try_from(&told).unwrap_or_default();
        let calls: Vec<Call> = told.chunks(LENGTH).map(Call::from_told).collect();
        self.noted(Err(self.odd_one(&calls)))
    }

    /// The first rank whose call is not that of most, in case of a tie not that of the lowest rank.
    fn odd_one(&self, calls: &[Call]) -> DistributedError {
        let count = |call: &Call| calls.iter().filter(|other| *other == call).count();
        let usual = (0..calls.len())
            .rev()
            .max_by_key(|&rank| count(&calls[rank]))
            .unwrap_or(0);
        let odd = calls.iter().position(|call| *call != calls[usual]);
        let odd = odd.unwrap_or(usual);
        DistributedError::Rank {
            rank: odd,
            world_size: self.world_size(),
            message: format!(
                "it calls {} where rank {usual} calls {}",
                calls[odd], calls[usual]
            ),
        }
    }

    /// Tells the other ranks why this one stops, in one line. Their collectives fail once this process has ended.
    pub fn tell(&self, why: &str) {
        let line = why.lines().next().unwrap_or_default();
        // Without a store there is nobody to tell.
        let _ = self.store.set(&self.end_of(self.rank()), line);
    }

    /// Who is at fault that a collective has failed: a rank that said why it stopped, or one that says nothing at all.
    /// `None` where none has failed.
    #[must_use]
    pub fn blame(&self) -> Option<DistributedError> {
        let failure = self.failure()?;
        if matches!(failure, DistributedError::Rank { .. }) {
            return Some(failure);
        }
        self.tell("");
        let until = Instant::now() + GRACE;
        let mut silent = None;
        for rank in (0..self.world_size()).filter(|&rank| rank != self.rank()) {
            let left = until.saturating_duration_since(Instant::now());
            match self.store.get(&self.end_of(rank), left) {
                Ok(why) if why.is_empty() => {}
                Ok(why) => return Some(self.rank_fault(rank, why)),
                Err(_) => silent = silent.or(Some(rank)),
            }
        }
        let Some(rank) = silent else {
            return Some(failure);
        };
        let limit = self.limit.as_secs_f64();
        let message = format!("it has ended, or has not answered within {limit} s ({failure})");
        Some(self.rank_fault(rank, message))
    }

    fn end_of(&self, rank: usize) -> String {
        format!("{}/end/{rank}", self.name)
    }

    fn rank_fault(&self, rank: usize, message: String) -> DistributedError {
        DistributedError::Rank {
            rank,
            world_size: self.world_size(),
            message,
        }
    }
}
