//! Building blocks shared by frameworks: layers, losses, clustering, memories.

mod assignments;
mod batch_norm;
mod crop_memory;
mod cross_entropy;
mod diagonal;
mod error;
mod feature_table;
mod indices;
mod init;
mod key_queue;
mod kmeans;
mod labelling;
mod linear;
mod mlp;
mod normalize;
mod queue_contrast;
mod queues;
mod redundancy;
mod sinkhorn;
mod table_pass;
pub(crate) mod testing;
mod unit_projector;
mod weight_norm;
mod whitening;

pub use assignments::Assignments;
pub use batch_norm::{Affine, BatchNorm1d};
pub use crop_memory::CropMemory;
pub use cross_entropy::{
    IGNORED, cross_entropy, soft_cross_entropy, soft_cross_entropy_by_view, swapped_cross_entropy,
};
pub use diagonal::{diagonal, off_diagonal};
pub use error::{BlockError, check_same};
pub use feature_table::FeatureTable;
pub use indices::{one_hot_rows, range};
pub use init::Init;
pub use key_queue::KeyQueue;
pub use kmeans::{Clustering, Empty, KMeans, Metric, nearest};
pub use labelling::{Balanced, Stop, label_balanced};
pub use linear::Linear;
pub use mlp::{Mlp, MlpBuilder};
pub use normalize::{cosine, unit_rows, unit_rows_squared};
pub use queue_contrast::queue_contrast;
pub use queues::{push_columns, push_rows, shift_in};
pub use redundancy::{cross_redundancy, redundancy};
pub use sinkhorn::sinkhorn;
pub use table_pass::TablePass;
pub use unit_projector::{UnitProjector, rewrite_unit_rows};
pub use weight_norm::{Gain, WeightNormLinear};
pub use whitening::whiten;
