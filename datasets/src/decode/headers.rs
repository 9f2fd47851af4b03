//! What the headers of a JPEG file say, without decoding it.

/// The frame header of a file that the fast decoder reads as libjpeg does.
pub(super) struct Frame {
    /// Where it says the height.
    pub height_at: usize,
    pub height: u16,
    pub width: u16,
    /// Whether rows come one after the other: all colours in one scan, not progressive.
    pub by_rows: bool,
}

/// A colour of the frame.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Component {
    id: u8,
    /// Samples across and down.
    sampling: (u8, u8),
}

/// Reads the headers up to the first scan; none for a file that only libjpeg reads right.
///
/// Those are files with bytes between the headers, arithmetic coding, more than eight bits, lossless or
/// hierarchical coding, four colours, colours that are stored as RGB, and rare samplings.
pub(super) fn plain(bytes: &[u8]) -> Option<Frame> {
    let mut found: Option<(Frame, Vec<Component>)> = None;
    let mut jfif = false;
    let mut at = 2;
    loop {
        let &[0xFF, marker, high, low] = bytes.get(at..)?.first_chunk()? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = bytes.get(at + 4..at + 2 + length)?;
        match marker {
            // Baseline, extended sequential, progressive.
            0xC0..=0xC2 if found.is_none() => {
                let &[bits, y, below_y, x, below_x, _] = segment.first_chunk()?;
                if bits != 8 {
                    return None;
                }
                let frame = Frame {
                    height_at: at + 5,
                    height: u16::from_be_bytes([y, below_y]),
                    width: u16::from_be_bytes([x, below_x]),
                    by_rows: marker != 0xC2,
                };
                found = Some((frame, components(&segment[6..])));
            }
            // Huffman tables.
            0xC4 => {}
            // Other frames, arithmetic coding, restarts, begin and end.
            0xC0..=0xD9 => return None,
            0xDA => {
                let (mut frame, components) = found?;
                frame.by_rows &= segment.first().map(|&n| usize::from(n)) == Some(components.len());
                return usual(&frame, &components, jfif).then_some(frame);
            }
            // JFIF says that the colours are luma and chroma.
            0xE0 if segment.starts_with(b"JFIF\0") => jfif = true,
            // Adobe's marker may say otherwise.
            0xEE if segment.starts_with(b"Adobe") && segment.get(11) != Some(&1) => return None,
            _ => {}
        }
        at += 2 + length;
    }
}

fn components(listed: &[u8]) -> Vec<Component> {
    listed
        .chunks_exact(3)
        .map(|entry| Component {
            id: entry[0],
            sampling: (entry[1] >> 4, entry[1] & 15),
        })
        .collect()
}

/// Whether both decoders agree on such a file.
fn usual(frame: &Frame, components: &[Component], jfif: bool) -> bool {
    match components {
        [grey] => grey.sampling == (1, 1),
        [luma, a, b] => {
            let ids = [luma.id, a.id, b.id];
            let (across, down) = luma.sampling;
            let narrow = across == 2 && frame.width < NARROW;
            let edges = across == 2 && padded(frame.width) || down == 2 && padded(frame.height);
            let small = frame.width.min(frame.height) <= SMALL;
            (jfif || ids == [1, 2, 3])
                && matches!(luma.sampling, (1 | 2, 1 | 2))
                && a.sampling == (1, 1)
                && b.sampling == (1, 1)
                && !narrow
                && !(edges && small)
        }
        _ => false,
    }
}

/// Width from which on chroma of half the width is interpolated: in less, libjpeg repeats its samples.
const NARROW: u16 = 5;
/// Shorter side up to which the last row and column are worth the slower decoder.
const SMALL: u16 = 128;

/// Whether chroma of half the length goes on behind the image's last sample, and that sample looks there.
/// `zune-jpeg` then interpolates with what lies there, libjpeg does not.
fn padded(length: u16) -> bool {
    length.is_multiple_of(2) && !length.is_multiple_of(16)
}
