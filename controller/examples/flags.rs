//! Prints docs/guide/controller.md with its table as the code has it; for `cargo xtask codegen`.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

fn main() {
    let guide = include_str!("../../docs/guide/controller.md");
    print!("{}", signet_controller::args::reference::fill(guide));
}
