//! What a framework's authors report of their own backbones.

use serde::{Deserialize, Serialize};

/// One published accuracy on the 50,000 validation images of ImageNet-1k.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// Which backbone, for instance `1000ep`; a benchmark names it by this.
    pub checkpoint: String,
    /// How it was judged: `linear` for a linear classifier on frozen features, `knn` for nearest
    /// neighbours. Other names are allowed, and compared with nothing.
    pub protocol: String,
    /// What was measured: `top-1`, in percent. Other names are allowed, and compared with nothing.
    pub metric: String,
    /// The number, in 0 ..= 100.
    pub value: f64,
    /// Where it stands, for instance `arXiv:2006.07733 table 1`.
    pub source: String,
}

impl Published {
    /// Top-1 accuracy of a linear classifier, in percent.
    #[must_use]
    pub fn linear(checkpoint: &str, value: f64, source: &str) -> Self {
        Self::top_1("linear", checkpoint, value, source)
    }

    /// Top-1 accuracy of nearest neighbours, in percent.
    #[must_use]
    pub fn knn(checkpoint: &str, value: f64, source: &str) -> Self {
        Self::top_1("knn", checkpoint, value, source)
    }

    fn top_1(protocol: &str, checkpoint: &str, value: f64, source: &str) -> Self {
        Self {
            checkpoint: checkpoint.to_owned(),
            protocol: protocol.to_owned(),
            metric: "top-1".to_owned(),
            value,
            source: source.to_owned(),
        }
    }

    fn is_of_the_same(&self, other: &Self) -> bool {
        let key = |it: &Self| [&it.checkpoint, &it.protocol, &it.metric].map(String::clone);
        key(self) == key(other)
    }
}

pub(super) fn validate(published: &[Published], faults: &mut Vec<String>) {
    for (n, it) in published.iter().enumerate() {
        let texts = [
            ("checkpoint", &it.checkpoint),
            ("protocol", &it.protocol),
            ("metric", &it.metric),
            ("source", &it.source),
        ];
        for (key, text) in texts {
            if text.trim().is_empty() {
                faults.push(format!("published.{n}.{key}: expected a text, found none"));
            }
        }
        if !(0.0..=100.0).contains(&it.value) {
            faults.push(format!(
                "published.{n}.value: expected percent in 0..=100, found {}",
                it.value
            ));
        }
        if published[..n].iter().any(|other| other.is_of_the_same(it)) {
            faults.push(format!(
                "published.{n}: a second number for `{}`, {}, {}",
                it.checkpoint, it.protocol, it.metric
            ));
        }
    }
}
