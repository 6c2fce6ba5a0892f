import { object, objects, text, type Json } from '../json.js';
import { some } from '../wording.js';
import { literalCredentials } from './literal-credentials.js';
import { containersOf, fail, gather, judged, known, nameIn, noPods, notApplicable, pass, podMakers, titleOf, type PodMaker, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { NamespaceFacts, NamespaceRule, Verdict } from './rule.js';

function credentialSecrets({ name, secrets }: NamespaceFacts): Verdicts {
  const { found, unread } = known(secrets, 'secrets');
  const faults = found.filter(({ looksLike }) => looksLike.length > 0).map((one) => fail(`holds what looks like a ${one.looksLike.join(', a ')}`, titleOf('Secret', one.name, name)));
  return judged(faults, unread, () => (found.length === 0 ? notApplicable('the namespace has no secrets, releases of Helm aside') : pass(`none of ${found.length} secrets looks like a static credential of Azure or of its registries`)));
}

function credentialVariables(facts: NamespaceFacts): Verdicts {
  const { found, unread } = podMakers(facts);
  const faults = found.flatMap((maker): Verdict[] => {
    const seen = containersOf(maker).flatMap((container) => literalCredentials(container).map(({ name, how }) => `container ${text(container.name) ?? ''} sets ${name} ${how}`));
    return seen.length === 0 ? [] : [fail(some(seen, 5, '; '), maker.title)];
  });
  return judged(faults, unread, () => (found.length === 0 ? noPods() : pass(`no container of ${found.length} pods and makers of pods sets a variable to a credential`)));
}

/** Something that names pull secrets: a pod template, or a service account, whose pods get them too. Source: Kubernetes docs, images, imagePullSecrets. */
interface Puller {
  readonly title: string;
  readonly names: readonly string[];
}

function pullers(facts: NamespaceFacts): { readonly found: readonly Puller[]; readonly unread: readonly string[] } {
  const accounts = gather(facts.objects, ['ServiceAccount'], (raw, kind) => ({ title: titleOf(kind, nameIn(raw), facts.name), names: pullSecrets(raw) }));
  const makers = podMakers(facts);
  const pods = makers.found.map(({ title, template }: PodMaker) => ({ title, names: pullSecrets(object(template.spec)) }));
  return { found: [...accounts.found, ...pods].filter(({ names }) => names.length > 0), unread: [...accounts.unread, ...makers.unread] };
}

function pullSecrets(holder: Json): string[] {
  return objects(holder.imagePullSecrets).flatMap(({ name }) => text(name) ?? []);
}

function registryPullSecrets(facts: NamespaceFacts): Verdicts {
  const { found, unread } = pullers(facts);
  const secrets = known(facts.secrets, 'secrets');
  const faults = found.flatMap(({ title, names }): Verdict[] => {
    const bad = secrets.found.filter(({ name, looksLike }) => names.includes(name) && looksLike.some((kind) => kind.startsWith('registry ')));
    return bad.length === 0 ? [] : [fail(`imagePullSecrets names ${some(bad.map(({ name, looksLike }) => `${name}, which looks like a ${looksLike.join(', a ')}`), 3, '; ')}`, title)];
  });
  const unsure = found.length > 0 ? [...unread, ...secrets.unread] : unread;
  return judged(faults, unsure, () => (found.length === 0 ? notApplicable('nothing names imagePullSecrets') : pass(`${some(found.map(({ title }) => title))}: no pull secret is for an Azure registry`)));
}

/** No password that lasts, in any of the places where one is found in practice. */
export const credentialRules: readonly NamespaceRule[] = [
  {
    id: 'namespace-no-credential-secrets',
    title: 'No secret holds a static credential of Azure or of its registries',
    severity: 'high',
    source: [section('migration', 'Security Concerns'), section('authnAuthz', 'Secrets'), section('sop', 'Secrets')],
    remedy: 'Let the workload use its identity in place of the credential, or read it from Key Vault through the CSI driver; then revoke the credential and delete the secret',
    dependants: ['namespace-no-registry-pull-secrets'],
    judge: credentialSecrets,
  },
  {
    id: 'namespace-no-credential-variables',
    title: 'No pod template sets a variable to a static credential of Azure or of its registries',
    severity: 'high',
    source: [section('authnAuthz', 'Secrets'), section('migration', 'Phase 2: Update Workspace Deployment')],
    remedy: 'Remove the variable, let the workload use its identity, and revoke the credential: whoever can read the manifest has had it',
    dependants: [],
    judge: credentialVariables,
  },
  {
    id: 'namespace-no-registry-pull-secrets',
    title: 'Images of Azure registries are pulled by the kubelet identity, not with pull secrets',
    severity: 'high',
    source: [section('enterpriseScale', 'Design recommendations for cluster identity'), section('migration', 'Target State: Azure Workload Identity')],
    remedy: 'Grant the kubelet identity pull on the registry (task GrantRegistryRole), then remove imagePullSecrets from pod templates and service accounts, and the secret',
    dependants: ['namespace-no-credential-secrets'],
    judge: registryPullSecrets,
  },
];
