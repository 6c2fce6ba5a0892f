import { row, type BadInput } from './table.js';

const federate = 'FederateServiceAccount';
const several = [federate, 'GrantRegistryRole'];
const alone = { given: { namespace: '', serviceAccount: '' } };
const form = /namespace\/name, or namespace\/name = secret, secret; both are lower-case letters/;
const secrets = 'orders/api = orders-key\norders/web';

/** Several service accounts in one call. */
export const severalRows: readonly BadInput[] = [
  ...row(several, 'serviceAccounts', 'orders/api', 'WI1060', undefined, /input namespace is given as well; list all service accounts in serviceAccounts/),
  ...row(federate, 'serviceAccounts', 'orders/api', 'WI1060', undefined, /input serviceAccount is given as well/, { given: { namespace: '' } }),
  ...row(several, 'serviceAccounts', 'orders', 'WI1007', '"orders"', form, alone),
  ...row(federate, 'serviceAccounts', 'orders/api/x', 'WI1007', 'orders/api/x', form, alone),
  ...row(federate, 'serviceAccounts', 'Orders/api', 'WI1007', 'Orders/api', form, alone),
  ...row(federate, 'serviceAccounts', 'orders/api;orders/web', 'WI1007', 'orders/api;orders/web', form, alone),
  ...row(federate, 'serviceAccounts', 'orders/api, orders/web\norders/api', 'WI1061', '"orders/api"', /listed twice/, alone),
  ...row(federate, 'serviceAccounts', 'orders/api =', 'WI1007', 'orders/api =', /the names of secrets after =, or no =/, alone),
  ...row(federate, 'serviceAccounts', 'orders/api = orders_db', 'WI1007', '"orders_db"', /names of secrets, cert:name, key:name, or \*; a name is letters, digits and hyphens/, alone),
  ...row(federate, 'serviceAccounts', 'orders/api = orders-db, orders-db', 'WI1061', '"orders-db"', /listed twice/, alone),
  ...row(several, 'serviceAccounts', '$(accounts)', 'WI1005', '$(accounts)', /link the variable group/, alone),
  ...row(federate, 'serviceAccounts', '@accounts.txt', 'WI1006', '@accounts.txt', /a path that is absolute or relative to the sources/, alone),
  ...row(federate, 'serviceAccounts', secrets, 'WI1060', undefined, /they share the identity id-shared, so each could read those of the other; put \{serviceAccount\} into the pattern/, { given: { ...alone.given, identity: 'id-shared' } }),
  ...row(several, 'identity', 'id-{workload}-{cluster}', 'WI1007', 'id-{workload}-{cluster}', /orders\/api, billing\/api are namesakes and would share one; put \{namespace\} into the pattern/, { given: { ...alone.given, serviceAccounts: 'orders/api,billing/api' } }),
];
