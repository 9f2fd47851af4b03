//! The layout of everything that crosses: against a committed snapshot, and against the header as C
//! and C++ compilers lay it out. A difference from the snapshot is an incompatible edit unless it adds
//! lines at the end of a type: either undo it, or raise `ABI_MAJOR`. Write the snapshot anew with
//! `UPDATE_SNAPSHOT=1 cargo test -p ssl-plugin-api --test layout`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// One line for each type and each of its members.
fn report() -> String {
    let mut report = String::new();
    for layout in ssl_plugin_api::layouts() {
        let (name, size, align) = (layout.name, layout.size, layout.align);
        writeln!(report, "{name} size {size} align {align}").expect("memory");
        for (member, offset, size) in layout.members {
            writeln!(report, "  {member} at {offset} size {size}").expect("memory");
        }
    }
    report
}

#[test]
fn layout_matches_the_snapshot() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/layout.txt");
    let found = report();
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(&path, &found).expect("the snapshot can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the snapshot is committed");
    for (n, (e, f)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(e, f, "layout differs from the snapshot in line {}", n + 1);
    }
    assert_eq!(
        expected.lines().count(),
        found.lines().count(),
        "number of lines"
    );
}

/// A program of assertions: sizes, alignments, offsets and sizes of members.
fn assertions() -> String {
    let mut source = String::from(
        "#include \"ssl_lottery.h\"\n#include <stddef.h>\n#ifdef __cplusplus\n\
         #define ALIGN alignof\n#else\n#include <assert.h>\n#define ALIGN _Alignof\n#endif\n",
    );
    let mut check = |condition: String| {
        writeln!(source, "static_assert({condition}, \"{condition}\");").expect("memory");
    };
    for layout in ssl_plugin_api::layouts() {
        let name = layout.name;
        check(format!("sizeof({name}) == {}", layout.size));
        check(format!("ALIGN({name}) == {}", layout.align));
        for (member, offset, size) in &layout.members {
            // DLPack has names of its own for two of them.
            let member = match (name, *member) {
                ("ssl_tensor", "context") => "manager_ctx",
                ("ssl_tensor", "tensor") => "dl_tensor",
                (_, member) => member,
            };
            check(format!("offsetof({name}, {member}) == {offset}"));
            check(format!("sizeof((({name} *)0)->{member}) == {size}"));
        }
        if let Some((last, offset, size)) = layout.members.last()
            && name != "ssl_tensor"
        {
            // The header has nothing behind it.
            check(format!(
                "sizeof({name}) - offsetof({name}, {last}) - {size} < ALIGN({name})"
            ));
            assert!(layout.size - offset - size < layout.align);
        }
    }
    source
}

fn compile(compiler: &str, variable: &str, flags: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("layout.c");
    std::fs::write(&source, assertions()).expect("a file can be written");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let output = Command::new(std::env::var(variable).unwrap_or_else(|_| compiler.to_owned()))
        .args(flags)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"])
        .arg("-I")
        .arg(include)
        .arg(&source)
        .output()
        .expect("a compiler is installed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler}: {words}");
}

#[test]
fn the_header_is_c11_with_the_layout_of_the_rust_types() {
    compile("cc", "CC", &["-std=c11"]);
}

#[test]
fn the_header_is_cpp17_with_the_layout_of_the_rust_types() {
    compile("c++", "CXX", &["-std=c++17", "-x", "c++"]);
}
