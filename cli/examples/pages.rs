//! Writes the completion scripts and manual pages of both programs into a folder, for releases: `pages FOLDER DATE`.
//!
//! An example, so that the programs themselves need not carry the generator of manual pages.

use std::path::Path;
use std::{env, fs, io};

use clap_complete::Shell;

fn main() -> io::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), Some(date)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: pages FOLDER DATE"));
    };
    let folder = Path::new(&folder);
    let date = date.to_string_lossy();
    let programs = [
        ("signet", signet_cli::signet::parser()),
        ("kubeseal", signet_cli::kubeseal::parser()),
    ];
    for (name, mut parser) in programs {
        let completions = folder.join("completions");
        fs::create_dir_all(&completions)?;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            clap_complete::generate_to(shell, &mut parser, name, &completions)?;
        }
        write_manual(&folder.join("man"), parser, &date)?;
    }
    Ok(())
}

/// One page for the program and one for each verb, in section 1.
fn write_manual(folder: &Path, parser: clap::Command, date: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut parser = parser.disable_help_subcommand(true);
    parser.build();
    write_pages(folder, parser, date)
}

fn write_pages(folder: &Path, command: clap::Command, date: &str) -> io::Result<()> {
    for verb in command.get_subcommands() {
        write_pages(folder, verb.clone(), date)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name());
    let name = name.to_owned();
    let page = clap_mangen::Man::new(command.display_name(name.clone()))
        .title(name.to_uppercase())
        .date(date)
        .source(concat!("Signet ", env!("CARGO_PKG_VERSION")))
        .manual("Signet");
    let mut text = Vec::new();
    page.render(&mut text)?;
    fs::write(folder.join(format!("{name}.1")), text)
}
