import { setMaxListeners } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { knownClouds } from '../../../tasks/_shared/agent/clouds.js';
import { connectAzure } from '../../../tasks/_shared/azure/azure.js';
import { registryLogin } from '../../../tasks/_shared/azure/registry-login.js';
import { fetchChart, type FetchTools } from '../../../tasks/_shared/kubernetes/chart-fetch.js';
import type { ChartOrigin } from '../../../tasks/_shared/kubernetes/chart-origin.js';
import { openRoute } from '../../../tasks/_shared/network/route.js';
import { systemClock, type Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../../simulators/azure/authority.js';
import { ChartRepository } from '../../simulators/charts/chart-repository.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { ConnectProxy } from '../../simulators/kernel/connect-proxy.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';
import type { Service, SimRequest } from '../../simulators/kernel/service.js';
import { FakeAccess, FakeAuthority } from '../../simulators/registry/fakes.js';
import { Registry } from '../../simulators/registry/registry.js';

export const charts = 'charts.contoso.example';
export const mirror = 'mirror.contoso.example';
export const registryHost = 'crorders.azurecr.io';
const minute = 60_000;
const signInHost = 'login.contoso.example';
const registryAudience = 'https://containerregistry.azure.net';

/** A chart repository, a mirror of packages and a registry under names of their own, which only a proxy finds and only one authority vouches for. */
export interface ChartWorld {
  readonly repository: ChartRepository;
  readonly registry: Registry;
  readonly access: FakeAccess;
  readonly network: LoopbackNetwork;
  readonly proxy: ConnectProxy;
  /** What was masked. */
  readonly masked: string[];
  /** Requests so far, as `host method path status`. */
  asked(): string[];
  /** Fetches as DeployWithIdentity does; with `trusting: false` the agent has no authority of its own. */
  fetch(origin: ChartOrigin, helm: string, changes?: { readonly trusting?: boolean }): Promise<string>;
  /** What lies in the agent's temp directory. */
  left(): Promise<string[]>;
  close(): Promise<void>;
}

/** Starts one. Waits between tries are short; how long tries may take is left as it is, on busy machines as well. */
export async function chartWorld(): Promise<ChartWorld> {
  const authority = await createCertificateAuthority(new Date(), [charts, mirror, registryHost, signInHost]);
  const real = systemClock();
  const clock: Clock = { ...real, sleep: (milliseconds, signal) => real.sleep(milliseconds < minute ? milliseconds / 100 : milliseconds, signal) };
  const network = new LoopbackNetwork(clock, authority.server);
  const [entra, access, repository] = [new FakeAuthority(), new FakeAccess(), new ChartRepository('charts')];
  const settings = { armId: '/subscriptions/s/registries/crorders', loginServer: registryHost, roleAssignmentMode: 'LegacyRegistryPermissions', adminUserEnabled: false, azureADAuthenticationAsArmPolicy: 'enabled' } as const;
  const registry = new Registry({ name: 'registry', clock, authority: entra, access, settings: () => settings });
  const services: Readonly<Record<string, Service>> = { [charts]: repository, [mirror]: new ChartRepository('mirror'), [registryHost]: registry, [signInHost]: signIn(entra) };
  const places = new Map<string, string>(await Promise.all(Object.entries(services).map(async ([host, service]) => [`${host}:443`, (await network.attach(service)).replace('https://', '')] as const)));
  const proxy = await ConnectProxy.start({ username: 'u', password: 'canary-proxy', whereabouts: (target) => places.get(target), refuse: (target) => (places.has(target) ? undefined : 502) });
  const [tempDirectory, masked, abort] = [await mkdtemp(join(tmpdir(), 'aks-wi-test-')), new Array<string>(), new AbortController()];
  setMaxListeners(0, abort.signal);
  const tools = async (trusting: boolean): Promise<FetchTools> => {
    const way = new URL(proxy.address);
    [way.username, way.password] = ['u', 'canary-proxy'];
    const route = await openRoute({ proxy: way, bypass: [], noProxy: [], authorities: trusting ? [authority.certificate] : [] });
    const cloud = { ...knownClouds[0], authority: `https://${signInHost}` };
    const connection = { id: 'c', name: 'contoso-nonprod', tenantId, cloud, signIn: { kind: 'secret' as const, clientId: 'deployer', secret: () => 'canary-client-secret' } };
    const azure = await connectAzure(connection, { clock, signal: abort.signal, debug: () => undefined, correlationId: 'none', route, registerSecret: (text) => void masked.push(text) });
    return { environment: process.env, tempDirectory, clock, signal: abort.signal, route: route.forPrograms, login: (host) => registryLogin(azure, host) };
  };
  return {
    repository,
    registry,
    access,
    network,
    proxy,
    masked,
    asked: () => network.log.all().map(({ service, method, path, status }) => `${service} ${method} ${path.split('?')[0] ?? ''} ${status}`),
    fetch: async (origin, helm, { trusting = true } = {}) => fetchChart(origin, helm, await tools(trusting)),
    left: () => readdir(tempDirectory, { recursive: true }),
    close: async () => {
      await Promise.all([network.close(), proxy.close()]);
      await rm(tempDirectory, { recursive: true });
    },
  };
}

/** The token endpoint, for the connection and the registry audience alone. */
function signIn(entra: FakeAuthority): Service {
  const answer = ({ method, url: { pathname }, body }: SimRequest): { status: number; body: object } => {
    const form = new URLSearchParams(body.toString('utf8'));
    const known = method === 'POST' && pathname === `/${tenantId}/oauth2/v2.0/token` && form.get('client_secret') === 'canary-client-secret' && form.get('scope') === `${registryAudience}/.default`;
    return known ? { status: 200, body: { access_token: entra.issue('deployer', registryAudience), expires_in: 3_600 } } : { status: 400, body: { error: 'invalid_request', error_description: 'not known here' } };
  };
  return { name: 'sign-in', handle: (request) => Promise.resolve(answer(request)) };
}
