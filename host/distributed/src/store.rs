//! A store of keys and values that all ranks reach.

#![expect(unsafe_code, reason = "owns a store of cpp/")]

use crate::ffi::{self, RawStore, answer, text};
use crate::{DistributedError, Launch};
use std::fmt;
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

/// A connection to libtorch's `TCPStore`.
pub struct Store {
    raw: NonNull<RawStore>,
}

// SAFETY: a TCPStore locks itself; any thread may use it.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store(port {})", self.port())
    }
}

impl Store {
    /// Starts a store here, for as long as this value lives. With port 0 the system chooses the port.
    ///
    /// # Errors
    /// [`DistributedError::Failed`] when the port is taken, or libtorch has no c10d.
    pub fn serve(host: &str, port: u16, limit: Duration) -> Result<Self, DistributedError> {
        Self::open(host, port, true, limit)
    }

    /// Connects to the store at an address.
    ///
    /// # Errors
    /// [`DistributedError::Failed`] when nobody answers within `limit`, or libtorch has no c10d.
    pub fn connect(host: &str, port: u16, limit: Duration) -> Result<Self, DistributedError> {
        Self::open(host, port, false, limit)
    }

    /// The store that a launch names: served here where the launcher leaves it to this process.
    ///
    /// # Errors
    /// As [`Store::serve`] and [`Store::connect`].
    pub fn of(launch: &Launch, limit: Duration) -> Result<Self, DistributedError> {
        Self::open(&launch.address, launch.port, launch.serves(), limit)
    }

    fn open(host: &str, port: u16, serve: bool, limit: Duration) -> Result<Self, DistributedError> {
        let mut raw = null_mut();
        // SAFETY: the host is a terminated string, `raw` a place for the answer.
        let message = unsafe {
            ffi::ssl_dist_store(
                text(host).as_ptr(),
                port,
                serve.into(),
                millis(limit),
                &raw mut raw,
            )
        };
        let operation = if serve {
            "starting the ranks' store"
        } else {
            "reaching the ranks' store"
        };
        answer(operation, message)?;
        let raw = NonNull::new(raw).ok_or_else(|| DistributedError::failed(operation, ""))?;
        Ok(Self { raw })
    }

    /// The port that the store listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        // SAFETY: the store is open.
        unsafe { ffi::ssl_dist_store_port(self.raw.as_ptr()) }
    }

    /// Sets a key.
    ///
    /// # Errors
    /// [`DistributedError::Failed`] when the store is gone.
    pub fn set(&self, key: &str, value: &str) -> Result<(), DistributedError> {
        // SAFETY: the store is open; key and value outlive the call.
        let message = unsafe {
            ffi::ssl_dist_store_set(
                self.raw.as_ptr(),
                text(key).as_ptr(),
                value.as_ptr().cast(),
                value.len() as u64,
            )
        };
        answer("writing to the ranks' store", message)
    }

    /// Waits for a key, at most for `limit`; gives back its value.
    ///
    /// # Errors
    /// [`DistributedError::Failed`] when it is not there in time or the store is gone.
    pub fn get(&self, key: &str, limit: Duration) -> Result<String, DistributedError> {
        let (mut value, mut length) = (null_mut(), 0);
        // SAFETY: the store is open; the places outlive the call.
        let message = unsafe {
            ffi::ssl_dist_store_get(
                self.raw.as_ptr(),
                text(key).as_ptr(),
                millis(limit),
                &raw mut value,
                &raw mut length,
            )
        };
        answer("reading from the ranks' store", message)?;
        // SAFETY: without a message, the value is set and ours.
        let bytes = unsafe { ffi::take(value, length) };
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn raw(&self) -> *mut RawStore {
        self.raw.as_ptr()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: opened in `open`, closed once.
        unsafe { ffi::ssl_dist_store_close(self.raw.as_ptr()) }
    }
}

/// Milliseconds; libtorch takes 0 for "for ever", so there is at least one.
pub(crate) fn millis(limit: Duration) -> i64 {
    i64::try_from(limit.as_millis())
        .unwrap_or(i64::MAX)
        .clamp(1, i64::from(i32::MAX))
}
