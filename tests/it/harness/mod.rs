//! What every integration test stands on: a private server, the real binary, a picture of a whole
//! keyspace to compare, and a proxy that cuts and delays.

#![allow(dead_code, unused_imports, reason = "each test file takes what it needs")]

pub mod binary;
pub mod certificates;
pub mod cluster;
pub mod cluster_client;
pub mod fetch;
pub mod life;
pub mod proxy;
pub mod running;
pub mod server;
pub mod service;
pub mod snapshot;
pub mod storm;
pub mod witness;

pub use binary::{Remold, Said, Spawned};
pub use cluster::TestCluster;
pub use cluster_client::ClusterClient;
pub use life::Life;
pub use proxy::Proxy;
pub use running::Running;
pub use server::TestServer;
pub use snapshot::Snapshot;
pub use storm::{Aftermath, Storm, Verdict};
