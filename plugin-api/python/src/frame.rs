//! Messages: four bytes of length (little endian), then JSON.

use serde_json::Value;
use std::io::{self, Read, Write};

/// The longest message; tensors do not travel in messages.
const LONGEST: u32 = 64 << 20;

/// Writes one message.
pub fn write(to: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    let length = u32::try_from(body.len()).ok().filter(|it| *it <= LONGEST);
    let length = length.ok_or_else(|| invalid(format!("a message of {} bytes", body.len())))?;
    let mut whole = Vec::with_capacity(body.len() + 4);
    whole.extend_from_slice(&length.to_le_bytes());
    whole.extend_from_slice(body.as_bytes());
    to.write_all(&whole)
}

/// Reads one message; nothing where the other side closed before one began.
pub fn read(from: &mut impl Read) -> io::Result<Option<Value>> {
    let mut head = [0; 4];
    let mut got = 0;
    while got < head.len() {
        match from.read(&mut head[got..]) {
            Ok(0) if got == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_le_bytes(head);
    if length > LONGEST {
        return Err(invalid(format!("a message of {length} bytes")));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    serde_json::from_slice(&body).map(Some).map_err(invalid)
}

fn invalid(found: impl std::fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("expected a message as JSON of at most {LONGEST} bytes, found {found}"),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_arrive_as_they_were_sent_one_after_the_other() {
        let mut bytes = Vec::new();
        let messages = [
            json!({"op": "step", "text": "ä\n"}),
            json!([1.5, null]),
            json!({}),
        ];
        for message in &messages {
            write(&mut bytes, message).unwrap();
        }
        let mut from = bytes.as_slice();
        for message in &messages {
            assert_eq!(read(&mut from).unwrap().as_ref(), Some(message));
        }
        assert_eq!(read(&mut from).unwrap(), None);
    }

    #[test]
    fn cut_long_and_broken_messages_are_errors() {
        let mut bytes = Vec::new();
        write(&mut bytes, &json!({"op": "step"})).unwrap();
        for cut in 1..bytes.len() {
            let error = read(&mut &bytes[..cut]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut} bytes");
        }
        let long = read(&mut u32::MAX.to_le_bytes().as_slice()).unwrap_err();
        assert!(long.to_string().contains("4294967295 bytes"), "{long}");
        let broken = read(&mut b"\x02\0\0\0{,".as_slice()).unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::InvalidData);
    }
}
