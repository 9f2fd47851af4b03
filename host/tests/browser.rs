//! The HTML report in a browser: no console errors, the table sorts, the lottery panel answers.
//!
//! Needs Chromium (Debian's package `chromium`), or `SSL_LOTTERY_CHROMIUM` with the path of another build.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

/// Before the page: remembers whatever goes wrong.
const WATCH: &str = r#"<script>
window.faults = [];
window.addEventListener("error", (event) => faults.push(String(event.message)));
window.addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
for (const level of ["error", "warn"]) { console[level] = (...parts) => faults.push(parts.join(" ")); }
</script>"#;

/// After the page: does what a reader does, and leaves what was seen in the document.
const ACT: &str = r##"<script>
const seen = {};
const body = document.getElementById("main").tBodies[0];
const order = () => [...body.rows].map((row) => row.cells[0].textContent).join(" ");
const headers = [...document.querySelectorAll("#main thead tr:first-child th")];
const sort = (name) => headers.find((th) => th.textContent === name).querySelector("button").click();
seen.before = order();
sort("A"); seen.byA = order();
sort("A"); seen.byAUp = order();
sort("framework"); seen.byName = order();
seen.state = headers[0].getAttribute("aria-sort");
const winner = () => document.getElementById("panel-winner").textContent;
const rule = (id) => document.querySelector(`#panel input[value="${id}"]`).click();
seen.hidden = document.getElementById("panel").hidden;
seen.weighted = winner();
rule("geometric"); seen.geometric = winner();
rule("mean_rank"); seen.meanRank = winner();
const boxes = [...document.querySelectorAll("#panel-sets input")];
rule("arithmetic");
boxes.slice(3).forEach((box) => box.click()); seen.firstThree = winner();
boxes[0].click(); boxes[2].click(); seen.onlyReaL = winner();
boxes[1].click(); seen.none = winner();
seen.wide = document.documentElement.scrollWidth <= window.innerWidth;
const line = document.querySelector("#ranks g.strong");
const thick = () => getComputedStyle(line.querySelector(".bump")).strokeWidth;
seen.apart = thick();
line.focus();
seen.focused = thick();
const dot = document.querySelector("#reference g.point");
const tip = () => getComputedStyle(dot.querySelector(".tip")).display;
seen.silent = tip();
dot.focus();
seen.told = tip();
seen.faults = faults;
const result = document.createElement("pre");
result.id = "seen";
result.textContent = JSON.stringify(seen);
document.body.append(result);
</script>"##;

fn chromium() -> String {
    let named = std::env::var("SSL_LOTTERY_CHROMIUM").ok();
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let works = |name: &String| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|it| it.status.success())
    };
    named
        .into_iter()
        .chain(known.map(str::to_owned))
        .find(works)
        .expect("expected Chromium in PATH or SSL_LOTTERY_CHROMIUM, found none")
}

fn seen(page: &Path, profile: &Path, width: u32) -> serde_json::Value {
    let output = Command::new(chromium())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={width},900"))
        .args(["--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let document = String::from_utf8(output.stdout).unwrap();
    let (_, rest) = document
        .split_once("<pre id=\"seen\">")
        .expect("the page's script ran to its end");
    let (seen, _) = rest.split_once("</pre>").unwrap();
    serde_json::from_str(
        &seen
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
    .unwrap()
}

#[test]
#[ignore = "needs Chromium"]
fn html_report_works_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_ssl-lottery"))
        .args([
            "report",
            "--study",
            "ozbulak2024",
            "--format",
            "html",
            "--draws",
            "200",
        ])
        .output()
        .unwrap();
    let page = String::from_utf8(made.stdout).unwrap();
    let page = page
        .replacen("<head>", &format!("<head>{WATCH}"), 1)
        .replace("</body>", &format!("{ACT}</body>"));
    let path = folder.path().join("report.html");
    std::fs::write(&path, page).unwrap();
    for width in [1280, 500] {
        let seen = seen(&path, &folder.path().join(format!("profile{width}")), width);
        let text = |key: &str| seen[key].as_str().unwrap().to_owned();
        assert_eq!(seen["faults"], serde_json::json!([]));
        assert!(text("before").starts_with("MoCo DINO Swav BYOL Barlow"));
        assert!(
            text("byA").starts_with("OBoW Swav DINO MoCo"),
            "{}",
            text("byA")
        );
        assert!(text("byAUp").starts_with("SimCLR"), "{}", text("byAUp"));
        assert!(
            text("byName").starts_with("Barlow BYOL DeepC DINO"),
            "{}",
            text("byName")
        );
        assert_eq!(seen["state"], "ascending");
        assert_eq!(seen["hidden"], false);
        assert_eq!(seen["weighted"], "MoCo wins");
        assert_eq!(seen["geometric"], "OBoW wins");
        assert_eq!(seen["meanRank"], "MoCo wins");
        assert_eq!(seen["firstThree"], "DINO wins");
        assert_eq!(seen["onlyReaL"], "DINO wins");
        assert_eq!(seen["none"], "Choose at least one data set.");
        assert_eq!([&seen["apart"], &seen["focused"]], ["2.4px", "5px"]);
        assert_eq!([&seen["silent"], &seen["told"]], ["none", "block"]);
        assert_eq!(
            seen["wide"], true,
            "the page scrolls sideways at {width} pixels"
        );
    }
}
