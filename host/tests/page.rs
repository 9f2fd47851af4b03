//! Markdown pages whose reports are made from ledgers.
#![expect(clippy::unwrap_used, reason = "tests")]

mod simulated;

use simulated::{Plan, Set, write_ledger};
use std::path::Path;
use std::process::{Command, Output};

const SETS: [Set; 3] = [
    Set {
        name: "val",
        images: 0..1000,
    },
    Set {
        name: "real",
        images: 0..1000,
    },
    Set {
        name: "v2",
        images: 1000..2000,
    },
];

fn ledger(root: &Path, frameworks: &[(&str, f64)], seeds: u64) {
    let plan = Plan {
        sets: &SETS,
        frameworks,
        seeds,
        heads: 1,
        common: 0.9,
        shift: 0.02,
    };
    write_ledger(root, &plan);
}

fn page(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .current_dir(folder)
        .args(["page", "page.md"])
        .args(arguments)
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

const TYPED: &str = "# Typed\n\nBefore.\n\n<!-- report out --draws 100 -->\nstale\n<!-- end of report -->\n\nBetween.\n\n\
                     <!-- side-by-side out other -->\n<!-- end of report -->\nAfter, without a last line's end.";

#[test]
fn a_page_says_what_the_records_say_and_a_stale_one_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let three = [("byol", 0.50), ("dino", 0.60), ("moco", 0.52)];
    ledger(&root.join("out"), &three, 3);
    ledger(&root.join("other"), &[("byol", 0.40), ("swav", 0.70)], 1);
    std::fs::write(root.join("page.md"), TYPED).unwrap();
    let read = || std::fs::read_to_string(root.join("page.md")).unwrap();

    let stale = page(root, &["--check"]);
    let said = String::from_utf8(stale.stderr.clone()).unwrap();
    assert_eq!(code(&stale), 1, "{said}");
    assert!(
        said.contains("line 5") && said.contains("line 11"),
        "{said}"
    );
    assert_eq!(read(), TYPED, "a check writes nothing");

    assert_eq!(code(&page(root, &[])), 0);
    let made = read();
    for typed in [
        "# Typed\n\nBefore.\n",
        "\nBetween.\n",
        "\nAfter, without a last line's end.",
    ] {
        assert!(made.contains(typed), "{made}");
    }
    assert!(!made.contains("stale"));
    // Means with deviations over seeds, tiers, and whether the order carries over.
    let row = made
        .lines()
        .find(|line| line.starts_with("| dino | **"))
        .unwrap();
    assert_eq!(row.matches(" ± ").count(), 3, "{row}");
    assert!(made.contains("cannot be told apart"), "{made}");
    assert!(
        made.contains("#### Does the order on val carry over?"),
        "{made}"
    );
    assert!(
        made.contains("- real (the images of val): of 3 pairs"),
        "{made}"
    );
    assert!(
        made.contains("| framework | val, out | val, other |"),
        "{made}"
    );
    let swav = made
        .lines()
        .find(|line| line.starts_with("| swav | – |"))
        .unwrap();
    assert_eq!(swav.matches("**").count(), 6, "{swav}");

    assert_eq!(code(&page(root, &["--check"])), 0);
    assert_eq!(code(&page(root, &[])), 0);
    assert_eq!(read(), made, "the same records make the same page");

    // Other records.
    std::fs::remove_dir_all(root.join("other")).unwrap();
    ledger(&root.join("other"), &[("byol", 0.41)], 1);
    let stale = page(root, &["--check"]);
    let said = String::from_utf8(stale.stderr.clone()).unwrap();
    assert_eq!(code(&stale), 1, "{said}");
    assert_eq!(said.lines().count(), 1, "only the second is stale: {said}");
}

#[test]
fn wrong_marks_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    ledger(&folder.path().join("out"), &[("byol", 0.50)], 1);
    for (text, line, expected) in [
        ("typed\n", 1, "expected a mark"),
        (
            "\n<!-- report out -->\n",
            2,
            "expected `<!-- end of report -->`",
        ),
        ("<!-- end of report -->\n", 1, "before the end of a report"),
        (
            "<!-- report out -->\n<!-- report out -->\n<!-- end of report -->\n",
            2,
            "expected `<!-- end of report -->`",
        ),
        (
            "<!-- report out --no-such -->\n<!-- end of report -->\n",
            1,
            "unexpected argument '--no-such'",
        ),
        (
            "<!-- report nowhere -->\n<!-- end of report -->\n",
            1,
            "nowhere",
        ),
    ] {
        std::fs::write(folder.path().join("page.md"), text).unwrap();
        let output = page(folder.path(), &[]);
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(code(&output), 65, "{text}: {said}");
        assert!(
            said.contains(&format!("page.md, line {line}: ")),
            "{text}: {said}"
        );
        assert!(said.contains(expected), "{text}: {said}");
        let after = std::fs::read_to_string(folder.path().join("page.md")).unwrap();
        assert_eq!(after, text, "a page that cannot be made is left as it was");
    }
}
