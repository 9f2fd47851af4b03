//! Numbers from a file in memory.

/// Bytes and where reading has come to.
pub(super) struct Reader<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count).ok_or_else(cut)?;
        let taken = self.bytes.get(self.at..end).ok_or_else(cut)?;
        self.at = end;
        Ok(taken)
    }

    pub fn u16(&mut self) -> Result<u16, String> {
        let &[low, high] = self.take(2)?.first_chunk().ok_or_else(cut)?;
        Ok(u16::from_le_bytes([low, high]))
    }

    pub fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }
}

pub(super) fn cut() -> String {
    "expected more bytes, found the end of the file".to_owned()
}
