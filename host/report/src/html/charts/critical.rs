//! The critical-difference diagram: mean ranks, and which of them do not differ over data sets.

use super::intervals::short;
use crate::analysis::Analysis;
use crate::html::svg::{Anchor, Svg};
use ssl_aggregate::Concordance;

const WIDTH: f64 = 1080.0;
const SIDE: f64 = 160.0;
const AXIS: f64 = 58.0;
const LINE: f64 = 20.0;

/// Mean ranks on an axis, names at the sides, bars over groups within one critical difference. `None` without
/// complete rows.
pub(in crate::html) fn critical_difference(analysis: &Analysis) -> Option<String> {
    let found = analysis.concordance.as_ref()?;
    let k = found.rows.len();
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|&a, &b| found.mean_ranks[a].total_cmp(&found.mean_ranks[b]));
    let groups = groups(found, &order);
    let listed: Vec<String> = order
        .iter()
        .map(|&place| {
            format!(
                "{} {:.2}",
                analysis.framework(found.rows[place]),
                found.mean_ranks[place]
            )
        })
        .collect();
    let description = format!(
        "Mean ranks: {}. Ranks closer than {:.2} do not differ over data sets.",
        listed.join(", "),
        found.critical_difference
    );
    let first_name = AXIS + 22.0 + 9.0 * groups.len() as f64;
    let height = first_name + LINE * k.div_ceil(2) as f64;
    let mut svg = Svg::new(
        "cd",
        WIDTH,
        height,
        "Critical differences of mean ranks",
        description,
    );
    let x = |rank: f64| SIDE + (rank - 1.0) / (k as f64 - 1.0) * (WIDTH - 2.0 * SIDE);
    svg.line("axis", (x(1.0), AXIS), (x(k as f64), AXIS));
    let every = k.div_ceil(16);
    for rank in (1..=k).step_by(every) {
        svg.line("axis", (x(rank as f64), AXIS - 5.0), (x(rank as f64), AXIS));
        svg.text("tick", (x(rank as f64), AXIS - 9.0), Anchor::Middle, rank);
    }
    let reach = (1.0 + found.critical_difference).min(k as f64);
    svg.line("reach", (x(1.0), 20.0), (x(reach), 20.0));
    svg.text(
        "fact",
        (x(1.0), 13.0),
        Anchor::Start,
        format!("critical difference {:.2}", found.critical_difference),
    );
    for (index, &(best, worst)) in groups.iter().enumerate() {
        let y = AXIS + 12.0 + 9.0 * index as f64;
        svg.line(
            "reach",
            (x(found.mean_ranks[order[best]]) - 3.0, y),
            (x(found.mean_ranks[order[worst]]) + 3.0, y),
        );
    }
    for (place, &row) in order.iter().enumerate() {
        let rank = found.mean_ranks[row];
        let name = short(analysis.framework(found.rows[row]));
        let left = place < k.div_ceil(2);
        let level = if left { place } else { k - 1 - place };
        let y = first_name + LINE * (level as f64 + 0.5);
        let (end, anchor, at) = if left {
            (SIDE - 10.0, Anchor::End, SIDE - 16.0)
        } else {
            (WIDTH - SIDE + 10.0, Anchor::Start, WIDTH - SIDE + 16.0)
        };
        svg.path("stem", &[(x(rank), AXIS), (x(rank), y), (end, y)], false);
        svg.text("label", (at, y + 4.0), anchor, format!("{name} {rank:.2}"));
    }
    Some(svg.finish())
}

/// Largest runs of the order within one critical difference, as places of best and worst; none inside another.
fn groups(found: &Concordance, order: &[usize]) -> Vec<(usize, usize)> {
    let rank = |place: usize| found.mean_ranks[order[place]];
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for best in 0..order.len() {
        let within = |place: &usize| rank(*place) - rank(best) < found.critical_difference;
        let Some(worst) = (best..order.len()).take_while(within).last() else {
            continue;
        };
        let inside = groups.last().is_some_and(|&(_, last)| worst <= last);
        if worst > best && !inside {
            groups.push((best, worst));
        }
    }
    groups
}
