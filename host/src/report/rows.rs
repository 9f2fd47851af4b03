//! Which cells of a ledger make one row of its table.

use serde_json::Value;

use crate::evaluate::record::{TestSetScore, Variant};
use crate::ledger::CellRecord;
use ssl_report::printable;

/// The row of a cell: its framework or checkpoint, for all seeds. Where a framework was pretrained with several
/// configurations, each is a row of its own, told by the first digits of the hash of its first cell.
pub(crate) fn row_name<'a>(
    record: &CellRecord,
    all: impl Iterator<Item = &'a CellRecord>,
) -> String {
    let own = configuration(record);
    let mut same = None;
    let mut others = false;
    for other in all.filter(|other| other.row() == record.row()) {
        if configuration(other) == own {
            same.get_or_insert(other);
        } else {
            others = true;
        }
    }
    let first = same.unwrap_or(record);
    match first.config_sha256.get(..8) {
        Some(hash) if others => format!("{} ({hash})", printable(record.row())),
        _ => printable(record.row()),
    }
}

/// The configuration without the seed, which is what runs of one row differ in.
pub(super) fn configuration(record: &CellRecord) -> Value {
    let mut config = record.config.clone();
    if let Value::Object(entries) = &mut config {
        entries.remove("seed");
    }
    config
}

/// Whether a result is a run of its row: each head and each fine-tuning is, but of the nearest neighbours only the
/// headline `k`, since another `k` is another protocol and no repetition.
pub(crate) fn is_run(evaluation: &TestSetScore) -> bool {
    match evaluation.variant {
        Variant::Knn { .. } => evaluation.headline,
        Variant::Linear { .. } | Variant::Finetune { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Baseline;
    use ssl_report::input::is_baseline;

    #[test]
    fn a_reports_baselines_are_those_of_a_benchmark() {
        for baseline in [Baseline::Untrained, Baseline::Pixels] {
            assert!(is_baseline(baseline.name()), "{baseline}");
        }
        assert!(!is_baseline("simclr"));
    }
}
