//! Drawing: the few shapes the charts need, styled by class so that the page decides on colours.

use std::fmt::{Display, Write as _};

/// An SVG picture under construction, with a title and a description for those who cannot see it.
#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    height: f64,
    id: String,
    title: String,
    description: String,
    body: String,
}

/// Side of a text that its position names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// An empty picture; `id` is unique in the page.
    pub(super) fn new(id: &str, width: f64, height: f64, title: &str, description: String) -> Self {
        Self {
            width,
            height,
            id: id.to_owned(),
            title: title.to_owned(),
            description,
            body: String::new(),
        }
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.push(format_args!(
            r#"<line class="{class}" x1="{}" y1="{}" x2="{}" y2="{}"/>"#,
            Short(from.0),
            Short(from.1),
            Short(to.0),
            Short(to.1)
        ));
    }

    /// Begins a group that says what it is when it is pointed at or tapped and, if it can be `reached`, by keyboard.
    pub(super) fn open(&mut self, class: &str, hint: &str, reached: bool) {
        // Some browsers take taps only on what can have the focus.
        let index = if reached { 0 } else { -1 };
        self.push(format_args!(
            r#"<g class="{class}" tabindex="{index}"><title>{}</title>"#,
            escape(hint)
        ));
    }

    /// Ends the group begun last.
    pub(super) fn close(&mut self) {
        self.push(format_args!("</g>"));
    }

    /// One of six marks that differ in shape.
    pub(super) fn mark(&mut self, shape: usize, (x, y): (f64, f64)) {
        let corners: &[(f64, f64)] = match shape % 6 {
            0 => &[(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0)],
            1 => &[(0.0, -5.0), (5.0, 4.0), (-5.0, 4.0)],
            2 => &[(0.0, -5.5), (5.5, 0.0), (0.0, 5.5), (-5.5, 0.0)],
            3 => &[(0.0, 5.0), (5.0, -4.0), (-5.0, -4.0)],
            4 => &[(-5.0, -2.5), (5.0, -2.5), (5.0, 2.5), (-5.0, 2.5)],
            _ => &[(-2.5, -5.0), (2.5, -5.0), (2.5, 5.0), (-2.5, 5.0)],
        };
        let points: Vec<(f64, f64)> = corners.iter().map(|(a, b)| (x + a, y + b)).collect();
        self.path("mark", &points, true);
    }

    pub(super) fn circle(&mut self, class: &str, centre: (f64, f64), radius: f64, hint: &str) {
        self.push(format_args!(
            r#"<circle class="{class}" cx="{}" cy="{}" r="{radius}""#,
            Short(centre.0),
            Short(centre.1),
        ));
        self.end("circle", hint);
    }

    pub(super) fn rect(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), hint: &str) {
        self.push(format_args!(
            r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}""#,
            Short(corner.0),
            Short(corner.1),
            Short(size.0),
            Short(size.1),
        ));
        self.end("rect", hint);
    }

    /// Ends a shape, with what it says when it is pointed at, if anything.
    fn end(&mut self, tag: &str, hint: &str) {
        if hint.is_empty() {
            self.push(format_args!("/>"));
        } else {
            self.push(format_args!("><title>{}</title></{tag}>", escape(hint)));
        }
    }

    pub(super) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            r#"<text class="{class}" x="{}" y="{}" text-anchor="{anchor}">{}</text>"#,
            Short(at.0),
            Short(at.1),
            escape(&text.to_string())
        ));
    }

    /// Text that reads straight upwards, centred at `at`.
    pub(super) fn upright(&mut self, class: &str, at: (f64, f64), text: &str) {
        self.push(format_args!(
            r#"<text class="{class}" transform="translate({} {}) rotate(-90)" text-anchor="middle">{}</text>"#,
            Short(at.0),
            Short(at.1),
            escape(text)
        ));
    }

    /// Text that reads upwards, ending at `at`.
    pub(super) fn slanted(&mut self, class: &str, at: (f64, f64), text: &str) {
        self.push(format_args!(
            r#"<text class="{class}" transform="translate({} {}) rotate(-45)" text-anchor="start">{}</text>"#,
            Short(at.0),
            Short(at.1),
            escape(text)
        ));
    }

    /// Straight lines through points; closed shapes are filled by their class.
    pub(super) fn path(&mut self, class: &str, points: &[(f64, f64)], closed: bool) {
        let mut data = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(data, "{command}{} {}", Short(*x), Short(*y));
        }
        if closed {
            data.push('Z');
        }
        self.push(format_args!(r#"<path class="{class}" d="{data}"/>"#));
    }

    /// The picture as an element.
    pub(super) fn finish(self) -> String {
        let Self {
            width,
            height,
            id,
            title,
            description,
            body,
        } = self;
        format!(
            r#"<svg viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>{body}</svg>"#,
            escape(&title),
            escape(&description)
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(element);
    }
}

/// A coordinate to a tenth, without the zero of a whole number: pages of large tables hold tens of thousands.
struct Short(f64);

impl Display for Short {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round();
        if tenths % 10.0 == 0.0 {
            write!(formatter, "{:.0}", tenths / 10.0)
        } else {
            write!(formatter, "{:.1}", tenths / 10.0)
        }
    }
}

/// Text as it may stand in an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn svg_text_is_escaped() {
        let mut svg = Svg::new("a", 10.0, 10.0, "<b>", "\"x\" & y".to_owned());
        svg.text("label", (0.0, 0.0), Anchor::Start, "</text><script>");
        let text = svg.finish();
        assert!(!text.contains("<script>") && !text.contains("<b>"));
        assert!(text.contains("&quot;x&quot; &amp; y"));
    }
}
