//! One experiment: a client, a censor and the world, in networks that this process makes.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::mpsc,
};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::{
    behaviour::{self, Behaviour},
    censor::{Censor, Lists, Seen},
    line::{self, Line},
    network::Network,
    phone::{self, Got, System},
    router::Router,
    servers::{NAME, RELAY, Servers},
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
        let world = Network { own: Ipv4Addr::new(10, 77, 2, 1), more: RELAY.to_vec(), mtu };
        let give = lay.clone();
        let world = world.run(
            move |cable| drop(give.send((false, cable))),
            async move || {
                let servers = Servers::start().await?;
                let _ = tell.send(servers.known.clone());
                std::future::pending::<Result<()>>().await
            },
        );
        let Ok(known) = known.recv() else { return Err(failed(world)) };
        let client = Network { own: Ipv4Addr::new(10, 77, 1, 1), more: Vec::<IpAddr>::new(), mtu };
        let (go, begin) = mpsc::channel::<()>();
        let (system, whole) = (self.system, self.whole);
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
        let got = client.join().map_err(|_| anyhow!("the client panicked"))??;
        let Seen { hellos, triggered, dropped, injected, .. } = router.seen();
        Ok(Outcome { experiment: self, got, hellos, triggered, touched: dropped + injected })
    }
}

/// Why a network's thread has ended.
fn failed<T>(thread: std::thread::JoinHandle<Result<T>>) -> anyhow::Error {
    match thread.join() {
        Ok(Err(error)) => error,
        Ok(Ok(_)) | Err(_) => anyhow!("a network ended"),
    }
}

/// The relay's name, and its first address, are what the censor looks for.
fn lists(behaviour: &Behaviour) -> Lists {
    let [first, _] = RELAY;
    let both = behaviour.name.starts_with("port") || behaviour.name.starts_with("protocol");
    Lists {
        names: vec![NAME.to_owned()],
        allowed_names: vec!["allowed.example".to_owned()],
        addresses: if both { RELAY.to_vec() } else { vec![first] },
        allowed_addresses: Vec::new(),
    }
}
