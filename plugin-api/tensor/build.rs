//! Compiles `cpp/adopt.cpp` against the libtorch that `LIBTORCH` names.

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=cpp/adopt.cpp");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let Some(libtorch) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
        println!(
            "cargo::error=expected LIBTORCH to name a libtorch, found nothing; \
             run `cargo xtask setup`, and cargo inside the checkout"
        );
        return;
    };
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file("cpp/adopt.cpp")
        .include(libtorch.join("include"))
        .include(libtorch.join("include/torch/csrc/api/include"))
        // As libtorch and its binding are compiled.
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .warnings(false)
        .compile("ssl_plugin_tensor");
}
