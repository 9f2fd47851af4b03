//! What a record says about the images that a cell was computed from.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Findings about a benchmark's images before the first cell began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataFacts {
    /// Images of the training set that cannot be read and take no part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out_of_train: Vec<LeftOut>,
    /// Those of the test sets, by name of the set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, Vec<LeftOut>>,
    /// Images of test sets that are training images too, by name of the set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub train_images: BTreeMap<String, TrainImages>,
}

/// An image that takes no part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its id in the set.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Images of a test set that are training images too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainImages {
    /// How many.
    pub count: usize,
    /// Images in the test set.
    pub of: usize,
    /// The first of them: id in the training set, id in the test set.
    pub examples: Vec<[String; 2]>,
}

impl DataFacts {
    /// Ids of the images left out, by set; the training set has no name here.
    #[must_use]
    pub fn ids_left_out(&self) -> BTreeMap<Option<&str>, Vec<&str>> {
        fn ids(list: &[LeftOut]) -> Vec<&str> {
            list.iter().map(|image| image.id.as_str()).collect()
        }
        let train =
            (!self.left_out_of_train.is_empty()).then(|| (None, ids(&self.left_out_of_train)));
        let test = self.left_out.iter();
        test.map(|(set, list)| (Some(set.as_str()), ids(list)))
            .chain(train)
            .collect()
    }
}
