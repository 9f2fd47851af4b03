//! The charts in PDF: fonts are inside and none is of type 3, and the text can be searched.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use common::{analysed, generated, read, study};
use ssl_report::{PdfError, PdfWriter, figures};

/// The texts between two marks.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    let pieces = text.split(open).skip(1);
    pieces.filter_map(move |piece| Some(piece.split_once(close)?.0))
}

/// Number and content of each object; streams are inflated. Bytes are letters of Latin-1.
fn objects(pdf: &[u8]) -> BTreeMap<usize, String> {
    let text: String = pdf.iter().map(|&byte| char::from(byte)).collect();
    let one = |body: &str| {
        let (head, rest) = body.split_once("obj\n")?;
        let number = head.split_whitespace().rev().nth(1)?.parse().ok()?;
        let Some(stream) = between(rest, "stream\n", "\nendstream").next() else {
            return Some((number, rest.to_owned()));
        };
        let bytes: Vec<u8> = stream.chars().map(|letter| letter as u8).collect();
        let inflated = miniz_oxide::inflate::decompress_to_vec_zlib(&bytes).unwrap_or(bytes);
        Some((number, inflated.into_iter().map(char::from).collect()))
    };
    text.split("\nendobj").filter_map(one).collect()
}

/// The letters that the glyphs of a font stand for; a ligature stands for several.
fn letters(map: &str) -> BTreeMap<u32, String> {
    let code = |digits: &str| u32::from_str_radix(digits, 16).unwrap();
    let pairs = between(map, "beginbfchar", "endbfchar").flat_map(str::lines);
    pairs
        .filter_map(|line| {
            let mut codes = between(line, "<", ">");
            let (glyph, text) = (codes.next()?, codes.next()?);
            let places = (0..text.len()).step_by(4);
            let letters = places.map(|at| char::from_u32(code(&text[at..at + 4])).unwrap());
            Some((code(glyph), letters.collect()))
        })
        .collect()
}

/// A glyph of two bytes as `\ooo` or as it is.
fn glyph(shown: &str) -> u32 {
    let mut bytes = Vec::new();
    let mut rest = shown;
    while let Some(first) = rest.chars().next() {
        let octal = rest
            .get(1..4)
            .and_then(|code| u32::from_str_radix(code, 8).ok());
        let (byte, length) = match (first, octal, rest.chars().nth(1)) {
            ('\\', Some(byte), _) => (byte, 4),
            ('\\', None, Some(next)) => (
                match next {
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'b' => 8,
                    'f' => 12,
                    other => u32::from(other),
                },
                2,
            ),
            _ => (u32::from(first), first.len_utf8()),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    bytes.iter().fold(0, |code, byte| code << 8 | byte)
}

/// What a reader's search would look through.
fn text(pdf: &[u8]) -> String {
    let objects = objects(pdf);
    let mut fonts = BTreeMap::new();
    for body in objects.values() {
        for entry in between(body, "/fo", " 0 R") {
            let Some((name, font)) = entry.split_once(' ') else {
                continue;
            };
            let Some(font) = font.parse().ok().and_then(|font: usize| objects.get(&font)) else {
                continue;
            };
            let map = between(font, "/ToUnicode ", " 0 R").next().unwrap();
            fonts.insert(name.to_owned(), letters(&objects[&map.parse().unwrap()]));
        }
    }
    let mut text = String::new();
    let mut font = "";
    let contents = objects.values().filter(|body| body.contains("\nBT\n"));
    for line in contents.flat_map(|body| body.lines()) {
        if let Some(chosen) = line.strip_prefix("/fo") {
            font = chosen.split(' ').next().unwrap();
        } else if let Some(shown) = line.strip_suffix(") Tj") {
            text.push_str(&fonts[font][&glyph(shown.strip_prefix('(').unwrap())]);
        }
    }
    text
}

#[test]
fn fonts_are_inside_and_names_can_be_searched() {
    let writer = PdfWriter::default();
    for analysis in [study(), generated(12, 11)] {
        for (name, chart) in figures(&analysis) {
            let pdf = writer.write(&chart).unwrap();
            assert!(pdf.starts_with(b"%PDF-"), "{name}");
            let objects = objects(&pdf);
            let all: Vec<&str> = objects.values().map(String::as_str).collect();
            let count = |what: &str| all.iter().filter(|body| body.contains(what)).count();
            assert_eq!(count("/Type3"), 0, "{name}");
            assert!(count("/CIDFontType2") > 0, "{name}");
            // One file of a font for each font.
            assert_eq!(count("/FontFile2"), count("/CIDFontType2"), "{name}");
            assert_eq!(count("/Subtype /Image"), 0, "{name} has pixels");
            let found = text(&pdf);
            // Every text of the chart that a reader sees.
            let document = roxmltree::Document::parse(&chart).unwrap();
            let texts = document.descendants().filter(|node| {
                node.tag_name().name() == "text" && node.attribute("class") != Some("tip")
            });
            for node in texts {
                let written = node.text().unwrap().replace(' ', "");
                assert!(
                    found.replace(' ', "").contains(&written),
                    "{name}: {written} not in {found}"
                );
            }
        }
    }
}

#[test]
fn letters_without_a_font_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str| {
        let table = format!("framework,val\nn,1000\n{name},50.0\nb,40.0\n");
        let analysis = analysed(read(folder.path(), &table));
        let (_, chart) = figures(&analysis).swap_remove(0);
        PdfWriter::default().write(&chart)
    };
    let pdf = named("β-сеть").unwrap();
    assert!(text(&pdf).contains("β-сеть"));
    // For private use: no font that is meant for others has it.
    assert!(matches!(named("a\u{10fff0}"), Err(PdfError::Letters)));
}
