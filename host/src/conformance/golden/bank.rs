//! A golden feature bank: cluster it, compare assignments, state and objective.
//!
//! Objectives are computed here, from the points, centroids and labels that the plugin reports
//! (`points.{head}`, `centroids.{head}`, `labels.{head}`), not taken on trust.

use super::case::Case;
use super::compare::{Comparison, Tolerance};
use super::step::{collected, named, start};
use ssl_plugin_api::Fault;
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::Plugin;
use std::collections::BTreeMap;
use tch::{Kind, Tensor};

/// Runs a clustering case.
///
/// # Errors
/// The plugin's fault.
pub(super) fn run(plugin: &Plugin, case: &Case) -> Result<Comparison, Fault> {
    let mut instance = start(plugin, case)?;
    let output = collected(instance.cluster(&case.at, named(case, "bank")?)?)?;
    let mut comparison = Comparison::default();
    for (name, reference) in case.under("expect.assignment") {
        let name = format!("assignment.{name}");
        comparison.state(
            &name,
            output.get(&name),
            reference,
            Tolerance::SINGLE.assignment,
        );
    }
    if let Some(gram) = case.tensors.get("expect.gram") {
        comparison.state(
            "gram",
            output.get("gram"),
            gram,
            Tolerance::SINGLE.assignment,
        );
    }
    let state = collected(instance.state()?)?;
    for (name, reference) in case.under("expect.state") {
        comparison.state(name, state.get(name), reference, Tolerance::SINGLE.state);
    }
    let Some(best) = case.tensors.get("expect.inertia") else {
        return Ok(comparison);
    };
    let given = case.under("bank.centroids").next().is_some();
    if given {
        // With centroids given, the objective is a yardstick for the plugin's own clustering.
        let mut own = start(plugin, case)?;
        let bank = named(case, "bank")?
            .into_iter()
            .filter(|tensor| !tensor.name.starts_with("centroids."))
            .collect();
        let output = collected(own.cluster(&case.at, bank)?)?;
        objectives(&output, best, Tolerance::SINGLE.yardstick, &mut comparison);
    } else {
        objectives(&output, best, Tolerance::SINGLE.inertia, &mut comparison);
    }
    Ok(comparison)
}

fn objectives(
    output: &BTreeMap<String, Tensor>,
    best: &Tensor,
    tolerance: f64,
    comparison: &mut Comparison,
) {
    let best = Vec::<f64>::try_from(best.to_kind(Kind::Double).reshape([-1])).unwrap_or_default();
    for (head, &best) in best.iter().enumerate() {
        let name = format!("inertia.{head}");
        let find = |what: &str| output.get(&format!("{what}.{head}"));
        let (Some(points), Some(centroids), Some(labels)) =
            (find("points"), find("centroids"), find("labels"))
        else {
            comparison.fault(format!(
                "{name}: expected points.{head}, centroids.{head} and labels.{head}, found {:?}",
                output.keys().collect::<Vec<_>>()
            ));
            continue;
        };
        match objective(points, centroids, labels) {
            Ok(found) => comparison.inertia(&name, found, best, tolerance),
            Err(fault) => comparison.fault(format!("{name}: {fault}")),
        }
    }
}

/// `Σ ‖point − centroid[label]‖²`, provided that each label is its nearest centroid's.
fn objective(points: &Tensor, centroids: &Tensor, labels: &Tensor) -> Result<f64, String> {
    if points.size().len() != 2
        || centroids.size().len() != 2
        || labels.size() != [points.size()[0]]
    {
        return Err(format!(
            "expected points [n, d], centroids [k, d] and labels [n], found {:?}, {:?} and {:?}",
            points.size(),
            centroids.size(),
            labels.size()
        ));
    }
    let (points, centroids) = (
        points.to_kind(Kind::Double),
        centroids.to_kind(Kind::Double),
    );
    let distances = points.unsqueeze(1) - centroids.unsqueeze(0);
    let distances = distances
        .square()
        .sum_dim_intlist([2].as_slice(), false, Kind::Double);
    let own = distances
        .gather(1, &labels.unsqueeze(1), false)
        .squeeze_dim(1);
    let nearest = distances.amin([1].as_slice(), false);
    let slack = (&own - nearest).max().double_value(&[]);
    if slack > 1e-4 {
        return Err(format!(
            "expected every label to be its nearest centroid's, found one {slack:.3e} farther"
        ));
    }
    Ok(own.sum(Kind::Double).double_value(&[]))
}
