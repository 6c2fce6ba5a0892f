import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asRecord, codeBlocks, read } from '../../contract/tree.js';
import { boundaryToAzurePolicy } from '../../../scripts/boundary-to-azure-policy.js';

const rolesFile = join(import.meta.dirname, '..', '..', '..', 'templates', 'bootstrap', 'roles.json');
const policy = "version: 1\nboundaries:\n  nonprod: [mg-dev]\n  prod: [mg-root]\nallow:\n  - {name: r, from: nonprod, to: prod, kinds: [grant], roles: [AcrPush], reason: x}\n";

describe('npm run boundary-policy', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'boundary-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (text: string, facts?: unknown, more: readonly string[] = ['--definitions-at', 'mg-root']): string => {
    const file = join(folder, 'boundaries.yml');
    writeFileSync(file, text);
    const factsFile = join(folder, 'facts.json');
    if (facts !== undefined) writeFileSync(factsFile, JSON.stringify(facts));
    return boundaryToAzurePolicy([file, '--out', join(folder, "it's out"), ...(facts === undefined ? [] : ['--facts', factsFile]), ...more], rolesFile);
  };

  it('writes what az takes, and prints the commands for it', () => {
    const facts = { boundaries: { prod: { issuers: ['https://issuer/prod/'], principals: ['11111111-1111-1111-1111-111111111111'] }, nonprod: { issuers: [] } }, parents: { 'mg-dev': 'mg-root' } };
    const printed = run(policy, facts);
    const [note, ...commands] = printed.trimEnd().split('\n');
    assert.match(note ?? '', /^# No issuer and no principal is known of nonprod:/);
    assert.deepEqual(commands.map((line) => line.split(' ').slice(0, 4).join(' ')), [...Array<string>(4).fill('az policy definition create'), ...Array<string>(4).fill('az policy assignment create')]);
    assert.match(commands[3] ?? '', /^az policy definition create --name 'workload-identity-grants-prod' --management-group 'mg-root' --mode All --rules '\S+it'\\''s out\/workload-identity-grants-prod\.rules\.json' --params /);
    assert.match(commands[7] ?? '', /--scope '\/providers\/Microsoft\.Management\/managementGroups\/mg-root' --policy '\/providers\/Microsoft\.Management\/managementGroups\/mg-root\/providers\/Microsoft\.Authorization\/policyDefinitions\/workload-identity-grants-prod' .* --not-scopes '\/providers\/Microsoft\.Management\/managementGroups\/mg-dev'$/);
    const files = readdirSync(join(folder, "it's out"));
    assert.equal(files.length, 12);
    const values = files.filter((name) => name.endsWith('.values.json')).map((name) => readFileSync(join(folder, "it's out", name), 'utf8'));
    assert.ok(values.some((text) => text.includes('https://issuer/prod/')) && values.some((text) => text.includes('11111111-')));
    const parameters = readFileSync(join(folder, "it's out", 'workload-identity-grants-prod.parameters.json'), 'utf8');
    assert.ok(parameters.includes('4633458b-17de-408a-b874-0445c86b69e6'), 'watches the roles that the pipeline may grant');
    for (const path of files) assert.ok(path.endsWith('.values.json') || printed.includes(path), path);
  });

  it('is explained by its page: the facts as it reads them, and each parameter', () => {
    const page = 'docs/boundary-policy-in-azure.md';
    const [facts, ...others] = codeBlocks(page).filter(({ language }) => language === 'json');
    assert.equal(others.length, 0);
    run(policy, JSON.parse(facts?.text ?? ''));
    const out = join(folder, "it's out");
    const parameters = readdirSync(out).filter((name) => name.endsWith('.parameters.json')).flatMap((name) => Object.keys(asRecord(JSON.parse(readFileSync(join(out, name), 'utf8')))));
    assert.ok(parameters.length > 10);
    for (const name of parameters) assert.ok(read(page).includes(`\`${name.replace(/_.*$/, '_<boundary>')}\``), name);
  });

  it('says what is wrong with the arguments, the policy or the facts', () => {
    assert.throws(() => boundaryToAzurePolicy([], rolesFile), /^Error: usage: npm run boundary-policy/);
    assert.throws(() => run(policy, undefined, []), /usage/);
    assert.throws(() => run(policy.replace('to: prod', 'to: production')), /boundaries\.yml, line 6, column \d+: to is "production"; give the name of a boundary/);
    assert.throws(() => run(policy, { boundaries: { staging: {} } }), /boundaries: there is no "staging" here; possible are outside, nonprod, prod/);
    assert.throws(() => run(policy, { boundaries: { prod: { issuers: ['issuer'] } } }), /prod\.issuers: "issuer" does not look like one/);
    assert.throws(() => run(policy, { boundaries: { prod: { principals: 'x' } } }), /prod\.principals: a JSON array is expected/);
  });
});
