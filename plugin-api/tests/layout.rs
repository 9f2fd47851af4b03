//! The layout of everything that crosses, against a committed snapshot. A difference is an
//! incompatible edit: either undo it, or raise `ABI_MAJOR` and write the snapshot anew with
//! `UPDATE_SNAPSHOT=1 cargo test -p ssl-plugin-api --test layout`.

use std::path::Path;

#[test]
fn layout_matches_the_snapshot() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/layout.txt");
    let found = ssl_plugin_api::layout_report();
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(&path, &found).expect("the snapshot can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the snapshot is committed");
    for (n, (e, f)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(e, f, "layout differs from the snapshot in line {}", n + 1);
    }
    assert_eq!(
        expected.lines().count(),
        found.lines().count(),
        "number of lines"
    );
}
