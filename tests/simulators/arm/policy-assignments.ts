import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { RoleStore } from '../azure/roles.js';
import type { SimResponse } from '../kernel/service.js';
import { forbidden, notHere, wrapped } from './refusals.js';
import { at, normalScope, paged, pieces, scopeOf, wholeNumber, type ArmCall, type Parts, type Provider } from './route.js';

/** Something of Azure Policy as it is arranged: its properties are those of the service, without those that the simulator adds. */
export interface PolicyObject {
  readonly name: string;
  /** ARM id of what it lies at; of a definition empty where it is built in. */
  readonly scope: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

type ListedKind = 'policyAssignments' | 'policyExemptions';
type DefinitionKind = 'policyDefinitions' | 'policySetDefinitions';

/** Source: npm @azure/arm-policy 7.0.1 and 6.0.0; REST reference of policy assignments, its newest and the one that many send. */
const versions = ['2025-11-01', '2025-03-01', '2024-05-01', '2023-04-01'];
/** Source: REST reference of policy exemptions. */
const exemptionVersions = ['2022-07-01-preview'];
const authorization = '/providers/microsoft.authorization';
const managementGroup = '/providers/microsoft.management/managementgroups/[^/]+';
/** What 404s call a definition. The first is from Azure/Azure-Landing-Zones#3950, the second unconfirmed. */
const missing = { policyDefinitions: ['PolicyDefinitionNotFound', 'policy definition'], policySetDefinitions: ['PolicySetDefinitionNotFound', 'policy set definition'] } as const;

/** What Azure Policy has assigned and exempted, and the definitions of it: for reading only. What policies deny is with `Policies`. */
export class PolicyAssignments implements Provider {
  readonly knobs = {
    /** Items in a page of a list. Source: npm @azure/arm-policy 7.0.1, `$top`. */
    pageSize: 500,
    /** What a list answers to whoever has no right: a refusal, or nothing at all, as MicrosoftDocs/azure-docs#110373 tells. */
    withoutRight: 'refused' as 'refused' | 'empty',
    /** Whether a role below a definition is enough to read it, one anywhere for a built-in one. Source: MicrosoftDocs/azure-docs#110373. */
    readableBelow: true,
  };
  readonly #objects: Record<ListedKind | DefinitionKind, Map<string, PolicyObject>> = { policyAssignments: new Map(), policyExemptions: new Map(), policyDefinitions: new Map(), policySetDefinitions: new Map() };

  constructor(
    private readonly clock: Clock,
    private readonly roles: RoleStore,
  ) {}

  /** Assigns a definition or an initiative, in the place of what had its name there. Returns the ARM id. */
  addAssignment(assignment: PolicyObject): string {
    return this.#add('policyAssignments', assignment);
  }

  /** Exempts what lies at or below the scope. Returns the ARM id. */
  addExemption(exemption: PolicyObject): string {
    return this.#add('policyExemptions', exemption);
  }

  /** Defines a policy at a subscription or management group, or a built-in one. Returns the ARM id. */
  addDefinition(definition: PolicyObject): string {
    return this.#add('policyDefinitions', definition);
  }

  /** Defines an initiative at a subscription or management group, or a built-in one. Returns the ARM id. */
  addInitiative(initiative: PolicyObject): string {
    return this.#add('policySetDefinitions', initiative);
  }

  readonly operations: Provider['operations'] = [
    this.#lists('policyAssignments', versions),
    this.#lists('policyExemptions', exemptionVersions),
    this.#gets('policyDefinitions'),
    this.#gets('policySetDefinitions'),
  ];

  #add(kind: ListedKind | DefinitionKind, entry: PolicyObject): string {
    const id = idOf(kind, entry);
    this.#objects[kind].set(id.toLowerCase(), entry);
    return id;
  }

  #lists(kind: ListedKind, known: readonly string[]): Provider['operations'][number] {
    return { method: 'GET', path: at('(?<scope>/.+)', `${authorization}/${kind}`), versions: known, handle: (call: ArmCall, parts: Parts) => this.#list(call, kind, scopeOf(parts)) };
  }

  #gets(kind: DefinitionKind): Provider['operations'][number] {
    const scope = `(?<scope>${pieces.subscription}|${managementGroup}|)`;
    return { method: 'GET', path: at(scope, `${authorization}/${kind}/(?<n>[^/]+)`), versions, handle: (call: ArmCall, parts: Parts) => this.#get(call, kind, parts) };
  }

  /** At a scope: its own, inherited ones and, without a filter that says otherwise, those below. Source: REST reference of both, list. */
  #list(call: ArmCall, kind: ListedKind, scope: string): SimResponse {
    const action = `Microsoft.Authorization/${kind}/read`;
    if (!this.roles.allows({ objectId: call.caller.objectId, action, scope })) {
      return this.knobs.withoutRight === 'empty' ? { status: 200, body: { value: [] } } : forbidden(call.caller.appId, call.caller.objectId, action, scope);
    }
    const filter = call.query.get('$filter');
    if (filter === null && kind === 'policyAssignments' && new RegExp(`^${managementGroup}$`, 'i').test(scope)) return wrapped(400, 'MissingFilter', 'The request is missing a filter: $filter is required for management groups.');
    const wanted = this.#filter(kind, (filter ?? '').trim(), scope);
    if (wanted === undefined) return wrapped(400, 'InvalidFilterInQueryString', `Invalid $filter '${filter ?? ''}' specified in the query string.`);
    if (call.query.has('$expand')) return notHere(`$expand of ${kind}`);
    const top = wholeNumber(call.query.get('$top'), this.knobs.pageSize);
    if (top === undefined || top === 0) return wrapped(400, 'InvalidTop', "The value of the query parameter '$top' is invalid.");
    return paged(call, [...this.#objects[kind].values()].filter(wanted).map((entry) => view(kind, entry)), Math.min(top, this.knobs.pageSize));
  }

  /** Source: npm @azure/arm-policy 7.0.1, filters of policyAssignments; REST reference of policy exemptions, list. */
  #filter(kind: ListedKind, text: string, scope: string): ((entry: PolicyObject) => boolean) | undefined {
    const above = (entry: PolicyObject): boolean => this.roles.reaches(entry.scope, scope);
    const around = (entry: PolicyObject): boolean => above(entry) || this.roles.reaches(scope, entry.scope);
    if (text === '') return around;
    if (/^atScope\(\)$/i.test(text)) return above;
    if (/^atExactScope\(\)$/i.test(text)) return (entry) => normalScope(entry.scope).toLowerCase() === scope.toLowerCase();
    if (kind === 'policyExemptions' && /^excludeExpired\(\)$/i.test(text)) return (entry) => around(entry) && !this.#hasExpired(entry);
    const key = kind === 'policyAssignments' ? 'policyDefinitionId' : 'policyAssignmentId';
    const value = new RegExp(`^${key} eq '([^']*)'$`, 'i').exec(text)?.[1]?.toLowerCase();
    return value === undefined ? undefined : (entry) => around(entry) && String(entry.properties[key]).toLowerCase() === value;
  }

  #hasExpired({ properties: { expiresOn } }: PolicyObject): boolean {
    return typeof expiresOn === 'string' && Date.parse(expiresOn) <= this.clock.now().getTime();
  }

  #get(call: ArmCall, kind: DefinitionKind, parts: Parts): SimResponse {
    const scope = scopeOf(parts);
    const action = `Microsoft.Authorization/${kind}/read`;
    if (!this.#mayRead(call.caller.objectId, action, scope)) return forbidden(call.caller.appId, call.caller.objectId, action, scope);
    const found = this.#objects[kind].get(idOf(kind, { scope: parts('scope'), name: parts('n') }).toLowerCase());
    if (found !== undefined) return { status: 200, body: view(kind, found) };
    const [code, what] = missing[kind];
    return wrapped(404, code, `The ${what} '${parts('n')}' could not be found.`);
  }

  #mayRead(objectId: string, action: string, scope: string): boolean {
    if (this.roles.allows({ objectId, action, scope })) return true;
    if (!this.knobs.readableBelow) return false;
    const theirs = this.roles.assignments().filter(({ principalId }) => principalId.toLowerCase() === objectId.toLowerCase());
    return theirs.some((entry) => this.roles.reaches(scope, entry.scope) && this.roles.allows({ objectId, action, scope: entry.scope }));
  }
}

function idOf(kind: string, { scope, name }: Pick<PolicyObject, 'scope' | 'name'>): string {
  return `${scope}/providers/Microsoft.Authorization/${kind}/${name}`;
}

/** As the service answers it. Source: REST reference of each, examples. */
function view(kind: ListedKind | DefinitionKind, entry: PolicyObject): object {
  const { name, scope, properties } = entry;
  const added = {
    policyAssignments: { scope, enforcementMode: 'Default' },
    policyExemptions: {},
    policyDefinitions: { policyType: scope === '' ? 'BuiltIn' : 'Custom', mode: 'All' },
    policySetDefinitions: { policyType: scope === '' ? 'BuiltIn' : 'Custom' },
  }[kind];
  return { id: idOf(kind, entry), name, type: `Microsoft.Authorization/${kind}`, properties: { ...added, ...properties } };
}
