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

    pub(super) fn circle(&mut self, class: &str, centre: (f64, f64), radius: f64, hint: &str) {
        self.push(format_args!(
            r#"<circle class="{class}" cx="{}" cy="{}" r="{radius}"><title>{}</title></circle>"#,
            Short(centre.0),
            Short(centre.1),
            escape(hint)
        ));
    }

    pub(super) fn rect(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), hint: &str) {
        self.push(format_args!(
            r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>"#,
            Short(corner.0),
            Short(corner.1),
            Short(size.0),
            Short(size.1),
            escape(hint)
        ));
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

/// A linear scale from data to picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// Maps the range of `values`, widened a little, to `to`.
    pub(super) fn around(values: impl Iterator<Item = f64>, to: (f64, f64)) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let margin = if high > low { 0.06 * (high - low) } else { 0.5 };
        Self {
            from: (low - margin, high + margin),
            to,
        }
    }

    /// Position of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }

    /// The range of data shown.
    pub(super) fn range(&self) -> (f64, f64) {
        self.from
    }

    /// Round values within the range, about `count` of them, with the decimals they need.
    pub(super) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let raw = (self.from.1 - self.from.0) / count.max(1) as f64;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= raw);
        let step = step.unwrap_or(raw);
        // 25 lies between 20 and 50, where a wide range would keep a single tick.
        let quarter = 2.5 * power;
        let step = if step == 5.0 * power && power >= 10.0 && quarter >= raw {
            quarter
        } else {
            step
        };
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let first = (self.from.0 / step).ceil() as i64;
        let last = (self.from.1 / step).floor() as i64;
        (first..=last)
            .map(|index| {
                let value = index as f64 * step;
                (value, format!("{value:.decimals$}"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::around([66.5, 75.1].into_iter(), (0.0, 100.0));
        let labels: Vec<String> = scale.ticks(4).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["70", "75"]);
        let wide = Scale::around([11.9, 89.0].into_iter(), (0.0, 100.0));
        let labels: Vec<String> = wide.ticks(4).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["25", "50", "75"]);
        let narrow = Scale::around([27.40, 27.42].into_iter(), (0.0, 1.0));
        assert!(
            narrow.ticks(3).iter().all(|(_, label)| label.len() == 5),
            "{:?}",
            narrow.ticks(3)
        );
    }

    #[test]
    fn svg_text_is_escaped() {
        let mut svg = Svg::new("a", 10.0, 10.0, "<b>", "\"x\" & y".to_owned());
        svg.text("label", (0.0, 0.0), Anchor::Start, "</text><script>");
        let text = svg.finish();
        assert!(!text.contains("<script>") && !text.contains("<b>"));
        assert!(text.contains("&quot;x&quot; &amp; y"));
    }
}
