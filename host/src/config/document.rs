//! A TOML document with `--set` overrides merged in, which still knows where everything was said.

use super::fault::BenchmarkFault;
use miette::NamedSource;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The longest line, and the longest value, that is shown with a fault, in bytes.
const LONGEST_LINE: usize = 1000;

/// A parsed document.
///
/// Spans of the file are byte offsets into its text; spans of the `n`-th override lie after the
/// file's end, so that one number tells where a value comes from.
#[derive(Clone, Debug)]
pub struct Document {
    name: String,
    text: String,
    overrides: Vec<Override>,
}

/// An assignment, written after as much white space as stands before it in all.
#[derive(Clone, Debug)]
struct Override {
    padded: String,
    start: usize,
    /// Number of the key's parts.
    depth: usize,
}

impl Document {
    /// Parses `text`; `name` is what messages call it.
    ///
    /// # Errors
    /// Every syntax fault that the parser can tell apart.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<BenchmarkFault>> {
        let document = Self {
            name: name.to_owned(),
            text: text.to_owned(),
            overrides: Vec::new(),
        };
        let (_, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(document);
        }
        Err(errors
            .iter()
            .map(|e| document.fault_at(e.span(), e.message().to_owned(), None))
            .collect())
    }

    /// Sets `key=value` in the document; the key may be dotted, the value is TOML and takes the place
    /// of the old one. A value that is not TOML is taken as a string, so that
    /// `pretrain.device=cuda:0` needs no quotes.
    ///
    /// # Errors
    /// A fault when the assignment has no `=`, an unreadable key, or runs through something that
    /// is not a table.
    pub fn set(&mut self, assignment: &str) -> Result<(), Box<BenchmarkFault>> {
        let Some((key, value)) = assignment.split_once('=') else {
            return Err(Box::new(BenchmarkFault::plain(
                format!("`--set {assignment}`: expected key=value, found no `=`"),
                "write the key with dots, for instance `--set pretrain.epochs=5`",
            )));
        };
        let (key, value) = (key.trim(), value.trim());
        let last = self.overrides.last();
        let start = last.map_or(self.text.len(), |o| o.padded.len()) + 1;
        let pad = |written: String| format!("{}{written}", " ".repeat(start));
        let as_toml = pad(format!("{key} = {value}"));
        let as_string = pad(format!("{key} = {}", toml::Value::String(value.to_owned())));
        let padded = match (DeTable::parse(&as_toml), DeTable::parse(&as_string)) {
            (Ok(_), _) => as_toml,
            (Err(_), Ok(_)) => as_string,
            (Err(e), Err(_)) => {
                return Err(Box::new(BenchmarkFault::plain(
                    format!("`--set {assignment}`: {}", e.message()),
                    "write the key with dots and the value as TOML: `--set seeds=[0,1]`",
                )));
            }
        };
        let depth = key_depth(key);
        let mut tree = self.tree().into_inner();
        let added = DeTable::parse(&padded).map(Spanned::into_inner);
        if let Err(at) = merge(&mut tree, added.unwrap_or_default(), depth) {
            return Err(Box::new(BenchmarkFault::plain(
                format!("`--set {assignment}`: expected `{at}` to be a table, found a value"),
                "set the whole value instead",
            )));
        }
        self.overrides.push(Override {
            padded,
            start,
            depth,
        });
        Ok(())
    }

    /// The tree with everything merged. Text and overrides were parsed once before, so nothing is
    /// lost by reading them leniently here.
    pub(super) fn tree(&self) -> Spanned<DeTable<'_>> {
        let (mut root, _) = DeTable::parse_recoverable(&self.text);
        for o in &self.overrides {
            let (extra, _) = DeTable::parse_recoverable(&o.padded);
            // Cannot be in the way of anything: `set` refused such an override.
            let _ = merge(root.get_mut(), extra.into_inner(), o.depth);
        }
        root
    }

    /// A fault about the value at `path`; it points at the deepest part of the path that was
    /// written down. Numbers in the path index lists.
    #[must_use]
    pub fn fault(
        &self,
        path: &[&str],
        message: impl Into<String>,
        help: Option<String>,
    ) -> BenchmarkFault {
        let span = span_of(self.tree().get_ref(), path);
        self.fault_at(span, message.into(), help)
    }

    /// A fault about a stretch of the text.
    pub(super) fn fault_at(
        &self,
        span: Option<Range<usize>>,
        message: String,
        help: Option<String>,
    ) -> BenchmarkFault {
        let Some(span) = span else {
            return BenchmarkFault::new(message, help, None);
        };
        let origin = self.overrides.iter().rev().find(|o| span.start >= o.start);
        let (name, text, from) = match origin {
            Some(o) => ("--set", &o.padded[o.start..], o.start),
            None => (self.name.as_str(), self.text.as_str(), 0),
        };
        let end = (span.end - from).min(text.len());
        let start = (span.start - from).min(end);
        let before = &text.as_bytes()[..start];
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        // A message shows the lines around its place; these are of no use to anybody.
        let shown = text.lines().skip(line.saturating_sub(1)).take(3);
        if end - start > LONGEST_LINE || shown.map(str::len).max() > Some(LONGEST_LINE) {
            let message = format!("{name}, line {}: {message}", line + 1);
            return BenchmarkFault::new(message, help, None);
        }
        let source = NamedSource::new(name, text.to_owned());
        BenchmarkFault::new(message, help, Some((source, start..end)))
    }
}

/// Number of parts of a dotted key that was parsed before.
fn key_depth(key: &str) -> usize {
    let probe = format!("{key} = 0");
    let (table, _) = DeTable::parse_recoverable(&probe);
    let mut table = Some(table.get_ref());
    let mut depth = 0;
    while let Some(inner) = table {
        depth += 1;
        table = inner.values().next().and_then(|v| v.get_ref().as_table());
    }
    depth
}

/// Merges `extra` into `base` down to `depth`, where values are replaced; the error names where a
/// value is in the way.
fn merge<'a>(base: &mut DeTable<'a>, extra: DeTable<'a>, depth: usize) -> Result<(), String> {
    for (key, value) in extra {
        let name = key.get_ref().to_string();
        match base.get_mut(name.as_str()).map(Spanned::get_mut) {
            Some(DeValue::Table(old)) if depth > 1 => {
                if let DeValue::Table(new) = value.into_inner() {
                    merge(old, new, depth - 1).map_err(|at| format!("{name}.{at}"))?;
                }
            }
            Some(_) if depth > 1 => return Err(name),
            _ => {
                // Taken out first: `insert` would keep the old key and with it the old span.
                base.remove(name.as_str());
                base.insert(key, value);
            }
        }
    }
    Ok(())
}

/// The span of the deepest part of `path` that exists.
fn span_of(root: &DeTable<'_>, path: &[&str]) -> Option<Range<usize>> {
    let (first, rest) = path.split_first()?;
    let mut value = root.get(*first)?;
    for part in rest {
        let next = match value.get_ref() {
            DeValue::Table(table) => table.get(*part),
            DeValue::Array(items) => part.parse::<usize>().ok().and_then(|n| items.get(n)),
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => break,
        }
    }
    Some(value.span())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
    use super::*;
    use serde::Deserialize as _;

    fn with(text: &str, set: &[&str]) -> String {
        let mut document = Document::parse("bench.toml", text).unwrap();
        for assignment in set {
            document.set(assignment).unwrap();
        }
        let table = toml::Table::deserialize(toml::de::Deserializer::from(document.tree()));
        table.unwrap().to_string()
    }

    #[test]
    fn set_override_replaces_one_value_only() {
        let text = "a = { b = { c = 1, d = 2 }, e = 3 }\n[[f]]\ng = 4\n";
        let expect = |text: &str| text.parse::<toml::Table>().unwrap().to_string();
        assert_eq!(
            with(text, &["a.b.c=9", "h.i=\"x\""]),
            expect("a = { b = { c = 9, d = 2 }, e = 3 }\nf = [{ g = 4 }]\nh = { i = \"x\" }")
        );
        assert_eq!(
            with(text, &["a.b={ c = 9 }", "f=[]", "f=[1]"]),
            expect("a = { b = { c = 9 }, e = 3 }\nf = [1]")
        );
    }

    #[test]
    fn set_override_reads_a_bare_word_as_a_string() {
        assert_eq!(with("", &["d=cuda:0"]), "d = \"cuda:0\"\n");
        assert_eq!(with("", &["d=true"]), "d = true\n");
    }

    #[test]
    fn a_fault_in_a_long_line_shows_its_number_and_not_the_line() {
        let text = format!("a = 1\nb = {}{}\n", "[".repeat(5000), "]".repeat(5000));
        for fault in Document::parse("bench.toml", &text).unwrap_err() {
            let shown = format!("{:?}", miette::Report::new(fault));
            assert!(shown.len() < 1000, "{} bytes", shown.len());
            assert!(shown.contains("bench.toml, line 2: "), "{shown}");
        }
    }

    #[test]
    fn set_override_through_a_value_is_refused() {
        let mut document = Document::parse("bench.toml", "a = { b = 1 }").unwrap();
        let fault = document.set("a.b.c=2").unwrap_err();
        assert!(
            fault.message.contains("expected `a.b` to be a table"),
            "{fault}"
        );
    }
}
