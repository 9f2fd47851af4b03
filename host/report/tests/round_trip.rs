//! A report's CSV is a table to report on.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{analysed, read, study};
use ssl_report::input::read_table;
use ssl_report::{csv, json};

#[test]
fn csv_of_a_report_gives_the_same_report() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "framework,val,v2\nn,1000,300\na,50.1,40\nb,60.25,\npixels,12,9.5\nc,0,100\n",
        "framework,'=val,'@x low\nn,30,40\n'=1+1,33.3,50\n\"a, \"\"b\"\"\",40,55.0\n-x,10,20.5\n",
        "framework,val,val low,val mark\nn,30,30,30\na,10,20,30\nb,40,50,60\n",
        "framework,val\nn,30\nalone,10\n",
    ] {
        let first = analysed(read(folder.path(), text));
        let written = csv(&first).unwrap();
        let second = analysed(read(folder.path(), &written));
        assert_eq!(csv(&second).unwrap(), written, "{text}");
        assert_eq!(json(&second).unwrap(), json(&first).unwrap(), "{text}");
    }
}

#[test]
fn csv_of_the_study_gives_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let study = study();
    let written = csv(&study).unwrap();
    assert!(
        written.contains("\nn,50000,,,,50000,,,,10000,"),
        "{written}"
    );
    let again = analysed(read(folder.path(), &written));
    assert_eq!(csv(&again).unwrap(), written);
    assert_eq!(again.table().frameworks(), study.table().frameworks());
}

#[test]
fn a_column_that_only_looks_like_an_annotation_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    for text in [
        "framework,val,other low\nn,30,\na,10,20\nb,40,50\n",
        "framework,val,v2\nn,30,\na,10,20\nb,40,50\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let message = read_table(&path).unwrap_err().to_string();
        assert!(
            message.contains("a positive whole number of images"),
            "{message}"
        );
    }
}
