//! Signet's templates against Go's text/template with sprig. No cluster: `cargo test -p signet-tests --test templates`.

mod case;
mod compare;
mod crypto;
mod dice;
mod differences;
mod documented;
mod generate;
mod grid;
mod names;
mod oracle;
mod ours;
mod shapes;
mod values;
