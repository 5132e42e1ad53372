//! Prints the CustomResourceDefinition; `cargo xtask codegen` writes it to its file.

#![expect(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    print!("{}", signet_crds::crd::yaml());
}
