/** Compares dotted version numbers by their numeric parts: negative when `one` is older. Missing parts count as 0, suffixes are ignored. */
export function compareVersions(one: string, other: string): number {
  const parts = (version: string): number[] => (/^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '0').split('.').map(Number);
  const left = parts(one);
  const right = parts(other);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
