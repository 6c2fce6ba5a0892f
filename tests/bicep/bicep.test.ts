import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deploy } from './deploy.js';
import { flawsOf } from './inspect.js';
import { parseBicep } from './parse.js';
import { plainFunction, text, type ValueMap } from './values.js';

const group = '/subscriptions/s-1/resourceGroups/rg-1';

describe('the Bicep reader', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'bicep-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, content: string): string => {
    const file = join(folder, name);
    writeFileSync(file, content);
    return file;
  };
  const outputs = (content: string, parameters: ValueMap = {}): ValueMap => deploy(write('main.bicep', content), parameters, group).outputs;

  it('evaluates texts, choices, loops, lambdas and functions', () => {
    const found = outputs(`
      param names array = ['b', 'a'] // two
      param more bool = false
      var table = { x: 1, 'y z': { inner: 'it\\'s' } }
      output joined string = '\${join(concat(names, ['c']), '-')}/\${table['y z'].inner}'
      output chosen array = more ? names : []
      output looped array = [for name in names: { name: '<\${name}>' }]
      output mapped array = map(items({ k2: 'two', k1: 'one' }), entry => entry.value)
      output last string = last(split('a/b/c', '/'))
      output none bool = empty(table.?missing) && !more
      output lines string = '''
first
\${raw}'''
    `);
    assert.deepEqual(found, { joined: "b-a-c/it's", chosen: [], looped: [{ name: '<b>' }, { name: '<a>' }], mapped: ['one', 'two'], last: 'c', none: true, lines: 'first\n${raw}' });
  });

  it('deploys resources with scopes, parents, conditions and modules', () => {
    write('inner.bicep', `
      targetScope = 'subscription'
      param name string
      resource one 'A.B/cs@2024-01-01' = { name: name }
      output id string = one.id
    `);
    const { resources, outputs: found } = deploy(
      write('main.bicep', `
        resource there 'A.B/cs@2024-01-01' existing = { name: 'there' }
        resource below 'A.B/cs/ds@2024-01-01' = { parent: there, name: 'below' }
        resource beside 'E.F/gs@2024-01-01-preview' = [for n in ['1', '2']: if (n != '1') { name: n, scope: there, properties: { n: n } }]
        resource never 'A.B/cs@2024-01-01' = if (1 == 2) { name: 'never' }
        module inner 'inner.bicep' = { name: 'inner', scope: subscription('s-2'), params: { name: 'far' } }
        output far string = inner.outputs.id
      `),
      {},
      group,
    );
    const ids = resources.map(({ id }) => id);
    assert.deepEqual(ids, [`${group}/providers/A.B/cs/there/ds/below`, `${group}/providers/A.B/cs/there/providers/E.F/gs/2`, '/subscriptions/s-2/providers/A.B/cs/far']);
    assert.deepEqual(found, { far: ids[2] });
    assert.deepEqual(resources[1]?.body.properties, { n: '2' });
  });

  it('makes the GUIDs that Azure makes', () => {
    // A UUID of version 5 in the namespace of the function.
    assert.match(text(plainFunction('guid')?.('a', 'b') ?? null), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(plainFunction('guid')?.('a', 'b'), plainFunction('guid')?.('a', 'c'));
  });

  it('refuses parameters that are missing, unknown, of another type or not allowed, and another scope', () => {
    const content = "@allowed(['a', 'b'])\nparam p string\noutput o string = p\n";
    assert.deepEqual(outputs(content, { p: 'b' }), { o: 'b' });
    assert.throws(() => outputs(content), /parameter p is missing/);
    assert.throws(() => outputs(content, { p: 'c' }), /p must be one of \["a","b"\]/);
    assert.throws(() => outputs("param p string\noutput o string = p\n", { p: 1 }), /p is a string, not 1/);
    assert.throws(() => outputs(content, { p: 'a', q: 'a' }), /no parameter is called q/);
    assert.throws(() => outputs("targetScope = 'subscription'\n"), /it targets a subscription, not \/subscriptions\/s-1\/resourceGroups/);
    assert.throws(() => outputs('output o string = managementGroup().id\n'), /there is no managementGroup here/);
  });

  for (const [content, mistake] of [
    ['param p text\n', /line 1, column 13: no type is called 'text'/],
    ["var a = 'x\n", /line 1, column 11: a text has no end/],
    ["var a = ['x' 'y']\n", /line 1, column 14: ',', a new line or '\]' is expected/],
    ["var a = 'x' 'y'\n", /line 1, column 13: the end of the line is expected/],
    ['var a = {\n  b: 1,,\n}\n', /line 2, column 8: a name is expected/],
    ["resourse r 'A.B/cs@2024-01-01' = {}\n", /no declaration begins with 'resourse'/],
    ["var a = 1\ntargetScope = 'subscription'\n", /targetScope stands once, at the beginning/],
  ] as const) {
    it(`refuses ${JSON.stringify(content)}`, () => assert.throws(() => parseBicep(content), mistake));
  }

  it('finds what is wrong without deploying', () => {
    write('inner.bicep', "@description('d')\nparam a string\n@description('d')\nparam b string = a\noutput o string = b\n");
    const file = write('main.bicep', [
      "param spare string",
      "resource r 'A.B/cs' = { name: missing, tags: nofunction('x') }",
      "module m 'inner.bicep' = { name: 'm', params: { c: loadTextContent('none.kql') } }",
      "module n 'none.bicep' = { name: 'n' }",
      "var r = 1",
      '',
    ].join('\n'));
    assert.deepEqual(flawsOf(file), [
      'r is declared twice',
      'spare has no description',
      'r has no api-version',
      'nothing is called missing',
      'no function is called nofunction',
      'm: inner.bicep has no parameter c',
      'm: inner.bicep needs the parameter a',
      'none.kql does not exist',
      'none.bicep does not exist',
      'spare is not used',
      'r is not used',
    ]);
    assert.deepEqual(flawsOf(join(folder, 'inner.bicep')), ['o has no description']);
  });
});
