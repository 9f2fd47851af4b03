//! What the built-in study concludes, and what the tests leave of it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{analysed, read};
use ssl_report::input::Study;
use ssl_report::{Analysis, Claim, Options, findings, headline};

fn analysis() -> Analysis {
    let input = Study::Ozbulak2024.load(false).unwrap();
    Analysis::new(input, Options::default()).unwrap()
}

#[track_caller]
fn claim(words: &str) -> Claim {
    let claims = analysis().claims();
    let found = claims.into_iter().find(|it| it.claim.contains(words));
    found.unwrap()
}

#[test]
fn best_weighted_average_is_supported_with_and_without_val() {
    let found = claim("best all-rounder");
    assert_eq!(found.verdict, "Supported");
    assert!(found.evidence.contains("z = 18.1 to 14.8"), "{found:?}");
}

#[test]
fn moco_and_obow_are_ahead_of_the_third_place_only_before_correction() {
    let found = claim("geometric mean");
    assert!(
        found
            .verdict
            .contains("before correction, not after Holm's"),
        "{found:?}"
    );
    assert!(found.evidence.contains("z = 2.33"), "{found:?}");
    assert!(
        found.evidence.contains("first two places in 98"),
        "{found:?}"
    );
}

#[test]
fn reversed_pairs_are_counted_under_three_corrections() {
    let found = claim("need not be a better number");
    assert_eq!(
        found.verdict,
        "Supported on R, Sketch and A; not shown on ReaL and V2"
    );
    let counts = "R 10, 7 and 5; Sketch 12, 7 and 6; A 3, 3 and 2";
    assert!(found.evidence.contains(counts), "{found:?}");
}

#[test]
fn correlations_differ_by_pearson_and_but_for_one_by_spearman() {
    let found = claim("less closely");
    assert_eq!(
        found.verdict,
        "Supported by Pearson's coefficient; by Spearman's not for A against V2"
    );
    assert!(
        found.evidence.contains("V2 over A 0.14 [-0.003, 0.58]")
            && found.evidence.contains("ReaL over R 0.32 [0.10, 0.83]"),
        "{found:?}"
    );
}

#[test]
fn practical_differences_stand_beside_nemenyi() {
    let findings = findings(&analysis()).join(" ");
    for words in [
        "MoCo, first by mean rank",
        "depends on who else is in the table",
        "finds in 80 % of cases: Val 0.80, ReaL 0.73, V2 1.96, R 0.90, Sketch 0.70, A 0.58",
        "Of 10 pairs of data sets 6 differ",
    ] {
        assert!(findings.contains(words), "{words}: {findings}");
    }
}

#[test]
fn most_neighbours_on_imagenette_cannot_be_told_apart() {
    let input = Study::Imagenette.load(false).unwrap();
    let analysis = Analysis::new(input, Options::default()).unwrap();
    let open = analysis.tests[0].adjacent_not_significant(analysis.table());
    assert_eq!((open, analysis.tests[0].pairs.len()), (7, 66));
    assert_eq!(analysis.first_tier(0).len(), 1);
    assert!(analysis.claims().is_empty());
}

#[test]
fn only_corrected_tests_tell_apart() {
    // The marks of the table and these words mean the same: Holm's correction.
    for finding in findings(&analysis()) {
        let uncorrected = finding.contains("before any correction");
        assert!(
            !(uncorrected && finding.contains("told apart")),
            "{finding}"
        );
    }
}

#[test]
fn nobody_is_second_where_zeros_leave_one_framework() {
    let folder = tempfile::tempdir().unwrap();
    let text = "framework,val,v2\nn,1000,1000\na,50.0,40.0\nb,60.0,0\nc,0,30.0\n";
    let headline = headline(&analysed(read(folder.path(), text)));
    let geometric =
        "a leads the geometric mean, which an accuracy of 0 makes 0 for each other framework.";
    assert!(headline.contains(geometric), "{headline}");
    assert!(
        !headline.contains("over c in the geometric mean"),
        "{headline}"
    );
}

#[test]
fn shared_places_are_not_given_to_one() {
    let folder = tempfile::tempdir().unwrap();
    // Mean ranks of a and b are equal; without val, b and c share the second place.
    let text = "framework,val,v2,v3\nn,1000,1000,1000\na,70.0,50.0,50.0\nc,50.0,30.0,60.0\n\
                b,60.0,50.0,40.0\nd,40.0,20.0,20.0\n";
    let said = findings(&analysed(read(folder.path(), text))).join(" ");
    assert!(said.contains("a, first by mean rank, is by the"), "{said}");
    assert!(!said.contains("The second place"), "{said}");
    let text = "framework,val,v2,v3\nn,1000,1000,1000\na,70.0,50.0,50.0\nb,60.0,60.0,50.0\nc,50.0,30.0,20.0\n";
    let said = findings(&analysed(read(folder.path(), text))).join(" ");
    assert!(
        said.contains("a, first by mean rank together with b, is by the"),
        "{said}"
    );
}
