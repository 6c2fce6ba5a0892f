import assert from 'node:assert/strict';
import { parseClusters, type ClusterEntry } from '../../../tasks/_shared/fleet/clusters.js';

const own = '11111111-1111-4111-8111-111111111111';
const other = '22222222-2222-4222-8222-222222222222';
const idOf = (group: string, name: string, subscription = own): string =>
  `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.ContainerService/managedClusters/${name}`;

/** The clusters of a list that has no mistakes. */
function read(text: string, subscription: string | undefined = own): ClusterEntry[] {
  const { clusters, mistakes } = parseClusters(text, subscription);
  assert.deepEqual(mistakes, []);
  return clusters;
}

const ids = (text: string): string[] => read(text).map(({ id }) => id);
const labels = (text: string): string[] => read(text).map(({ label }) => label);

/** The one mistake of a list. */
function mistake(text: string, subscription: string | undefined = own): string {
  const { mistakes } = parseClusters(text, subscription);
  assert.equal(mistakes.length, 1, JSON.stringify(mistakes));
  return `${mistakes[0]?.given ?? ''} → ${mistakes[0]?.because ?? ''}`;
}

const two = [idOf('rg', 'a'), idOf('rg', 'b')];

describe('fleet: cluster lists', () => {
  const forms: Record<string, string> = {
    commas: 'rg/a,rg/b',
    'commas and spaces': '  rg/a , rg/b ,',
    lines: 'rg/a\nrg/b\n',
    'CRLF lines': 'rg/a\r\nrg/b\r\n',
    'old Mac lines and empty ones': 'rg/a\r\r\nrg/b',
    'commas at the ends of lines': 'rg/a,\nrg/b,\n',
    'ids and short forms mixed': `${two[0] ?? ''}\n, rg/b`,
    'JSON on one line': '["rg/a", "rg/b"]',
    'JSON on many': `[\r\n  "rg/a",\r\n  "${two[1] ?? ''}"\r\n]`,
    'JSON mappings': '[{"cluster":"rg/a"},{"cluster":"rg/b"}]',
    'YAML sequence': '- rg/a\n- rg/b\n',
    'YAML sequence with CRLF': '- rg/a\r\n- rg/b\r\n',
    'YAML mappings and texts': '- cluster: rg/a\n- rg/b',
    'YAML flow': '[rg/a, rg/b]',
    'YAML with quotes and comments': '- "rg/a" # first\n# none\n- \'rg/b\'',
    'YAML that is indented as a whole': '  - rg/a\n  - rg/b\n',
    'YAML that begins a document': '---\n- rg/a\n- rg/b\n',
    'YAML that begins with a comment': '# the fleet\n- rg/a\n- rg/b\n',
  };
  for (const [form, text] of Object.entries(forms)) it(`are read as ${form}`, () => assert.deepEqual(ids(text), two));

  it('give each cluster all its parts, in canonical spelling', () => {
    const given = `/SUBSCRIPTIONS/${own}/resourcegroups/RG-x/providers/microsoft.containerservice/managedclusters/Aks_1/`;
    assert.deepEqual(read(given), [{ subscriptionId: own, resourceGroup: 'RG-x', name: 'Aks_1', id: idOf('RG-x', 'Aks_1'), label: 'Aks_1', overrides: {} }]);
  });

  it('complete short forms with the connection\'s subscription only where there is one', () => {
    assert.deepEqual(ids(`rg/a,${idOf('rg', 'a', other)}`), [idOf('rg', 'a'), idOf('rg', 'a', other)]);
    assert.match(parseClusters('rg/a', undefined).mistakes[0]?.because ?? '', /no subscription/);
    assert.equal(parseClusters(idOf('rg', 'a'), undefined).clusters.length, 1);
  });

  it('keep the order of the list', () => assert.deepEqual(labels('rg/z,rg/m,rg/a'), ['z', 'm', 'a']));

  it('take every character that groups and clusters may have', () => assert.deepEqual(ids('my_rg-1.(x)/aks_1-b'), [idOf('my_rg-1.(x)', 'aks_1-b')]));
});

describe('fleet: overrides', () => {
  it('are read from JSON and YAML alike', () => {
    const overrides = { identity: 'id-x', identityResourceGroup: 'rg-id', keyVault: 'rg/kv', secrets: 'one,two', registry: 'rg/acr', values: 'a: 1' };
    const json = JSON.stringify([{ cluster: 'rg/a', ...overrides }, 'rg/b']);
    const yaml = '- cluster: rg/a\n  identity: id-x\n  identityResourceGroup: rg-id\n  keyVault: rg/kv\n  secrets: [one, two]\n  registry: rg/acr\n  values: "a: 1"\n- rg/b';
    for (const text of [json, yaml]) assert.deepEqual(read(text).map((entry) => entry.overrides), [overrides, {}]);
  });

  it('are refused under another name, which the mistake says', () => {
    assert.match(mistake('[{"cluster":"rg/a","Identity":"x"}]'), /"Identity" cannot be set per cluster; possible are identity, /);
    assert.match(mistake('[{"cluster":"rg/a","constructor":"x"}]'), /"constructor" cannot be set/);
  });

  it('have to be text or lists of text', () => {
    for (const wrong of ['5', 'true', 'null', '{"a":1}']) assert.match(mistake(`[{"cluster":"rg/a","values":${wrong}}]`), /"values" has to be text/);
    assert.match(mistake('[{"cluster":"rg/a","secrets":[{"name":"x"}]}]'), /"secrets" has to be text/);
  });

  it('need a cluster', () => {
    assert.match(mistake('[{"identity":"x"}]'), /no text under "cluster"/);
    assert.match(mistake('[{"cluster":5}]'), /no text under "cluster"/);
  });
});

describe('fleet: mistakes in cluster lists', () => {
  it('an empty list, in every form', () => {
    for (const text of ['', ' \r\n ', ',,', '[]', '\n,\n']) assert.match(mistake(text), /the list is empty/);
  });

  it('a duplicate, also in another case or form', () => {
    assert.match(mistake('rg/a,rg/a'), /listed twice/);
    assert.match(mistake('rg/a,RG/A'), /listed twice/);
    assert.match(mistake(`rg/a\n${idOf('RG', 'a').toUpperCase()}`), /listed twice/);
    assert.match(mistake('- rg/a\n- cluster: rg/A\n  identity: x'), /listed twice/);
    assert.equal(parseClusters('rg/a,rg/A', own).clusters.length, 1);
  });

  it('a variable that was not expanded, by its name', () => {
    assert.match(mistake('$(clusters)'), /^\$\(clusters\) → the variable clusters has no value in this job/);
    assert.match(mistake('  $(My.Group.clusters)\n'), /the variable My\.Group\.clusters has no value/);
    assert.equal(parseClusters('$(clusters)', own).clusters.length, 0);
  });

  const malformed: Record<string, string> = {
    'a bare name': 'aks-1',
    'too many parts': 'a/b/c',
    'no group': '[ "/aks" ]',
    'no name': 'rg/',
    'a name with a space': 'rg/my aks',
    'a name of 64 characters': `rg/${'x'.repeat(64)}`,
    'a group of 91 characters': `${'x'.repeat(91)}/aks`,
    'a variable within the list': '- $(one)',
    'an id of another type': idOf('rg', 'a').replace('managedClusters', 'agentPools'),
    'an id of another provider': idOf('rg', 'kv').replace('Microsoft.ContainerService', 'Microsoft.KeyVault'),
    'a child\'s id': `${idOf('rg', 'a')}/agentPools/np`,
    'an id without a subscription': '/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/a',
    'a subscription that is no GUID': idOf('rg', 'a', 'my-subscription'),
    'a number': '[5]',
    'null': '[null]',
    'a nested list': '[["rg/a"]]',
  };
  for (const [what, text] of Object.entries(malformed)) {
    it(`${what}: says what was given and what is wanted`, () => {
      assert.match(mistake(text), /a cluster is its ARM id \(\/subscriptions\/…\/managedClusters\/name\) or resourceGroup\/name|no text under "cluster"/);
    });
  }

  it('text that is neither JSON nor YAML, or no sequence', () => {
    assert.match(mistake('["rg/a", '), /neither JSON nor YAML: [^\n]+$/);
    assert.match(mistake('{"cluster": "rg/a"}'), /has to be a sequence/);
  });

  it('all of them at once, beside the clusters that are right', () => {
    const { clusters, mistakes } = parseClusters('rg/a,nonsense,rg/a,rg/b,a/b/c', own);
    assert.deepEqual(clusters.map(({ name }) => name), ['a', 'b']);
    assert.deepEqual(mistakes.map(({ given }) => given), ['nonsense', idOf('rg', 'a'), 'a/b/c']);
  });

  it('shortens what was given', () => {
    const [first] = parseClusters('x'.repeat(500), own).mistakes;
    assert.equal(first?.given, `${'x'.repeat(249)}…`);
  });

  it('never throws, whatever is in the list', () => {
    for (const text of ['- &a [*a]', '- &a {cluster: *a}', '- !!binary aGk=', '- *nobody', '[.nan, .inf]', '- cluster: rg/a\n  cluster: rg/b', '\u0000', '{', '- ', '- ? a\n  : b']) {
      assert.ok(parseClusters(text, own).mistakes.length > 0, text);
    }
  });
});

describe('fleet: labels', () => {
  it('are names where these are distinct', () => assert.deepEqual(labels('rg1/a,rg1/b,rg2/c'), ['a', 'b', 'c']));

  it('have the group before namesakes, also those in other case, and before them only', () => assert.deepEqual(labels('rg1/aks,rg2/AKS,rg1/b'), ['rg1/aks', 'rg2/AKS', 'b']));

  it('have the subscription before namesakes in groups of one name', () => {
    const list = [idOf('rg', 'aks'), idOf('RG', 'aks', other), idOf('rg2', 'aks', other)].join();
    assert.deepEqual(labels(list), [`${own}/rg/aks`, `${other}/RG/aks`, 'rg2/aks']);
  });

  it('are distinct for every cluster', () => {
    const all = labels([own, other].flatMap((subscription) => ['rg1', 'rg2'].flatMap((group) => ['x', 'y'].map((name) => idOf(group, name, subscription)))).join('\n'));
    assert.equal(new Set(all.map((label) => label.toLowerCase())).size, 8);
  });
});
