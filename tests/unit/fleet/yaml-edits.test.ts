import assert from 'node:assert/strict';
import { parseAllDocuments } from 'yaml';
import { editYaml, UneditableYaml, type YamlEdit } from '../../../tasks/_shared/fleet/yaml-edits.js';

const label = (value = 'true'): YamlEdit => ({ path: ['metadata', 'labels', 'use'], value });
const volume: YamlEdit = { path: ['spec', 'volumes'], item: { name: 'v', csi: { readOnly: true, attributes: { 'a.b/c': 'on' }, modes: ['x', 1] } } };
const line = '{name: "v", csi: {readOnly: true, attributes: {a.b/c: "on"}, modes: ["x", 1]}}';

const without = (...path: (string | number)[]): YamlEdit => ({ path, remove: true });

/** The lines that an edit takes away and adds. */
function difference(before: string, after: string): string[] {
  const [was, is] = [before.split('\n'), after.split('\n')];
  return [...was.filter((line) => !is.includes(line)).map((line) => `- ${line}`), ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`)];
}

describe('editing YAML in place', () => {
  const cases: readonly (readonly [title: string, source: string, difference: readonly string[], edit?: YamlEdit])[] = [
    ['puts a key into a mapping', 'metadata:\n  labels:\n    app: x\n', ['+     use: "true"']],
    ['makes a mapping that is missing', 'metadata:\n  name: x\n', ['+   labels:', '+     use: "true"']],
    ['makes all mappings that are missing', 'kind: Pod\n', ['+ metadata:', '+   labels:', '+     use: "true"']],
    ['puts a key into a mapping in braces', 'metadata: {name: x, labels: {app: y}}\n', ['- metadata: {name: x, labels: {app: y}}', '+ metadata: {name: x, labels: {use: "true", app: y}}']],
    ['puts a key into empty braces', 'metadata:\n  labels: {}\n', ['-   labels: {}', '+   labels: {use: "true"}']],
    ['makes a mapping in braces', 'metadata: {name: x}\n', ['- metadata: {name: x}', '+ metadata: {labels: {use: "true"}, name: x}']],
    ['fills what is empty', 'metadata:\n  labels:\n  name: x\n', ['-   labels:', '+   labels: {use: "true"}']],
    ['fills what is empty before a comment', 'metadata:\n  labels: # none yet\n  name: x\n', ['-   labels: # none yet', '+   labels: {use: "true"} # none yet']],
    ['fills what is null', 'metadata:\n  labels: null # none\n', ['-   labels: null # none', '+   labels: {use: "true"} # none']],
    ['fills a value that is empty', 'metadata:\n  labels:\n    use:\n    app: x\n', ['-     use:', '+     use: "true"']],
    ['replaces another value', 'metadata:\n  labels:\n    use: \'false\' # why\n', ['-     use: \'false\' # why', '+     use: "true" # why']],
    ['replaces a boolean, which only looks like the text', 'metadata:\n  labels:\n    use: true\n', ['-     use: true', '+     use: "true"']],
    ['leaves what is right as it is', 'metadata:\n  labels: {use: \'true\'}\n', []],
    ['keeps comments, quotes, order and odd indents', '# head\nmetadata:\n     # of labels\n     labels:\n       "app": \'x\'   # who\n     name: >-\n       a\n       b\n', ['+        use: "true"']],
    ['goes into sequences', 'items:\n- metadata:\n    name: a\n- metadata:\n    name: b\n', ['+     labels:', '+       use: "true"'], { path: ['items', 1, 'metadata', 'labels', 'use'], value: 'true' }],
    ['quotes keys and values that need it', 'metadata:\n  labels:\n    app: x\n', ['+     "a b": "x\\"y\\n"'], { path: ['metadata', 'labels', 'a b'], value: 'x"y\n' }],
    ['reads YAML as Helm does: an unquoted yes stays what it is', 'metadata:\n  labels:\n    app: yes\nspec: {on: off, mode: 0644}\n', ['+     use: "true"']],
    ['keeps Windows line ends of the rest', 'metadata:\r\n  labels:\r\n    app: x\r\n', ['+     use: "true"']],
    ['puts an item before the others of a sequence', 'spec:\n  volumes:\n  - name: a # first\n  - name: b\n', [`+   - ${line}`], volume],
    ['puts an item into a sequence with an indent of its own', 'spec:\n  volumes:\n      # all\n      -   name: a\n          emptyDir: {}\n', [`+       - ${line}`], volume],
    ['puts an item into a sequence in brackets', 'spec: {volumes: [{name: a}]}\n', ['- spec: {volumes: [{name: a}]}', `+ spec: {volumes: [${line}, {name: a}]}`], volume],
    ['puts an item into empty brackets', 'spec:\n  volumes: []\n', ['-   volumes: []', `+   volumes: [${line}]`], volume],
    ['makes a sequence that is missing', 'spec:\n  containers: []\n', [`+   volumes: [${line}]`], volume],
    ['makes a sequence that is missing in braces', 'spec: {a: b}\n', ['- spec: {a: b}', `+ spec: {volumes: [${line}], a: b}`], volume],
    ['makes all that is missing above a sequence', 'kind: Pod\n', ['+ spec:', `+   volumes: [${line}]`], volume],
    ['fills a sequence that is empty', 'spec:\n  volumes: # none\n  a: b\n', ['-   volumes: # none', `+   volumes: [${line}] # none`], volume],
    ['keeps Windows line ends beside an item', 'spec:\r\n  volumes:\r\n  - name: a\r\n', [`+   - ${line}`], volume],
    ['takes the first item out of lines', 'spec:\n  env:\n  # the first\n  - name: a # its own\n    value: b\n  # the second\n  - name: c\nend: x\n', ['-   - name: a # its own', '-     value: b'], without('spec', 'env', 0)],
    ['takes an item in the middle out of lines', 'env:\n    -   name: a\n    -   name: b\n        value: |\n          two\n          lines\n    -   name: c\n', ['-     -   name: b', '-         value: |', '-           two', '-           lines'], without('env', 1)],
    ['takes the last item out of lines', 'spec:\n- name: a\n- name: b # why\n', ['- - name: b # why'], without('spec', 1)],
    ['takes an item out at the end of the source', 'spec:\n- name: a\n- name: b', ['- - name: b', '+ '], without('spec', 1)],
    ['leaves an empty sequence of lines', 'spec:\n  env: # why\n  # which\n  - name: a\n  image: x\n', ['-   env: # why', '-   - name: a', '+   env: [] # why'], without('spec', 'env', 0)],
    ['leaves an empty sequence without an indent', 'spec:\n  env:\n  - name: a\n', ['-   env:', '-   - name: a', '+   env: []'], without('spec', 'env', 0)],
    ['takes items out of sequences in sequences', 'items:\n- env:\n  - name: a\n  - name: b\n', ['-   - name: b'], without('items', 0, 'env', 1)],
    ['takes the first item out of brackets', 'spec: {env: [{name: a}, {name: b}]}\n', ['- spec: {env: [{name: a}, {name: b}]}', '+ spec: {env: [{name: b}]}'], without('spec', 'env', 0)],
    ['takes the last item out of brackets', 'spec: {env: [ {name: a} , {name: b} ]}\n', ['- spec: {env: [ {name: a} , {name: b} ]}', '+ spec: {env: [ {name: a} ]}'], without('spec', 'env', 1)],
    ['takes the only item out of brackets', '{"spec":{"env":[{"name":"a"}]}}\n', ['- {"spec":{"env":[{"name":"a"}]}}', '+ {"spec":{"env":[]}}'], without('spec', 'env', 0)],
    ['takes a reference out', 'a: &x {name: a}\nspec:\n- *x\n- name: b\n', ['- - *x'], without('spec', 0)],
    ['keeps Windows line ends where it takes an item out', 'env:\r\n- name: a\r\n- name: b\r\n', ['- - name: a\r'], without('env', 0)],
    ['finds a key that is written in quotes', 'metadata:\n  "labels":\n    app: x\n', ['+     use: "true"']],
  ];
  for (const [title, source, expected, edit = label()] of cases) {
    it(title, () => {
      const edited = editYaml(source, () => [edit]);
      assert.deepEqual(difference(source, edited), expected, edited);
    });
  }

  it('edits the documents that it is told to, and keeps the marks between them', () => {
    const source = '---\n# Source: a.yaml\nkind: A\nmetadata:\n  name: a\n---\n# Source: b.yaml\nkind: B\nmetadata:\n  name: b\n---\n---\n# nothing\n';
    const edited = editYaml(source, (content) => (JSON.stringify(content).includes('"B"') ? [label()] : []));
    assert.equal(edited, source.replace('kind: B\nmetadata:\n', 'kind: B\nmetadata:\n  labels:\n    use: "true"\n'));
    assert.equal(editYaml(source, () => []), source);
    assert.equal(editYaml('', () => [label()]), '');
  });

  const refused: readonly (readonly [title: string, source: string, because: RegExp, edit?: YamlEdit])[] = [
    ['a sequence that others share by an anchor', 'spec:\n  volumes: &v [{name: a}]\n  others: *v\n', /spec\.volumes cannot be set without changing something else/, volume],
    ['a reference in the place of a sequence', 'base: &v [{name: a}]\nspec:\n  volumes: *v\n', /spec\.volumes is a reference to another place/, volume],
    ['a text in the place of a sequence', 'spec:\n  volumes: none\n', /spec\.volumes is no sequence/, volume],
    ['a mapping in the place of a sequence', 'spec:\n  volumes: {a: b}\n', /spec\.volumes is no sequence/, volume],
    ['a mapping that others share by an anchor', 'metadata:\n  labels: &l {app: x}\nspec:\n  selector: *l\n', /metadata\.labels\.use cannot be set without changing something else/],
    ['a reference in the place of a mapping', 'base: &l {app: x}\nmetadata:\n  labels: *l\n', /metadata\.labels is a reference to another place/],
    ['a text in the place of a mapping', 'metadata:\n  labels: none\n', /metadata\.labels is no mapping/],
    ['a text of several lines in the place of the text', 'metadata:\n  labels:\n    use: |\n      false\n', /metadata\.labels\.use is a text of several lines/],
    ['a sequence in the place of the text', 'metadata:\n  labels:\n    use: [a]\n', /metadata\.labels\.use is no text/],
    ['to take out of a sequence that others share by an anchor', 'spec:\n  env: &e\n  - name: a\n  - name: b\n  others: *e\n', /spec\.env\.0 cannot be taken out without changing something else/, without('spec', 'env', 0)],
    ['to take out what others refer to', 'env:\n- &a {name: a}\n- name: b\nother: *a\n', /env\.0 cannot be taken out without changing something else/, without('env', 0)],
    ['to take out of a reference', 'base: &e [{name: a}]\nspec:\n  env: *e\n', /spec\.env is a reference to another place/, without('spec', 'env', 0)],
    ['to take out of a text', 'env: none\n', /env is no sequence/, without('env', 0)],
    ['to take out what is not there', 'env:\n- name: a\n', /env\.1 is not there/, without('env', 1)],
    ['to take out what shares its line', 'spec:\n- - a\n  - b\n', /spec\.0\.0 does not begin a line/, without('spec', 0, 0)],
    ['what is no YAML', 'metadata: [a\n', /it is no YAML/],
    ['a sequence at the root', '- a\n', /is no mapping/],
  ];
  for (const [title, source, because, edit = label()] of refused) {
    it(`refuses ${title}`, () => assert.throws(() => editYaml(source, () => [edit]), (error) => error instanceof UneditableYaml && because.test(error.because)));
  }

  it('lets a merge key stand, whose own keys come first', () => {
    const source = 'base: &b {app: x}\nmetadata:\n  labels:\n    <<: *b\n    tier: web\n';
    const [document] = parseAllDocuments(editYaml(source, () => [label()]), { version: '1.1', merge: true });
    assert.deepEqual((document?.toJS() as { metadata: unknown }).metadata, { labels: { use: 'true', app: 'x', tier: 'web' } });
  });
});
