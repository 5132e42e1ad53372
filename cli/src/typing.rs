//! A value that a person types: one line, not shown.
//!
//! The terminal shows what is typed again when the line is over, when the program fails, and when it is ended by a signal that
//! can be caught.

use zeroize::Zeroizing;

use crate::error::{Failure, os_text};
use crate::input::MAX_BYTES;
use crate::session::Session;

/// Asks for a line and reads it, without its end.
///
/// # Errors
/// Stdin cannot be read, or the terminal does not stop to show what is typed.
pub(crate) fn hidden_line(session: &mut Session<'_>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::trouble(format_args!("read the terminal: {}", os_text(&error)))
    };
    let hidden = echo::Hidden::start().map_err(failed)?;
    session.notice("type the value, which is not shown, and end it with Enter:");
    let mut line = Zeroizing::new(Vec::new());
    let mut byte = [0];
    while line.len() < MAX_BYTES && session.stdin.read(&mut byte).map_err(failed)? == 1 {
        match byte {
            [b'\n'] => break,
            [byte] => line.push(byte),
        }
    }
    drop(hidden);
    Ok(line)
}

#[cfg(unix)]
mod echo {
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use tokio::signal::unix::{SignalKind, signal};

    /// The terminal of stdin does not show what is typed while this lives.
    pub(super) struct Hidden(Termios);

    impl Hidden {
        pub(super) fn start() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            restore_when_ended(before.clone())?;
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
            Ok(Self(before))
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            // Nobody is left to tell.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        }
    }

    /// Ends the program as those signals would, with the terminal as it was.
    fn restore_when_ended(before: Termios) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let mut caught = Vec::new();
        {
            let _guard = runtime.enter();
            for kind in [
                SignalKind::interrupt(),
                SignalKind::terminate(),
                SignalKind::hangup(),
                SignalKind::quit(),
            ] {
                caught.push((kind, signal(kind)?));
            }
        }
        std::thread::spawn(move || {
            let number = runtime.block_on(first_of(&mut caught));
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            std::process::exit(128 + number);
        });
        Ok(())
    }

    async fn first_of(caught: &mut [(SignalKind, tokio::signal::unix::Signal)]) -> i32 {
        std::future::poll_fn(|context| {
            for (kind, signal) in &mut *caught {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(kind.as_raw_value());
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

#[cfg(not(unix))]
mod echo {
    /// Other systems show what is typed.
    pub(super) struct Hidden;

    impl Hidden {
        pub(super) fn start() -> std::io::Result<Self> {
            Ok(Self)
        }
    }
}
