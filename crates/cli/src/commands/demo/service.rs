//! Starting the demo's own service as a plain process with an empty environment, and ending exactly that process.
//!
//! It is part of this program and no stranger's, and it must be reachable on loopback, which the sandbox forbids.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use groundcrew_workbench::python::Python;

use crate::failure::{Failure, Kind};

/// How long the service may take to open its port.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running service. Dropping it ends it.
pub(super) struct Service {
    child: Child,
    port: u16,
}

impl Service {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// It cannot be started, or does not tell its port.
    pub(super) fn start(arguments: &[String], folder: &Path, python: &Python) -> Result<Self, Failure> {
        let child = Command::new(&python.executable)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(python.env())
            .env("LANG", "C.UTF-8")
            // Its log has no zone in its times; this is the one they are read with.
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(format!("cannot start {}: {error}", python.executable.display())))?;
        let mut service = Self { child, port: 0 };
        service.port = service.told_port()?;
        Ok(service)
    }

    /// Its port on loopback.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and waits for its end.
    ///
    /// # Errors
    /// It ended by itself before.
    pub(super) fn stop(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(failed(format!("the service ended by itself: {status}"))),
            Ok(None) | Err(_) => {
                self.end();
                Ok(())
            }
        }
    }

    /// The service prints its port on the first line; a thread reads it, since a pipe has no timeout.
    fn told_port(&mut self) -> Result<u16, Failure> {
        let Some(out) = self.child.stdout.take() else {
            return Err(failed("the service has no output".into()));
        };
        let (told, hears) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(out).read_line(&mut line);
            drop(told.send(read.map(|_| line)));
        });
        let line = hears.recv_timeout(PATIENCE);
        let port = line.ok().and_then(Result::ok).and_then(|line| line.trim().parse().ok());
        port.ok_or_else(|| failed(format!("the service did not open a port within {} s", PATIENCE.as_secs())))
    }

    fn end(&mut self) {
        // It may have ended already; either way it is reaped.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

fn failed(message: String) -> Failure {
    Failure::new(Kind::Failed, message)
}
