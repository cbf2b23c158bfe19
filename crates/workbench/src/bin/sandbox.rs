//! The sandbox launcher as a program of its own, for tests; the product starts itself again instead.

use std::process::ExitCode;

fn main() -> ExitCode {
    groundcrew_workbench::sandbox::launcher_main(std::env::args_os().skip(1))
}
