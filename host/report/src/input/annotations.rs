//! Columns of a report's own CSV that are no data sets.

use csv::StringRecord;

use ssl_aggregate::Aggregate;

/// What stands beside a value: the bounds of its interval, and its mark.
pub(crate) fn annotations(title: &str) -> [String; 3] {
    ["low", "high", "mark"].map(|part| format!("{title} {part}"))
}

/// Columns of data sets. Left out are columns without a number of images that are called as a report calls an aggregate, or
/// a bound or mark of a column before; others without a number stay, and are refused.
pub(super) fn data_set_columns(header: &StringRecord, counts: &StringRecord) -> Vec<usize> {
    let blank = |column: usize| counts.get(column).is_some_and(str::is_empty);
    let is_aggregate = |name: &str| Aggregate::ALL.iter().any(|kind| kind.name() == name);
    let names: Vec<&str> = header.iter().collect();
    let belongs = |column: usize| {
        let own = |title: &&str| annotations(title).iter().any(|it| it == names[column]);
        names[..column].iter().any(own)
    };
    (1..names.len())
        .filter(|&column| !(blank(column) && (is_aggregate(names[column]) || belongs(column))))
        .collect()
}

/// A record's first field and those of the data sets. A record of another length than the header keeps all, and is
/// refused for it.
pub(super) fn kept(record: &StringRecord, width: usize, columns: &[usize]) -> StringRecord {
    if record.len() != width {
        return record.clone();
    }
    let fields = std::iter::once(0).chain(columns.iter().copied());
    let mut kept: StringRecord = fields.filter_map(|column| record.get(column)).collect();
    kept.set_position(record.position().cloned());
    kept
}
