//! Evaluation of frozen features: weighted kNN and linear heads, scored in every label space of
//! every test set, with per-image predictions.
//!
//! [`extract`] turns images into a [`FeatureSet`]; [`run`] puts the sets of one backbone through the
//! protocols and returns a [`record::EvaluationReport`] of integer counts. [`given`] reads sets whose features
//! another program computed.

mod cache;
mod error;
mod extraction;
mod features;
pub mod finetune;
pub mod given;
mod images;
mod job;
pub mod knn;
mod labels;
pub mod linear;
pub mod predictions;
pub mod record;
mod same_images;
mod score;
mod space;
mod space_name;
mod training_state;

pub use cache::{CacheKey, FeatureCache, FeaturePrecision};
pub use error::{EvaluateError, Result};
pub use extraction::{ExtractedSets, Extraction};
pub use features::{Cause, FeatureSet, extract, raw_pixels};
pub use images::classifier_view;
pub(crate) use images::first_view;
pub use job::{
    EvalJob, KNN, LINEAR_PAPER_AUGMENTED, LINEAR_PAPER_CACHED, LINEAR_SHARED_AUGMENTED,
    LINEAR_SHARED_CACHED, Protocols, SET_ID, TestSet, VariantRanking, is_set_id, run, spaces,
};
pub use labels::Labels;
pub use score::{ClassCount, SampleOutcome, Score, score};
pub use space::{DEPTH, LabelSpace, Ranking};
pub use space_name::{LabelSpaceName, UnknownLabelSpace};
pub use training_state::{TrainingState, TrainingStates};
