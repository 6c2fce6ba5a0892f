import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Ajv, { type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { parseBoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-parse.js';
import { permitsRole, type BoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-policy.js';

const subscription = '/subscriptions/33333333-3333-4333-8333-333333333333';
const registry = `${subscription}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/crprod`;
const objectId = '44444444-4444-4444-8444-444444444444';
const head = 'version: 1\nboundaries:\n  nonprod: [mg-dev, mg-test]\n  prod: [mg-prd]\n';
const rule = (fields: string): string => `${head}allow:\n  - {name: r, from: nonprod, to: prod, kinds: [deploy], reason: why${fields}}\n`;

function policyOf(text: string): BoundaryPolicy {
  const parsed = parseBoundaryPolicy(text);
  assert.ok('policy' in parsed, JSON.stringify(parsed));
  return parsed.policy;
}

/** Mistakes as `line:column because → remedy`. */
function mistakesOf(text: string): string[] {
  const parsed = parseBoundaryPolicy(text);
  return 'policy' in parsed ? [] : parsed.mistakes.map(({ line, column, because, remedy }) => `${line}:${column} ${because} → ${remedy}`);
}

/** Policies in which nothing is wrong. */
const good: Readonly<Record<string, string>> = {
  'without rules': head,
  'with empty lists': `${head}allow: []\nroles: []\n`,
  'with a rule': rule(''),
  'with everything': `# yaml-language-server: $schema=x\n${head}allow:\n  - name: push-to-prod\n    from: nonprod\n    to: prod\n    kinds: [grant, federation, deploy]\n    roles: [AcrPush, 8311e382-0749-4cb8-b61a-304f252e45ec]\n    resources:\n      - ${registry}\n      - ${subscription}/*\n    reason: >\n      Release images are built\n      in nonprod.\n    until: 2027-02-28\n  - {name: by-hand, from: 'principal:${objectId}', to: outside, kinds: [grant], roles: [AcrPull], reason: old}\nroles: [Storage Queue Data Contributor]\n`,
  'as JSON': JSON.stringify({ version: 1, boundaries: { all: ['/providers/Microsoft.Management/managementGroups/root'] } }),
};

/** Mistakes of form, which the schema knows as well. */
const malformed: Readonly<Record<string, readonly [text: string, mistake: RegExp]>> = {
  'empty': ['', /^1:1 the policy is empty → give a mapping with version, boundaries, allow, roles$/],
  'a list': ['- a\n', /^1:1 the policy is a list → give a mapping/],
  'without a version': ['boundaries: {a: [b]}\n', /^1:1 the policy lacks version → add version$/],
  'of another version': ['version: 2\nboundaries: {a: [b]}\n', /^1:10 version is "2" → give version: 1$/],
  'without boundaries': ['version: 1\n', /^1:1 the policy lacks boundaries/],
  'of no boundary': ['version: 1\nboundaries: {}\n', /^2:13 boundaries is a mapping → give a mapping from names/],
  'of boundaries in a list': ['version: 1\nboundaries: [a]\n', /^2:13 boundaries is a list → give a mapping from names/],
  'with a boundary of no group': ['version: 1\nboundaries: {a: []}\n', /^2:17 boundary a is a list → give a list that is not empty$/],
  'with a boundary of nothing': ['version: 1\nboundaries: {a: }\n', /boundary a is "null" → give a list that is not empty$/],
  'with a boundary of one word': ['version: 1\nboundaries: {a: mg}\n', /^2:17 boundary a is "mg" → give a list/],
  'with an odd name': ['version: 1\nboundaries: {a b: [mg]}\n', /^2:14 the name of a boundary is "a b" → give letters, digits/],
  'with an odd group': ['version: 1\nboundaries: {a: [mg/dev]}\n', /^2:18 a management group is "mg\/dev" → give the id of a management group/],
  'with a number for a group': ['version: 1\nboundaries: {a: [1]}\n', /^2:18 an entry of boundary a is "1" → give text$/],
  'with a boundary called outside': ['version: 1\nboundaries: {outside: [mg]}\n', /^2:14 no boundary can be called outside/],
  'with another field': [`${head}deny: []\n`, /^5:1 the policy has no field "deny" → possible are version, boundaries, allow, roles$/],
  'with a rule for rules': [`${head}allow: {name: r}\n`, /^5:8 allow is a mapping → give a list$/],
  'with a word for a rule': [`${head}allow: [all]\n`, /^5:9 a rule is "all" → give a mapping with name, from/],
  'with a rule without a reason': [`${head}allow:\n  - {name: r, from: nonprod, to: prod, kinds: [deploy]}\n`, /^6:5 a rule lacks reason → add reason$/],
  'with an empty reason': [`${head}allow:\n  - {name: r, from: nonprod, to: prod, kinds: [deploy], reason: " "}\n`, /reason is " " → give text$/],
  'with a rule of no kind': [`${head}allow:\n  - {name: r, from: nonprod, to: prod, kinds: [], reason: x}\n`, /kinds is a list → give a list that is not empty$/],
  'with an unknown kind': [`${head}allow:\n  - {name: r, from: nonprod, to: prod, kinds: [read], reason: x}\n`, /a kind is "read" → give federation, grant, deploy$/],
  'with a kind twice': [`${head}allow:\n  - {name: r, from: nonprod, to: prod, kinds: [deploy, deploy], reason: x}\n`, /"deploy" is there twice: it is listed twice/],
  'with grants of any role': [`${head}allow:\n  - {name: r, from: nonprod, to: prod, kinds: [grant], reason: x}\n`, /a rule for grants has to say which roles → add roles, such as roles: \[AcrPush\]$/],
  'with roles for no grant': [rule(', roles: [AcrPush]'), /roles belong to grants, and the rule allows none/],
  'with an odd name of a rule': [`${head}allow:\n  - {name: "a b", from: nonprod, to: prod, kinds: [deploy], reason: x}\n`, /name is "a b" → give letters/],
  'with a principal of another prefix': [`${head}allow:\n  - {name: r, from: "Principal:${objectId}", to: prod, kinds: [deploy], reason: x}\n`, /from is "Principal:/],
  'with a principal that is none': [`${head}allow:\n  - {name: r, from: "principal:me", to: prod, kinds: [deploy], reason: x}\n`, /from is "principal:me" → give the name of a boundary of this file \(outside, nonprod, prod\), or principal:<object id>$/],
  'with a resource that is none': [rule(', resources: [crprod]'), /a resource is "crprod" → give an ARM id/],
  'with an asterisk within': [rule(`, resources: ['${subscription}/resourceGroups/*/x']`), /a resource is .* → give an ARM id that begins with \/subscriptions\/<id>, or such an id and \/\*/],
  'with a date of another form': [rule(', until: 31.01.2027'), /until is "31\.01\.2027" → give a date such as 2027-01-31/],
  'with another field of a rule': [rule(', roles2: x'), /a rule has no field "roles2"/],
  'with a mapping for a role': [`${head}roles: [{a: b}]\n`, /an entry of roles is a mapping → give text$/],
};

/** Mistakes that only show when one looks at several places, or at a calendar. */
const contradictory: Readonly<Record<string, readonly [text: string, mistake: RegExp]>> = {
  'an unknown boundary': [`${head}allow:\n  - {name: r, from: dev, to: prod, kinds: [deploy], reason: x}\n`, /^6:21 from is "dev" → give the name of a boundary of this file \(outside, nonprod, prod\), or principal:<object id>$/],
  'a boundary in another case': [`${head}allow:\n  - {name: r, from: nonprod, to: Prod, kinds: [deploy], reason: x}\n`, /^6:34 to is "Prod" → give the name of a boundary of this file \(outside, nonprod, prod\)$/],
  'a rule that crosses nothing': [`${head}allow:\n  - {name: r, from: prod, to: prod, kinds: [deploy], reason: x}\n`, /the rule leads from prod to itself/],
  'two rules of one name': [rule('}\n  - {name: R, from: prod, to: nonprod, kinds: [deploy], reason: x'), /^7:12 "R" is there twice: another rule has this name → remove or rename/],
  'a group in two boundaries': ['version: 1\nboundaries:\n  a: [mg]\n  b: [/providers/Microsoft.Management/managementGroups/MG]\n', /^4:7 "MG" is there twice: the management group is in a boundary already/],
  'boundaries that differ in case only': ['version: 1\nboundaries:\n  a: [one]\n  A: [two]\n', /^4:3 "A" is there twice: another boundary has this name/],
  'a day that is none': [rule(', until: 2027-02-30'), /until is "2027-02-30" → give a date/],
  'a character that is not to be seen': [rule(', resources: ["\\u200b"]'), /a resource is "\\u\{200B\}"|not to be seen/],
};

describe('the boundary policy', () => {
  it('is read with its rules, roles and names as they are used', () => {
    const policy = policyOf(good['with everything']!);
    assert.deepEqual(policy.boundaries, [{ name: 'nonprod', managementGroups: ['mg-dev', 'mg-test'] }, { name: 'prod', managementGroups: ['mg-prd'] }]);
    assert.deepEqual(policy.rules[0], {
      name: 'push-to-prod', from: 'nonprod', to: 'prod', kinds: ['grant', 'federation', 'deploy'], roles: ['AcrPush', '8311e382-0749-4cb8-b61a-304f252e45ec'],
      resources: [registry, `${subscription}/*`], reason: 'Release images are built in nonprod.', until: '2027-02-28',
    });
    assert.deepEqual(policy.rules[1], { name: 'by-hand', from: `principal:${objectId}`, to: 'outside', kinds: ['grant'], roles: ['AcrPull'], reason: 'old' });
    assert.deepEqual(policyOf(good['as JSON']!).boundaries, [{ name: 'all', managementGroups: ['root'] }]);
  });

  it('is in docs/boundaries.md as it can be used', () => {
    const page = readFileSync('docs/boundaries.md', 'utf8');
    const examples = [...page.matchAll(/^```text\n((?:#.*\n)?version: 1\n[^]*?)^```$/gm)].map((match) => match[1] ?? '');
    assert.equal(examples.length, 2);
    for (const example of examples) assert.ok(policyOf(example).boundaries.length === 2);
  });

  it('permits the further roles that it lists, by name or GUID, and no others', () => {
    const policy = policyOf(`${head}roles: [Storage Queue Data Contributor, 8311E382-0749-4cb8-b61a-304f252e45ec]\n`);
    assert.ok(permitsRole(policy, 'storage queue data contributor', 'x'));
    assert.ok(permitsRole(policy, 'AcrPush', '8311e382-0749-4cb8-b61a-304f252e45ec'));
    assert.ok(!permitsRole(policy, 'Storage Queue Data Reader', 'y'));
    assert.ok(!permitsRole(undefined, 'Storage Queue Data Contributor', 'x'));
  });

  for (const [what, [text, mistake]] of Object.entries({ ...malformed, ...contradictory })) {
    it(`is refused when it is one of ${what}`, () => {
      const found = mistakesOf(text);
      assert.ok(found.some((line) => mistake.test(line)), found.join('\n') || 'it was accepted');
    });
  }

  it('is refused with all its mistakes at once, in the order of the file', () => {
    const text = 'version: 0\nboundaries:\n  outside: [a/b]\nallow:\n  - name: ""\n    from: x\n    kinds: [grant]\n    until: soon\nmore: 1\n';
    assert.deepEqual(mistakesOf(text).map((line) => line.split(' → ')[0]), [
      '1:10 version is "0"',
      '3:3 no boundary can be called outside',
      '3:13 a management group is "a/b"',
      '5:5 a rule lacks to',
      '5:5 a rule lacks reason',
      '5:11 name is ""',
      '6:11 from is "x"',
      '7:12 a rule for grants has to say which roles',
      '8:12 until is "soon"',
      '9:1 the policy has no field "more"',
    ]);
  });

  it('that is no YAML says where', () => {
    assert.deepEqual(mistakesOf('version: 1\nboundaries: {a: [b}\n').slice(0, 1), ['2:19 it is not YAML here: bad indent → correct the YAML']);
    assert.match(mistakesOf(`${head}${head}`)[0] ?? '', /^5:1 it is not YAML here: duplicate key/);
    assert.match(mistakesOf('version: 1\nboundaries: &b {a: [c]}\nallow: *b\n')[0] ?? '', /^3:8 allow is an alias → give a list$/);
  });
});

describe('the schema of the boundary policy', () => {
  let validate: ValidateFunction;
  before(() => {
    const schema: unknown = JSON.parse(readFileSync('schemas/boundary-policy.schema.json', 'utf8'));
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
    it(`refuses one ${what} as well`, () => {
      assert.ok(!accepts(text));
    });
  }

  it('refuses nothing that the parser accepts: good policies with random damage', () => {
    let state = 7;
    const random = (below: number): number => (state = (state * 1103515245 + 12345) % 2147483648) % below;
    const texts = Object.values(good);
    let refused = 0;
    for (let round = 0; round < 600; round += 1) {
      const damaged = damage(parse(texts[random(texts.length)]!), random);
      const text = JSON.stringify(damaged);
      const parsed = mistakesOf(text).length === 0;
      if (parsed) assert.ok(accepts(text), `${text}: ${JSON.stringify(validate.errors)}`);
      else refused += 1;
    }
    assert.ok(refused > 200 && refused < 600, String(refused));
  });
});

/** The value with one of its parts replaced, removed or doubled. */
function damage(value: unknown, random: (below: number) => number): unknown {
  const odd = ['', ' ', 'x', 0, null, true, [], {}, ['deploy'], 'nonprod', 'outside', '2027-01-31', 'AcrPush'];
  if (typeof value !== 'object' || value === null || random(6) === 0) return odd[random(odd.length)];
  const entries = Object.entries(value);
  const at = random(entries.length + 1);
  const entry = entries[at];
  if (entry === undefined) return Array.isArray(value) ? [...(value as unknown[]), odd[random(odd.length)]] : { ...value, more: 1 };
  if (random(8) === 0) entries.splice(at, 1);
  else entries[at] = [entry[0], damage(entry[1], random)];
  return Array.isArray(value) ? entries.map(([, item]) => item as unknown) : Object.fromEntries(entries);
}
