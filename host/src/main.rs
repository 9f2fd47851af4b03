//! The `ssl-lottery` program; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ssl_host::cli::main()
}
