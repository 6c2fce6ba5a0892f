import assert from 'node:assert/strict';
import { join } from 'node:path';
import { deploy, type DeployedResource, type Deployment } from '../bicep/deploy.js';
import { isList, listed, mapping, text, type Value, type ValueMap } from '../bicep/values.js';
import { asRecord, projectFiles, read, readJson, records, root, textOf } from './tree.js';

const folder = 'templates/monitoring';
const group = '/subscriptions/s-1/resourceGroups/rg-monitoring';
const columns = records(JSON.parse(read(`${folder}/ledger-columns.json`)));
const page = read(`${folder}/README.md`);
const queries = projectFiles(`${folder}/queries`);

const deployed = (file: string, parameters: ValueMap, scope = group): Deployment => deploy(join(root, folder, file), parameters, scope);
const ledger = (choices: ValueMap = {}): Deployment => deployed('ledger.bicep', { workspaceName: 'log-contoso', publishers: ['p-1', 'p-2'], ...choices });
const alerts = (choices: ValueMap = {}): Deployment => deployed('alerts.bicep', { workspaceName: 'log-contoso', identityGroup: '/subscriptions/S-1/resourceGroups/rg-Id', pipelinePrincipals: ['P-1', 'p-2'], ...choices });
const one = ({ resources }: Deployment, type: string): DeployedResource => resources.find((resource) => resource.type.endsWith(type)) ?? assert.fail(`no ${type}`);
const propertiesOf = ({ body }: DeployedResource): ValueMap => mapping(body.properties ?? null);
const at = (value: Value | undefined, ...path: readonly string[]): Value => path.reduce<Value>((inner, key) => mapping(inner)[key] ?? null, value ?? null);

/** The type of the column for a field of a line. */
function columnType(rule: Readonly<Record<string, unknown>>): string {
  if (typeof rule.const === 'number') return 'int';
  if (rule.format === 'date-time') return 'datetime';
  return { boolean: 'boolean', object: 'dynamic', array: 'dynamic' }[textOf(rule, 'type')] ?? 'string';
}

describe('templates/monitoring, the ledger', () => {
  it('has columns of known types that Azure takes', () => {
    const names = columns.map((column) => textOf(column, 'name'));
    assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length);
    assert.deepEqual(columns.filter(({ type }) => !['string', 'int', 'boolean', 'datetime', 'dynamic'].includes(String(type))), []);
    // Source: Azure Monitor docs, create a custom table: reserved column names.
    const reserved = ['id', 'billedsize', 'isbillable', 'invalidtimegenerated', 'tenantid', 'title', 'type', 'uniqueid'];
    assert.deepEqual(names.filter((name) => reserved.includes(name.toLowerCase()) || !/^[A-Za-z]\w{0,44}$/.test(name)), []);
    for (const column of columns) assert.ok(textOf(column, 'description').length > 3);
  });

  it('has a column for each field of a line, and no other', () => {
    const fields = Object.entries(asRecord(readJson('schemas/ledger.schema.json').properties)).map(([name, rule]) => ({ name, type: columnType(asRecord(rule)) }));
    assert.ok(fields.length > 20);
    assert.deepEqual(columns.map(({ name, type }) => ({ name, type })), fields);
  });

  it('has the same columns in its table and in its stream', () => {
    const wanted = columns.map(({ name, type }) => ({ name, type }));
    const table = listed(at(propertiesOf(one(ledger(), '/tables')), 'schema', 'columns')).map((column) => ({ name: at(column, 'name'), type: at(column, 'type') }));
    assert.deepEqual(table, [{ name: 'TimeGenerated', type: 'datetime' }, ...wanted]);
    const rule = propertiesOf(one(ledger(), '/dataCollectionRules'));
    assert.deepEqual(at(rule, 'streamDeclarations', 'Custom-WorkloadIdentityLedger_CL', 'columns'), wanted);
    const [flow] = listed(rule.dataFlows ?? null);
    assert.equal(at(flow, 'outputStream'), 'Custom-WorkloadIdentityLedger_CL');
    assert.deepEqual(at(flow, 'streams'), ['Custom-WorkloadIdentityLedger_CL']);
  });

  it('follows the name of the table, and ends in the workspace', () => {
    const found = ledger({ tableName: 'Other_CL' });
    assert.match(one(found, '/tables').id, /\/workspaces\/log-contoso\/tables\/Other_CL$/);
    assert.deepEqual(Object.keys(mapping(at(propertiesOf(one(found, '/dataCollectionRules')), 'streamDeclarations'))), ['Custom-Other_CL']);
    assert.equal(found.outputs.ledgerStream, 'Custom-Other_CL');
    const [destination] = listed(at(propertiesOf(one(found, '/dataCollectionRules')), 'destinations', 'logAnalytics'));
    assert.equal(at(destination, 'workspaceResourceId'), `${group}/providers/Microsoft.OperationalInsights/workspaces/log-contoso`);
  });

  it('lets the publishers send to this rule, and nothing else', () => {
    const found = ledger();
    const rule = one(found, '/dataCollectionRules');
    const given = found.resources.filter(({ type }) => type.endsWith('/roleAssignments'));
    assert.deepEqual(given.map((assignment) => [assignment.scope, propertiesOf(assignment).principalId]), [[rule.id, 'p-1'], [rule.id, 'p-2']]);
    // Monitoring Metrics Publisher. Source: azure-docs, built-in roles.
    for (const assignment of given) assert.match(text(propertiesOf(assignment).roleDefinitionId ?? null), /\/3913510d-42f4-4e42-8a64-420c390055eb$/);
  });
});

describe('templates/monitoring, the alerts', () => {
  const rulesOf = (deployment: Deployment): { readonly name: string; readonly query: string; readonly properties: ValueMap }[] => {
    return deployment.resources.filter(({ type }) => type.endsWith('/scheduledQueryRules')).map((resource) => {
      const [criterion] = listed(at(propertiesOf(resource), 'criteria', 'allOf'));
      return { name: resource.name, query: text(at(criterion, 'query')), properties: propertiesOf(resource) };
    });
  };
  const query = (choices: ValueMap, ending: string): string => rulesOf(alerts(choices)).find(({ name }) => name.endsWith(ending))?.query ?? assert.fail(ending);

  it('use every query, filled in', () => {
    const all = [...rulesOf(alerts()), ...rulesOf(alerts({ auditTable: 'AzureDiagnostics' }))];
    const heads = new Set(all.map((rule) => rule.query.split('\n')[0]));
    assert.ok(queries.length >= 5);
    for (const path of queries) {
      assert.match(read(path), /^\/\/ .+\.\n/, path);
      assert.ok(heads.has(read(path).split('\n')[0]), `${path} is not used`);
      assert.ok(page.includes(path.slice(folder.length + 1)), `${path} is not explained`);
    }
    for (const { name, query: filled, properties } of all) {
      assert.ok(filled.split('\n').length > 4, name);
      assert.doesNotMatch(filled, /\{\{|\}\}/, name);
      assert.ok(text(properties.description ?? null).length > 20);
      assert.deepEqual(properties.scopes, [`${group}/providers/Microsoft.OperationalInsights/workspaces/log-contoso`]);
      assert.ok(page.includes(text(properties.displayName ?? null).replace('Workload identity: ', '').replace(/^./, (letter) => letter.toUpperCase())), name);
    }
  });

  it('have balanced brackets and quotes in their queries', () => {
    for (const { name, query: filled } of [...rulesOf(alerts()), ...rulesOf(alerts({ auditTable: 'AzureDiagnostics' }))]) {
      const bare = filled.replace(/^\/\/.*$/gm, '').replace(/'[^'\n]*'|"[^"\n]*"/g, '""');
      assert.doesNotMatch(bare, /'/, name);
      const open: string[] = [];
      const pairs: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
      for (const sign of bare.replace(/[^()[\]{}]/g, '')) {
        const opening = pairs[sign];
        if (opening === undefined) open.push(sign);
        else assert.equal(open.pop(), opening, `${name}: ${sign}`);
      }
      assert.deepEqual(open, [], name);
    }
  });

  it('ask the ledger only for columns that it has', () => {
    const known = new Set(['TimeGenerated', ...columns.map((column) => textOf(column, 'name'))]);
    const crossings = query({}, 'crossings');
    const projected = /\| project (.*)$/m.exec(crossings)?.[1]?.split(', ') ?? [];
    assert.ok(projected.length > 5);
    assert.deepEqual(projected.filter((name) => !known.has(name) && name !== 'crossing'), []);
    for (const name of ['outcome', 'crossings', 'correlation', 'detail', 'principalId', 'url', 'action', 'object']) assert.ok(known.has(name), name);
  });

  it('follow their parameters', () => {
    assert.ok(query({ tableName: 'Other_CL' }, 'crossings').includes('\nOther_CL\n'));
    const watched = query({ identityPrincipals: ['I-1', 'i-2'] }, 'unexplained-writes');
    assert.ok(watched.includes('let identities = dynamic(["i-1", "i-2"]);'), watched);
    assert.ok(watched.includes('let pipelines = dynamic(["p-1", "p-2"]);'));
    assert.ok(watched.includes("startswith '/subscriptions/s-1/resourcegroups/rg-id/'"));
    assert.ok(query({}, 'unexplained-writes').includes('let identities = dynamic([]);'));
    assert.match(query({}, 'cluster-access'), /^AKSAuditAdmin$/m);
    assert.match(query({ auditTable: 'AzureDiagnostics', expectedUsers: ['flux'] }, 'cluster-access'), /dynamic\(\["flux"\]\);\nAzureDiagnostics$/m);
    assert.equal(rulesOf(alerts({ auditTable: '' })).length, rulesOf(alerts()).length - 1);
    const told = rulesOf(alerts({ actionGroups: ['/a'] })).map(({ properties }) => at(properties, 'actions', 'actionGroups'));
    assert.deepEqual(told, told.map(() => ['/a']));
  });
});

describe('templates/monitoring, its page', () => {
  it('documents each parameter of each file', () => {
    for (const path of projectFiles(folder).filter((name) => name.endsWith('.bicep'))) {
      const section = page.split(`| \`${path.slice(folder.length + 1)}\` |`)[1]?.split(/^\| `[\w-]+\.bicep` \||^$/m)[0] ?? '';
      const declared = [...read(path).matchAll(/^param (\w+)/gm)].map((match) => match[1] ?? '');
      assert.ok(declared.length > 0, path);
      for (const name of declared) assert.ok(section.includes(`\`${name}\` |`), `${path}: ${name}`);
    }
  });

  it('shows the columns as they are', () => {
    const rows = columns.map(({ name, type, description }) => `| \`${String(name)}\` | ${String(type)} | ${String(description)} |`);
    assert.ok(page.includes(rows.join('\n')));
  });

  it('collects the Activity Log of a subscription', () => {
    const { resources } = deployed('activity-log.bicep', { workspaceId: '/w' }, '/subscriptions/s-1');
    const [setting] = resources.map(propertiesOf);
    assert.equal(setting?.workspaceId, '/w');
    const logs = setting.logs ?? null;
    assert.ok(isList(logs) && logs.some((log) => at(log, 'category') === 'Administrative' && at(log, 'enabled') === true));
  });
});
