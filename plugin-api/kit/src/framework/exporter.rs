//! The line that exports a library.

use ssl_plugin_api::export;

/// A framework of this library, collected at link time.
pub struct Registration(pub &'static dyn export::Framework);

inventory::collect!(Registration);

impl Registration {
    /// All frameworks registered in this library, by id.
    #[must_use]
    pub fn all() -> Vec<&'static dyn export::Framework> {
        let mut list: Vec<_> = inventory::iter::<Self>.into_iter().map(|r| r.0).collect();
        list.sort_by_key(|framework| framework.metadata().id);
        list
    }
}

/// Exports one or more frameworks from this library, under the version and the licence of its package.
///
/// ```ignore
/// ssl_plugin_kit::export_frameworks!(SimSiam);
/// ssl_plugin_kit::export_frameworks!(DeepCluster; requires: ["feature-passes"]);
/// ```
#[macro_export]
macro_rules! export_frameworks {
    ($($exported:ty),+ $(; requires: [$($capability:expr),* $(,)?])?) => {
        $($crate::inventory::submit! {
            $crate::framework::Registration(&$crate::framework::Adapter::<$exported>::new(
                env!("CARGO_PKG_VERSION"),
                env!("CARGO_PKG_LICENSE"),
            ))
        })+
        $crate::api::export_plugin!(
            $crate::framework::Registration::all
            $(, requires: [$($capability),*])?
            , libtorch: $crate::libtorch_version
        );
    };
}
