import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import { kubeTools } from '../../tools/kube-tools.js';
import { runProcess } from '../../tools/run-process.js';
import { writeFiles } from '../../tools/write-files.js';
import type { ClusterRecord } from '../arm/cluster-record.js';
import type { PodCommand, PodEnd } from '../arm/run-commands.js';

/** An API server that listens on the loopback interface. */
export interface PodCluster {
  readonly server: string;
  /** PEM text. */
  readonly certificateAuthority: string;
}

/** Runs commands of a simulated cluster. @param major of helm */
export function commandPod(major: 3 | 4): (record: ClusterRecord, command: PodCommand) => Promise<PodEnd> {
  return (record, command) => runInPod(major, record.endpoint(), command);
}

/**
 * Runs a command as the pod of AKS does: a shell in the folder of the unpacked files, with kubectl and helm on its PATH, and a kubeconfig that signs in with the token of
 * the command. Linux and macOS.
 * @param major of helm
 */
export async function runInPod(major: 3 | 4, cluster: PodCluster, { command, context, token }: PodCommand): Promise<PodEnd> {
  const home = await mkdtemp(join(tmpdir(), 'command-pod-'));
  try {
    const [work, bin] = [join(home, 'work'), join(home, 'bin')];
    await Promise.all([work, bin].map((folder) => mkdir(folder)));
    await writeFiles(work, Object.fromEntries(await filesOf(context)));
    const { kubectl, helm3, helm4 } = await kubeTools();
    await symlink(kubectl, join(bin, 'kubectl'));
    await symlink(major === 3 ? helm3 : helm4, join(bin, 'helm'));
    await writeFile(join(home, 'kubeconfig'), kubeconfig(cluster, token), { mode: 0o600 });
    const env = { HOME: home, TMPDIR: home, KUBECONFIG: join(home, 'kubeconfig'), PATH: `${bin}:/usr/bin:/bin` };
    const { code, stdout, stderr } = await runProcess('/bin/sh', ['-c', `cd "$HOME/work" && ${command}`], env);
    return { exitCode: code, output: `${stdout}${stderr}` };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function kubeconfig({ server, certificateAuthority }: PodCluster, token: string): string {
  const cluster = { server, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') };
  const context = { cluster: 'in', user: 'in' };
  return JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters: [{ name: 'in', cluster }], users: [{ name: 'in', user: { token } }], contexts: [{ name: 'in', context }], 'current-context': 'in' });
}

/** The files of a zip by their paths. */
export async function filesOf(zip: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  if (zip.length === 0) return files;
  const archive = await new Promise<ZipFile>((resolve, reject) => {
    fromBuffer(zip, { lazyEntries: true }, (error, opened) => (error === null ? resolve(opened) : reject(error)));
  });
  await new Promise<void>((resolve, reject) => {
    archive.on('error', reject);
    archive.on('end', resolve);
    archive.on('entry', (entry: Entry) => {
      read(archive, entry).then((content) => {
        files.set(entry.fileName, content);
        archive.readEntry();
      }, reject);
    });
    archive.readEntry();
  });
  return files;
}

async function read(archive: ZipFile, entry: Entry): Promise<string> {
  const stream = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    archive.openReadStream(entry, (error, opened) => (error === null ? resolve(opened) : reject(error)));
  });
  return (await buffer(stream)).toString('utf8');
}
