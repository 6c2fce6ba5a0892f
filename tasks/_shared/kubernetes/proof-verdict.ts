import { Problem } from '../reconcile/problem.js';
import type { ProofJob } from './proof-job.js';

/** curl's own words for how it failed, as far as networks are concerned. Source: curl docs, libcurl error codes. */
const failures: Readonly<Record<string, string>> = {
  5: 'the name of the proxy is not known there',
  6: 'its name is not known there (DNS)',
  7: 'the connection is refused',
  28: 'no answer comes in time',
  35: 'the TLS handshake fails',
  56: 'the connection breaks',
  60: 'its certificate is not trusted there',
};

/** What HTTP statuses of a vault mean. Source: Key Vault docs, authentication, requests and responses. */
const statuses: Readonly<Record<string, string>> = {
  401: 'the vault does not take the token',
  403: 'the identity may not read it, or the vault’s network rules keep the pod out',
  404: 'there is no such secret',
};

interface Subject {
  /** `orders/orders-api on aks-dev-weu-1` */
  readonly title: string;
  readonly clientId: string;
}

/**
 * Judges what the script of a proof said.
 * @returns one clause for the log
 * @throws Problem WI4312 when there was no token, WI4313 when a secret cannot be read, WI4315 for what no script of this task says
 */
export function judgeVerdict(verdict: string, { secrets }: Pick<ProofJob, 'secrets'>, { title, clientId }: Subject): string {
  const [token = '', ...told] = verdict.split('; ');
  const tried = 'let a pod with the workload’s service account and labels exchange its token, and ask for the secrets';
  if (token !== 'token ok') {
    const [, what, how = ''] = /^(identity missing|token) ([\w ]+)$/.exec(token) ?? [];
    if (what === undefined) throw new Problem({ code: 'WI4315', what: `The proof pod of ${title} said nothing that proves anything`, tried, because: verdict === '' ? 'it ended without a word' : 'its last words are not those of the proof', remedy: 'check that proofImage has sh and curl, and that the image’s sh is a POSIX one' });
    const because = what === 'token' ? `Entra gave no token: ${reasonOf(how, {})}` : `its pod has no ${how}: the webhook of workload identity did not act on it`;
    throw new Problem({ code: 'WI4312', what: `A pod of ${title} gets no token of identity ${clientId}`, tried, because, remedy: 'run FederateServiceAccount for it; where Entra is not reached, let the pods’ network policies and the firewall pass HTTPS to the login endpoint', ...(how.startsWith('AADSTS') ? { serviceCode: how } : {}) });
  }
  const found = new Map(told.map((part): [string, string] => [part.split(' ')[1] ?? '', part.split(' ').slice(2).join(' ')]));
  const unread = secrets.filter((name) => found.get(name) !== '200').map((name) => `secret ${name}: ${reasonOf(found.get(name) ?? '', statuses)}`);
  if (unread.length > 0) {
    throw new Problem({ code: 'WI4313', what: `A pod of ${title} cannot read what it needs from its vault`, tried, because: unread.join('; '), remedy: 'run FederateServiceAccount with these secrets; where the vault is not reached, look at network policies, private endpoint, DNS and the vault’s network rules' });
  }
  return secrets.length === 0 ? 'token from inside a pod' : `token from inside a pod → ${secrets.join(', ')} readable there`;
}

function reasonOf(how: string, known: Readonly<Record<string, string>>): string {
  const [, exit] = /^000 curl (\d+)$/.exec(how) ?? [];
  if (exit !== undefined) return `${failures[exit] ?? 'the connection fails'} (curl ${exit})`;
  if (how === '') return 'the pod did not come to it';
  return how.startsWith('AADSTS') ? how : `${known[how] ?? 'refused'} (HTTP ${how})`;
}
