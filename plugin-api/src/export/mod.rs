//! The plugin's side: two traits to implement, one macro to export them.

mod framework;
mod guard;
mod table;

pub use framework::{Framework, Instance};

#[doc(hidden)]
pub mod entry {
    //! What [`export_plugin!`](crate::export_plugin) expands to; not for direct use.
    pub use super::table::module;
    pub use super::table::{Frameworks, header};
    pub use abi_stable::library::{__call_root_module_loader as call, LibHeader, RootModuleResult};
}

/// Exports the frameworks of a library.
///
/// Takes an expression of type `fn() -> Vec<&'static dyn Framework>` and, optionally, the names of
/// the capabilities without which the library cannot run.
///
/// ```ignore
/// ssl_plugin_api::export_plugin!(|| vec![&MyFramework], requires: ["feature-passes"]);
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($frameworks:expr $(, requires: [$($capability:expr),* $(,)?])?) => {
        /// Magic bytes and version of the boundary this library was built with.
        #[unsafe(no_mangle)]
        #[allow(unsafe_code, reason = "a symbol the host looks up by name")]
        pub static SSL_LOTTERY_ABI: $crate::AbiTag = $crate::AbiTag::CURRENT;

        /// The entry point that the loader looks up by this name.
        #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
        #[allow(unsafe_code, reason = "a symbol the host looks up by name")]
        pub static SSL_LOTTERY_ROOT: $crate::export::entry::LibHeader = {
            extern "C" fn load() -> $crate::export::entry::RootModuleResult {
                $crate::export::entry::call(|| {
                    $crate::export::entry::module($frameworks, &[$($($capability),*)?])
                })
            }
            $crate::export::entry::header(load)
        };
    };
}
