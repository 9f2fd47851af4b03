//! Lines from a pipe, whatever their length and encoding.

use std::io::{BufRead, BufReader, Read};

/// Bytes of a line that are kept; the rest of it is passed over.
const LONGEST: usize = 64 << 10;

/// Gives every line to `take` until the pipe is closed or `take` wants no more.
pub(super) fn each(pipe: impl Read, mut take: impl FnMut(String) -> bool) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(part) = reader.fill_buf() {
        let (end, length) = match part.iter().position(|&byte| byte == b'\n') {
            Some(at) => (true, at + 1),
            None => (part.is_empty(), part.len()),
        };
        let closed = part.is_empty();
        let room = LONGEST.saturating_sub(line.len());
        line.extend_from_slice(&part[..length.min(room)]);
        reader.consume(length);
        if end && !(closed && line.is_empty()) {
            let text = String::from_utf8_lossy(&line);
            if !take(text.trim_end_matches(['\n', '\r']).to_owned()) {
                return;
            }
            line.clear();
        }
        if closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_the_next_is_whole() {
        let mut text = vec![b'x'; 3 * LONGEST];
        text.extend_from_slice(b"\n\xff\nlast");
        let mut lines = Vec::new();
        each(text.as_slice(), |line| {
            lines.push(line);
            true
        });
        assert_eq!(lines[0].len(), LONGEST);
        assert_eq!(lines[1..], ["\u{fffd}", "last"]);
    }
}
