//! Whom clients ask for the relay's addresses, in the world: a resolver by UDP, and providers of DNS over HTTPS. They tell the truth;
//! what comes of it on the way is the censor's.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use anyhow::Result;
use pasarela_e2e::{
    doh::{DohServer, Known},
    identity::certified,
};
use tokio::net::{TcpListener, UdpSocket};

use crate::{
    dns,
    ours::{ABOVE, NAME},
    place::{PROVIDERS, Place, RESOLVER},
};

/// Starts them, `with_providers` or without; gives the authority that certifies the providers.
pub(crate) async fn start(place: Place, with_providers: bool) -> Result<Option<Vec<u8>>> {
    let socket = UdpSocket::bind((RESOLVER, 53)).await?;
    tokio::spawn(async move {
        let mut message = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut message).await {
            if let Some(answer) = answer(message.get(..length).unwrap_or_default(), place) {
                // Whoever is gone asks no more.
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    if !with_providers {
        return Ok(None);
    }
    let names = PROVIDERS.map(|address| address.to_string());
    let (identity, authority) = certified(&names.each_ref().map(String::as_str))?;
    for address in PROVIDERS {
        let known = BTreeMap::from([(NAME, Known { addresses: place.addresses().to_vec(), ech: None })]);
        let server = DohServer::start_at(TcpListener::bind((address, 443)).await?, &identity, true, known)?;
        // It runs until the process ends.
        std::mem::forget(server);
    }
    Ok(Some(authority.to_vec()))
}

fn answer(question: &[u8], place: Place) -> Option<Vec<u8>> {
    let asked = dns::question(question)?.name;
    let old = |address: IpAddr| match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    };
    let addresses: Vec<Ipv4Addr> = place.addresses().into_iter().filter_map(old).collect();
    let is_its = asked == NAME || asked.strip_suffix(ABOVE).is_some_and(|label| label.ends_with('.'));
    dns::told(question, is_its.then_some(&addresses))
}
