//! Takes packets from one cable, lets the censor judge them, and delivers them over the line to the other.
//!
//! The censor sits at the client's end of the line. It reads along in real time; what it and the line do is theirs.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use tun_rs::SyncDevice;

use crate::{
    censor::{Censor, Direction, Seen, Verdict},
    line::Line,
};

/// Nothing happens for so long that it does not matter when it is looked again.
const IDLE: Duration = Duration::from_secs(3600);

/// Both cables and what is between them. It runs until the process ends.
pub(crate) struct Router {
    censor: Arc<Mutex<Censor>>,
}

impl Router {
    /// Joins the cables of the client and of the world.
    pub(crate) fn start(client: SyncDevice, world: SyncDevice, censor: Censor, line: Line) -> Self {
        let (client, world) = (Arc::new(client), Arc::new(world));
        let (tell, packets) = channel();
        for (direction, device) in [(Direction::Up, &client), (Direction::Down, &world)] {
            let (tell, device) = (tell.clone(), Arc::clone(device));
            std::thread::spawn(move || read(&device, direction, &tell));
        }
        let censor = Arc::new(Mutex::new(censor));
        let road = Road { begun: Instant::now(), client, world, censor: Arc::clone(&censor), line };
        std::thread::spawn(move || road.run(&packets));
        Self { censor }
    }

    /// What the censor has seen and done.
    pub(crate) fn seen(&self) -> Seen {
        self.censor.lock().unwrap_or_else(PoisonError::into_inner).seen()
    }
}

fn read(device: &SyncDevice, direction: Direction, tell: &Sender<(Direction, Vec<u8>)>) {
    let mut buffer = vec![0; 1 << 16];
    // An error ends it: the network is gone.
    while let Ok(length) = device.recv(&mut buffer) {
        let packet = buffer.get(..length).unwrap_or_default().to_vec();
        if tell.send((direction, packet)).is_err() {
            return;
        }
    }
}

struct Road {
    begun: Instant,
    client: Arc<SyncDevice>,
    world: Arc<SyncDevice>,
    censor: Arc<Mutex<Censor>>,
    line: Line,
}

impl Road {
    fn run(mut self, packets: &Receiver<(Direction, Vec<u8>)>) {
        loop {
            let now = self.begun.elapsed();
            while let Some((direction, packet)) = self.line.take(now) {
                match direction {
                    Direction::Up => drop(self.world.send(&packet)),
                    Direction::Down => self.judge(&packet, Direction::Down, now),
                }
            }
            let wait = self.line.next().map_or(IDLE, |next| next.saturating_sub(self.begun.elapsed()));
            match packets.recv_timeout(wait) {
                Ok((Direction::Up, packet)) => self.judge(&packet, Direction::Up, self.begun.elapsed()),
                Ok((Direction::Down, packet)) => self.line.push(packet, Direction::Down, self.begun.elapsed()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn judge(&mut self, packet: &[u8], direction: Direction, now: Duration) {
        let verdict = self.censor.lock().unwrap_or_else(PoisonError::into_inner).judge(packet, direction, now);
        let Verdict { pass, inject } = verdict;
        let passed = pass.then(|| (direction, packet.to_vec()));
        for (direction, packet) in passed.into_iter().chain(inject) {
            match direction {
                Direction::Up => self.line.push(packet, Direction::Up, now),
                // A device that takes nothing has lost its network.
                Direction::Down => drop(self.client.send(&packet)),
            }
        }
    }
}
