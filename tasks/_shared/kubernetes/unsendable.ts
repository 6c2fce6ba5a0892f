import type { Json } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import { parseManifests } from './chart.js';
import type { Cargo } from './connection.js';
import { metadataOf } from './objects.js';
import { hasValues, isPlainRecord } from './secret-contents.js';

const another = 'let the workload read them from a key vault (its identity can), or run the pipeline on an agent in the cluster’s network (connection: direct)';

/** @param what of a command */
function keptByAzure(what: string): string {
  return `AKS keeps ${what} for a while, readable to whoever may read command results`;
}

/** What of a deployment must not go through a run command: everything that is sent and printed there is kept by AKS for a while. */
export function cargoRefusals({ manifests, secretValues, token }: Cargo, cluster: string): Problem[] {
  const given = secretValues ? [secretValuesRefused(cluster)] : [];
  return [...given, ...secretRefusals(manifests, cluster), ...(token === undefined ? [] : [tokenRefused(token, cluster)])];
}

/** What of rendered manifests must not. */
export function secretRefusals(manifests: string, cluster: string): Problem[] {
  return parseManifests(manifests).filter(isUnsendable).map((content) => valuesRefused(content, cluster));
}

/** True for what holds secrets, or may do so. */
export function isUnsendable(content: Json): boolean {
  return hasValues(content) && !isPlainRecord(content);
}

/** The Problem of a Secret whose values would have to be sent. */
export function valuesRefused(content: Json, cluster: string): Problem {
  const { name, namespace } = metadataOf(content);
  return new Problem({
    code: 'WI4510',
    what: `Secret ${namespace === undefined ? '' : `${namespace}/`}${name} does not go to cluster ${cluster} by run command`,
    because: `it has values, and ${keptByAzure('what a command is sent and what it prints')}`,
    remedy: another,
  });
}

/** Wherever the chart puts them, they would be sent. */
function secretValuesRefused(cluster: string): Problem {
  return new Problem({
    code: 'WI4517',
    what: `Secret values do not go to cluster ${cluster} by run command`,
    tried: 'render the chart with the input secretValues',
    because: keptByAzure('what a command is sent'),
    remedy: another,
  });
}

/** The Problem of a Secret whose values would be printed. */
export function valuesUnread(tried: string, cluster: string): Problem {
  return new Problem({
    code: 'WI4511',
    what: `Values of secrets of cluster ${cluster} are not read by run command`,
    tried,
    because: keptByAzure('what a command prints'),
    remedy: 'run the pipeline on an agent in the cluster’s network (connection: direct)',
  });
}

/** The Problem of a token that would be printed. */
export function tokenRefused(account: string, cluster: string): Problem {
  return new Problem({
    code: 'WI4509',
    what: `No token of service account ${account} is made on cluster ${cluster} by run command`,
    tried: `make a token of service account ${account}`,
    because: keptByAzure('what a command prints'),
    remedy: 'prove from within the cluster (proveFrom: pod) or not at all (none), or run the pipeline on an agent in the cluster’s network (connection: direct)',
  });
}
