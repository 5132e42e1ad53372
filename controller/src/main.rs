//! `signet-controller`; everything is in the library.

fn main() -> std::process::ExitCode {
    signet_controller::main()
}
