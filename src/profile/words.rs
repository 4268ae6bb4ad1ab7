//! The vocabulary of profiles. Suites use the same words.

use serde::{Deserialize, Serialize};

/// An enum whose variants are words of files, with the list of all and what each says.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal $says:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $(#[doc = $says] #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order in which people should read them.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// What it says, as half a sentence.
            pub fn says(self) -> &'static str {
                match self { $($name::$variant => $says,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                    format!("`{text}` is none of: {}", known.join(", "))
                })
            }
        }
    };
}

vocabulary! {
    /// What a plugin is to a runtime.
    Kind {
        Interface "interface" "makes the container's interface",
        Chained "chained" "changes what an earlier plugin of the list has made",
        Ipam "ipam" "gives addresses to a plugin that runs it",
        Meta "meta" "hands the whole work to another plugin",
        Unknown "unknown" "has to be found out by trying",
    }
}

vocabulary! {
    /// What a plugin has or does, with the configuration of its profile.
    Word {
        Delegates "delegates" "runs the plugin that ipam.type names, or the delegate",
        Masquerade "masquerade" "hides the container's address behind the host's (ipMasq)",
        HostSide "host-side" "makes a link in the host namespace",
        Gateway "gateway" "makes the container's address reachable from the host",
        Dns "dns" "tells dns settings in its result",
        Stateful "stateful" "keeps files in a state folder",
        OneDevice "one-device" "can have one attachment at a time only",
        FixedIfname "fixed-ifname" "works on one interface name only",
        MovesDevice "moves-device" "moves a device of the host into the container and back",
        CreatesLinks "creates-links" "makes more links than the container's interface and its peer",
        NatRules "nat-rules" "writes rules for network address translation",
        FirewallRules "firewall-rules" "writes rules that let traffic through",
        Shaping "shaping" "limits the rate of traffic",
        PolicyRouting "policy-routing" "makes routing rules and tables",
        Attributes "attributes" "changes attributes or sysctls of an interface",
        Daemon "daemon" "needs a daemon that runs beside it",
        Pool "pool" "has a finite number of addresses",
        FixedAddress "fixed-address" "gives the addresses of its configuration",
        MacSettable "mac-settable" "takes the MAC address that is asked for",
        Mtu "mtu" "takes the MTU that is asked for",
    }
}

vocabulary! {
    /// What somebody may spoil after ADD, so that CHECK has something to notice.
    TamperName {
        InterfaceGone "interface-gone" "the container's interface is deleted",
        AddressGone "address-gone" "an address is taken from the container's interface",
        RouteGone "route-gone" "a route of the result is deleted",
        LinkDown "link-down" "the container's interface is set down",
        MacChanged "mac-changed" "the container's interface gets another MAC address",
        MtuChanged "mtu-changed" "the container's interface gets another MTU",
        HostLinkGone "host-link-gone" "a host link of the result that is not the container's peer is deleted",
        HostLinkDetached "host-link-detached" "the container's peer is taken from its bridge",
        HostLinkDown "host-link-down" "the container's peer is set down",
        RulesGone "rules-gone" "all rules of nftables and iptables are deleted",
        QdiscGone "qdisc-gone" "the queueing disciplines of the container's peer are deleted",
        ExtraLinkGone "extra-link-gone" "a link that the plugin added to the result is deleted",
        PolicyRulesGone "policy-rules-gone" "all routing rules in the container are deleted",
        PolicyTableGone "policy-table-gone" "a route of the plugin's own table is deleted",
        SysctlReset "sysctl-reset" "a sysctl in the container gets another value",
        ReservationGone "reservation-gone" "the files of the address reservation are removed",
        DaemonGone "daemon-gone" "the daemon is stopped",
        MasterGone "master-gone" "the container's interface is taken from its master",
    }
}

impl TamperName {
    /// The keys of a `[[tamper]]` that this one needs.
    pub fn needs(self) -> &'static [&'static str] {
        match self {
            TamperName::SysctlReset => &["sysctl", "value"],
            TamperName::ReservationGone => &["path"],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for word in Word::ALL {
            let json = serde_json::to_string(word).unwrap();
            assert_eq!(json, format!("\"{word}\""));
            assert_eq!(word.as_str().parse(), Ok(*word));
        }
        let error = "chain".parse::<Kind>().unwrap_err();
        assert_eq!(error, "`chain` is none of: interface, chained, ipam, meta, unknown");
    }
}
