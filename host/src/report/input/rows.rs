//! Which cells of a ledger make one row of its table.

use serde_json::Value;

use crate::evaluate::record::{TestSetScore, Variant};
use crate::ledger::CellRecord;
use crate::report::names::printable;

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

/// Rows that learn nothing: they stand below the table as reference lines, and enter no statistic.
pub(crate) fn is_baseline(name: &str) -> bool {
    use crate::config::Baseline;
    [Baseline::Untrained, Baseline::Pixels]
        .iter()
        .any(|baseline| name.trim().eq_ignore_ascii_case(baseline.name()))
}

/// The set whose images a set called `real` has with other labels, where a set called `val` is there too.
pub(super) fn relabelled<'a>(
    name: &str,
    mut names: impl Iterator<Item = &'a str>,
) -> Option<String> {
    if !name.eq_ignore_ascii_case("real") {
        return None;
    }
    let found = names.find(|other| other.eq_ignore_ascii_case("val"));
    found.map(str::to_owned)
}
