//! One experiment: a client, a censor and the world, in networks that this process makes.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::mpsc,
};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::{
    behaviour::{self, Behaviour},
    censor::{Censor, Lists, Seen},
    line::{self, Line},
    network::Network,
    phone::{self, Got},
    router::Router,
    servers::{NAME, RELAY, Servers},
    system::System,
};

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
    /// Hellos that the censor saw.
    pub hellos: u32,
    /// Flows in which it saw what it looks for.
    pub triggered: u32,
    /// Packets that it dropped or forged.
    pub touched: u32,
    /// Why a program of others did not run at all.
    pub trouble: Option<String>,
}

impl Outcome {
    /// That of a program that did not run.
    #[must_use]
    pub fn failed(experiment: Experiment, why: String) -> Self {
        Self { experiment, got: Got::default(), hellos: 0, triggered: 0, touched: 0, trouble: Some(why) }
    }
}

impl Experiment {
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
        let (lay, laid) = mpsc::channel();
        let (tell, known) = mpsc::channel();
        let mtu = u16::try_from(conditions.mtu.max(1500)).unwrap_or(u16::MAX);
        let world = Network { own: Ipv4Addr::new(10, 77, 2, 1), more: RELAY.to_vec(), mtu, hosts: None };
        let give = lay.clone();
        let (end, over) = oneshot::channel::<()>();
        let system = self.system;
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let place = folder.path().to_owned();
        let world = world.run(
            move |cable| drop(give.send((false, cable))),
            async move || {
                let servers = Servers::start(system, &place).await?;
                let _ = tell.send(servers.known.clone());
                // It is over as well when the other end is gone.
                let _ = over.await;
                servers.end().await;
                Ok(())
            },
        );
        let Ok(known) = known.recv() else { return Err(failed(world)) };
        let hosts = system.tunnel().map(|_| hosts(folder.path())).transpose()?;
        let client = Network { own: Ipv4Addr::new(10, 77, 1, 1), more: Vec::<IpAddr>::new(), mtu, hosts };
        let (go, begin) = mpsc::channel::<()>();
        let whole = self.whole;
        let client = client.run(
            move |cable| drop(lay.send((true, cable))),
            async move || {
                begin.recv().context("no router")?;
                phone::try_all(system, &known, whole).await
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
        let got = got?;
        let Seen { hellos, triggered, dropped, injected, .. } = router.seen();
        Ok(Outcome { experiment: self, got, hellos, triggered, touched: dropped + injected, trouble: None })
    }
}

/// Why a network's thread has ended.
fn failed<T>(thread: std::thread::JoinHandle<Result<T>>) -> anyhow::Error {
    match thread.join() {
        Ok(Err(error)) => error,
        Ok(Ok(_)) | Err(_) => anyhow!("a network ended"),
    }
}

/// Others' clients know the relay by its name: as if DNS had told them both addresses, as our links do.
fn hosts(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("hosts");
    let lines = RELAY.map(|address| format!("{address} {NAME}\n")).concat();
    std::fs::write(&file, format!("127.0.0.1 localhost\n{lines}"))?;
    Ok(file)
}

/// The relay's name, and its first address, are what the censor looks for, and WhatsApp's own names.
fn lists(behaviour: &Behaviour) -> Lists {
    let [first, _] = RELAY;
    let both = behaviour.name.starts_with("port") || behaviour.name.starts_with("protocol");
    Lists {
        names: [NAME, "whatsapp.net", "whatsapp.com"].map(str::to_owned).to_vec(),
        allowed_names: vec!["allowed.example".to_owned()],
        addresses: if both { RELAY.to_vec() } else { vec![first] },
        allowed_addresses: Vec::new(),
    }
}
