//! The plugin's side: two traits to implement, one macro to export them.

mod framework;
mod guard;
mod table;
mod trail;

pub use framework::{Framework, Instance, Remarks};
pub use trail::{Called, called};

#[doc(hidden)]
pub mod entry {
    //! What [`export_plugin!`](crate::export_plugin) expands to; not for direct use.
    pub use super::table::{Library, table};
    pub use crate::abi::PluginTable;
}

/// Exports the frameworks of a library.
///
/// Takes an expression of type `fn() -> Vec<&'static dyn Framework>` and, optionally, the names of
/// the capabilities without which the library cannot run, a function that gives the version of
/// libtorch that it was built for, and one that gives [`Remarks`].
///
/// ```ignore
/// ssl_plugin_api::export_plugin!(|| vec![&MyFramework], requires: ["feature-passes"]);
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($frameworks:expr
        $(, requires: [$($capability:expr),* $(,)?])?
        $(, libtorch: $libtorch:expr)?
        $(, remarks: $remarks:expr)?
        $(,)?
    ) => {
        /// The one symbol of a plugin; see `include/ssl_lottery.h`.
        #[unsafe(no_mangle)]
        #[allow(unsafe_code, reason = "a symbol the host looks up by name")]
        pub extern "C" fn ssl_lottery_plugin_v1() -> *const $crate::export::entry::PluginTable {
            #[allow(unused_mut, unused_assignments, reason = "not every library names one")]
            let mut libtorch: fn() -> Option<String> = || None;
            $(libtorch = || Some($libtorch());)?
            #[allow(unused_mut, unused_assignments, reason = "not every library has any")]
            let mut remarks: fn() -> $crate::export::Remarks = $crate::export::Remarks::default;
            $(remarks = $remarks;)?
            $crate::export::entry::table($crate::export::entry::Library {
                frameworks: $frameworks,
                requires: &[$($($capability),*)?],
                libtorch,
                remarks,
                crate_name: env!("CARGO_CRATE_NAME"),
            })
        }
    };
}
