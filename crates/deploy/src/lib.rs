//! Container applications.
//!
//! [`detect`] finds out what an application's source is, and how it is built and run. It is told what lies in the source
//! as data ([`detect::Tree`]), so a folder of this machine and one on a server are looked at in the same way.

pub mod detect;
pub mod jobs;
pub mod live;
mod release;
mod scan;
pub mod source_maps;
mod stage;
mod travels;

pub use stage::AppStages;
