import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { kubeTools, type KubeTools } from '../../tools/kube-tools.js';
import { runProcess, type Ended } from '../../tools/run-process.js';
import { createCertificateAuthority } from '../kernel/certificate-authority.js';
import { LoopbackNetwork } from '../kernel/loopback-network.js';
import { KubernetesApi } from './kubernetes-api.js';
import { access, webhookSetting } from './test-cluster.js';

/** The simulator behind HTTPS, with real clients that are pointed at it and a folder of their own. */
export interface RealClientsWorld {
  readonly api: KubernetesApi;
  readonly network: LoopbackNetwork;
  readonly tools: KubeTools;
  /** A helm chart with all that the tests need: account, config map, service, deployment, hook. */
  readonly chart: string;
  /** The kubeconfig of `admin` or `dev`. */
  readonly kubeconfig: (user: 'admin' | 'dev') => string;
  /** Runs a client and expects its exit code. */
  readonly run: (expected: number, program: string, args: readonly string[], input?: string) => Promise<Ended>;
  readonly close: () => Promise<void>;
}

const chartFiles: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 0.1.0\n',
  'values.yaml': 'greeting: hi\nreplicas: 2\nimage: nginx:1\n',
  'templates/all.yaml': `apiVersion: v1
kind: ServiceAccount
metadata: {name: "{{ .Release.Name }}-sa", annotations: {azure.workload.identity/client-id: client-1}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-cm"}
data: {greeting: "{{ .Values.greeting }}"}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}-svc"}
spec: {selector: {app: "{{ .Release.Name }}"}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}", azure.workload.identity/use: "true"}}
    spec:
      serviceAccountName: "{{ .Release.Name }}-sa"
      containers: [{name: app, image: "{{ .Values.image }}", env: [{name: GREETING, value: "{{ .Values.greeting }}"}]}]
---
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-hook"
  annotations: {helm.sh/hook: pre-install, helm.sh/hook-delete-policy: hook-succeeded}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: job, image: "busybox:1"}]}}}
`,
};

/** Starts the world. `close` ends the listener and removes the folder. */
export async function realClientsWorld(): Promise<RealClientsWorld> {
  const tools = await kubeTools();
  const clock = systemClock();
  const authority = await createCertificateAuthority(clock.now());
  const network = new LoopbackNetwork(clock, authority.server);
  const options = { version: 'v1.33.2', access, serviceAccountIssuer: () => 'https://issuer.test/', webhook: () => webhookSetting };
  const api = new KubernetesApi({ name: 'kubernetes/real', clock, seed: 1, rolloutMs: 200, ...options });
  const server = await network.attach(api);
  const folder = await mkdtemp(join(tmpdir(), 'kubernetes-simulator-'));
  const config = (token: string): string => {
    const cluster = { server, 'certificate-authority-data': Buffer.from(authority.certificate).toString('base64') };
    const context = { cluster: 'sim', user: 'me' };
    return JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'sim', contexts: [{ name: 'sim', context }], clusters: [{ name: 'sim', cluster }], users: [{ name: 'me', user: { token } }] });
  };
  for (const user of ['admin', 'dev']) await writeFile(join(folder, user), config(user), { mode: 0o600 });
  for (const [path, content] of Object.entries(chartFiles)) {
    await mkdir(join(folder, 'chart/templates'), { recursive: true });
    await writeFile(join(folder, 'chart', path), content);
  }
  const kubeconfig = (user: 'admin' | 'dev'): string => join(folder, user);
  const own = (name: string): string => join(folder, 'home', name);
  const env = { HOME: own(''), HELM_CACHE_HOME: own('cache'), HELM_CONFIG_HOME: own('config'), HELM_DATA_HOME: own('data'), KUBECONFIG: kubeconfig('admin'), PATH: process.env.PATH ?? '' };
  return {
    api,
    network,
    tools,
    chart: join(folder, 'chart'),
    kubeconfig,
    run: async (expected, program, args, input) => {
      const ended = await runProcess(program, args, env, input);
      assert.equal(ended.code, expected, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
      return ended;
    },
    close: async () => {
      await network.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
