//! The charts as shapes: nothing leaves its picture, nothing hides another, every number is in the description.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use common::{generated, study};
use roxmltree::{Document, Node};
use ssl_report::{Analysis, figures, html, json};

/// A chart by name.
fn chart(analysis: &Analysis, name: &str) -> String {
    let all = figures(analysis);
    all.into_iter().find(|(found, _)| found == name).unwrap().1
}

fn number(node: Node, name: &str) -> f64 {
    node.attribute(name).unwrap().parse().unwrap()
}

fn has(node: Node, class: &str) -> bool {
    let classes = node.attribute("class").unwrap_or_default();
    classes.split(' ').any(|it| it == class)
}

fn all<'a, 'b>(document: &'a Document<'b>, tag: &str, class: &str) -> Vec<Node<'a, 'b>> {
    let nodes = document.root().descendants();
    nodes
        .filter(|node| node.has_tag_name(tag_name(tag)) && has(*node, class))
        .collect()
}

fn tag_name(tag: &str) -> (&str, &str) {
    ("http://www.w3.org/2000/svg", tag)
}

/// Left, top, right and bottom of a level text, from 6.2 points to a letter of 12 points.
fn area(text: Node) -> [f64; 4] {
    let wide = 6.2 * text.text().unwrap().chars().count() as f64;
    let (x, y) = (number(text, "x"), number(text, "y"));
    let left = match text.attribute("text-anchor").unwrap() {
        "start" => x,
        "end" => x - wide,
        _ => x - wide / 2.0,
    };
    [left, y - 9.0, left + wide, y + 2.0]
}

fn meet(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn view(document: &Document) -> (f64, f64) {
    let svg = document.root_element();
    (number(svg, "width"), number(svg, "height"))
}

#[test]
fn texts_stay_inside_and_apart() {
    for analysis in [study(), generated(30, 20)] {
        for (name, picture) in figures(&analysis) {
            let document = Document::parse(&picture).unwrap();
            let (width, height) = view(&document);
            let texts = document.root().descendants();
            let level: Vec<Node> = texts
                .filter(|node| {
                    node.has_tag_name(tag_name("text"))
                        && node.attribute("x").is_some()
                        && !has(*node, "tip")
                })
                .collect();
            let areas: Vec<[f64; 4]> = level.iter().map(|text| area(*text)).collect();
            for (text, area) in level.iter().zip(&areas) {
                let inside = area[0] >= -1.0
                    && area[2] <= width + 1.0
                    && area[1] >= -1.0
                    && area[3] <= height + 1.0;
                assert!(
                    inside,
                    "{name}: {:?} at {area:?} of {width} × {height}",
                    text.text()
                );
            }
            for (place, first) in areas.iter().enumerate() {
                for (other, second) in areas.iter().enumerate().skip(place + 1) {
                    assert!(
                        !meet(*first, *second),
                        "{name}: {:?} and {:?} overlap",
                        level[place].text(),
                        level[other].text()
                    );
                }
            }
        }
    }
}

#[test]
fn names_in_a_scatter_cover_no_dot_and_each_dot_can_be_reached() {
    let study = study();
    let page = html(&study).unwrap();
    for (name, picture) in figures(&study) {
        if !name.starts_with("reference-") {
            continue;
        }
        let document = Document::parse(&picture).unwrap();
        let dots = all(&document, "circle", "dot");
        assert_eq!(dots.len(), 12);
        for dot in &dots {
            let group = dot.parent_element().unwrap();
            assert_eq!(group.attribute("tabindex"), Some("0"));
            let said = group
                .children()
                .find(|node| node.has_tag_name(tag_name("title")));
            assert!(said.unwrap().text().unwrap().contains("Val"));
            let errors = group.children().filter(|node| has(*node, "error"));
            assert_eq!(errors.count(), 2);
        }
        let labels = all(&document, "text", "halo");
        assert!(labels.len() >= 2, "{name} names {}", labels.len());
        for label in labels {
            let [left, top, right, bottom] = area(label);
            for dot in &dots {
                let (x, y) = (number(*dot, "cx"), number(*dot, "cy"));
                let hidden = x > left && x < right && y > top && y < bottom;
                assert!(!hidden, "{name}: {:?} covers a dot", label.text());
            }
        }
        let titles = all(&document, "text", "tick");
        let axes = titles
            .iter()
            .filter(|text| text.text().unwrap().ends_with(", percent"));
        assert_eq!(axes.count(), 2);
    }
    let pearson = study.against_reference[1].as_ref().unwrap();
    let pearson = pearson.correlations.pearson.value.unwrap();
    assert!(pearson > 0.95 && page.contains(&format!("r = {pearson:.3}")));
}

#[test]
fn lines_of_ranks_have_places_of_their_own_and_six_hues_at_most() {
    for (analysis, coloured) in [(study(), 6), (generated(30, 20), 6), (generated(3, 4), 3)] {
        let picture = chart(&analysis, "ranks");
        let document = Document::parse(&picture).unwrap();
        let lines = all(&document, "path", "bump");
        assert_eq!(lines.len(), analysis.table().frameworks().len());
        let mut points: Vec<&str> = lines
            .iter()
            .flat_map(|line| line.attribute("d").unwrap().split(['M', 'L']).skip(1))
            .collect();
        let count = points.len();
        points.sort_unstable();
        points.dedup();
        assert_eq!(points.len(), count, "two lines meet on a data set");
        let strong = all(&document, "g", "strong");
        assert_eq!(strong.len(), coloured);
        for group in &strong {
            assert_eq!(group.attribute("tabindex"), Some("0"));
            assert!(group.children().any(|node| has(node, "mark")));
        }
        let weak = all(&document, "g", "weak");
        assert_eq!(strong.len() + weak.len(), lines.len());
        // A tap finds what can have the focus.
        assert!(
            weak.iter()
                .all(|group| group.attribute("tabindex") == Some("-1"))
        );
        let headings = all(&document, "text", "tick");
        let headings: BTreeSet<&str> = headings.iter().map(|it| it.text().unwrap()).collect();
        assert_eq!(
            headings.len(),
            analysis.table().data_sets().len(),
            "{headings:?}"
        );
    }
    let page = html(&study()).unwrap();
    for rule in ["g:hover > .bump", "g:focus > .bump"] {
        assert!(page.contains(rule), "{rule}");
    }
}

#[test]
fn a_matrix_is_one_triangle_with_a_cell_for_each_pair() {
    let study = study();
    let pictures = figures(&study);
    let matrices = pictures
        .iter()
        .filter(|(name, _)| name.starts_with("pairs-"));
    for (set, (_, picture)) in matrices.enumerate() {
        let document = Document::parse(picture).unwrap();
        let cells = all(&document, "rect", "cell");
        assert_eq!(cells.len(), 66);
        // Exactly those pairs are coloured and marked that differ after Holm's correction.
        let coloured = cells.iter().filter(|cell| {
            let class = cell.attribute("class").unwrap();
            class.contains("ahead")
        });
        assert_eq!(coloured.count(), study.tests[set].significant_after_holm());
        let signs = all(&document, "text", "sign");
        let full = signs.iter().filter(|sign| sign.text() == Some("●"));
        assert_eq!(full.count(), study.tests[set].significant_after_holm());
    }
    assert!(!html(&study).unwrap().contains("<details>"));
    assert!(html(&generated(5, 7)).unwrap().contains("<details>"));
}

#[test]
fn table_charts_and_text_agree_on_who_is_near_the_best() {
    for analysis in [study(), generated(12, 6)] {
        let page = html(&analysis).unwrap();
        let body = page.split_once("<table id=\"main\"").unwrap().1;
        let body = body.split_once("</tbody>").unwrap().0;
        let in_table = |column: usize| {
            let rows = body.split("<tr><th scope=\"row\">").skip(1);
            let mut names: Vec<String> = rows
                .filter(|row| {
                    let cell = row.split("<td ").nth(column + 1).unwrap();
                    cell.contains("class=\"best\"") || cell.contains("class=\"near\"")
                })
                .map(|row| row.split_once('<').unwrap().0.to_owned())
                .collect();
            names.sort();
            names
        };
        let in_chart = |name: &str| {
            let picture = chart(&analysis, name);
            let document = Document::parse(&picture).unwrap();
            let mut names: Vec<String> = all(&document, "circle", "near")
                .iter()
                .map(|dot| {
                    let said = dot.first_element_child().unwrap().text().unwrap();
                    said.split_once(": ").unwrap().0.to_owned()
                })
                .collect();
            names.sort();
            names
        };
        let tier = |rows: Vec<usize>| {
            let mut names: Vec<String> = rows
                .iter()
                .map(|&row| analysis.framework(row).to_owned())
                .collect();
            names.sort();
            names
        };
        for column in 0..3 {
            assert_eq!(
                in_table(column),
                in_chart(&format!("aggregate-{}", column + 1))
            );
        }
        for set in 0..6 {
            assert_eq!(
                in_table(3 + set),
                in_chart(&format!("accuracy-{}", set + 1))
            );
            assert_eq!(in_table(3 + set), tier(analysis.first_tier(set)));
        }
    }
}

#[test]
fn descriptions_hold_the_data_of_their_charts() {
    let study = study();
    let values: serde_json::Value = serde_json::from_str(&json(&study).unwrap()).unwrap();
    for (name, picture) in figures(&study) {
        let document = Document::parse(&picture).unwrap();
        let nodes = document.root_element().children();
        let said = |tag: &str| {
            let found = nodes.clone().find(|node| node.has_tag_name(tag_name(tag)));
            found.unwrap().text().unwrap().to_owned()
        };
        assert!(!said("title").is_empty());
        let description = said("desc");
        let frameworks = study.table().frameworks().iter();
        let named = frameworks.filter(|framework| description.contains(framework.as_str()));
        assert_eq!(named.count(), 12, "{name}: {description}");
        if name == "accuracy-1" {
            let (low, high) = study.drawn[0].printed[0].unwrap();
            let shown = format!("[{low:.2}, {high:.2}]");
            assert!(description.contains(&shown), "{shown} in {description}");
        }
        if name == "critical-differences" {
            let width = values["nemenyi"]["critical_difference"].as_f64().unwrap();
            assert!(description.contains(&format!("{width:.2}")));
        }
    }
}
