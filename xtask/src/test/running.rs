//! A program that runs, what it says on both of its outputs, and how it ends. Every wait has a limit; it ends with its owner.

use std::{
    io::{Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// For each thing that is waited for: Wine takes some seconds to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// SIGKILL.
const KILL: i32 = 9;

/// Between two looks at what tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Running {
    child: Child,
    heard: Receiver<Vec<u8>>,
    said: Vec<u8>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let (sender, heard) = mpsc::channel();
        listen(child.stdout.take().context("no output")?, sender.clone());
        listen(child.stderr.take().context("no output")?, sender);
        Ok(Self { child, heard, said: Vec::new() })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said until now.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }

    /// Its first line.
    pub(super) fn line(&mut self) -> Result<String> {
        self.until("\n")?;
        Ok(self.said().lines().next().unwrap_or_default().to_owned())
    }

    /// Waits until it has said this.
    pub(super) fn until(&mut self, words: &str) -> Result<()> {
        let limit = Instant::now() + PATIENCE;
        while !self.said().contains(words) {
            match self.heard.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok(more) => self.said.extend(more),
                Err(RecvTimeoutError::Timeout) => bail!("no {words:?} in what it says: {}", self.said()),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended without {words:?}: {}", self.said()),
            }
        }
        Ok(())
    }

    /// Fails if it has not said this until now.
    pub(super) fn says(&self, words: &str) -> Result<()> {
        ensure!(self.said().contains(words), "it does not say {words:?}: {}", self.said());
        Ok(())
    }

    pub(super) fn type_in(&mut self, keys: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("its input is closed")?;
        input.write_all(keys.as_bytes())?;
        Ok(input.flush()?)
    }

    /// Closes its input.
    pub(super) fn nothing_more(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end, which must be with this code.
    pub(super) fn ends(&mut self, code: i32) -> Result<&mut Self> {
        let mut status = None;
        // Not the end of what it says: what Wine leaves running may hold its outputs.
        wait_until("it has ended", || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })
        .with_context(|| self.said())?;
        while let Ok(more) = self.heard.recv_timeout(LOOK) {
            self.said.extend(more);
        }
        let status = status.context("it has not ended")?;
        // Once in some hundred times Wine's server kills a program that is ending by itself: then what it has said must do.
        let killed = status.signal() == Some(KILL);
        ensure!(killed || status.code() == Some(code), "it ended with {status}, not {code}: {}", self.said());
        Ok(self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again, within the patience.
pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
    let limit = Instant::now() + PATIENCE;
    while !condition() {
        ensure!(Instant::now() < limit, "not within {} s: {what}", PATIENCE.as_secs());
        thread::sleep(LOOK);
    }
    Ok(())
}

fn listen(mut output: impl Read + Send + 'static, sender: mpsc::Sender<Vec<u8>>) {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                break;
            }
        }
    });
}
