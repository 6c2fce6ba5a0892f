import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { RealKubernetes } from '../../real-kubernetes/real-kubernetes.js';
import { kubeAssets } from '../../real-kubernetes/kube-assets.js';
import { Refusal } from '../../real-kubernetes/https-client.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';
import type { KubernetesUser } from '../../simulators/kubernetes/access.js';
import { isObject, type Fields, type KubernetesObject } from '../../simulators/kubernetes/objects/values.js';
import { accessBy, loopbackCluster, openSession, usualKnobs, type ClusterSession } from '../../unit/kubernetes/cluster-world.js';

/** One cluster with the product's own connection to it, and what a test looks at and turns behind its back. */
export interface Cluster extends ClusterSession {
  /** A name that no other test uses; the namespace is not made yet. */
  readonly namespace: string;
  find(kind: string, name: string): Promise<KubernetesObject | undefined>;
  list(kind: string): Promise<KubernetesObject[]>;
  /** Stores an object as somebody else would. */
  put(object: KubernetesObject): Promise<void>;
  /** Images that cannot be pulled. */
  failImage(image: RegExp): void;
  /** Images whose containers end at once. */
  crashImage(image: RegExp): void;
  /** Images whose pods find no node, in the words of the scheduler. */
  holdImage(image: RegExp, message: string): void;
  /** Images whose pods are not ready before that. Milliseconds. */
  slowImage(image: RegExp, readyMs: number): void;
  /** Takes the API server away for a moment; resolves when it serves again. */
  restart(): Promise<void>;
  /** The public keys that the issuer of service-account tokens serves. */
  keys(): Promise<{ keys: Fields[] }>;
}

/** Where the suite runs. */
export interface Backend {
  readonly title: 'the simulator' | 'kube-apiserver';
  /**
   * A cluster for one test, with its knobs as usual.
   * @param token what the connection signs in with. Default: the token that the knobs accept.
   */
  cluster(token?: () => Promise<string>): Promise<Cluster>;
  stop(): Promise<void>;
}

export const issuer = 'https://oidc.sim/issuer/';
const assets = kubeAssets(process.env);

/** Whether there is a real API server. */
export const real = assets !== undefined;
export const title: Backend['title'] = real ? 'kube-apiserver' : 'the simulator';

/**
 * Starts what the tests of a file share: nothing for the simulator, which is made anew for each test, and a control plane where
 * KUBEBUILDER_ASSETS names one.
 * @param accepts for the real one: which Authorization headers are let in. Default: the one of the knobs.
 */
export async function startBackend(accepts?: (authorization: string) => boolean): Promise<Backend> {
  return assets === undefined ? { title, cluster: simulated, stop: () => Promise.resolve() } : startReal(assets, accepts);
}

/**
 * Gives each test of a describe a cluster, on a backend that they share.
 * @param use takes both, before the test
 */
export function eachWithCluster(use: (cluster: Cluster, backend: Backend) => void | Promise<void>): void {
  let backend: Backend;
  let cluster: Cluster;
  before(async () => {
    backend = await startBackend();
  });
  after(() => backend.stop());
  beforeEach(async () => {
    cluster = await backend.cluster();
    await use(cluster, backend);
  });
  afterEach(() => cluster.close());
}

let made = 0;

/** Unique in this process; every process has clusters of its own. */
function newNamespace(): string {
  made += 1;
  return `orders-${made}`;
}

async function simulated(token?: () => Promise<string>): Promise<Cluster> {
  const world = await loopbackCluster(token);
  const { api, network } = world;
  const namespace = newNamespace();
  return {
    ...world,
    namespace,
    find: (kind, name) => Promise.resolve(api.find(kind, namespace, name)),
    list: (kind) => Promise.resolve(api.list(kind, namespace)),
    put: (object) => Promise.resolve(void api.put(object)),
    failImage: (image) => void api.failImage(image),
    crashImage: (image) => void api.crashImage(image),
    holdImage: (image, message) => void api.holdPods(image, message),
    slowImage: () => {
      throw new Error('all pods of the simulator take the same time');
    },
    restart: async () => {
      const back = network.faults.plant({ service: 'kubernetes', drop: 'before' });
      await world.clock.sleep(5_000);
      back();
    },
    keys: () => Promise.resolve(api.jwks()),
  };
}

async function startReal(folder: string, accepts?: (authorization: string) => boolean): Promise<Backend> {
  const authority = await createCertificateAuthority(new Date());
  const network = new LoopbackNetwork(systemClock(), authority.server);
  const temp = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
  const bundle = join(temp, 'ca.pem');
  await writeFile(bundle, authority.certificate);
  const knobs = usualKnobs();
  const access = accessBy(knobs);
  const authenticate = (authorization: string): KubernetesUser | undefined => {
    if (accepts === undefined) return access.authenticate(authorization);
    return accepts(authorization) ? { name: 'deployer', groups: [] } : undefined;
  };
  const api = await RealKubernetes.start(
    { name: 'kubernetes/aks-dev-weu-1', access: { ...access, authenticate }, serviceAccountIssuer: () => issuer, webhook: () => knobs.webhook, rolloutMs: 300, scripts: { CURL_CA_BUNDLE: bundle } },
    folder,
  );
  const server = await network.attach(api);
  return {
    title,
    cluster: async (token) => {
      Object.assign(knobs, usualKnobs());
      network.log.clear();
      network.faults.clear();
      api.images.failing.length = 0;
      api.images.slow.length = 0;
      const session = await openSession({ network, server, ca: authority.certificate, knobs, ...(token === undefined ? {} : { token }) });
      return { ...session, ...behind(api, newNamespace()) };
    },
    stop: async () => {
      await network.close();
      await api.stop();
      await rm(temp, { recursive: true });
    },
  };
}

/** What is done without the product's connection. */
function behind(api: RealKubernetes, namespace: string): Omit<Cluster, keyof ClusterSession> {
  const read = async (path: string): Promise<Fields | undefined> => {
    try {
      return await api.json('GET', path);
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return undefined;
      throw error;
    }
  };
  return {
    namespace,
    find: async (kind, name) => {
      const found = await read(api.path(kind, namespace, name));
      return isObject(found) ? found : undefined;
    },
    list: async (kind) => {
      const items = (await read(api.path(kind, namespace)))?.items;
      return Array.isArray(items) ? items.map((item: Fields) => ({ apiVersion: '', kind, ...item })).filter(isObject) : [];
    },
    put: async (object) => {
      await api.json('POST', api.path(object.kind, object.metadata.namespace), object);
    },
    failImage: (image) => void api.images.failing.push({ image, reason: 'ErrImagePull', message: 'failed to pull and unpack image' }),
    crashImage: (image) => void api.images.failing.push({ image, reason: 'crash', message: '' }),
    holdImage: (image, message) => void api.images.failing.push({ image, reason: 'hold', message }),
    slowImage: (image, readyMs) => void api.images.slow.push({ image, readyMs }),
    restart: () => api.restart(3_000),
    keys: () => Promise.resolve(api.jwks()),
  };
}

