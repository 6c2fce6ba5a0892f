import { createPublicKey, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { CertificateAuthority } from '../simulators/kernel/certificate-authority.js';
import type { HttpsClient } from './https-client.js';
import { programFile, type KubeProgram } from './kube-assets.js';
import { freePorts, ServerProcess } from './server-process.js';
import { webhookPaths } from './webhooks.js';

/** What the programs are started with. */
export interface PlaneParts {
  readonly assets: string;
  /** For certificates, keys, configurations and data; removed by the caller. */
  readonly folder: string;
  readonly authority: CertificateAuthority;
  readonly adminToken: string;
  /** The issuer of service-account tokens. */
  readonly issuer: string;
  readonly signingKey: KeyObject;
}

/** How long a start may take on a machine that others use as well. Milliseconds. */
const startMs = 90_000;

/** Without those that look after nodes, which do not exist here, and after clouds. Source: kube-controller-manager --help, 1.35. */
const controllers = [
  'deployment', 'replicaset', 'statefulset', 'daemonset', 'job', 'cronjob', 'namespace', 'serviceaccount', 'root-ca-certificate-publisher', 'garbage-collector', 'resourcequota',
  'clusterrole-aggregation', 'endpoints', 'endpointslice', 'disruption', 'horizontal-pod-autoscaler', 'replicationcontroller', 'ttl-after-finished',
].map((name) => `${name}-controller`);

/** etcd, kube-apiserver and kube-controller-manager on ports of the loopback interface. */
export class ControlPlane {
  #etcd: ServerProcess | undefined;
  #api: ServerProcess | undefined;
  #controllers: ServerProcess | undefined;
  #webhooks = '';

  private constructor(
    private readonly parts: PlaneParts,
    private readonly ports: { readonly api: number; readonly etcd: number; readonly peers: number },
  ) {}

  static async prepare(parts: PlaneParts): Promise<ControlPlane> {
    const [api = 0, etcd = 0, peers = 0] = await freePorts(3);
    return new ControlPlane(parts, { api, etcd, peers });
  }

  /** Where the API server listens. */
  get port(): number {
    return this.ports.api;
  }

  get running(): boolean {
    return [this.#etcd, this.#api, this.#controllers].every((server) => server?.running === true);
  }

  /**
   * @param webhooks address of authentication, authorisation and admission.
   * @throws Error with the last lines of what did not start.
   */
  async start(server: HttpsClient, webhooks: string): Promise<void> {
    this.#webhooks = webhooks;
    await this.#writeFiles();
    this.#etcd = this.#run('etcd', this.#etcdLine());
    await this.#startApi(server);
    this.#controllers = this.#run('kube-controller-manager', [
      `--kubeconfig=${this.#file('admin.kubeconfig')}`,
      `--root-ca-file=${this.#file('ca.pem')}`,
      `--controllers=${controllers.join(',')}`,
      ...['--leader-elect=false', '--secure-port=0', '--kube-api-qps=200', '--kube-api-burst=400'],
    ]);
    // A namespace that is made before its service account is there would refuse pods for a moment.
    await this.#until('kube-controller-manager', this.#controllers, () => server.json('GET', '/api/v1/namespaces/default/serviceaccounts/default'));
  }

  /** Kills the API server, waits, and starts it again. */
  async restart(server: HttpsClient, awayMs: number): Promise<void> {
    await this.#api?.stop(false);
    await sleep(awayMs);
    await this.#startApi(server);
  }

  async stop(): Promise<void> {
    await this.#controllers?.stop(false);
    await this.#api?.stop(false);
    await this.#etcd?.stop(false);
  }

  async #startApi(server: HttpsClient): Promise<void> {
    this.#api = this.#run('kube-apiserver', this.#apiLine());
    await this.#until('kube-apiserver', this.#api, () => server.json('GET', '/readyz'));
  }

  async #until(name: string, program: ServerProcess, ready: () => Promise<unknown>): Promise<void> {
    const deadline = performance.now() + startMs;
    while (await ready().then(() => false, () => true)) {
      if (!program.running || performance.now() > deadline) throw new Error(`${name} did not start:\n${program.tail}\n${this.#etcd?.tail ?? ''}`);
      await sleep(100);
    }
  }

  #run(program: KubeProgram, line: readonly string[]): ServerProcess {
    return new ServerProcess(program, join(this.parts.assets, programFile(program)), line);
  }

  #file(name: string): string {
    return join(this.parts.folder, name);
  }

  async #writeFiles(): Promise<void> {
    const { authority, adminToken, signingKey } = this.parts;
    const files = {
      'ca.pem': authority.certificate,
      'server.pem': authority.server.certificate,
      'server-key.pem': authority.server.key,
      'accounts-key.pem': signingKey.export({ format: 'pem', type: 'pkcs1' }),
      'accounts.pem': createPublicKey(signingKey).export({ format: 'pem', type: 'spki' }),
      'tokens.csv': `${adminToken},admin,admin,system:masters\n`,
      'admin.kubeconfig': this.#kubeconfig(`https://127.0.0.1:${this.ports.api}`, { token: adminToken }),
      'authenticate.kubeconfig': this.#kubeconfig(`${this.#webhooks}${webhookPaths.authenticate}`, {}),
      'authorize.kubeconfig': this.#kubeconfig(`${this.#webhooks}${webhookPaths.authorize}`, {}),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(this.#file(name), content, { mode: 0o600 });
  }

  #kubeconfig(server: string, user: object): string {
    const cluster = { server, 'certificate-authority': this.#file('ca.pem') };
    const context = { cluster: 'it', user: 'it' };
    return JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters: [{ name: 'it', cluster }], users: [{ name: 'it', user }], contexts: [{ name: 'it', context }], 'current-context': 'it' });
  }

  #etcdLine(): string[] {
    const [clients, peers] = [`http://127.0.0.1:${this.ports.etcd}`, `http://127.0.0.1:${this.ports.peers}`];
    return [
      `--data-dir=${this.#file('etcd')}`,
      `--listen-client-urls=${clients}`,
      `--advertise-client-urls=${clients}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
      ...['--unsafe-no-fsync', '--log-level=warn'],
    ];
  }

  /** Tokens that the webhook knows are asked about each time, but for the ten seconds that the API server itself remembers. Source: kubernetes pkg/kubeapiserver/options/authentication.go. */
  #apiLine(): string[] {
    const { issuer } = this.parts;
    return [
      `--etcd-servers=http://127.0.0.1:${this.ports.etcd}`,
      `--secure-port=${this.ports.api}`,
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', '--endpoint-reconciler-type=none', '--service-cluster-ip-range=10.0.0.0/16', '--allow-privileged=true'],
      `--tls-cert-file=${this.#file('server.pem')}`,
      `--tls-private-key-file=${this.#file('server-key.pem')}`,
      `--token-auth-file=${this.#file('tokens.csv')}`,
      `--service-account-issuer=${issuer}`,
      `--service-account-signing-key-file=${this.#file('accounts-key.pem')}`,
      `--service-account-key-file=${this.#file('accounts.pem')}`,
      `--api-audiences=${issuer}`,
      `--authentication-token-webhook-config-file=${this.#file('authenticate.kubeconfig')}`,
      ...['--authentication-token-webhook-version=v1', '--authentication-token-webhook-cache-ttl=0s'],
      '--authorization-mode=RBAC,Webhook',
      `--authorization-webhook-config-file=${this.#file('authorize.kubeconfig')}`,
      ...['--authorization-webhook-version=v1', '--authorization-webhook-cache-authorized-ttl=0s', '--authorization-webhook-cache-unauthorized-ttl=0s'],
      // Nodes here never report, and would never lose the taint of new ones.
      '--disable-admission-plugins=TaintNodesByCondition',
      ...['--profiling=false', '--shutdown-delay-duration=0s'],
    ];
  }
}
