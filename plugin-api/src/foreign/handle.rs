//! What an instance consists of, released once.

#![expect(unsafe_code, reason = "releases an instance through its table")]

use crate::abi::{InstanceTable, It};
use crate::fault::Fault;
use crate::services::SharedServices;

/// An instance's pointer with its table, and the services that it was created with.
pub(super) struct Handle {
    it: It,
    table: InstanceTable,
    /// Lives as long as the instance, at one address.
    _services: Box<SharedServices>,
}

// SAFETY: the header lets calls on one instance come from different threads, one at a time; shared
// references give out numbers and function pointers only.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// Takes an instance over.
    ///
    /// # Errors
    /// A table without a function that must be there. The instance is released if it can be.
    pub(super) fn new(
        it: It,
        table: InstanceTable,
        services: Box<SharedServices>,
    ) -> Result<Self, Fault> {
        let handle = Self {
            it,
            table,
            _services: services,
        };
        let required = [
            ("release", handle.table.release.is_some()),
            ("parameters", handle.table.parameters.is_some()),
            ("step", handle.table.step.is_some()),
        ];
        match required.iter().find(|(_, there)| !there) {
            None => Ok(handle),
            Some((name, _)) => Err(Fault::internal(format!(
                "expected `{name}` in the instance's table, found none"
            ))),
        }
    }

    pub(super) const fn it(&self) -> It {
        self.it
    }

    pub(super) const fn table(&self) -> &InstanceTable {
        &self.table
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(release) = self.table.release {
            // SAFETY: the pointer belongs to the table; dropped once.
            unsafe { release(self.it) }
        }
    }
}
