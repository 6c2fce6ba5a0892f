import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asRecord, records, textOf } from '../contract/tree.js';
import { startContoso, type ContosoRun, type ContosoStage } from '../demo/contoso-run.js';
import { isRecord } from '../simulators/kernel/service.js';
import { canaries, clusters, connections } from '../simulators/world/contoso.js';
import { snapshot } from '../simulators/world/snapshot.js';
import type { World } from '../simulators/world/world.js';
import { readXml } from '../unit/report/xml-reader.js';
import { attachedAudit, filesOf, findingsIn, shownTest, testsOf, verdictsIn } from './audit-facts.js';
import { builtTasks, root } from './built-tasks.js';
import { stepsOf } from './run-facts.js';

const silent = (): void => undefined;
const rings = { nonprod: [clusters.dev.name, clusters.test.name], prod: [clusters.prd.name] } as const;
const ringNames = ['nonprod', 'prod'] as const;
const pull = { name: 'old-pull', rule: `namespace-no-credential-secrets at ${clusters.prd.name}` };

const auth = encoded(`puller:${canaries.otherSecret}`);
const login = encoded(JSON.stringify({ auths: { 'crcontosoprd.azurecr.io': { username: 'puller', password: canaries.otherSecret, auth } } }));

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A pull secret of production whose password is a canary. */
function plantPullSecret(world: World): void {
  const data = { '.dockerconfigjson': login };
  world.clusters.get(clusters.prd.name)?.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name: pull.name }, type: 'kubernetes.io/dockerconfigjson', data });
}

/** What is stored, without what a cluster's own controllers go on changing by themselves. */
function stored(world: World): unknown {
  const own = new Set(['status', 'managedFields']);
  const text = JSON.stringify(snapshot(world), (key, value: unknown) => {
    if (own.has(key)) return undefined;
    return Array.isArray(value) ? value.filter((item) => !isRecord(item) || item.kind !== 'Pod') : value;
  });
  return JSON.parse(text);
}

/** An audit, what the world was like around it, and what it left on the machine. */
interface Audit {
  readonly run: ContosoRun;
  readonly before: unknown;
  readonly after: unknown;
  readonly artifacts: string;
  readonly workFolder: string;
}

async function auditOf(stage: ContosoStage, folder: string, name: string): Promise<Audit> {
  const [artifacts, workFolder] = [join(folder, name, 'artifacts'), join(folder, name, 'work')];
  mkdirSync(workFolder, { recursive: true });
  const before = stored(stage.world);
  const file = join(root, 'tests/fixtures/contoso/audit-pipeline.yml');
  const run = await stage.run(silent, { file, artifactsFolder: artifacts, workFolder, parallelStages: 2, reason: 'Schedule', definitionName: 'audit' });
  return { run, before, after: stored(stage.world), artifacts, workFolder };
}

function filesBelow(folder: string): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return paths.filter((path) => statSync(path).isFile());
}

describe('the nightly audit', function () {
  this.timeout(180_000);
  let folder: string;
  let stage: ContosoStage;
  let demo: ContosoRun;
  const audits = new Map<string, Audit>();
  const audit = (name: string): Audit => audits.get(name) ?? assert.fail(name);

  before(async () => {
    await builtTasks();
    folder = mkdtempSync(join(tmpdir(), 'audit-'));
    stage = await startContoso();
    plantPullSecret(stage.world);
    audits.set('before', await auditOf(stage, folder, 'before'));
    demo = await stage.run(silent);
    audits.set('after', await auditOf(stage, folder, 'after'));
  });

  after(async () => {
    await stage.close();
    rmSync(folder, { recursive: true });
  });

  it('looks at a fleet that has not been set up, and at the same fleet after the demo', () => {
    assert.equal(demo.result.result, 'Succeeded', demo.lines.join('\n'));
    assert.ok(demo.writes.length > 0);
    assert.notDeepEqual(audit('after').before, audit('before').after);
  });

  for (const when of ['before', 'after'] as const) {
    describe(`${when} the fleet is set up`, () => {
      it('writes nothing anywhere, and signs in only as the auditors', () => {
        const { run, before, after } = audit(when);
        assert.ok(run.requests.length > 50, 'it did not look');
        assert.deepEqual(run.writes, []);
        assert.deepEqual(after, before);
        const auditors = [connections.nonprodAudit, connections.prodAudit].map(({ name }) => stage.world.directory.all().find(({ displayName }) => displayName === name)?.objectId);
        const others = run.requests.filter(({ service, principal }) => (service === 'arm' || service.startsWith('kubernetes/')) && !auditors.includes(principal));
        assert.deepEqual(others.map(({ service, method, path, principal }) => `${service} ${method} ${path} ${principal ?? 'nobody'}`), []);
      });

      it('fails for production, passes with issues elsewhere, and neither hides the other', () => {
        const { run } = audit(when);
        assert.deepEqual(run.result.stages.map(({ name, result }) => `${name} ${result}`).sort(), ['audit_nonprod SucceededWithIssues', 'audit_prod Failed']);
        assert.equal(run.result.result, 'Failed');
        for (const ring of ringNames) {
          const audited = records(asRecord(attachedAudit(run, `audit_${ring}`).inventory).clusters);
          assert.deepEqual(audited.map((cluster) => textOf(cluster, 'label')).sort(), [...rings[ring]].sort());
          const steps = stepsOf(run, `audit_${ring}`).filter(({ displayName }) => !displayName.startsWith('Post-job'));
          const ended = steps.map(({ displayName, result }) => `${displayName}: ${result}`);
          assert.deepEqual(ended, ['Select clusters: Succeeded', 'Checkout self: Succeeded', `Audit: ${ring === 'prod' ? 'Failed' : 'SucceededWithIssues'}`, 'Publish the verdicts: Succeeded', 'Publish the reports: Succeeded']);
        }
      });

      it("measures each ring by its own profile and threshold, and both by the fleet's boundaries", () => {
        const measures = ringNames.map((ring) => {
          const report = attachedAudit(audit(when).run, `audit_${ring}`);
          const boundaries = records(asRecord(report.inventory).clusters).map((cluster) => textOf(cluster, 'boundary'));
          return [asRecord(report.profile).name, report.failOn, ...new Set(boundaries)];
        });
        assert.deepEqual(measures, [['nonprod', 'none', 'nonprod'], ['prod', 'high', 'prod']]);
      });

      it('publishes four files for each ring, each in its own language, and attaches the same report', () => {
        const { run, artifacts } = audit(when);
        assert.deepEqual(readdirSync(artifacts).sort(), ringNames.map((ring) => `workload-identity-audit-${ring}-1`));
        for (const ring of ringNames) {
          const files = filesOf(artifacts, `workload-identity-audit-${ring}-1`);
          const text = (name: string): string => files.get(name) ?? assert.fail(name);
          assert.deepEqual([...files.keys()], ['audit-evidence.md', 'audit-junit.xml', 'audit.json', 'audit.sarif']);
          const report = asRecord(JSON.parse(text('audit.json')));
          assert.deepEqual(report, attachedAudit(run, `audit_${ring}`));
          const [sarif] = records(asRecord(JSON.parse(text('audit.sarif'))).runs);
          assert.ok(records(sarif?.results).length >= records(report.findings).length);
          assert.equal(readXml(text('audit-junit.xml')).name, 'testsuites');
          for (const name of rings[ring]) assert.ok(text('audit-evidence.md').includes(name), name);
        }
      });

      it('puts every verdict on the Tests tab', () => {
        const { run } = audit(when);
        for (const ring of ringNames) {
          const verdicts = verdictsIn(attachedAudit(run, `audit_${ring}`));
          const tests = testsOf(run, `audit_${ring}`);
          assert.ok(verdicts.size > 22 * rings[ring].length, `${verdicts.size} verdicts`);
          assert.deepEqual(tests.map(shownTest).sort(), [...verdicts.keys()].sort());
          const failing = [...verdicts].filter(([, fails]) => fails).map(([shown]) => shown);
          assert.deepEqual(tests.filter(({ outcome }) => outcome === 'failed').map(shownTest).sort(), failing.sort());
          assert.ok(run.lines.some((line) => line.startsWith(`Published test run 'Workload identity audit, ${ring}'`) && line.includes(`cases ${verdicts.size}, failures ${failing.length},`)), ring);
        }
      });

      it('tells of a secret without its value, in no output and no file', () => {
        const { run, artifacts, workFolder } = audit(when);
        assert.ok(findingsIn(attachedAudit(run, 'audit_prod')).includes(pull.rule), 'the secret was not seen');
        const said = stepsOf(run).flatMap(({ summaries, attachments, outputs, issues, testRuns }) => [
          ...summaries, ...attachments.map(({ content }) => content), ...outputs.values(), ...issues.map(({ message }) => message), JSON.stringify(testRuns),
        ]);
        const files = [artifacts, workFolder].flatMap(filesBelow).map((path) => readFileSync(path, 'latin1'));
        assert.ok(said.length > 20 && files.length >= 16, `${said.length} texts, ${files.length} files`);
        const texts = [...run.lines, ...said, ...files];
        const secrets = [...Object.values(canaries), ...Object.values(canaries).map(encoded), auth, login];
        assert.deepEqual(secrets.filter((secret) => texts.some((text) => text.includes(secret))), []);
        assert.deepEqual(texts.flatMap((text) => text.match(/eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g) ?? []), []);
      });

      it('keeps what libraries say of themselves out of the log', () => {
        const noise = /^\(node:|Warning:|^\s+at (?:\S+ \(|file:|node:)|Unhandled|\b[A-Z]\w*Error:|^npm /;
        assert.deepEqual(audit(when).run.lines.filter((line) => noise.test(line)), []);
        const issues = stepsOf(audit(when).run).flatMap(({ displayName, issues: all }) => all.map(({ type, message }) => `${displayName} ${type} ${message.split(' ').slice(0, 2).join(' ')}`));
        assert.deepEqual(issues.sort(), ['Audit error AuditWorkloadIdentity failed:', 'Audit warning AuditWorkloadIdentity passed,']);
      });
    });
  }

  it('sees in its findings and its inventory what the demo has set up', () => {
    const clustersWith = (when: string, rule: string): string[] => ringNames.flatMap((ring) => findingsIn(attachedAudit(audit(when).run, `audit_${ring}`))).filter((text) => text.startsWith(`${rule} at `)).map((text) => text.split(' at ')[1] ?? '');
    assert.deepEqual(clustersWith('before', 'cluster-oidc-issuer'), [clusters.dev.name]);
    assert.deepEqual(clustersWith('before', 'cluster-workload-identity').sort(), [clusters.dev.name, clusters.test.name]);
    assert.deepEqual([clustersWith('after', 'cluster-oidc-issuer'), clustersWith('after', 'cluster-workload-identity')], [[], []]);
    for (const ring of ringNames) {
      const inventory = (when: string): Readonly<Record<string, unknown>> => asRecord(attachedAudit(audit(when).run, `audit_${ring}`).inventory);
      assert.deepEqual([records(inventory('before').identities), records(inventory('after').crossings)], [[], []]);
      const identities = records(inventory('after').identities).map((identity) => {
        const credentials = records(identity.credentials).map((one) => `${textOf(one, 'subject')} ${textOf(one, 'state')}`);
        const grants = records(identity.grants).map((one) => `${textOf(one, 'role')} ${textOf(one, 'state')}`);
        return [textOf(identity, 'name'), ...credentials, ...grants.sort()];
      });
      const expected = rings[ring].map((name) => [`id-orders-${name}`, 'system:serviceaccount:orders:api ok', 'AcrPull planned', 'Key Vault Secrets User planned']);
      assert.deepEqual(identities.sort(), expected.sort());
    }
  });

  it('publishes nothing, and fails for its own reason, when the audit cannot begin', async () => {
    const file = join(root, `build/audit-${process.pid}.yml`);
    writeFileSync(file, readFileSync(join(root, 'tests/fixtures/contoso/audit-pipeline.yml'), 'utf8').replace('profile: nonprod', 'profile: nowhere.yml'));
    try {
      const run = await stage.run(silent, { file });
      const ended = stepsOf(run, 'audit_nonprod').filter(({ displayName }) => !displayName.startsWith('Post-job')).map(({ displayName, result }) => `${displayName}: ${result}`);
      assert.deepEqual(ended, ['Select clusters: Succeeded', 'Checkout self: Succeeded', 'Audit: Failed', 'Publish the verdicts: Skipped', 'Publish the reports: Skipped']);
      assert.ok(testsOf(run, 'audit_prod').length > 0, 'the other ring is audited all the same');
      assert.deepEqual(run.writes, []);
    } finally {
      rmSync(file);
    }
  });
});
