import { subjectOf } from '../names.js';
import { some } from '../wording.js';
import { annotationsOf, fail, gather, judged, known, labelsOf, nameIn, notApplicable, pass, podMakers, titleOf, type PodMaker, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { Gathered, NamespaceFacts, NamespaceRule, Verdict } from './rule.js';

/** Source: azure-workload-identity docs, labels and annotations. */
const useLabel = 'azure.workload.identity/use';
const clientIdAnnotation = 'azure.workload.identity/client-id';

interface Account {
  readonly name: string;
  /** Lower case; undefined where the annotation is missing or empty. */
  readonly clientId: string | undefined;
}

function accounts(facts: NamespaceFacts): Gathered<Account> {
  return gather(facts.objects, ['ServiceAccount'], (raw) => {
    const clientId = annotationsOf(raw)[clientIdAnnotation]?.trim().toLowerCase() ?? '';
    return { name: nameIn(raw), clientId: clientId === '' ? undefined : clientId };
  });
}

/** The webhook gives a pod its identity's client id from the annotation of its service account; Entra accepts the subject of a federated credential only. */
function federatedAccounts(facts: NamespaceFacts): Verdicts {
  const makers = podMakers(facts);
  const labelled = makers.found.filter(({ template, ended }) => !ended && labelsOf(template)[useLabel] === 'true');
  if (labelled.length === 0) return judged([], makers.unread, () => notApplicable(`no pod template has label ${useLabel}: "true"`));
  const listed = accounts(facts);
  const trusted = known(facts.federated, 'federated credentials');
  const unread = [...listed.unread, ...trusted.unread];
  const faults = unread.length > 0 ? [] : labelled.flatMap((maker) => accountFault(maker, facts.name, listed.found, trusted.found));
  return judged(faults, [...makers.unread, ...unread], () => pass(`${some(labelled.map(({ title, serviceAccount }) => `${title} runs as ${serviceAccount}`))}, federated with the identity that the account names`));
}

function accountFault(maker: PodMaker, namespace: string, listed: readonly Account[], trusted: readonly { readonly subject: string; readonly clientId: string }[]): Verdict[] {
  const { serviceAccount: name } = maker;
  const account = listed.find((one) => one.name === name);
  const ids = trusted.filter(({ subject }) => subject === subjectOf(namespace, name)).map(({ clientId }) => clientId.toLowerCase());
  const fault = (evidence: string): Verdict[] => [fail(`runs as service account ${name}, ${evidence}`, maker.title)];
  if (account === undefined) return fault('which does not exist');
  if (ids.length === 0) return fault(`and no federated credential of the identities in scope trusts ${subjectOf(namespace, name)} on this cluster`);
  if (account.clientId === undefined) return fault(`which has no annotation ${clientIdAnnotation}; federated with ${ids.join(', ')}`);
  return ids.includes(account.clientId) ? [] : fault(`whose ${clientIdAnnotation} is ${account.clientId}; federated with ${ids.join(', ')}`);
}

function oneIdentityEach(facts: NamespaceFacts): Verdicts {
  const { found, unread } = accounts(facts);
  const named = found.flatMap(({ name, clientId }) => (clientId === undefined ? [] : [{ name, clientId }]));
  const faults = [...new Set(named.map(({ clientId }) => clientId))].flatMap((id): Verdict[] => {
    const sharers = named.filter(({ clientId }) => clientId === id).map(({ name }) => name);
    const [first = '', ...others] = sharers;
    return others.length === 0 ? [] : [fail(`shares identity ${id} with ${some(others)}`, titleOf('ServiceAccount', first, facts.name))];
  });
  return judged(faults, unread, () => (named.length === 0 ? notApplicable('no service account names an identity') : pass(`${some(named.map(({ name, clientId }) => `${name} has ${clientId}`))}: each its own`)));
}

/** Each workload acts as itself. */
export const identityRules: readonly NamespaceRule[] = [
  {
    id: 'namespace-federated-accounts',
    title: 'Labelled pods run as a federated service account that names its identity',
    severity: 'high',
    source: [section('authnAuthz', 'Workload Identity'), section('sop', 'Identities'), section('auth', 'Identity'), section('sop', 'Identity')],
    remedy: 'Run FederateServiceAccount for the service account, which makes the credential and the annotation, and start the pods anew; or take the label off pods that need no identity',
    dependants: ['namespace-one-identity-each'],
    judge: federatedAccounts,
  },
  {
    id: 'namespace-one-identity-each',
    title: 'No two service accounts of the namespace share an identity',
    severity: 'medium',
    source: [section('sop', 'Identities'), section('auth', 'Identity'), section('architecture', 'Security Considerations')],
    remedy: 'Give each service account an identity of its own, with only the grants that its workload needs',
    dependants: ['namespace-federated-accounts'],
    judge: oneIdentityEach,
  },
];
