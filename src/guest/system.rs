//! The few functions of the C library that std does not offer. Every `unsafe` of the guest is here or in `signals`.

use std::ffi::{CStr, c_char, c_int};

unsafe extern "C" {
    static environ: *const *const c_char;
    safe fn getuid() -> u32;
    safe fn geteuid() -> u32;
    safe fn getgid() -> u32;
    safe fn getegid() -> u32;
    fn getgroups(size: c_int, list: *mut u32) -> c_int;
    fn gethostname(name: *mut c_char, len: usize) -> c_int;
}

/// Real and effective user, real and effective group.
pub fn ids() -> [u32; 4] {
    [getuid(), geteuid(), getgid(), getegid()]
}

/// The supplementary groups, in the kernel's order.
pub fn groups() -> Vec<u32> {
    // SAFETY: with size 0 the list is not touched, and its length comes back.
    let count = unsafe { getgroups(0, std::ptr::null_mut()) };
    let mut list = vec![0; usize::try_from(count).unwrap_or(0)];
    // SAFETY: `list` has room for as many entries as it is said to have; nothing else in this program sets groups.
    let count = unsafe { getgroups(count, list.as_mut_ptr()) };
    list.truncate(usize::try_from(count).unwrap_or(0));
    list
}

/// The name of the machine, as the UTS namespace has it.
pub fn hostname() -> Vec<u8> {
    // Linux limits it to 64 bytes; the last byte stays 0.
    let mut name = [0u8; 256];
    // SAFETY: the buffer is one longer than its stated length.
    let status = unsafe { gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    if status != 0 {
        return Vec::new();
    }
    name.iter().copied().take_while(|byte| *byte != 0).collect()
}

/// The environment as the kernel handed it over: raw entries, in order, repeated and malformed ones included.
///
/// `std::env::vars_os` drops entries without `=`, which a runtime may have made wrongly.
pub fn environment() -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    // SAFETY: `environ` is a list of C strings that ends with a null pointer; nobody changes it in this program.
    unsafe {
        let mut entry = environ;
        while !entry.is_null() && !(*entry).is_null() {
            entries.push(CStr::from_ptr(*entry).to_bytes().to_vec());
            entry = entry.add(1);
        }
    }
    entries
}
