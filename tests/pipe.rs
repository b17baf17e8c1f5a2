//! `/pipe`: our own Noise client and a TLS client through the relay, and what ends a stream.

use anyhow::Result;
use pasarela_e2e::{handshake, measuring};

use crate::common::{Bench, soak};

#[tokio::test]
async fn a_noise_handshake_through_the_pipe_verifies_down_to_the_root() -> Result<()> {
    let bench = Bench::start().await?;
    handshake::through(&bench.relay.url("/pipe/chat"), bench.sim.root_key()).await?;
    bench.must_be_idle().await
}

#[tokio::test]
async fn a_download_arrives_bit_for_bit() -> Result<()> {
    let bench = Bench::start().await?;
    let total = if soak() { 512 << 20 } else { 64 << 20 };
    measuring::download(&bench.relay.url("/pipe/chat"), total).await?;
    bench.must_be_idle().await
}

#[tokio::test]
async fn an_upload_with_4_mib_in_flight_arrives_bit_for_bit() -> Result<()> {
    let bench = Bench::start().await?;
    let total = if soak() { 512 << 20 } else { 64 << 20 };
    measuring::upload(&bench.relay.url("/pipe/chat"), total, 64 << 10, 4 << 20).await?;
    bench.must_be_idle().await
}
