//! Fills the tables of functions from the traits.

#![expect(unsafe_code, reason = "instances cross as opaque pointers")]

use super::framework::{Framework, Instance};
use super::guard::guarded;
use crate::exchange::{
    Feature, FfiEpochPlan, FfiFeature, FfiNamedTensor, FfiStepInput, FfiStepOutput, Moment,
    NamedTensor, convert,
};
use crate::fault::Fault;
use crate::module::{
    Answer, FfiInstance, InstanceTable, InstanceTableRef, PluginModule, PluginModuleRef,
};
use crate::services::SharedServices;
use crate::site::Hello;
use crate::tensor::FfiTensor;
use abi_stable::{
    library::{CheckTypeLayout, LibHeader, ROOT_MODULE_LOADER_NAME, RootModuleResult},
    prefix_type::{PrefixTypeTrait, WithMetadata},
    std_types::{ROption, RStr, RString, RVec},
};
use serde_json::Value;
use std::ffi::c_void;
use std::sync::OnceLock;

/// How a library lists its frameworks.
pub type Frameworks = fn() -> Vec<&'static dyn Framework>;

/// The entry point's header: ties `load` to the type of our root module.
#[must_use]
pub const fn header(load: extern "C" fn() -> RootModuleResult) -> LibHeader {
    // SAFETY: `export_plugin!`, the only caller, returns our root module from `load`.
    unsafe { LibHeader::from_constructor::<PluginModuleRef>(load, CheckTypeLayout::Yes) }
}

/// `export_plugin!` must spell the entry point's name out, so it is compared here.
const _: () = {
    let (found, expected) = (
        ROOT_MODULE_LOADER_NAME.as_bytes(),
        b"_1as_0lib_1header_0root_bmodule_bloader",
    );
    assert!(found.len() == expected.len());
    let mut n = 0;
    while n < found.len() {
        assert!(found[n] == expected[n]);
        n += 1;
    }
};

struct Library {
    frameworks: Frameworks,
    requires: &'static [&'static str],
}

static LIBRARY: OnceLock<Library> = OnceLock::new();

/// The library's root module. Called once, by the loader.
pub fn module(frameworks: Frameworks, requires: &'static [&'static str]) -> PluginModuleRef {
    LIBRARY.get_or_init(|| Library {
        frameworks,
        requires,
    });
    PluginModule {
        hello,
        describe,
        create,
    }
    .leak_into_prefix()
}

fn library() -> Result<&'static Library, Fault> {
    LIBRARY
        .get()
        .ok_or_else(|| Fault::internal("the library was not initialised"))
}

fn framework(id: RStr<'_>) -> Result<&'static dyn Framework, Fault> {
    (library()?.frameworks)()
        .into_iter()
        .find(|framework| framework.card().id == id.as_str())
        .ok_or_else(|| Fault::config(format!("no framework named `{id}` in this library")))
}

fn parse(what: &str, json: RStr<'_>) -> Result<Value, Fault> {
    serde_json::from_str(json.as_str())
        .map_err(|error| Fault::config(format!("expected {what} as JSON, found {error}")))
}

fn to_json(value: &impl serde::Serialize) -> Result<RString, Fault> {
    serde_json::to_string(value)
        .map(RString::from)
        .map_err(Fault::internal)
}

extern "C" fn hello() -> Answer<RString> {
    guarded("hello", || {
        let library = library()?;
        to_json(&Hello {
            api: env!("CARGO_PKG_VERSION").to_owned(),
            requires: library
                .requires
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            frameworks: (library.frameworks)()
                .into_iter()
                .map(Framework::card)
                .collect(),
        })
    })
}

extern "C" fn describe(id: RStr<'_>, config: RStr<'_>) -> Answer<RString> {
    guarded("describe", || {
        to_json(&framework(id)?.describe(&parse("a configuration", config)?)?)
    })
}

extern "C" fn create(
    id: RStr<'_>,
    config: RStr<'_>,
    site: RStr<'_>,
    services: SharedServices,
) -> Answer<FfiInstance> {
    guarded("create", || {
        let config = parse("a configuration", config)?;
        let site = serde_json::from_value(parse("a site", site)?).map_err(Fault::config)?;
        let instance = framework(id)?.create(&config, site, services)?;
        Ok(FfiInstance {
            context: Box::into_raw(Box::new(instance)).cast(),
            table: TABLE,
        })
    })
}

type Boxed = Box<dyn Instance>;

/// The instance behind a context.
///
/// # Safety
/// `context` was made by [`create`], is not released yet, and no other call on it is running.
unsafe fn instance<'a>(context: *mut c_void) -> &'a mut Boxed {
    // SAFETY: the caller's promise; the host's `Instance` takes `&mut self` on every call.
    unsafe { &mut *context.cast::<Boxed>() }
}

/// One exported function: forwards to the trait's method inside the guard.
macro_rules! export {
    ($name:ident ( $($arg:ident : $ty:ty),* ) -> $out:ty, |$it:ident| $body:expr) => {
        unsafe extern "C" fn $name(context: *mut c_void $(, $arg: $ty)*) -> Answer<$out> {
            guarded(stringify!($name), || {
                // SAFETY: called through the table with its own context.
                let $it = unsafe { instance(context) };
                $body
            })
        }
    };
}

unsafe extern "C" fn release(context: *mut c_void) {
    let _released = guarded("release", || {
        // SAFETY: made by `Box::into_raw` in `create`; the host calls this once.
        drop(unsafe { Box::from_raw(context.cast::<Boxed>()) });
        Ok(())
    });
}

export!(parameters() -> RVec<FfiNamedTensor>, |it| it.parameters().map(convert));
export!(state() -> RVec<FfiNamedTensor>, |it| it.state().map(convert));
export!(load(parameters: RVec<FfiNamedTensor>, state: RVec<FfiNamedTensor>) -> (), |it| {
    it.load(checked(parameters)?, checked(state)?)
});
export!(due(moment: Moment) -> ROption<RString>, |it| {
    it.due(&moment).map(|id| id.map(RString::from).into())
});
export!(begin_pass(moment: Moment, id: RStr<'_>, samples: u64) -> (), |it| {
    it.begin_pass(&moment, id.as_str(), samples as usize)
});
export!(absorb(indices: FfiTensor, features: RVec<FfiFeature>) -> (), |it| {
    indices.validate()?;
    let features: Vec<Feature> = convert(features);
    features.iter().try_for_each(|f| f.tensor.validate())?;
    it.absorb(indices, features)
});
export!(end_pass() -> (), |it| it.end_pass());
export!(begin_epoch(moment: Moment) -> FfiEpochPlan, |it| {
    it.begin_epoch(&moment).map(FfiEpochPlan::from)
});
export!(step(input: FfiStepInput) -> FfiStepOutput, |it| {
    input.indices.validate()?;
    let input = crate::exchange::StepInput::from(input);
    input.features.iter().try_for_each(|f| f.tensor.validate())?;
    it.step(input).map(FfiStepOutput::from)
});
export!(after_update(moment: Moment, momentum: ROption<f64>) -> (), |it| {
    it.after_update(&moment, momentum.into())
});
export!(cluster(moment: Moment, bank: RVec<FfiNamedTensor>) -> RVec<FfiNamedTensor>, |it| {
    it.cluster(&moment, checked(bank)?).map(convert)
});

fn checked(tensors: RVec<FfiNamedTensor>) -> Result<Vec<NamedTensor>, Fault> {
    let tensors: Vec<NamedTensor> = convert(tensors);
    for named in &tensors {
        named
            .tensor
            .validate()
            .map_err(|fault| Fault::shape(format!("{}: {fault}", named.name)))?;
    }
    Ok(tensors)
}

const TABLE: InstanceTableRef = {
    const VALUE: InstanceTable = InstanceTable {
        release,
        parameters,
        state,
        load,
        due,
        begin_pass,
        absorb,
        end_pass,
        begin_epoch,
        step,
        after_update,
        cluster,
    };
    const WITH_META: &WithMetadata<InstanceTable> = &WithMetadata::new(VALUE);
    InstanceTableRef(WITH_META.static_as_prefix())
};
