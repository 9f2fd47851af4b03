//! Which data sets an aggregate takes in.

use super::{AggregateError, Table};

/// A choice of columns with the name it is reported under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Name, such as `all`.
    pub name: String,
    /// Columns in table order.
    pub data_sets: Vec<usize>,
}

impl Pool {
    /// All data sets.
    #[must_use]
    pub fn all(table: &Table) -> Self {
        Self {
            name: "all".to_owned(),
            data_sets: (0..table.data_sets().len()).collect(),
        }
    }

    /// All data sets but the reference.
    #[must_use]
    pub fn without_reference(table: &Table, reference: usize) -> Self {
        let others = (0..table.data_sets().len()).filter(|&set| set != reference);
        Self {
            name: "without_reference".to_owned(),
            data_sets: others.collect(),
        }
    }

    /// One data set for each set of images: where two are the same images with other labels, the relabelled one is
    /// left out.
    #[must_use]
    pub fn distinct_images(table: &Table) -> Self {
        let sets = table.data_sets();
        let repeats = |set: usize| {
            let original = sets[set].same_images_as.as_deref();
            original.is_some_and(|original| sets.iter().any(|other| other.name == original))
        };
        let kept = (0..sets.len()).filter(|&set| !repeats(set));
        Self {
            name: "distinct_images".to_owned(),
            data_sets: kept.collect(),
        }
    }

    /// The data sets listed, in table order, each once.
    ///
    /// # Errors
    /// [`AggregateError::UnknownDataSet`] with the nearest name; [`AggregateError::NoDataSets`] for an empty list.
    pub fn listed(table: &Table, names: &[&str]) -> Result<Self, AggregateError> {
        let mut data_sets = names
            .iter()
            .map(|name| table.data_set_index(name))
            .collect::<Result<Vec<_>, _>>()?;
        if data_sets.is_empty() {
            return Err(AggregateError::NoDataSets);
        }
        data_sets.sort_unstable();
        data_sets.dedup();
        let names: Vec<&str> = data_sets
            .iter()
            .map(|&set| table.data_sets()[set].name.as_str())
            .collect();
        Ok(Self {
            name: names.join("+"),
            data_sets,
        })
    }
}
