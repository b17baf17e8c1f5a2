//! One experiment: a client, a censor and the world, in networks that this process makes.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::mpsc,
    thread::JoinHandle,
};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tun_rs::SyncDevice;

use crate::{
    behaviour::{self, Behaviour},
    censor::{Censor, Lists, Seen},
    line::{self, Line},
    network::{self, Network},
    ours::NAME,
    phone::{self, Asks, Got},
    place::{Place, RESOLVER},
    reach::Reach,
    router::Router,
    servers::{Known, Servers},
    speed::Speed,
    system::{Cargo, System},
};

/// The ends of the cables, and where the client is once it has moved.
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 1, 1);
const CLIENT_LATER: Ipv4Addr = Ipv4Addr::new(10, 77, 3, 1);
const WORLD: Ipv4Addr = Ipv4Addr::new(10, 77, 2, 1);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 1, 0, 0, 0, 1);
const WORLD_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 2, 0, 0, 0, 1);

/// A network's cable, and whether it is the client's.
type Cable = (bool, SyncDevice);

/// No censor at all.
pub const NONE: &str = "none";

/// What is tried.
#[derive(Clone, Debug, Serialize, Deserialize, clap::Args)]
pub struct Experiment {
    /// The censor's behaviour, or `none`
    pub behaviour: String,
    /// The line behind it
    #[arg(long, default_value = "good")]
    pub line: String,
    /// How the relay is reached
    #[arg(long, default_value = "ours")]
    pub system: System,
    /// Also fetch 5 MB
    #[arg(long)]
    pub whole: bool,
    /// Only connect
    #[arg(long, conflicts_with = "whole")]
    pub first: bool,
    /// Measure how fast this is carried, instead of all else
    #[arg(long, conflicts_with_all = ["whole", "first"])]
    pub speed: Option<Cargo>,
    /// The bridge of this program in the place of the one that is built in, of an older program perhaps
    #[arg(long)]
    pub program: Option<PathBuf>,
    /// What is left to chance
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// What was tried.
    pub experiment: Experiment,
    /// What the phone got.
    pub got: Got,
    /// How fast it was, where that was asked.
    pub speed: Speed,
    /// Hellos that the censor saw.
    pub hellos: u32,
    /// Flows in which it saw what it looks for.
    pub triggered: u32,
    /// Packets that it dropped or forged.
    pub touched: u32,
    /// Packets that it saw, both ways together.
    pub packets: u32,
    /// Why a program of others did not run at all.
    pub trouble: Option<String>,
}

impl Outcome {
    /// That of a program that did not run.
    #[must_use]
    pub fn failed(experiment: Experiment, why: String) -> Self {
        Self {
            experiment,
            got: Got::default(),
            speed: Speed::default(),
            hellos: 0,
            triggered: 0,
            touched: 0,
            packets: 0,
            trouble: Some(why),
        }
    }
}

impl Experiment {
    /// The shortest of a behaviour and a system: on a good line, and with one seed.
    pub fn of(behaviour: &str, system: System) -> Self {
        Self {
            behaviour: behaviour.to_owned(),
            line: "good".to_owned(),
            system,
            whole: false,
            first: false,
            speed: None,
            program: None,
            seed: 1,
        }
    }

    /// Runs it. The networks end with the process, so a process is for one.
    ///
    /// # Errors
    /// No network can be made, or a server does not start.
    pub fn run(self) -> Result<Outcome> {
        let conditions = line::find(&self.line).with_context(|| format!("there is no line {:?}", self.line))?;
        let censor = if self.behaviour == NONE {
            Censor::none()
        } else {
            let known = behaviour::find(&self.behaviour);
            let behaviour = known.with_context(|| format!("there is no behaviour {:?}", self.behaviour))?;
            Censor::new(behaviour, lists(behaviour), self.seed)
        };
        let place = Place::behind(behaviour::find(&self.behaviour));
        let (lay, laid) = mpsc::channel();
        let (end, over) = oneshot::channel::<()>();
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let mtu = u16::try_from(conditions.mtu.max(1500)).unwrap_or(u16::MAX);
        let (world, known) = self.world((place, mtu, folder.path()), lay.clone(), over);
        let Ok(known) = known.recv() else { return Err(failed(world)) };
        let files = self.system.asks().then(|| files(place, folder.path())).transpose()?.unwrap_or_default();
        let own_v6 = (place == Place::Both).then_some(CLIENT_V6);
        let client = Network { own: CLIENT, own_v6, more: Vec::new(), mtu, files };
        let (go, begin) = mpsc::channel::<()>();
        let (system, program, moves, speed) = (self.system, self.program.clone(), conditions.moves, self.speed);
        let asks = match (self.first, self.whole) {
            (true, _) => Asks::Nothing,
            (false, false) => Asks::Usual,
            (false, true) => Asks::Whole,
        };
        let client = client.run(
            move |cable| drop(lay.send((true, cable))),
            async move || {
                begin.recv().context("no router")?;
                let move_away = || network::move_to(CLIENT_LATER, CLIENT);
                let reach = Reach::start(system, &known, program.as_deref()).await?;
                if let Some(cargo) = speed {
                    return Ok((Got::default(), Speed::of(reach, &known, cargo, move_away).await));
                }
                Ok((phone::try_all(reach, &known, asks, moves.then_some(move_away)).await?, Speed::default()))
            },
        );
        let mut cables: Vec<_> = laid.iter().take(2).collect();
        cables.sort_by_key(|(of_client, _)| *of_client);
        let (Some((_, near)), Some((_, far))) = (cables.pop(), cables.pop()) else { return Err(failed(client)) };
        let router = Router::start(near, far, censor, Line::new(conditions, self.seed));
        go.send(()).context("the client is gone")?;
        let got = client.join().map_err(|_| anyhow!("the client panicked"))?;
        drop(end);
        world.join().map_err(|_| anyhow!("the world panicked"))??;
        let (got, speed) = got?;
        let Seen { hellos, triggered, dropped, injected, packets, .. } = router.seen();
        Ok(Outcome {
            experiment: self,
            got,
            speed,
            hellos,
            triggered,
            touched: dropped + injected,
            packets,
            trouble: None,
        })
    }

    /// Starts the world; it tells what is to be known of it, and ends when the other end of `over` does.
    fn world(
        &self,
        (place, mtu, folder): (Place, u16, &Path),
        lay: mpsc::Sender<Cable>,
        over: oneshot::Receiver<()>,
    ) -> (JoinHandle<Result<()>>, mpsc::Receiver<Known>) {
        let (tell, known) = mpsc::channel();
        let more = place.addresses().into_iter().chain(place.beside(self.system)).collect();
        let own_v6 = (place == Place::Both).then_some(WORLD_V6);
        let world = Network { own: WORLD, own_v6, more, mtu, files: Vec::new() };
        let (system, cargo, folder) = (self.system, self.speed.unwrap_or_default(), folder.to_owned());
        let world = world.run(
            move |cable| drop(lay.send((false, cable))),
            async move || {
                let servers = Servers::start(system, cargo, place, &folder).await?;
                let _ = tell.send(servers.known.clone());
                // It is over as well when the other end is gone.
                let _ = over.await;
                servers.end().await;
                Ok(())
            },
        );
        (world, known)
    }
}

/// Why a network's thread has ended.
fn failed<T>(thread: JoinHandle<Result<T>>) -> anyhow::Error {
    match thread.join() {
        Ok(Err(error)) => error,
        Ok(Ok(_)) | Err(_) => anyhow!("a network ended"),
    }
}

/// Others' clients know the relay by its name: as if DNS had told them both addresses, as our links do; or they ask.
fn files(place: Place, folder: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let file = |name: &str, text: String| {
        let file = folder.join(name);
        std::fs::write(&file, text).map(|()| file)
    };
    if place == Place::Asked {
        return Ok(vec![(file("resolv.conf", format!("nameserver {RESOLVER}\n"))?, "/etc/resolv.conf")]);
    }
    let lines = place.addresses().map(|address| format!("{address} {NAME}\n")).concat();
    Ok(vec![(file("hosts", format!("127.0.0.1 localhost\n{lines}"))?, "/etc/hosts")])
}

/// The relay's name, and its first address, are what the censor looks for, and WhatsApp's own names.
fn lists(behaviour: &Behaviour) -> Lists {
    let addresses = Place::behind(Some(behaviour)).addresses();
    let both = behaviour.name.starts_with("port") || behaviour.name.starts_with("protocol");
    let [first, _] = addresses;
    Lists {
        names: [NAME, "whatsapp.net", "whatsapp.com"].map(str::to_owned).to_vec(),
        allowed_names: vec!["allowed.example".to_owned()],
        addresses: if both { addresses.to_vec() } else { vec![first] },
        allowed_addresses: Vec::new(),
    }
}
