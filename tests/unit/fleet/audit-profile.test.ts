import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv, { type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { clusterRules } from '../../../tasks/_shared/fleet/posture/cluster-rules.js';
import { namespaceRules } from '../../../tasks/_shared/fleet/posture/namespace-rules.js';
import {
  builtInProfile, isAbout, isValidOn, lighterInNonprod, parseAuditProfile, placeText, profileProblem, settingOf, type AuditException, type AuditProfile, type ProfiledRule,
} from '../../../tasks/_shared/fleet/posture/profile.js';

const rules: readonly ProfiledRule[] = [
  { id: 'local-accounts', severity: 'high' },
  { id: 'public-load-balancer', severity: 'high' },
  { id: 'namespace-quota', severity: 'medium' },
  { id: 'public-notes', severity: 'low' },
];
const lighter = ['public-*', 'namespace-quota'];
const head = 'version: 1\nextends: nonprod\n';
const exception = (fields: string): string => `${head}exceptions:\n  - {${fields}}\n`;
const sound = 'rule: local-accounts, reason: moved later, until: 2027-01-31';

function profileOf(text: string): AuditProfile {
  const parsed = parseAuditProfile(text, 'fleet.yml', rules, lighter);
  assert.ok('profile' in parsed, JSON.stringify(parsed));
  return parsed.profile;
}

/** Mistakes as `line:column because → remedy`. */
function mistakesOf(text: string): string[] {
  const parsed = parseAuditProfile(text, 'fleet.yml', rules, lighter);
  return 'profile' in parsed ? [] : parsed.mistakes.map(({ line, column, because, remedy }) => `${line}:${column} ${because} → ${remedy}`);
}

const settingsOf = (profile: AuditProfile): string[] => rules.map((rule) => settingOf(profile, rule));

/** Profiles in which nothing is wrong. */
const good: Readonly<Record<string, string>> = {
  'that only extends': head,
  'with nothing changed': `${head}rules: {}\nexceptions: []\n`,
  'with rules': `${head}rules:\n  local-accounts: off\n  namespace-quota: high\n`,
  'with an exception': exception(sound),
  'with an exception for one object': exception(`${sound}, cluster: aks-1, namespace: orders, object: pod api-*`),
  'with exceptions of one rule': `${exception(`${sound}, cluster: aks-1`)}  - {${sound}, cluster: aks-2}\n`,
  'as JSON': JSON.stringify({ version: 1, extends: 'prod', rules: { 'local-accounts': 'low' } }),
};

/** Mistakes of form, which the schema knows as well. */
const malformed: Readonly<Record<string, readonly [text: string, mistake: RegExp]>> = {
  'nothing': ['', /^1:1 the profile is empty → give a mapping with version, extends, rules, exceptions$/],
  'a list': ['- a\n', /^1:1 the profile is a list/],
  'no version': ['extends: prod\n', /^1:1 the profile lacks version → add version$/],
  'another version': ['version: 2\nextends: prod\n', /^1:10 version is "2" → give version: 1$/],
  'no profile to extend': ['version: 1\n', /^1:1 the profile lacks extends/],
  'another profile to extend': ['version: 1\nextends: dev\n', /^2:10 extends is "dev" → give prod or nonprod$/],
  'another field': [`${head}deny: []\n`, /^3:1 the profile has no field "deny"/],
  'rules in a list': [`${head}rules: [local-accounts]\n`, /^3:8 rules is a list → give a mapping from ids of rules to off, high, medium, low$/],
  'an unknown severity': [`${head}rules: {local-accounts: critical}\n`, /^3:25 the setting of local-accounts is "critical" → give off, high, medium, low$/],
  'no severity': [`${head}rules: {local-accounts: }\n`, /the setting of local-accounts is "null"/],
  'a switch in the words of another YAML': [`${head}rules: {local-accounts: false}\n`, /the setting of local-accounts is "false"/],
  'one exception without a list': [`${head}exceptions: {${sound}}\n`, /^3:13 exceptions is a mapping → give a list$/],
  'a word for an exception': [`${head}exceptions: [all]\n`, /^3:14 an exception is "all" → give a mapping with rule, reason, until, cluster, namespace, object$/],
  'an exception without a rule': [exception('reason: x, until: 2027-01-31'), /^4:5 an exception lacks rule → add rule$/],
  'an exception without a reason': [exception('rule: local-accounts, until: 2027-01-31'), /^4:5 an exception lacks reason/],
  'an exception with an empty reason': [exception('rule: local-accounts, reason: " ", until: 2027-01-31'), /reason is " " → give text$/],
  'an exception without an end': [exception('rule: local-accounts, reason: x'), /^4:5 an exception lacks until/],
  'an exception with a date of another form': [exception('rule: local-accounts, reason: x, until: 31.01.2027'), /until is "31\.01\.2027" → give a date such as 2027-01-31: the last day on which the exception counts, in UTC$/],
  'an exception of another field': [exception(`${sound}, pod: x`), /an exception has no field "pod"/],
  'an exception for a list of clusters': [exception(`${sound}, cluster: [a, b]`), /cluster is a list → give text$/],
};

/** Mistakes that only show when one knows the rules, several places, or a calendar. */
const contradictory: Readonly<Record<string, readonly [text: string, mistake: RegExp]>> = {
  'an unknown rule': [`${head}rules: {local-account: off}\n`, /^3:9 there is no rule "local-account" → give the id of a rule: such as local-accounts$/],
  'an unknown rule like none': [`${head}rules: {dns: off}\n`, /there is no rule "dns" → give the id of a rule: every report lists them$/],
  'a rule twice': [`${head}rules:\n  local-accounts: off\n  local-accounts: low\n`, /^5:3 it is not YAML here: duplicate key/],
  'an exception for an unknown rule': [exception('rule: quota, reason: x, until: 2027-01-31'), /^4:12 there is no rule "quota" → give the id of a rule: such as namespace-quota$/],
  'a day that is none': [exception('rule: local-accounts, reason: x, until: 2027-02-30'), /until is "2027-02-30" → give a date/],
  'an exception twice': [`${exception(sound)}  - {rule: local-accounts, reason: other, until: 2028-01-31}\n`, /^5:5 another exception is for local-accounts already → keep one of the two$/],
  'an exception twice, the cluster in another case': [`${exception(`${sound}, cluster: aks-1`)}  - {${sound}, cluster: AKS-1}\n`, /^5:5 another exception is for local-accounts at AKS-1 already/],
  'a character that is not to be seen': [exception(`${sound}, cluster: "aks\\u200b"`), /cluster has the character U\+200B, which is not to be seen → type the text anew$/],
};

describe('the audit profile', () => {
  it('makes lighter in nonprod only rules that there are, and those by one severity', () => {
    const all = [...clusterRules, ...namespaceRules];
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    for (const pattern of lighterInNonprod) {
      const begun = pattern.replace(/\*$/, '');
      assert.ok(all.some(({ id }) => (pattern.endsWith('*') ? id.startsWith(begun) : id === begun)), `no rule is called ${pattern}`);
    }
    const [prod, nonprod] = [builtInProfile('prod', all), builtInProfile('nonprod', all)];
    const lighterOnes = all.filter((rule) => settingOf(prod, rule) !== settingOf(nonprod, rule)).map((rule) => `${rule.id}: ${settingOf(prod, rule)} → ${settingOf(nonprod, rule)}`);
    assert.deepEqual(lighterOnes, ['cluster-admin-groups: medium → low', 'cluster-api-server-access: high → medium', 'namespace-no-public-load-balancer: high → medium', 'namespace-ingress-behind-waf: high → medium', 'namespace-cluster-only-services: high → medium']);
  });

  it('prod takes rules as they are; nonprod takes those of a table one severity less', () => {
    assert.deepEqual(settingsOf(builtInProfile('prod', rules, lighter)), ['high', 'high', 'medium', 'low']);
    assert.deepEqual(settingsOf(builtInProfile('nonprod', rules, lighter)), ['high', 'medium', 'low', 'low']);
    assert.deepEqual(settingsOf(builtInProfile('nonprod', rules, [])), ['high', 'high', 'medium', 'low']);
    assert.equal(builtInProfile('nonprod', rules).name, 'nonprod');
    assert.equal(settingOf(builtInProfile('prod', []), { id: 'later', severity: 'medium' }), 'medium');
  });

  it('of a file is what it extends, with what the file says', () => {
    const profile = profileOf(`${head}rules: {local-accounts: off, namespace-quota: high}\n`);
    assert.deepEqual([profile.name, profile.base, ...settingsOf(profile)], ['fleet.yml', 'nonprod', 'off', 'medium', 'high', 'low']);
  });

  it('reads exceptions as they are used', () => {
    const text = `${head}exceptions:\n  - rule: local-accounts\n    cluster: aks-1\n    reason: >\n      The vendor's agent\n      signs in so.\n    until: 2027-01-31\n`;
    assert.deepEqual(profileOf(text).exceptions, [{ rule: 'local-accounts', cluster: 'aks-1', reason: "The vendor's agent signs in so.", until: '2027-01-31' }]);
  });

  it('counts an exception until its last day', () => {
    const [read] = profileOf(exception(sound)).exceptions;
    assert.deepEqual(['2026-12-31', '2027-01-31', '2027-02-01'].map((today) => isValidOn(read!, today)), [true, true, false]);
  });

  it('applies an exception to what it names, and to any of what it does not name', () => {
    const at = (fields: Partial<AuditException>): AuditException => ({ rule: 'r', reason: 'x', until: '2027-01-31', ...fields });
    const place = { rule: 'r', cluster: 'aks-1', namespace: 'orders', object: 'pod api-7d9f' };
    const cases: readonly [Partial<AuditException>, boolean][] = [
      [{}, true],
      [{ rule: 'other' }, false],
      [{ cluster: 'AKS-1' }, true],
      [{ cluster: 'aks' }, false],
      [{ namespace: 'orders' }, true],
      [{ namespace: 'Orders' }, false],
      [{ object: 'pod api-7d9f' }, true],
      [{ object: 'pod api' }, false],
      [{ object: 'pod api-*' }, true],
      [{ cluster: 'aks-1', namespace: 'orders', object: 'pod web-*' }, false],
    ];
    for (const [fields, expected] of cases) assert.equal(isAbout(at(fields), place), expected, JSON.stringify(fields));
    assert.ok(!isAbout(at({ object: '*' }), { rule: 'r', cluster: 'aks-1' }));
    assert.ok(!isAbout(at({ cluster: 'aks-1' }), { rule: 'r' }));
    assert.equal(placeText(place), 'r at aks-1, orders, pod api-7d9f');
    assert.equal(placeText({ rule: 'r' }), 'r');
  });

  for (const [what, [text, mistake]] of Object.entries({ ...malformed, ...contradictory })) {
    it(`is refused when it has ${what}`, () => {
      const found = mistakesOf(text);
      assert.ok(found.some((line) => mistake.test(line)), found.join('\n') || 'it was accepted');
    });
  }

  it('is refused with all its mistakes at once, in the order of the file', () => {
    const text = 'version: 0\nextends: dev\nrules:\n  dns: off\n  local-accounts: bad\nexceptions:\n  - rule: tls\n    until: soon\nmore: 1\n';
    assert.deepEqual(mistakesOf(text).map((line) => line.split(' → ')[0]), [
      '1:10 version is "0"',
      '2:10 extends is "dev"',
      '4:3 there is no rule "dns"',
      '5:19 the setting of local-accounts is "bad"',
      '7:5 an exception lacks reason',
      '7:11 there is no rule "tls"',
      '8:12 until is "soon"',
      '9:1 the profile has no field "more"',
    ]);
  });

  it('has mistakes that say what to do, with their code', () => {
    const parsed = parseAuditProfile('version: 1\nextends: dev\n', 'x', rules);
    assert.ok('mistakes' in parsed);
    const { parts } = profileProblem(parsed.mistakes[0]!);
    assert.deepEqual([parts.code, parts.what, parts.remedy], ['WI1090', 'Input profile names an audit profile with a mistake at line 2, column 10', 'give prod or nonprod']);
  });
});

describe('the schema of the audit profile', () => {
  let validate: ValidateFunction;
  before(() => {
    const schema: unknown = JSON.parse(readFileSync('schemas/audit-profile.schema.json', 'utf8'));
    assert.ok(typeof schema === 'object' && schema !== null);
    validate = new Ajv({ allErrors: true }).compile(schema);
  });
  const accepts = (text: string): boolean => validate(parse(text)) === true;

  for (const [what, text] of Object.entries(good)) {
    it(`and the parser accept one ${what}`, () => {
      assert.deepEqual([mistakesOf(text), accepts(text), validate.errors], [[], true, null]);
    });
  }

  for (const [what, [text]] of Object.entries(malformed)) {
    it(`refuses one with ${what} as well`, () => {
      assert.ok(!accepts(text));
    });
  }
});
