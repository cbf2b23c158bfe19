//! SIGINT and SIGTERM: the first asks to stop in good order, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Done, Failure, Kind};

/// The signals received so far.
pub(crate) struct Signals {
    last: Arc<AtomicUsize>,
}

impl Signals {
    /// Begins to watch.
    ///
    /// # Errors
    /// The system does not allow it.
    pub(crate) fn watch() -> Result<Self, Failure> {
        let last = Arc::new(AtomicUsize::new(0));
        let asked = Arc::new(AtomicBool::new(false));
        let register = || -> std::io::Result<()> {
            for signal in [SIGINT, SIGTERM] {
                // First in line, so that it sees whether an earlier signal was there already.
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
                flag::register(signal, Arc::clone(&asked))?;
                flag::register_usize(signal, Arc::clone(&last), usize::try_from(signal).unwrap_or(0))?;
            }
            Ok(())
        };
        register()
            .map_err(|error| Failure::new(Kind::Failed, format!("cannot watch for signals: {error}")))?;
        Ok(Self { last })
    }

    /// The end that a received signal asks for.
    pub(crate) fn received(&self) -> Option<Done> {
        match u8::try_from(self.last.load(Ordering::SeqCst)) {
            Ok(0) | Err(_) => None,
            Ok(number) => Some(Done::Signal(number)),
        }
    }
}
