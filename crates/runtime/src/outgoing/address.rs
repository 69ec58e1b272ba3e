//! Which addresses are public, and ranges of them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// IPv4 addresses that the internet doesn't route to a host of its own: IANA's special
/// purpose registry (RFC 6890 and what it was updated with), multicast (RFC 5771) and
/// the former class E (RFC 1112).
const NOT_PUBLIC_V4: [AddressRange; 15] = [
    v4([0, 0, 0, 0], 8),       // this network
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // shared behind a carrier's NAT
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local; clouds keep credentials there
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // protocol assignments
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 88, 99, 0], 24),  // relays of 6to4
    v4([192, 168, 0, 0], 16),  // private
    v4([198, 18, 0, 0], 15),   // benchmarking
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, and the broadcast address
];

/// The IPv6 addresses that are given out to networks (RFC 4291, section 2.4). All
/// others are special: loopback, link-local, unique local, multicast and what may come.
const GLOBAL_V6: AddressRange = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What inside [`GLOBAL_V6`] is no host's own address.
const NOT_PUBLIC_V6: [AddressRange; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo among them
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4, which embeds any IPv4 address
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// IPv4 addresses as networks without IPv4 reach them (NAT64, RFC 6052, section 2.1).
const NAT64: AddressRange = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

/// Whether an address is one that the internet routes to a host of its own: neither
/// this machine, nor its network, nor something special.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !contains(&NOT_PUBLIC_V4, IpAddr::V4(v4)),
        IpAddr::V6(v6) if NAT64.contains(IpAddr::V6(v6)) => is_public(embedded_v4(v6)),
        IpAddr::V6(v6) => {
            GLOBAL_V6.contains(IpAddr::V6(v6)) && !contains(&NOT_PUBLIC_V6, IpAddr::V6(v6))
        }
    }
}

/// The IPv4 address in the last four bytes.
fn embedded_v4(address: Ipv6Addr) -> IpAddr {
    let [.., a, b, c, d] = address.octets();
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// Whether one of the ranges holds the address.
pub(super) fn contains(ranges: &[AddressRange], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(address))
}

/// A range of addresses, written as in `10.0.0.0/8` or `fd00::/8` (RFC 4632, section
/// 3.1; RFC 4291, section 2.3). An address alone is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    prefix_bits: u32,
}

/// A text that is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRange(String);

impl AddressRange {
    /// Whether the range holds the address. An IPv4 address in IPv6 form (RFC 4291,
    /// section 2.5.5.2) is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix_bits
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= self.prefix_bits
            }
            _ => false,
        }
    }

    /// The first address of a range that holds `address`.
    fn first(address: IpAddr, prefix_bits: u32) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - prefix_bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - prefix_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        }
    }
}

impl FromStr for AddressRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| {
            InvalidRange("it must be a range such as `10.0.0.0/8` or `fd00::/8`".to_owned())
        })?;
        if address != address.to_canonical() {
            return Err(InvalidRange(format!(
                "write {address} as IPv4: {}",
                address.to_canonical()
            )));
        }
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => bits_max,
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|bits| *bits <= bits_max)
                .ok_or_else(|| {
                    InvalidRange(format!(
                        "the number after the slash must be 0 to {bits_max}"
                    ))
                })?,
        };
        let network = Self::first(address, prefix_bits);
        if network != address {
            return Err(InvalidRange(format!(
                "{address} is not the first address of its range; write `{network}/{prefix_bits}`"
            )));
        }
        Ok(Self {
            network,
            prefix_bits,
        })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_bits)
    }
}

const fn v4([a, b, c, d]: [u8; 4], prefix_bits: u32) -> AddressRange {
    AddressRange {
        network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        prefix_bits,
    }
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix_bits: u32) -> AddressRange {
    AddressRange {
        network: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)),
        prefix_bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_hosts_on_the_internet_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "3ffe:ffff::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn this_machine_its_network_and_special_addresses_are_not() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "64:ff9b:1::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn an_embedded_address_counts_as_what_it_embeds() {
        assert!(!public("::ffff:127.0.0.1"));
        assert!(!public("::ffff:169.254.169.254"));
        assert!(!public("64:ff9b::10.0.0.1"));
        assert!(!public("64:ff9b::169.254.169.254"));

        let loopback: AddressRange = "127.0.0.0/8".parse().unwrap();
        assert!(loopback.contains("::ffff:127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn every_address_is_in_the_ranges_that_begin_like_it_and_in_no_other() {
        // A simple generator: the claim is about every pair, so which ones doesn't matter.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            u32::try_from(state >> 32).unwrap()
        };
        for _ in 0..10_000 {
            let (address, bits) = (Ipv4Addr::from_bits(next()), next() % 33);
            let range = AddressRange {
                network: AddressRange::first(IpAddr::V4(address), bits),
                prefix_bits: bits,
            };

            assert_eq!(range.to_string().parse(), Ok(range));
            assert!(range.contains(IpAddr::V4(address)));
            assert!(range.contains(IpAddr::V6(address.to_ipv6_mapped())));
            if bits > 0 {
                let other = Ipv4Addr::from_bits(address.to_bits() ^ (1 << (32 - bits)));
                assert!(!range.contains(IpAddr::V4(other)), "{range} {other}");
            }
        }
    }

    #[test]
    fn what_is_no_range_is_refused_with_what_to_write() {
        let refused = |text: &str| text.parse::<AddressRange>().unwrap_err().to_string();

        assert!(refused("localhost").contains("`10.0.0.0/8`"));
        assert!(refused("").contains("`10.0.0.0/8`"));
        assert!(refused("10.0.0.0/33").contains("0 to 32"));
        assert!(refused("10.0.0.0/").contains("0 to 32"));
        assert!(refused("fd00::/129").contains("0 to 128"));
        assert!(refused("10.1.2.3/8").contains("`10.0.0.0/8`"));
        assert!(refused("::ffff:10.0.0.0/104").contains("write"));
        assert_eq!("10.1.2.3".parse(), Ok(v4([10, 1, 2, 3], 32)));
        assert_eq!("::/0".parse(), Ok(v6([0; 8], 0)));
    }
}
