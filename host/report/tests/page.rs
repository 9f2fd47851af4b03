//! The page: what stands where, that charts and table agree, that it stays small.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{analysed, elements, generated, read, study};
use ssl_report::{html, json};

/// The part of a page between two marks.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

#[test]
fn the_answer_stands_first_in_plain_words_with_a_picture() {
    let page = html(&study()).unwrap();
    let top = between(&page, "<header>", "</header>");
    let words: Vec<&str> = elements(top, "h1 id=\"headline\"")
        .into_iter()
        .chain(elements(top, "p class=\"lead\""))
        .collect();
    assert!(
        words[0].contains("MoCo is first in more than 99.9\u{a0}% of redraws of the images."),
        "{words:?}"
    );
    let all = words.join(" ");
    assert!(
        all.contains("On Val, Swav and MoCo cannot be told apart from DINO."),
        "{all}"
    );
    assert!(all.contains("48 of the 63 choices"), "{all}");
    for jargon in ["z =", "Holm", "Pearson", "p =", "bootstrap"] {
        assert!(!all.contains(jargon), "{jargon} in {all}");
    }
    assert_eq!(top.matches("<svg").count(), 1);
}

#[test]
fn aggregates_are_the_first_columns() {
    let page = html(&study()).unwrap();
    let head = between(&page, "<table id=\"main\"", "</tr>");
    let titles: Vec<&str> = elements(head, "span class=\"sort\"");
    assert_eq!(
        titles[..5],
        [
            "framework",
            "weighted average",
            "geometric mean",
            "mean rank",
            "Val"
        ]
    );
}

#[test]
fn ids_are_unique() {
    for page in [html(&study()).unwrap(), html(&generated(30, 20)).unwrap()] {
        let mut ids: Vec<&str> = page.split(" id=\"").skip(1).collect();
        for id in &mut ids {
            *id = id.split_once('"').unwrap().0;
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}

#[test]
fn measures_are_on_the_page() {
    let study = study();
    let page = html(&study).unwrap();
    let measures = between(&page, "<section id=\"measures\"", "</section>");
    for word in [
        "Spearman",
        "Kendall",
        "one left out",
        "Effective robustness",
        "Pareto front",
        ">ranks<",
    ] {
        assert!(measures.contains(word), "{word}");
    }
    let against = study.against_reference[1].as_ref().unwrap();
    let left_out = against.correlations.leave_one_out.unwrap();
    let without = study.framework(left_out.lowest.1);
    assert!(measures.contains(&format!("{:.3} without {without}", left_out.lowest.0)));
    let residual = against.robustness.as_ref().unwrap().residuals[0].unwrap();
    assert!(measures.contains(&format!("<td>{residual:+.2}</td>")));
}

#[test]
fn a_profile_needs_ten_data_sets() {
    let has = |sets: usize| {
        let page = html(&generated(5, sets)).unwrap();
        page.contains("Performance profile")
    };
    assert!(!has(9));
    assert!(has(10));
}

#[test]
fn paper_has_every_column_of_a_wide_table() {
    let analysis = generated(30, 20);
    let page = html(&analysis).unwrap();
    let main = between(&page, "<section id=\"table\"", "</section>");
    let paper: Vec<&str> = main
        .split("<table class=\"numbers paper\">")
        .skip(1)
        .collect();
    let titles: Vec<&str> = paper
        .iter()
        .flat_map(|block| elements(block, "th scope=\"col\""))
        .filter(|title| *title != "framework")
        .collect();
    assert_eq!(
        titles[..3],
        ["weighted average", "geometric mean", "mean rank"]
    );
    let sets: Vec<&str> = (0..20).map(|set| analysis.data_set(set)).collect();
    assert_eq!(titles[3..], sets);
    for block in &paper {
        assert_eq!(elements(block, "th scope=\"row\"").len(), 30);
    }
    assert!(!html(&study()).unwrap().contains("numbers paper"));
}

#[test]
fn uncertainty_over_data_sets_has_words_of_its_own() {
    let page = html(&study()).unwrap();
    let critical = between(&page, "<h3>Critical differences</h3>", "</figure>");
    assert!(critical.contains("over data sets"));
    assert!(!critical.contains("told apart"), "{critical}");
    assert!(!critical.contains('†') && !critical.contains("dot near"));
}

#[test]
fn a_page_of_100_frameworks_on_40_data_sets_stays_small() {
    let analysis = generated(100, 40);
    let page = html(&analysis).unwrap();
    assert!(page.len() < 5 << 20, "HTML of {} bytes", page.len());
    let document = json(&analysis).unwrap();
    assert!(
        document.len() < 15 << 20,
        "JSON of {} bytes",
        document.len()
    );
}

#[test]
fn a_page_of_one_framework_has_no_picture_that_compares() {
    let folder = tempfile::tempdir().unwrap();
    let alone = analysed(read(
        folder.path(),
        "framework,val,v2\nn,1000,300\na,50.1,40\n",
    ));
    let page = html(&alone).unwrap();
    let top = between(&page, "<header>", "</header>");
    assert!(top.contains("a is the only framework here") && !top.contains("<svg"));
}

#[test]
fn no_table_is_wider_than_paper() {
    let page = html(&generated(30, 20)).unwrap();
    for table in page.split("<table").skip(1) {
        let (tag, rest) = table.split_once('>').unwrap();
        // The one for screens has its parts for paper below it.
        if tag.contains("id=\"main\"") {
            continue;
        }
        let head = rest.split_once("</tr>").unwrap().0;
        let columns = head.matches("<th ").count();
        assert!(columns <= 11, "{columns} columns under {tag}");
    }
    let measures = between(&page, "<section id=\"measures\"", "</section>");
    assert_eq!(measures.matches("<h3>Effective robustness</h3>").count(), 1);
    for set in 1..20 {
        let title = format!("<th scope=\"col\">variant {set} of the images</th>");
        assert!(measures.contains(&title), "{title}");
    }
}

#[test]
fn regions_have_names_of_their_own() {
    for page in [html(&study()).unwrap(), html(&generated(30, 20)).unwrap()] {
        let mut names: Vec<&str> = page
            .split("<section")
            .skip(1)
            .chain(page.split("role=\"region\"").skip(1))
            .map(|tag| tag.split_once('>').unwrap().0)
            .filter_map(|tag| tag.split_once("aria-").map(|(_, name)| name))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }
}

#[test]
fn print_opens_what_is_folded_and_keeps_headings_with_what_follows() {
    let page = html(&generated(5, 7)).unwrap();
    let print = page.split_once("@media print {").unwrap().1;
    let print = print.split_once("</style>").unwrap().0;
    let hidden: Vec<&str> = print
        .lines()
        .filter(|line| line.contains("display: none"))
        .collect();
    for control in ["nav", "#panel", "summary"] {
        assert!(
            hidden.iter().any(|line| line.contains(control)),
            "{control}"
        );
    }
    assert!(print.contains("details::details-content"));
    assert!(print.contains("h2 + p, h3 + p, tbody tr:nth-child(-n+3) { break-after: avoid; }"));
}

#[test]
fn bars_of_the_lottery_name_frameworks_apart() {
    let folder = tempfile::tempdir().unwrap();
    let name = "framework with a long name";
    let text = format!("framework,val,v2\nn,1000,1000\n{name} 1,70.0,50.0\n{name} 2,60.0,65.0\n");
    let page = html(&analysed(read(folder.path(), &text))).unwrap();
    for share in page.split("<figure class=\"share\">").skip(1) {
        let names = share.split("<span class=\"who\">").skip(1);
        let names: Vec<&str> = names.map(|it| it.split_once("</").unwrap().0).collect();
        let longest = names.iter().map(|it| it.chars().count()).max().unwrap();
        assert!(longest <= 16, "{names:?}");
        let apart: std::collections::BTreeSet<&&str> = names.iter().collect();
        assert_eq!(apart.len(), names.len(), "{names:?}");
    }
}
