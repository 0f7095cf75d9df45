/** An IPv4 address range. */
export interface Cidr {
  /** First address, as a number. */
  first: number;
  /** Bits that all addresses share. */
  prefix: number;
}

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

/** Matches the form of an IPv4 address range: four numbers and a prefix length. */
export const CIDR_FORM = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}/(?:3[0-2]|[12]?\\d)$`);

/** Address ranges of private networks: https://www.rfc-editor.org/rfc/rfc1918#section-3 */
export const PRIVATE_RANGES = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] as const;

/** Reads an address range. Throws a RangeError when the text is none, or when its address is not the first one. */
export function parseCidr(text: string): Cidr {
  if (!CIDR_FORM.test(text)) throw new RangeError(`Expected an address range such as 10.0.0.0/16 but received ${text}`);
  const [address = "", length] = text.split("/");
  const cidr = { first: address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0), prefix: Number(length) };
  const aligned = networkOf(cidr);
  if (aligned.first === cidr.first) return cidr;
  throw new RangeError(`Expected the range's first address (${formatCidr(aligned)}) but received ${text}`);
}

/** The range that an address with a prefix length lies in. */
export function networkOf({ first, prefix }: Cidr): Cidr {
  const size = sizeOf(prefix);
  return { first: Math.floor(first / size) * size, prefix };
}

/** The range that an address with a prefix length lies in. The text must have the form of a range. */
export function networkOfText(text: string): Cidr {
  const [address = "", prefix] = text.split("/");
  return networkOf({ first: parseCidr(`${address}/32`).first, prefix: Number(prefix) });
}

/** The range as text. */
export function formatCidr({ first, prefix }: Cidr): string {
  return `${[24, 16, 8, 0].map((bits) => Math.floor(first / 2 ** bits) % 256).join(".")}/${prefix}`;
}

/** The range number `index` when `cidr` is cut into ranges of a longer prefix. Throws a RangeError when there is none. */
export function subrange(cidr: Cidr, prefix: number, index: number): Cidr {
  const count = 2 ** (prefix - cidr.prefix);
  if (!Number.isInteger(index) || prefix > 32 || count < 1 || index < 0 || index >= count) {
    throw new RangeError(`Expected a range of /${prefix} below ${formatCidr(cidr)} but received number ${index}`);
  }
  return { first: cidr.first + index * sizeOf(prefix), prefix };
}

/** Whether two ranges share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.first < b.first + sizeOf(b.prefix) && b.first < a.first + sizeOf(a.prefix);
}

/** Whether a range lies in a private network as a whole. */
export function isPrivate(cidr: Cidr): boolean {
  return PRIVATE_RANGES.map(parseCidr).some((range) => range.prefix <= cidr.prefix && overlaps(range, cidr));
}

/** Addresses of a range. */
export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}
