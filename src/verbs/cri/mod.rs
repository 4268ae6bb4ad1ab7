//! Verbs that know CRI's own objects.

pub mod codes;
pub mod events;
pub mod image_fs;
pub mod log;
pub mod parallel;
pub mod pid;
pub mod raw;
pub mod remove_image;
pub mod stop;
pub mod survives;
pub mod sweep;
pub mod together;
