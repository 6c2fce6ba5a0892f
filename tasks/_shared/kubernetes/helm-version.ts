/** Has `helm upgrade --labels`. Source: helm release notes 3.13. */
export const oldestHelm = '3.13';

/** A version of helm. */
export interface HelmVersion {
  readonly major: number;
  readonly minor: number;
}

/** Major and minor version in the output of `helm version --template {{.Version}}`; undefined when there is none. */
export function helmVersion(output: string): HelmVersion | undefined {
  const match = /^v?(\d+)\.(\d+)\./.exec(output.trim());
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** True when a version of helm post-renders hooks as well. Source: helm release notes 3.21 and 4.0; seen with 3.17.2 and 4.1.4. */
export function rendersHooks({ major, minor }: HelmVersion): boolean {
  return major > 3 || minor >= 21;
}

/** True when a version of helm has everything that is used of it. */
export function isUsable({ major, minor }: HelmVersion): boolean {
  const oldest = helmVersion(`${oldestHelm}.0`) ?? { major: 0, minor: 0 };
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor);
}
