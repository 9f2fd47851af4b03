//! What lies under a data set's root, in a folder and in an archive alike.

/// Something found, in whatever order it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Path below the root, without `.` and `..`, parted by `/`. The root itself is the empty path.
    pub path: String,
    /// The path's bytes, where they are no UTF-8; `path` is lossy then.
    pub raw: Option<Vec<u8>>,
    pub place: Place,
}

/// Where it lies, or why it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file of its own.
    File,
    /// Offset and length of a file in the archive.
    Span(u64, u64),
    Folder,
    /// A link that leads nowhere, in a circle, or out of the archive.
    Link,
    /// A pipe, a socket, a device.
    Special,
}

impl Found {
    pub fn new(path: impl Into<String>, place: Place) -> Self {
        Self {
            path: path.into(),
            raw: None,
            place,
        }
    }
}

/// Joins and simplifies a path below a root; none when it leads out of the root.
pub(crate) fn normal(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
