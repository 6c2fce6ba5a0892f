/** Has `helm upgrade --labels`. Source: helm release notes 3.13. */
export const oldestHelm = '3.13';

/** Major and minor version in the output of `helm version --template {{.Version}}`; undefined when there is none. */
export function helmVersion(output: string): { readonly major: number; readonly minor: number } | undefined {
  const match = /^v?(\d+)\.(\d+)\./.exec(output.trim());
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** True when a version of helm has everything that is used of it. */
export function isUsable({ major, minor }: { readonly major: number; readonly minor: number }): boolean {
  const oldest = helmVersion(`${oldestHelm}.0`) ?? { major: 0, minor: 0 };
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor);
}
