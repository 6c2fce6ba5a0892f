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

/**
 * How Helm is told to wait until all is ready: always by asking again and again. Helm 4 would watch, and gives up with "status: Unknown" as soon as an API server that is
 * restarted ends its watch; Helm 3 knows no other way than asking. Source: helm 4 docs, helm upgrade, `--wait`; seen with 4.1.4 on a kube-apiserver 1.35.4.
 */
export function waitFlag({ major }: HelmVersion): string {
  return major >= 4 ? '--wait=legacy' : '--wait';
}
