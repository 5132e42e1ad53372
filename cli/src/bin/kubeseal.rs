//! `kubeseal`: see [`signet_cli::kubeseal`].

fn main() -> std::process::ExitCode {
    signet_cli::kubeseal::main()
}
