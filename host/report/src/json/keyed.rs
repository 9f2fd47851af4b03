//! Maps by framework, data set, pool and aggregate, which keep the table's order.

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::analysis::{AgainstReference, Analysis, PoolAnalysis};
use ssl_aggregate::{Aggregate, Scores};

/// An object whose keys stay in the order given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Keyed<T>(pub(super) Vec<(String, T)>);

impl<T> FromIterator<(String, T)> for Keyed<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for Keyed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// One number per framework, or none.
pub(super) type Numbers = Keyed<Option<f64>>;

/// One number per framework, in table order.
pub(super) fn by_framework<T: Clone>(analysis: &Analysis, values: &[T]) -> Keyed<T> {
    analysis
        .table()
        .frameworks()
        .iter()
        .cloned()
        .zip(values.iter().cloned())
        .collect()
}

/// One value per data set, in table order; those without one are left out.
pub(super) fn by_data_set<T>(analysis: &Analysis, value: impl Fn(usize) -> Option<T>) -> Keyed<T> {
    let sets = analysis.table().data_sets().iter().enumerate();
    sets.filter_map(|(set, data_set)| Some((data_set.name.clone(), value(set)?)))
        .collect()
}

/// One value per pool.
pub(super) fn by_pool<T>(analysis: &Analysis, value: impl Fn(&PoolAnalysis) -> T) -> Keyed<T> {
    analysis
        .pools
        .iter()
        .map(|pool| (pool.pool.name.clone(), value(pool)))
        .collect()
}

/// One number per aggregate, pool and framework.
pub(super) fn by_aggregate(
    analysis: &Analysis,
    values: impl Fn(&PoolAnalysis, &Scores) -> Vec<Option<f64>>,
) -> Keyed<Keyed<Numbers>> {
    let one = |kind: Aggregate| {
        by_pool(analysis, |pool| {
            by_framework(analysis, &values(pool, pool.scores(kind)))
        })
    };
    Aggregate::ALL
        .iter()
        .map(|&kind| (kind.id().to_owned(), one(kind)))
        .collect()
}

/// One value per data set other than the reference.
pub(super) fn against<T>(analysis: &Analysis, value: impl Fn(&AgainstReference) -> T) -> Keyed<T> {
    by_data_set(analysis, |set| {
        analysis.against_reference[set].as_ref().map(&value)
    })
}
