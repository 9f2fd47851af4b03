//! Compiles `cpp/` against the c10d of the libtorch that `LIBTORCH` names; without c10d, a stand-in that says so.

use std::path::{Path, PathBuf};

/// The libtorch whose c10d, and whose use of Gloo, `cpp/` declares.
const VERSION: [&str; 2] = ["2", "9"];

fn main() {
    println!("cargo::rerun-if-changed=cpp");
    for name in ["LIBTORCH", "CUDA_HOME", "NCCL_HOME"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let Some(libtorch) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
        println!(
            "cargo::error=expected LIBTORCH to name a libtorch, found nothing; \
             run `cargo xtask setup`, and cargo inside the checkout"
        );
        return;
    };
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .include(libtorch.join("include"))
        .include(libtorch.join("include/torch/csrc/api/include"))
        // As libtorch and its binding are compiled.
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .warnings(false);
    if let Err(missing) = gloo(&libtorch) {
        println!("cargo::warning=no data parallelism in this build: {missing}");
        build.define("SSL_WITHOUT", format!("\"{missing}\"").as_str());
        build.file("cpp/absent.cpp").compile("ssl_distributed");
        return;
    }
    match nccl(&libtorch) {
        Ok(Some(headers)) => {
            build.define("USE_C10D_NCCL", None).includes(headers);
        }
        Ok(None) => {}
        Err(missing) => println!("cargo::warning=no NCCL in this build: {missing}"),
    }
    build
        .define("USE_C10D_GLOO", None)
        .include("cpp")
        .file("cpp/group.cpp")
        .file("cpp/batch_norm.cpp")
        .compile("ssl_distributed");
}

/// Whether libtorch has c10d with Gloo, in the version that `cpp/gloo` is written for.
fn gloo(libtorch: &Path) -> Result<(), String> {
    let header = libtorch.join("include/torch/csrc/distributed/c10d/ProcessGroupGloo.hpp");
    if !header.exists() {
        return Err(format!("expected c10d's headers in {}", libtorch.display()));
    }
    let version = libtorch.join("include/torch/csrc/api/include/torch/version.h");
    let text = std::fs::read_to_string(&version).unwrap_or_default();
    for (part, expected) in ["MAJOR", "MINOR"].into_iter().zip(VERSION) {
        let name = format!("#define TORCH_VERSION_{part} ");
        let found = text.lines().find_map(|line| line.strip_prefix(&name));
        if found.map(str::trim) != Some(expected) {
            return Err(format!(
                "expected libtorch {} in {}, found another version",
                VERSION.join("."),
                libtorch.display()
            ));
        }
    }
    exports(libtorch, "torch_cpu", "_ZTVN4c10d16ProcessGroupGlooE")
}

/// The folders of CUDA's and NCCL's headers, where libtorch was built with NCCL.
fn nccl(libtorch: &Path) -> Result<Option<Vec<PathBuf>>, String> {
    if !libtorch.join("lib/libtorch_cuda.so").exists() {
        return Ok(None);
    }
    exports(libtorch, "torch_cuda", "_ZTVN4c10d16ProcessGroupNCCLE")?;
    let folder = |variable: &str, header: &str| -> Result<PathBuf, String> {
        let named = std::env::var_os(variable).map(PathBuf::from);
        let usual = ["/usr/local/cuda", "/usr"].map(PathBuf::from);
        let folders = named.into_iter().chain(usual).map(|it| it.join("include"));
        let mut holding = folders.filter(|folder| folder.join(header).exists());
        holding
            .next()
            .ok_or_else(|| format!("expected {variable} to name the folder of include/{header}"))
    };
    Ok(Some(vec![
        folder("CUDA_HOME", "cuda_runtime_api.h")?,
        folder("NCCL_HOME", "nccl.h")?,
    ]))
}

/// Whether a program that uses the symbol links against the library.
fn exports(libtorch: &Path, library: &str, symbol: &str) -> Result<(), String> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let source = out.join("probe.c");
    let text = format!("extern char {symbol}[]; int main(void) {{ return {symbol}[0]; }}\n");
    std::fs::write(&source, text).map_err(|error| error.to_string())?;
    let folder = libtorch.join("lib");
    let linked = cc::Build::new()
        .get_compiler()
        .to_command()
        .arg(&source)
        .arg(format!("-L{}", folder.display()))
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        // What the library itself needs is not looked for.
        .arg("-Wl,--unresolved-symbols=ignore-in-shared-libs")
        .arg(format!("-l{library}"))
        .arg("-o")
        .arg(out.join("probe"))
        .output()
        .is_ok_and(|linked| linked.status.success());
    match linked {
        true => Ok(()),
        false => Err(format!(
            "expected c10d in {}",
            folder.join(library).display()
        )),
    }
}
