//! Traffic through what plugins have made. Everything is bounded by time and happens in one thread:
//! sockets stay in the namespace in which they were made.

mod connect;
mod dial;
mod ping;
mod throughput;
mod world;

pub use connect::connect;
pub use ping::ping;
pub use throughput::throughput;
pub use world::world;
