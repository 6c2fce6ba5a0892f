import assert from 'node:assert/strict';
import { auditExample } from '../../scripts/audit-example.js';
import { secretCanary } from '../../scripts/audit-example/namespaces.js';
import { takeKeysInTurn } from '../simulators/kernel/rsa-keys.js';
import { canaries, clusters } from '../simulators/world/contoso.js';
import { read } from './tree.js';

const page = read('docs/audit-evidence-example.md');

/** The text under a heading, up to the next one of its rank or above. */
function under(heading: string, text = page): string {
  const from = text.indexOf(`\n${heading}\n`);
  assert.ok(from >= 0, `${heading} is not there`);
  const rest = text.slice(from + heading.length + 2);
  return rest.slice(0, new RegExp(`^#{1,${heading.indexOf(' ')}} `, 'm').exec(rest)?.index);
}

/** Whether a table has a row with these cells, in this order. */
function hasRow(text: string, ...cells: RegExp[]): boolean {
  return text.split('\n').some((line) => {
    const own = line.split(' | ');
    return cells.every((cell) => {
      const at = own.findIndex((one) => cell.test(one));
      return at >= 0 && own.splice(0, at + 1).length > 0;
    });
  });
}

describe('docs/audit-evidence-example.md', function () {
  this.timeout(60_000);
  after(() => takeKeysInTurn());

  it('is what the audit of the simulated company leaves: if not, npm run audit-example', async () => {
    assert.equal(await auditExample(), page);
  });

  it('says that it is an example, and is short enough to be read', () => {
    assert.match(page, /^> \*\*An example\.\*\* .* simulated[^]*`npm run audit-example`/);
    assert.ok(page.split('\n').length <= 420, String(page.split('\n').length));
  });

  it('has no value of a secret', () => {
    const texts = [secretCanary, ...Object.values(canaries)];
    for (const text of texts) for (const form of [text, Buffer.from(text).toString('base64').slice(0, -4)]) assert.ok(!page.includes(form), form);
    assert.match(under('## Open findings'), /secret billing\/invoices-storage \| holds what looks like a storage connection string/);
  });

  it('is about the clusters of contoso and one that is stopped', () => {
    const rows = under('## What was looked at').trim().split('\n').slice(2).map((row) => row.split(' | ')[0]?.slice(2));
    assert.deepEqual(rows.sort(), [...Object.values(clusters).map(({ name }) => name), 'aks-ppd-neu-1'].sort());
  });

  it('shows a crossing that is allowed with its reason and last day, and one that is not', () => {
    const crossings = under('## Crossings of boundaries');
    assert.ok(hasRow(crossings, /AcrPush/, /^nonprod$/, /^prod$/, /^allowed$/, /^push-releases$/, /Release images/, /^2026-06-30/));
    assert.ok(hasRow(crossings, /federation/, /^nonprod$/, /^prod$/, /^not allowed$/));
  });

  it('shows exceptions that accept a finding, that accept nothing, and that expired', () => {
    const [inForce = '', past = ''] = under('## Exceptions').split('Past their day');
    assert.match(inForce, /\| accepts 1 finding \|/);
    assert.match(inForce, /\| accepts nothing that was found: it can be removed \|/);
    assert.match(past, /\| past its day: 1 finding no longer accepted \|/);
    assert.match(under('### Findings that are accepted'), /aks-test-weu-1/);
  });

  it('shows who may become an identity in every way that was planted', () => {
    const access = under('## Who reaches what');
    const states: [credential: RegExp, state: RegExp][] = [
      [/^wi-aks-dev-weu-1-/, /^as it should be$/],
      [/^orders-web$/, /^the subject differs in case$/],
      [/^old-cluster$/, /^the cluster is gone$/],
      [/^github-deploy$/, /^of no cluster that is seen$/],
      [/^smoke-test$/, /^crosses a boundary$/],
      [/^wi-aks-ppd-neu-1-/, /^the service account could not be read$/],
    ];
    for (const [credential, state] of states) assert.ok(hasRow(access, credential, state), `${credential.source} ${state.source}`);
  });

  it('shows grants that are planned, broader, unplanned and unused', () => {
    const access = under('## Who reaches what');
    assert.ok(hasRow(access, /Contributor/, /rg-shared$/, /^broader than needed$/));
    assert.ok(hasRow(access, /Key Vault Secrets User/, /kv-contoso-prd$/, /^broader than needed$/));
    assert.ok(hasRow(access, /Key Vault Secrets User/, /billing-db$/, /^not planned$/));
    assert.ok(hasRow(access, /AcrPull/, /crcontosoprd$/, /^as planned$/, /^not since 2026-01-18/));
    assert.match(under('## Open findings'), /no sign-in since 2026-01-18/);
  });

  it('shows findings of clusters, namespaces and ledgers, and tells one binding once', () => {
    const open = under('## Open findings');
    for (const rule of ['cluster-local-accounts', 'cluster-audit-logs', 'cluster-rbac-policy', 'namespace-default-deny', 'namespace-no-public-load-balancer', 'namespace-quota', 'ledger-drift']) assert.ok(open.includes(`Rule ${rule}.`), rule);
    assert.match(under('#### No single user is cluster admin for good; admins come by way of Entra groups', open), /\n\| aks-prd-neu-1 \/ billing, default, orders \/ cluster role binding migration-helper \|[^\n]*\n+$/);
    assert.match(under('#### A quota limits what all pods together take of CPU and memory', open), /^(?![^]*aks-prd-neu-1 \/ (?:billing, )?orders)/);
  });

  it('shows what could not be told, and of whom', () => {
    const untold = under('## What could not be told');
    assert.match(untold, /\| aks-ppd-neu-1 \| the cluster is stopped \|/);
    assert.match(untold, /\| identity id-orders-aks-ppd-neu-1 \| credential wi-/);
    assert.match(untold, /\| namespace campaign of aks-test-weu-1 \| it is being deleted \|/);
  });
});
