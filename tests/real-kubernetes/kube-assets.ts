import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Of the same minor version as the kubectl of the tests. */
export const kubernetesVersion = '1.35.4';
/** The one that this Kubernetes itself requires, so that one module builds both. Source: kubernetes go.mod. */
export const etcdVersion = '3.6.5';
/** Source: kubernetes go.mod, `go`. */
export const oldestGo = '1.25';

export const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const;
export type KubeProgram = (typeof programs)[number];

/** A program's file name on this platform. */
export function programFile(program: KubeProgram): string {
  return process.platform === 'win32' ? `${program}.exe` : program;
}

/** Where `npm run kube-assets` keeps the programs: the user's cache folder, by version, so that clones share them. */
export function kubeAssetsFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const builds = `kubernetes-${kubernetesVersion}-etcd-${etcdVersion}-${process.platform}-${process.arch}`;
  return join(cacheFolder(environment), 'aks-workload-identity', 'kube-assets', builds);
}

/** Source: XDG base directory specification; Apple, file system programming guide; Microsoft, known folders. */
function cacheFolder({ XDG_CACHE_HOME, LOCALAPPDATA }: Readonly<Record<string, string | undefined>>): string {
  if (process.platform === 'win32') return LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  return XDG_CACHE_HOME === undefined || XDG_CACHE_HOME === '' ? join(homedir(), '.cache') : XDG_CACHE_HOME;
}

/** What to do where the programs are missing. */
export const howToGetAssets = 'Run "npm run kube-assets", which needs Go, and set KUBEBUILDER_ASSETS to the folder that it prints.';

/**
 * The folder with the programs, as the variable KUBEBUILDER_ASSETS names it; undefined where it is not set.
 * @throws Error that says what to do when a program is not in it.
 */
export function kubeAssets(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = environment.KUBEBUILDER_ASSETS;
  if (folder === undefined || folder === '') return undefined;
  const missing = programs.filter((program) => !existsSync(join(folder, programFile(program))));
  if (missing.length > 0) throw new Error(`KUBEBUILDER_ASSETS names ${folder}, which has no ${missing.join(', no ')}. ${howToGetAssets}`);
  return folder;
}
