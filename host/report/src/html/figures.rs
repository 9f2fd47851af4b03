//! The charts as pictures of their own, for papers and slides.

use super::charts;
use crate::analysis::Analysis;

const STYLE: &str = include_str!("style.css");

/// Size and fonts of texts without a class. Papers accept the fonts; the first one that is there is taken.
pub(super) const TYPE: &str = "12px Helvetica, Arial, 'Liberation Sans', sans-serif";

/// Each chart as `(name, SVG)`: colours of the light page, no variables, no script, nothing outside of the file.
#[must_use]
pub fn figures(analysis: &Analysis) -> Vec<(String, String)> {
    let style = style();
    let one = |name: &str, picture: Option<String>| {
        picture.map(|picture| vec![(name.to_owned(), picture)])
    };
    let several = |prefix: &str, pictures: Vec<String>| {
        let names = (1..=pictures.len()).map(|place| format!("{prefix}-{place}"));
        Some(names.zip(pictures).collect::<Vec<_>>())
    };
    let comparable = analysis.table().frameworks().len() > 1;
    let all = [
        several("accuracy", charts::accuracy(analysis)),
        several("aggregate", charts::aggregates(analysis)),
        several("reference", charts::scatters(analysis)),
        several("pairs", charts::matrices(analysis)),
        one("ranks", comparable.then(|| charts::bump(analysis))),
        one(
            "critical-differences",
            charts::critical_difference(analysis),
        ),
        one("performance-profile", charts::profile(analysis)),
    ];
    let pictures = all.into_iter().flatten().flatten();
    pictures
        .map(|(name, picture)| (name, standalone(&picture, &style)))
        .collect()
}

/// A chart of the page with its style inside.
fn standalone(picture: &str, style: &str) -> String {
    let start = "<svg xmlns=\"http://www.w3.org/2000/svg\" ";
    let picture = picture.replacen("<svg ", start, 1);
    let picture = picture.replacen("<title", &format!("<style>{style}</style><title"), 1);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{picture}\n")
}

/// The rules of the page's style for charts, with the light page's values in place of variables.
fn style() -> String {
    let light = STYLE.split('}').next().unwrap_or_default();
    let light = light.split('{').nth(1).unwrap_or_default();
    let values: Vec<(&str, &str)> = light
        .split(';')
        .filter_map(|rule| rule.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let rules = STYLE.lines().filter(|line| line.starts_with("svg "));
    let mut style: String = rules
        .filter(|line| !line.contains(":hover") && !line.contains(":focus"))
        .map(|line| line.replace("svg ", ""))
        .collect();
    for (name, value) in values {
        style = style.replace(&format!("var({name})"), value);
    }
    // Fonts of one weight between normal and bold are rare.
    style
        .replace("font-weight: 650", "font-weight: 700")
        .replace(
            "12px system-ui, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif",
            TYPE,
        )
}
