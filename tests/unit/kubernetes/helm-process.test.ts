import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HelmProcess, unstartable } from '../../../tasks/_shared/kubernetes/helm-process.js';
import { helmVersion, isUsable } from '../../../tasks/_shared/kubernetes/helm-version.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { problemOf } from './cluster-world.js';

const node = process.execPath;
const cluster = { label: 'aks-1', server: 'https://localhost:1', certificateAuthority: 'QUJD', token: () => Promise.resolve('first-token') };

/** Node stands in for helm here: what counts is the process around it. */
describe('helm process', () => {
  let temp: string;
  let abort: AbortController;
  const helm = (rate = 1): HelmProcess => new HelmProcess({ environment: { ...process.env, HELM_NAMESPACE: 'x', KUBECONFIG: '/y', KUBE_TOKEN: 'z' }, tempDirectory: temp, clock: systemClock(rate) });

  beforeEach(async () => {
    temp = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
    abort = new AbortController();
  });
  afterEach(async () => {
    assert.deepEqual(await readdir(temp), [], 'nothing may be left behind');
    await rm(temp, { recursive: true });
  });

  it('keeps the token in a file of mode 0600 that the kubeconfig names, and homes in a private folder', async () => {
    const script = `
      const { readFileSync, statSync } = require('node:fs');
      const config = JSON.parse(readFileSync(process.env.KUBECONFIG, 'utf8'));
      const file = config.users[0].user.tokenFile;
      const mode = (path) => (statSync(path).mode & 0o777).toString(8);
      const inherited = ['HELM_NAMESPACE', 'KUBE_TOKEN'].filter((name) => name in process.env);
      console.log(JSON.stringify({ modes: [mode(process.env.KUBECONFIG), mode(file)], token: readFileSync(file, 'utf8'), server: config.clusters[0].cluster,
        inherited, home: process.env.HELM_CONFIG_HOME, args: process.argv.join(' ') + JSON.stringify(config) }));`;
    const output = await helm().run(['-e', script], { executable: node, signal: abort.signal, cluster });
    const seen = JSON.parse(output) as { modes: string[]; token: string; server: object; inherited: string[]; home: string; args: string };
    if (process.platform !== 'win32') assert.deepEqual(seen.modes, ['600', '600']);
    assert.equal(seen.token, 'first-token');
    assert.deepEqual(seen.server, { server: cluster.server, 'certificate-authority-data': 'QUJD' });
    assert.deepEqual(seen.inherited, []);
    assert.ok(seen.home.startsWith(temp));
    assert.ok(!seen.args.includes('first-token'));
  });

  it('names the proxy in the kubeconfig only, and no other reaches helm', async () => {
    const script = "console.log(JSON.parse(require('node:fs').readFileSync(process.env.KUBECONFIG, 'utf8')).clusters[0].cluster['proxy-url'], Object.keys(process.env).filter((name) => /_PROXY$/i.test(name)).length)";
    const environment = { ...process.env, HTTPS_PROXY: 'http://x', https_proxy: 'http://x', NO_PROXY: 'y', ALL_PROXY: 'z', http_proxy: 'w' };
    const starter = new HelmProcess({ environment, tempDirectory: temp, clock: systemClock() });
    const run = (proxy: object): Promise<string> => starter.run(['-e', script], { executable: node, signal: abort.signal, cluster: { ...cluster, ...proxy } });
    assert.equal(await run({ proxy: new URL('http://u:p%40ss@proxy:8080') }), 'http://u:p%40ss@proxy:8080/ 0\n');
    assert.equal(await run({}), 'undefined 0\n');
  });

  it('gives commands without a cluster no credential', async () => {
    const output = await helm().run(['-p', "require('node:fs').existsSync(process.env.KUBECONFIG)"], { executable: node, signal: abort.signal });
    assert.equal(output.trim(), 'false');
  });

  it('rewrites the token file while helm runs', async () => {
    let asked = 0;
    const token = (): Promise<string> => Promise.resolve(`token-${(asked += 1)}`);
    const script = `
      const { readFileSync } = require('node:fs');
      const { tokenFile } = JSON.parse(readFileSync(process.env.KUBECONFIG, 'utf8')).users[0].user;
      const first = readFileSync(tokenFile, 'utf8');
      const look = () => { const now = readFileSync(tokenFile, 'utf8'); if (now === first) setTimeout(look, 5); else console.log(first + ' ' + now.split('-')[0]); };
      look();`;
    const output = await helm(1000).run(['-e', script], { executable: node, signal: abort.signal, cluster: { ...cluster, token } });
    assert.match(output, /^token-\d+ token$/m);
  });

  it('passes folders as absolute paths and contents as files of mode 0600', async () => {
    const script = "const { readFileSync, statSync } = require('node:fs'); const [, folder, file] = process.argv; console.log([require('node:path').isAbsolute(folder), readFileSync(file, 'utf8'), (statSync(file).mode & 0o777).toString(8)].join(' '))";
    const line = ['-e', script, { folder: 'tests' }, { fileName: 'values-0.yaml', content: 'a: 1' }];
    const output = await helm().run(line, { executable: node, signal: abort.signal });
    assert.match(output, process.platform === 'win32' ? /^true a: 1/ : /^true a: 1 600/);
  });

  it('repeats what helm said, without its warnings', async () => {
    const script = "console.error('WARNING: old\\nError: chart is odd\\nsecond line'); process.exit(3)";
    const problem = await problemOf(helm().run(['-e', script], { executable: node, signal: abort.signal }));
    assert.equal(problem.code, 'WI4202');
    assert.equal(problem.because, 'chart is odd second line');
    const silent = await problemOf(helm().run(['-e', 'process.exit(3)'], { executable: node, signal: abort.signal }));
    assert.match(silent.because, /exit code 3/);
  });

  it('says that there is no helm', async () => {
    const problem = await problemOf(helm().run(['version'], { executable: join(temp, 'no-helm'), signal: abort.signal }));
    assert.equal(problem.code, 'WI4201');
    assert.match(problem.because, /ENOENT/);
    assert.match(problem.remedy, /HelmInstaller/);
  });

  it('says that Windows needs the program itself, and what cannot be started at all', async () => {
    const names = ['helm', 'helm.exe', 'C:\\Program Files\\helm\\helm.exe', 'C:\\tools\\helm.cmd', 'HELM.BAT'];
    assert.deepEqual(names.map((name) => unstartable(name, 'win32')?.includes('.cmd and .bat') ?? false), [false, false, false, true, true]);
    assert.deepEqual(names.map((name) => unstartable(name, 'linux')), names.map(() => undefined));
    const problem = await problemOf(helm().run(['with \0 in it'], { executable: node, signal: abort.signal }));
    assert.equal(problem.code, 'WI4201');
  });

  it('ends helm when the run is cancelled, also one that does not listen', async () => {
    for (const deaf of ['', "process.on('SIGTERM', () => undefined);"]) {
      const cancel = new AbortController();
      const script = `${deaf} setInterval(() => undefined, 1000); process.stdout.write('up'); require('node:fs').writeFileSync(process.env.HELM_CONFIG_HOME + '.up', '');`;
      const pending = problemOf(helm(100).run(['-e', script], { executable: node, signal: cancel.signal }));
      await appears(temp);
      cancel.abort();
      assert.equal((await pending).code, 'WI9002');
    }
    assert.equal((await problemOf(helm().run(['-e', ''], { executable: node, signal: AbortSignal.abort() }))).code, 'WI9002');
  });

  it('knows which versions can be used', () => {
    const usable = (output: string): boolean => isUsable(helmVersion(output) ?? { major: 0, minor: 0 });
    assert.deepEqual(['v3.17.2', 'v4.1.4\n', 'v3.13.0', 'v3.12.9', 'v2.17.0', 'nonsense'].map(usable), [true, true, true, false, false, false]);
  });
});

/** Waits until the child says that it is up. */
async function appears(folder: string): Promise<void> {
  for (;;) {
    const found = await readdir(folder, { recursive: true });
    if (found.some((name) => name.endsWith('.up'))) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
