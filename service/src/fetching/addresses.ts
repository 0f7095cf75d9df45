import { BlockList, isIP } from "node:net";

/**
 * Networks that no image is fetched from, by what they are for. IPv4 after
 * https://www.iana.org/assignments/iana-ipv4-special-registry; of IPv6 everything outside 2000::/3 is refused as well
 * (https://www.iana.org/assignments/ipv6-address-space).
 */
const SPECIAL: Readonly<Record<string, readonly string[]>> = {
  unspecified: ["0.0.0.0/8", "::/128"],
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
  "carrier-grade NAT": ["100.64.0.0/10"],
  "link-local": ["169.254.0.0/16", "fe80::/10"],
  // Azure's agent answers at a public address: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
  "cloud metadata": ["168.63.129.16/32"],
  "protocol assignment": ["192.0.0.0/24", "2001::/23"],
  documentation: ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"],
  benchmarking: ["198.18.0.0/15"],
  // Each of these wraps an IPv4 address, which would be reached without having been checked.
  "IPv4 in IPv6": ["::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"],
  "6to4 relay": ["192.88.99.0/24"],
  multicast: ["224.0.0.0/4", "ff00::/8"],
  reserved: ["240.0.0.0/4"],
};

const FAMILIES = { 4: "ipv4", 6: "ipv6" } as const;

function blockList(networks: readonly string[], family: 4 | 6): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    if (isIP(address) === family) list.addSubnet(address, Number(prefix), FAMILIES[family]);
  }
  return list;
}

const tables = (family: 4 | 6) =>
  Object.entries(SPECIAL).map(([kind, networks]) => [kind, blockList(networks, family)] as const);

/** Apart by family: a list with both would compare mapped IPv6 addresses with the IPv4 networks. */
const LISTS = { 4: tables(4), 6: tables(6) } as const;

const GLOBAL_UNICAST = blockList(["2000::/3"], 6);

/**
 * Tells why a connection to an IP address must not be made for a caller.
 * @returns what the address is for, or undefined for one of the public internet
 */
export function specialUse(address: string): string | undefined {
  const family = isIP(address);
  // A zone, as in fe80::1%eth0, belongs to one link.
  if (family === 0 || address.includes("%")) return "unknown";
  const version = family === 6 ? 6 : 4;
  for (const [kind, list] of LISTS[version]) if (list.check(address, FAMILIES[version])) return kind;
  return version === 4 || GLOBAL_UNICAST.check(address, "ipv6") ? undefined : "reserved";
}
