//! The study's published table, from `tests/golden/aggregates.json`.

use ssl_aggregate::{Cell, DataSet, Decimal, Table};

const GOLDEN: &str = include_str!("../../../../tests/golden/aggregates.json");
/// Its data sets, the reference first.
pub const SETS: [&str; 6] = ["Val", "ReaL", "V2", "R", "Sketch", "A"];

/// The golden file.
pub fn golden() -> serde_json::Value {
    serde_json::from_str(GOLDEN).unwrap()
}

/// The published table.
pub fn study() -> Table {
    let golden = golden();
    let data_sets = SETS.map(|name| DataSet {
        name: name.to_owned(),
        n: golden["n"][name].as_u64().unwrap(),
        label_space: None,
        same_images_as: None,
    });
    let frameworks = golden["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned());
    let cell = |(value, set): (&serde_json::Value, &DataSet)| {
        let percent = Decimal::parse(&value.to_string()).unwrap();
        Some(Cell::published(percent, 1, set.n).unwrap())
    };
    let row = |row: &serde_json::Value| {
        row.as_array()
            .unwrap()
            .iter()
            .zip(&data_sets)
            .map(cell)
            .collect()
    };
    let rows = golden["acc"].as_array().unwrap().iter().map(row).collect();
    Table::try_new(None, data_sets.to_vec(), frameworks.collect(), rows).unwrap()
}

/// The same table, with ReaL known to be the images of Val.
pub fn relabelled(table: &Table) -> Table {
    let mut data_sets = table.data_sets().to_vec();
    data_sets[1].same_images_as = Some("Val".to_owned());
    let row = |row| (0..6).map(|set| table.cell(row, set)).collect();
    let rows = (0..table.frameworks().len()).map(row).collect();
    Table::try_new(None, data_sets, table.frameworks().to_vec(), rows).unwrap()
}

/// Row of a framework.
pub fn row(table: &Table, framework: &str) -> usize {
    table
        .frameworks()
        .iter()
        .position(|name| name == framework)
        .unwrap()
}

/// Asserts that two numbers agree within an absolute tolerance.
#[track_caller]
pub fn close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "expected {expected}, found {found}"
    );
}
