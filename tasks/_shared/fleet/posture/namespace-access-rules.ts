import { isGuid } from '../guid.js';
import { object, objects, text, texts, type Json } from '../json.js';
import { shown } from '../shown.js';
import { some } from '../wording.js';
import { fail, gather, judged, nameIn, notApplicable, pass, titleOf, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { Gathered, NamespaceFacts, NamespaceRule, Verdict } from './rule.js';

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
}

/** A binding that reaches the namespace: one of its own, or one for the whole cluster. */
interface Binding {
  readonly title: string;
  readonly role: string;
  /** True for cluster-admin and for cluster roles under other names that allow everything as well. */
  readonly admin: boolean;
  readonly subjects: readonly Subject[];
}

function bindings(facts: NamespaceFacts): Gathered<Binding> {
  const roles = gather(facts.clusterWide, ['ClusterRole'], (raw) => raw);
  const admins = new Set(['cluster-admin', ...roles.found.filter(allowsEverything).map(nameIn)]);
  const pick = (raw: Json, kind: string): Binding => {
    const { kind: roleKind, name: role } = object(raw.roleRef);
    const namespace = kind === 'RoleBinding' ? facts.name : undefined;
    return { title: titleOf(kind, nameIn(raw), namespace), role: text(role) ?? '', admin: roleKind === 'ClusterRole' && admins.has(text(role) ?? ''), subjects: objects(raw.subjects).map((one) => subjectOf(one, namespace)) };
  };
  const wide = gather(facts.clusterWide, ['ClusterRoleBinding'], pick);
  const own = gather(facts.objects, ['RoleBinding'], pick);
  return { found: [...wide.found, ...own.found], unread: [...wide.unread, ...own.unread, ...roles.unread] };
}

/** Source: Kubernetes docs, RBAC, the rules of cluster-admin. */
function allowsEverything({ rules }: Json): boolean {
  const all = (value: unknown): boolean => texts(value).includes('*');
  return objects(rules).some(({ apiGroups, resources, verbs }) => all(apiGroups) && all(resources) && all(verbs));
}

/** Names of users and groups can hold any text; they are kept as messages may repeat them. */
function subjectOf(raw: Json, bindingNamespace: string | undefined): Subject {
  return { kind: text(raw.kind) ?? '', name: shown(text(raw.name) ?? ''), namespace: text(raw.namespace) ?? bindingNamespace };
}

/** How the subject covers service accounts of the namespace; undefined when it does not. Source: Kubernetes docs, RBAC, referring to subjects. */
function workloadsIn({ kind, name, namespace: place }: Subject, namespace: string): string | undefined {
  if (kind === 'ServiceAccount') return place === namespace ? `service account ${name}` : undefined;
  if (kind === 'User') return name.startsWith(`system:serviceaccount:${namespace}:`) ? `user ${name}` : undefined;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated', 'system:unauthenticated'];
  return kind === 'Group' && groups.includes(name) ? `group ${name}, with every service account of the namespace` : undefined;
}

function workloadAdmins(facts: NamespaceFacts): Verdicts {
  const { found, unread } = bindings(facts);
  const accounts = gather(facts.objects, ['ServiceAccount'], nameIn);
  const faults = found.filter(({ admin }) => admin).flatMap(({ title, role, subjects }): Verdict[] => {
    const covered = subjects.flatMap((one) => workloadsIn(one, facts.name) ?? []);
    return covered.length === 0 ? [] : [fail(`binds ${role} to ${some(covered)}`, title)];
  });
  return judged(faults, [...unread, ...accounts.unread], () =>
    accounts.found.length === 0 ? notApplicable('the namespace has no service accounts') : pass(`none of ${found.length} bindings gives cluster-admin to a service account of the namespace`));
}

/**
 * Users that AKS itself binds in `aks-cluster-admin-binding`: the certificates of the local accounts, which a rule over the cluster judges.
 * Source: kubernetes/kubernetes#113804, where AKS puts that binding back with the subjects clusterAdmin and clusterUser.
 */
const localAccounts: ReadonlySet<string> = new Set(['clusterAdmin', 'clusterUser']);

/** Single users, people or service principals; not those that Kubernetes reserves, nor the local accounts. */
function single({ subjects }: Binding): string[] {
  return subjects.filter(({ kind, name }) => kind === 'User' && !name.startsWith('system:') && !localAccounts.has(name)).map(({ name }) => name);
}

function groups({ subjects }: Binding): string[] {
  return subjects.filter(({ kind, name }) => kind === 'Group' && !name.startsWith('system:')).map(({ name }) => name);
}

/** With Entra, a user is named by user principal name, or by object id, as service principals always are. Source: AKS docs, Kubernetes RBAC with Entra. */
function described(user: string): string {
  return isGuid(user) ? `user ${user} (the object id of a person or a service principal)` : `user ${user}`;
}

/**
 * The single users of the bindings are faults; groups pass. Whether members of a group are eligible for it or stand in it for good is for Entra
 * to say: an eligible one shows in no binding.
 */
function onlyGroups(facts: NamespaceFacts, counts: (binding: Binding) => boolean, nobody: string, note: string): Verdicts {
  const { found, unread } = bindings(facts);
  const counted = found.filter(counts);
  const faults = counted.flatMap((binding): Verdict[] => {
    const users = single(binding);
    return users.length === 0 ? [] : [fail(`binds ${binding.role} to ${some(users.map(described))}`, binding.title)];
  });
  const held = [...new Set(counted.flatMap(groups))];
  return judged(faults, unread, () => (held.length === 0 ? notApplicable(nobody) : pass(`bound to ${held.length === 1 ? 'group' : 'groups'} ${some(held)}${note}`)));
}

const eligibleNote = '; who of its members stands in it for good and who is only eligible is seen in Entra';

/** Who may do what in the namespace. */
export const accessRules: readonly NamespaceRule[] = [
  {
    id: 'namespace-no-workload-admin',
    title: 'No workload is cluster admin',
    severity: 'high',
    source: [section('sop', 'RBAC'), section('auth', 'RBAC'), section('enterpriseScale', 'Design recommendations for operator access')],
    remedy: 'Bind the service account to a role with what its workload calls, and delete this binding',
    dependants: [],
    judge: workloadAdmins,
  },
  {
    id: 'namespace-no-standing-admin',
    title: 'No single user is cluster admin for good; admins come by way of Entra groups',
    severity: 'high',
    source: [section('authnAuthz', 'Cluster Auth'), section('auth', 'RBAC'), section('enterpriseScale', 'Design recommendations for operator access'), section('sop', 'AuthZ')],
    remedy: 'Make the people eligible for an Entra group that is bound to cluster-admin (Privileged Identity Management), and take the users out of the binding',
    dependants: ['namespace-bound-to-groups'],
    judge: (facts) => onlyGroups(facts, ({ admin }) => admin, 'no person and no group is bound to cluster-admin', eligibleNote),
  },
  {
    id: 'namespace-bound-to-groups',
    title: 'Roles are bound to Entra groups, not to single users',
    severity: 'medium',
    source: [section('enterpriseScale', 'Design recommendations for operator access'), section('authnAuthz', 'Cluster Auth'), section('sop', 'AuthZ')],
    remedy: 'Bind the role to an Entra group by its object id, put the people and service principals into that group, and take the users out of the binding',
    dependants: ['namespace-no-standing-admin'],
    judge: (facts) => onlyGroups(facts, () => true, 'no person and no group is bound to a role here', ''),
  },
];
