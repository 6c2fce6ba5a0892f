import assert from 'node:assert/strict';
import { asRecord, namesOf, read, readJson, records, tasks, textOf } from './tree.js';

/** Source of the rules: azure-pipelines-task-lib, tasks.schema.json; azure-pipelines-agent, TaskRunner and NodeHandler. */
describe('task.json', () => {
  const manifests = tasks.map((folder) => ({ folder, manifest: readJson(`tasks/${folder}/task.json`) }));
  const name = /^[A-Za-z][A-Za-z0-9]*$/;
  const types = /^(boolean|filePath|multiLine|pickList|radio|string|int|connectedService:AzureRM)$/;

  it('is there for six tasks', () => {
    assert.equal(tasks.length, 6);
  });

  it('has a GUID and a name that no other task has', () => {
    const ids = manifests.map(({ manifest }) => String(manifest.id));
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(new Set(ids).size, tasks.length);
    assert.deepEqual(manifests.map(({ manifest }) => manifest.name), tasks);
    assert.equal(new Set(manifests.map(({ manifest }) => manifest.friendlyName)).size, tasks.length);
  });

  for (const { folder, manifest } of manifests) {
    const inputs = records(manifest.inputs);

    it(`of ${folder} runs on Node 24 and Node 20, in builds and releases`, () => {
      const execution = asRecord(manifest.execution);
      assert.deepEqual(Object.keys(execution), ['Node24', 'Node20_1']);
      for (const handler of Object.values(execution)) assert.equal(asRecord(handler).target, 'index.js');
      assert.equal(manifest.minimumAgentVersion, '3.232.1');
      assert.deepEqual(manifest.visibility, ['Build', 'Release']);
      assert.ok(Number(asRecord(manifest.version).Major) >= 1);
    });

    it(`of ${folder} has a post-job step of its own on the same handlers, for what a killed run leaves`, () => {
      const after = asRecord(manifest.postjobexecution);
      assert.deepEqual(Object.keys(after), Object.keys(asRecord(manifest.execution)));
      for (const handler of Object.values(after)) assert.equal(asRecord(handler).target, 'post-job.js');
      assert.match(read(`tasks/${folder}/post-job.ts`), new RegExp(`^runPostJob\\('${folder}'\\);$`, 'm'));
    });

    it(`of ${folder} has well-formed inputs`, () => {
      const names = namesOf(inputs);
      assert.equal(new Set(names.map((text) => text.toLowerCase())).size, names.length);
      for (const input of inputs) {
        const told = `${folder}: ${String(input.name)}`;
        assert.match(String(input.name), name, told);
        assert.match(String(input.type), types, told);
        assert.ok(textOf(input, 'label') !== '' && textOf(input, 'helpMarkDown') !== '', `${told} needs a label and help`);
        assert.equal(typeof input.required, 'boolean', told);
        if (input.type === 'pickList') assert.ok(Object.keys(asRecord(input.options)).includes(String(input.defaultValue)), `${told}: its default is no option`);
        if (input.type === 'boolean') assert.match(String(input.defaultValue), /^(true|false)$/, told);
      }
    });

    it(`of ${folder} refers to groups and inputs that exist`, () => {
      const groups = new Set(namesOf(manifest.groups));
      const used = inputs.map((input) => textOf(input, 'groupName')).filter((group) => group !== '');
      assert.deepEqual(used.filter((group) => !groups.has(group)), []);
      assert.deepEqual([...groups].filter((group) => !used.includes(group)), [], 'groups without an input');
      const named = [...inputs, ...records(manifest.groups)].flatMap((one) => {
        const terms = textOf(one, 'visibleRule').split(/&&|\|\|/).map((term) => term.trim());
        return terms.filter((term) => term !== '').map((term) => term.split(/\s+/)[0] ?? '');
      });
      const inTitle = [...String(manifest.instanceNameFormat).matchAll(/\$\((\w+)\)/g)].map((match) => match[1] ?? '');
      assert.deepEqual([...named, ...inTitle].filter((input) => !namesOf(inputs).includes(input)), []);
    });

    it(`of ${folder} lets exactly its outputs be set`, () => {
      const outputs = namesOf(manifest.outputVariables);
      assert.ok(outputs.length > 0);
      for (const output of outputs) assert.match(output, name);
      if (manifest.restrictions === undefined) return;
      const { settableVariables } = asRecord(manifest.restrictions);
      if (settableVariables !== undefined) assert.deepEqual(asRecord(settableVariables).allowed, outputs);
    });
  }

  it('says the same about the inputs that several tasks share', () => {
    const shared = ['azureSubscription', 'clusters', 'dryRun', 'concurrency', 'failFast', 'workload', 'identityResourceGroup', 'identityLocation', 'propagationTimeoutInMinutes'];
    // SelectClusters only completes names with its connection, and the words on a workload differ with what a task does to it.
    const planned = manifests.filter(({ folder }) => folder !== 'SelectClusters');
    const compare = (input: string, fields: readonly string[]): void => {
      const given = planned.flatMap(({ manifest }) => records(manifest.inputs).filter((one) => one.name === input));
      assert.ok(given.length > 1, `${input} is not shared`);
      for (const one of given) for (const field of fields) assert.deepEqual(one[field], given[0]?.[field], `${input}: ${field}`);
    };
    for (const input of shared) compare(input, ['type', 'label', 'defaultValue', 'required', 'helpMarkDown', 'properties']);
    for (const input of ['namespace', 'serviceAccount']) compare(input, ['type', 'label', 'defaultValue']);
    for (const input of ['identity', 'serviceAccounts', 'ring']) compare(input, ['type', 'label', 'defaultValue', 'required', 'properties']);
    const connections = manifests.flatMap(({ manifest }) => records(manifest.inputs).filter((one) => one.name === 'azureSubscription'));
    assert.deepEqual(new Set(connections.map(({ type, label }) => `${String(type)} ${String(label)}`)).size, 1);
    assert.equal(connections.length, tasks.length);
  });

  it('of every task, and nothing else, is contributed by the extension', () => {
    const { contributions, files } = readJson('vss-extension.json');
    const contributed = records(contributions).filter(({ type }) => type === 'ms.vss-distributed-task.task');
    assert.deepEqual(contributed.map(({ properties }) => String(asRecord(properties).name)).sort(), tasks.map((folder) => `tasks/${folder}`));
    assert.equal(new Set(contributed.map((one) => textOf(one, 'id'))).size, tasks.length);
    assert.ok(records(files).some(({ path }) => path === 'tasks'));
  });
});
