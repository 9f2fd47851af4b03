//! The layout of everything that crosses, told by abi_stable's description of the types.

use super::exchange::{
    EpochPlan, Feature, MetricSink, Named, NamedSink, StepIn, StepOut, TrainStep,
};
use super::tables::{InstanceTable, PluginTable, ServicesTable};
use super::text::{Sink, Str};
use crate::tensor::Managed;
use abi_stable::StableAbi;
use abi_stable::type_layout::TypeLayout;

/// A type that crosses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CLayout {
    /// Its name in the header.
    pub name: &'static str,
    /// Size in bytes.
    pub size: usize,
    /// Alignment in bytes.
    pub align: usize,
    /// Names of its members with their offsets and sizes.
    pub members: Vec<(&'static str, usize, usize)>,
}

/// Every type of the header, as this build lays it out.
#[must_use]
pub fn layouts() -> Vec<CLayout> {
    let types: [(&'static str, &'static TypeLayout); 14] = [
        ("ssl_plugin", <PluginTable as StableAbi>::LAYOUT),
        ("ssl_instance", <InstanceTable as StableAbi>::LAYOUT),
        ("ssl_services", <ServicesTable as StableAbi>::LAYOUT),
        ("ssl_str", <Str as StableAbi>::LAYOUT),
        ("ssl_sink", <Sink as StableAbi>::LAYOUT),
        ("ssl_train_step", <TrainStep as StableAbi>::LAYOUT),
        ("ssl_named", <Named as StableAbi>::LAYOUT),
        ("ssl_named_sink", <NamedSink as StableAbi>::LAYOUT),
        ("ssl_feature", <Feature as StableAbi>::LAYOUT),
        ("ssl_step_in", <StepIn as StableAbi>::LAYOUT),
        ("ssl_metric_sink", <MetricSink as StableAbi>::LAYOUT),
        ("ssl_step_out", <StepOut as StableAbi>::LAYOUT),
        ("ssl_epoch_plan", <EpochPlan as StableAbi>::LAYOUT),
        ("ssl_tensor", <Managed as StableAbi>::LAYOUT),
    ];
    types
        .into_iter()
        .map(|(name, layout)| of(name, layout))
        .collect()
}

/// Members of a `repr(C)` type lie one after another, each at the next multiple of its alignment.
fn of(name: &'static str, layout: &'static TypeLayout) -> CLayout {
    let mut end = 0_usize;
    let members = layout.get_fields().into_iter().flatten().map(|field| {
        let member = field.layout();
        let offset = end.next_multiple_of(member.alignment());
        end = offset + member.size();
        (field.name(), offset, member.size())
    });
    CLayout {
        name,
        size: layout.size(),
        align: layout.alignment(),
        members: members.collect(),
    }
}
