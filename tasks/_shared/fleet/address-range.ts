/** A range of IP addresses. */
export interface AddressRange {
  /** As Kubernetes takes it: `10.1.2.0/24`. */
  readonly cidr: string;
  readonly family: 4 | 6;
  readonly first: bigint;
  /** Length of the prefix. */
  readonly prefix: number;
}

const sizes = { 4: 32, 6: 128 } as const;
/** Ranges with a shorter prefix are a large part of the Internet. The largest that IANA gave to one organisation is a /8. Source: IANA, IPv4 address space registry. */
const shortest = { 4: 8, 6: 16 } as const;

/** Reads `10.1.2.0/24`, `fd00::/64`, or a single address. Gives the reason where it is none that Kubernetes would take as it is meant. */
export function parseRange(given: string): AddressRange | { readonly because: string } {
  const [, address = '', digits] = /^([0-9a-fA-F.:]+?)(?:\/(\d{1,3}))?$/.exec(given) ?? [];
  const family = address.includes(':') ? 6 : 4;
  const first = family === 6 ? ofIPv6(address) : ofIPv4(address);
  if (first === undefined) return { because: 'it is no IP address' };
  const prefix = digits === undefined ? sizes[family] : Number(digits);
  if (prefix > sizes[family]) return { because: `its prefix is longer than ${sizes[family]}` };
  if (prefix < shortest[family]) return { because: `a range wider than /${shortest[family]} is a large part of the Internet; where that is meant, the word is internet` };
  const beyond = BigInt(sizes[family] - prefix);
  if (((first >> beyond) << beyond) !== first) return { because: `the address has bits beyond its prefix of ${prefix}: a range is named by its first address, one address by /${sizes[family]}` };
  return { cidr: `${address.toLowerCase()}/${prefix}`, family, first, prefix };
}

/** True when every address of the second range is in the first. */
export function contains(range: AddressRange, other: AddressRange): boolean {
  if (range.family !== other.family || range.prefix > other.prefix) return false;
  const beyond = BigInt(sizes[range.family] - range.prefix);
  return range.first >> beyond === other.first >> beyond;
}

/** The ranges among these texts; what is none is left out. */
export function rangesOf(texts: readonly string[]): AddressRange[] {
  return texts.map(parseRange).flatMap((range) => ('because' in range ? [] : [range]));
}

function ofIPv4(address: string): bigint | undefined {
  const parts = address.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function ofIPv6(address: string): bigint | undefined {
  const halves = address.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
