import { readFileSync } from 'node:fs';
import { proxySecrets, readBypassList, readNoProxy, readProxyAddress } from '../network/proxies.js';
import type { NetworkSettings } from '../network/route.js';
import { Problem } from '../reconcile/problem.js';
import type { Agent } from './agent.js';

/**
 * The proxy and the certificate authorities of this agent. What the environment says wins over the agent's own configuration; both
 * lists of exceptions count. Credentials are masked before anything else happens to them. Sends nothing.
 * Source of the variables: azure-pipelines-task-lib, getHttpProxyConfiguration and getHttpCertConfiguration.
 * @throws Problem WI1050 for a proxy that cannot be used, WI1051 for a file of authorities that cannot.
 */
export function readNetwork(agent: Agent): NetworkSettings {
  const found = (name: string): string | undefined => {
    const text = agent.variable(name);
    return text === '' ? undefined : text;
  };
  const proxy = environmentProxy(agent) ?? agentProxy(found);
  for (const text of proxy === undefined ? [] : proxySecrets(proxy)) agent.secret(text);
  const ignored = (entry: string): void => agent.debug(`no regular expression in the proxy's bypass list: ${entry}`);
  return {
    proxy,
    bypass: readBypassList(found('Agent.ProxyBypassList'), ignored),
    noProxy: readNoProxy(ofEnvironment(agent, 'NO_PROXY')?.text),
    authorities: readAuthorities(agent, found('Agent.CAInfo')),
    nodeAuthorities: nodeAuthorities(agent),
  };
}

function environmentProxy(agent: Agent): URL | undefined {
  const given = ofEnvironment(agent, 'HTTPS_PROXY', 'ALL_PROXY');
  return given === undefined ? undefined : readProxyAddress(given.text, given.name);
}

function agentProxy(variable: (name: string) => string | undefined): URL | undefined {
  const url = variable('Agent.ProxyUrl');
  if (url === undefined) return undefined;
  return readProxyAddress(url, 'Agent.ProxyUrl', { username: variable('Agent.ProxyUsername'), password: variable('Agent.ProxyPassword') });
}

/** The first of these that is set to something. Written in capitals it comes first; on Windows every other way is the same. */
function ofEnvironment({ environment }: Agent, ...names: readonly string[]): { name: string; text: string } | undefined {
  const set = Object.entries(environment).flatMap(([name, text]) => (text === '' ? [] : [{ name, text }]));
  for (const wanted of names) {
    const found = set.find(({ name }) => name === wanted) ?? set.find(({ name }) => name.toUpperCase() === wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The agent's own authorities. Where there are some, NODE_EXTRA_CA_CERTS has to be read again: naming authorities makes Node forget it.
 * Source: Node.js docs, tls.createSecureContext, `ca`.
 */
function readAuthorities(agent: Agent, path: string | undefined): readonly string[] {
  if (path === undefined) return [];
  const own = read(path);
  if (typeof own !== 'string' || !own.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Problem({
      code: 'WI1051',
      what: `The agent's file of certificate authorities cannot be used: ${path}`,
      because: typeof own === 'string' ? 'it has no certificate in PEM form' : own.message,
      remedy: 'configure the agent again with --sslcacert and a PEM file that its user can read',
    });
  }
  return [own, ...nodeAuthorities(agent)];
}

/** What Node reads by itself at its start; a file that cannot be read is no obstacle to it. Source: Node.js docs, NODE_EXTRA_CA_CERTS. */
function nodeAuthorities(agent: Agent): readonly string[] {
  const path = ofEnvironment(agent, 'NODE_EXTRA_CA_CERTS')?.text;
  const found = path === undefined ? undefined : read(path);
  return typeof found === 'string' ? [found] : [];
}

function read(path: string): string | Error {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
