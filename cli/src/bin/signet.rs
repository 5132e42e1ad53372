//! `signet`: see [`signet_cli::signet`].

fn main() -> std::process::ExitCode {
    signet_cli::signet::main()
}
