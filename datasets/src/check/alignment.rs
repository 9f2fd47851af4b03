//! Whether labels mean what they should: a list of labels is in step with the images, and the classes of a
//! test set are the training set's.

use std::path::Path;
use std::sync::Arc;

use super::report::{Report, Severity};
use crate::source::{Labels, Source, SourceConfig, align, open};

/// Fewer agreements than this share mean that the list belongs to something else.
const LEAST: f64 = 0.5;

/// Compares a list of labels with the set's own labels: ImageNet's ReaL holds the original label for
/// 90 % of the images, and for hardly any when it is one place off.
pub(super) fn report_shift(
    config: &SourceConfig,
    source: &dyn Source,
    root: Option<&Path>,
    report: &mut Report,
) {
    if config.labels.is_none() {
        return;
    }
    let own = SourceConfig {
        labels: None,
        ..config.clone()
    };
    let Ok(own) = open(&own, root) else {
        return;
    };
    if own.len() != source.len() {
        return;
    }
    let here = agreement(own.labels(), source.labels(), 0);
    let before = agreement(own.labels(), source.labels(), -1);
    let after = agreement(own.labels(), source.labels(), 1);
    if here < LEAST || here < before.max(after) {
        report.find(
            Severity::Fault,
            &config.name,
            "shifted-labels",
            format!(
                "expected the label list to hold most original labels, found {:.1} % ({:.1} % one place before, {:.1} % one place after)",
                100.0 * here,
                100.0 * before,
                100.0 * after
            ),
        );
    }
}

/// Compares the classes of a test set with those of the training set.
pub(super) fn report_classes(train: &dyn Source, test: &Arc<dyn Source>, report: &mut Report) {
    let (known, own) = (&train.space().classes, &test.space().classes);
    match align(train, Arc::clone(test)) {
        Err(error) => report.find(Severity::Fault, test.name(), "classes", error.to_string()),
        Ok(_) if own.len() < known.len() => report.find(
            Severity::Note,
            test.name(),
            "some-classes",
            format!(
                "{} of the {} classes of {}; it is scored over all of them and over its own",
                own.len(),
                known.len(),
                train.name()
            ),
        ),
        Ok(_) => {}
    }
}

/// Share of the samples with a label list whose list, `shift` places on, holds the original label.
fn agreement(own: &Labels, lists: &Labels, shift: isize) -> f64 {
    let (mut asked, mut agreed) = (0_usize, 0_usize);
    for sample in 0..own.len() {
        let Some(other) = sample
            .checked_add_signed(shift)
            .filter(|&o| o < lists.len())
        else {
            continue;
        };
        if !lists.of(other).is_empty() {
            asked += 1;
            agreed += usize::from(own.of(sample).iter().any(|l| lists.of(other).contains(l)));
        }
    }
    agreed as f64 / asked.max(1) as f64
}
