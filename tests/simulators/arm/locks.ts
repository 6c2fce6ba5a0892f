import type { RoleStore } from '../azure/roles.js';
import type { SimResponse } from '../kernel/service.js';
import { wrapped } from './refusals.js';
import { anyScope, at, paged, scopeOf, type ArmCall, type Parts, type Provider } from './route.js';

/** A management lock as stored. */
export interface Lock {
  readonly name: string;
  readonly level: 'CanNotDelete' | 'ReadOnly';
  /** ARM id that it is made at: a subscription, a resource group or a resource. */
  readonly scope: string;
  readonly notes?: string;
}

/** Source: npm @azure/arm-locks 2.1.0; the older one is sent by many. */
const versions = ['2020-05-01', '2016-09-01'];
/** POSTs that only look. */
const harmless = /\/(checkPolicyRestrictions)\b/i;

/** Management locks: read here, made outside of any request, kept by the gateway. */
export class Locks implements Provider {
  readonly all: Lock[] = [];

  constructor(private readonly roles: RoleStore) {}

  readonly operations: Provider['operations'] = [
    {
      method: 'GET',
      path: at(anyScope, '/providers/microsoft.authorization/locks'),
      versions,
      right: (parts: Parts) => ({ action: 'Microsoft.Authorization/locks/read', scope: scopeOf(parts) }),
      handle: (call: ArmCall, parts: Parts) => this.#list(call, scopeOf(parts)),
    },
  ];

  /**
   * The refusal of what a lock at or above a scope does not let happen.
   * @param action what the operation needs
   */
  refusal(method: string, action: string, scope: string): SimResponse | undefined {
    if (method === 'GET' || harmless.test(action)) return undefined;
    const operation = method === 'DELETE' ? 'delete' : 'write';
    const locks = this.all.filter((lock) => this.roles.reaches(lock.scope, scope) && (lock.level === 'ReadOnly' || operation === 'delete'));
    if (locks.length === 0) return undefined;
    const places = [...new Set(locks.map((lock) => `'${lock.scope}'`))].join(',');
    return wrapped(409, 'ScopeLocked', `The scope '${scope}' cannot perform ${operation} operation because following scope(s) are locked: ${places}. Please remove the lock and try again.`);
  }

  /** With atScope() what is at or above the scope, without also what is below. */
  #list(call: ArmCall, scope: string): SimResponse {
    const filter = (call.query.get('$filter') ?? '').trim();
    if (filter !== '' && !/^atScope\(\)$/i.test(filter)) return wrapped(400, 'InvalidFilterInQueryString', `Invalid $filter '${filter}' specified in the query string.`);
    const shown = this.all.filter((lock) => this.roles.reaches(lock.scope, scope) || (filter === '' && this.roles.reaches(scope, lock.scope)));
    return paged(call, shown.map(view), 100);
  }
}

function view({ name, level, scope, notes }: Lock): object {
  return { id: `${scope}/providers/Microsoft.Authorization/locks/${name}`, name, type: 'Microsoft.Authorization/locks', properties: { level, ...(notes === undefined ? {} : { notes }) } };
}
