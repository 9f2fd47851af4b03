//! Cyan, magenta, yellow and black to RGB, without a colour profile.

/// Each of `255 - k` less its share of ink, rounded.
pub(super) fn to_rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let light = u32::from(255 - k);
    [c, m, y].map(|ink| {
        let product = u32::from(ink) * light + 128;
        (light - (((product >> 8) + product) >> 8)) as u8
    })
}
