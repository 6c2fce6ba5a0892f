import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { etcdVersion, kubeAssetsFolder, kubernetesVersion, oldestGo, programFile, programs, type KubeProgram } from '../tests/real-kubernetes/kube-assets.js';

/** There is no Go here that could build; whoever calls this may go on without. */
const noGo = 2;

/** Mains of ten lines. Source: kubernetes cmd/kube-apiserver/apiserver.go, cmd/kube-controller-manager/controller-manager.go; etcd server/main.go. */
const mains: Readonly<Record<KubeProgram, string>> = {
  etcd: main('go.etcd.io/etcd/server/v3/etcdmain', 'etcdmain.Main(os.Args)'),
  'kube-apiserver': main('k8s.io/kubernetes/cmd/kube-apiserver/app', 'os.Exit(cli.Run(app.NewAPIServerCommand()))', 'k8s.io/component-base/cli'),
  'kube-controller-manager': main('k8s.io/kubernetes/cmd/kube-controller-manager/app', 'os.Exit(cli.Run(app.NewControllerManagerCommand()))', 'k8s.io/component-base/cli'),
};

function main(imported: string, statement: string, ...more: readonly string[]): string {
  const imports = ['os', ...more, imported].map((path) => `\t"${path}"\n`).join('');
  return `package main\n\nimport (\n${imports})\n\nfunc main() { ${statement} }\n`;
}

const environment = { ...process.env, CGO_ENABLED: '0', GO111MODULE: 'on', GOWORK: 'off' };

/** What a go command prints. @throws when it fails. */
async function ask(folder: string, ...line: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('go', line, { cwd: folder, env: environment });
  return stdout.trim();
}

/** Runs a go command; what it says goes to standard error, so that standard output has the folder alone. */
function go(folder: string, ...line: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn('go', line, { cwd: folder, env: environment, stdio: ['ignore', process.stderr, process.stderr] });
    child.on('error', fail);
    child.on('close', (code) => (code === 0 ? done() : fail(new Error(`go ${line[0] ?? ''} ended with ${code ?? 'a signal'}`))));
  });
}

/** Why Go cannot build this here; undefined when it can. A Go that fetches newer ones by itself counts as new enough. */
async function obstacle(): Promise<string | undefined> {
  const said = await ask('.', 'version').catch(() => undefined);
  if (said === undefined) return 'there is no go on the PATH';
  const [, major = '0', minor = '0'] = /go(\d+)\.(\d+)/.exec(said) ?? [];
  const [oldestMajor = 0, oldestMinor = 0] = oldestGo.split('.').map(Number);
  const newEnough = Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
  const fetches = (await ask('.', 'env', 'GOTOOLCHAIN').catch(() => '')).includes('auto');
  return newEnough || fetches ? undefined : `go on the PATH is ${major}.${minor}, and ${oldestGo} or later is needed`;
}

/**
 * k8s.io/kubernetes requires the modules of its own tree as v0.0.0, which nobody can fetch: they are published as v0.N.y.
 * Source: kubernetes staging/README.md.
 */
async function moduleFile(folder: string): Promise<string> {
  const told = JSON.parse(await ask(folder, 'mod', 'download', '-json', `k8s.io/kubernetes@v${kubernetesVersion}`)) as { readonly GoMod: string };
  const required = await readFile(told.GoMod, 'utf8');
  const published = `v${kubernetesVersion.replace(/^1\./, '0.')}`;
  const replaced = [...required.matchAll(/^\s+(k8s\.io\/[\w-]+) v0\.0\.0$/gm)].map(([, path = '']) => `\t${path} => ${path} ${published}\n`);
  const [, language = oldestGo] = /^go (\S+)$/m.exec(required) ?? [];
  return `module kube-assets\n\ngo ${language}\n\nrequire (\n\tgo.etcd.io/etcd/server/v3 v${etcdVersion}\n\tk8s.io/kubernetes v${kubernetesVersion}\n)\n\nreplace (\n${replaced.join('')})\n`;
}

/** Builds what is missing beside its place, and moves each program there when it is whole. */
async function build(missing: readonly KubeProgram[], target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const folder = await mkdtemp(join(target, 'building-'));
  try {
    await writeFile(join(folder, 'go.mod'), await moduleFile(folder));
    for (const program of missing) {
      await mkdir(join(folder, program));
      await writeFile(join(folder, program, 'main.go'), mains[program]);
    }
    const flags = `-s -w -X k8s.io/component-base/version.gitVersion=v${kubernetesVersion}`;
    const packages = missing.map((program) => `./${program}`);
    await go(folder, 'build', '-mod=mod', '-trimpath', '-buildvcs=false', '-tags', 'providerless', '-ldflags', flags, '-o', join(folder, 'bin') + '/', ...packages);
    for (const program of missing) await rename(join(folder, 'bin', programFile(program)), join(target, programFile(program)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts etcd and Kubernetes' own programs into the user's cache folder, and prints the folder that KUBEBUILDER_ASSETS has to name. */
async function assets(): Promise<number> {
  const target = kubeAssetsFolder(process.env);
  const missing = programs.filter((program) => !existsSync(join(target, programFile(program))));
  if (missing.length > 0) {
    const why = await obstacle();
    if (why !== undefined) {
      console.error(`kube-assets: ${missing.join(', ')} cannot be built: ${why}. Install Go from https://go.dev/dl/, or set KUBEBUILDER_ASSETS to a folder that has ${programs.join(', ')}.`);
      return noGo;
    }
    console.error(`kube-assets: building ${missing.join(', ')} of Kubernetes ${kubernetesVersion}, which takes some minutes …`);
    const started = Date.now();
    await build(missing, target);
    console.error(`kube-assets: built in ${Math.round((Date.now() - started) / 1000)} s`);
  }
  console.log(target);
  return 0;
}

process.exitCode = await assets().catch((error: unknown) => {
  console.error(`kube-assets: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});
