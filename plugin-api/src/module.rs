//! The tables of functions a plugin exports: one for the library, one for each instance.

use crate::exchange::{
    FfiEpochPlan, FfiFeature, FfiNamedTensor, FfiStepInput, FfiStepOutput, Moment,
};
use crate::fault::FfiFault;
use crate::services::SharedServices;
use crate::tensor::FfiTensor;
use abi_stable::{
    StableAbi,
    abi_stability::PrefixStableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{ROption, RResult, RStr, RString, RVec},
};
use std::ffi::c_void;
use std::fmt::Write as _;

/// Result of a call across the boundary.
pub(crate) type Answer<T> = RResult<T, FfiFault>;

/// The root of a plugin library.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModuleRef)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// JSON of [`crate::Hello`].
    pub(crate) hello: extern "C" fn() -> Answer<RString>,
    /// Framework id and configuration (JSON) to description (JSON).
    pub(crate) describe: extern "C" fn(RStr<'_>, RStr<'_>) -> Answer<RString>,
    /// Framework id, configuration (JSON), site (JSON), services to an instance.
    #[sabi(last_prefix_field)]
    pub(crate) create:
        extern "C" fn(RStr<'_>, RStr<'_>, RStr<'_>, SharedServices) -> Answer<FfiInstance>,
}

impl RootModule for PluginModuleRef {
    abi_stable::declare_root_module_statics! {PluginModuleRef}
    const BASE_NAME: &'static str = "ssl";
    const NAME: &'static str = "ssl-lottery plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// A framework at work: an opaque object and its table.
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiInstance {
    pub(crate) context: *mut c_void,
    pub(crate) table: InstanceTableRef,
}

/// What an instance can do. Every function takes the instance's own context first.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = InstanceTableRef)))]
#[sabi(missing_field(panic))]
pub struct InstanceTable {
    pub(crate) release: unsafe extern "C" fn(*mut c_void),
    pub(crate) parameters: unsafe extern "C" fn(*mut c_void) -> Answer<RVec<FfiNamedTensor>>,
    pub(crate) state: unsafe extern "C" fn(*mut c_void) -> Answer<RVec<FfiNamedTensor>>,
    pub(crate) load:
        unsafe extern "C" fn(*mut c_void, RVec<FfiNamedTensor>, RVec<FfiNamedTensor>) -> Answer<()>,
    pub(crate) due: unsafe extern "C" fn(*mut c_void, Moment) -> Answer<ROption<RString>>,
    pub(crate) begin_pass: unsafe extern "C" fn(*mut c_void, Moment, RStr<'_>, u64) -> Answer<()>,
    pub(crate) absorb: unsafe extern "C" fn(*mut c_void, FfiTensor, RVec<FfiFeature>) -> Answer<()>,
    pub(crate) end_pass: unsafe extern "C" fn(*mut c_void) -> Answer<()>,
    pub(crate) begin_epoch: unsafe extern "C" fn(*mut c_void, Moment) -> Answer<FfiEpochPlan>,
    pub(crate) step: unsafe extern "C" fn(*mut c_void, FfiStepInput) -> Answer<FfiStepOutput>,
    pub(crate) after_update: unsafe extern "C" fn(*mut c_void, Moment, ROption<f64>) -> Answer<()>,
    #[sabi(last_prefix_field)]
    pub(crate) cluster: unsafe extern "C" fn(
        *mut c_void,
        Moment,
        RVec<FfiNamedTensor>,
    ) -> Answer<RVec<FfiNamedTensor>>,
}

/// Every type that crosses with its size, alignment and fields, one line each: what the layout
/// snapshot test compares.
#[must_use]
pub fn layout_report() -> String {
    let mut report = String::new();
    let mut add = |layout: &abi_stable::type_layout::TypeLayout| {
        let _infallible = writeln!(
            report,
            "{} size {} align {}",
            layout.name(),
            layout.size(),
            layout.alignment()
        );
        if let Some(fields) = layout.get_fields() {
            for (n, field) in fields.into_iter().enumerate() {
                let _infallible = writeln!(report, "  {n} {}: {}", field.name(), field.full_type());
                for function in field.function_range().iter() {
                    let text = function.to_string();
                    let signature = text.split("lifetime indices").next().unwrap_or_default();
                    let signature = signature.split_whitespace().collect::<Vec<_>>().join(" ");
                    let _infallible = writeln!(report, "    {signature}");
                }
            }
        }
    };
    use crate::services::ServicesTable_Prefix;
    add(<PluginModule_Prefix as PrefixStableAbi>::LAYOUT);
    add(<InstanceTable_Prefix as PrefixStableAbi>::LAYOUT);
    add(<ServicesTable_Prefix as PrefixStableAbi>::LAYOUT);
    add(<SharedServices as StableAbi>::LAYOUT);
    add(<FfiInstance as StableAbi>::LAYOUT);
    add(<FfiTensor as StableAbi>::LAYOUT);
    add(<FfiFault as StableAbi>::LAYOUT);
    add(<Moment as StableAbi>::LAYOUT);
    add(<FfiFeature as StableAbi>::LAYOUT);
    add(<FfiNamedTensor as StableAbi>::LAYOUT);
    add(<FfiStepInput as StableAbi>::LAYOUT);
    add(<FfiStepOutput as StableAbi>::LAYOUT);
    add(<FfiEpochPlan as StableAbi>::LAYOUT);
    report
}
