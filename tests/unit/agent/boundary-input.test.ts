import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs, { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBoundaryPolicy, type GivenPolicy } from '../../../tasks/_shared/agent/boundary-input.js';
import { checkedOutCommit } from '../../../tasks/_shared/agent/checked-out-commit.js';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import { FakeAgent } from './fake-agent.js';

const text = '\uFEFFversion: 1\nboundaries: {nonprod: [mg-dev]}\n';
const commit = '1f0c1f0c1f0c1f0c1f0c1f0c1f0c1f0c1f0c1f0c';

describe('the input boundaryPolicy', () => {
  let sources: string;
  let agent: FakeAgent;
  beforeEach(() => {
    sources = mkdtempSync(join(tmpdir(), 'boundary-input-'));
    agent = new FakeAgent();
    agent.variables['System.DefaultWorkingDirectory'] = sources;
  });
  afterEach(() => {
    agent.dispose();
    rmSync(sources, { recursive: true, force: true });
  });
  const file = (path: string, content: string): void => {
    mkdirSync(join(sources, path, '..'), { recursive: true });
    writeFileSync(join(sources, path), content);
  };
  const read = (given: string): GivenPolicy => {
    agent.inputs.boundaryPolicy = given;
    const reader = new InputReader(agent);
    const policy = readBoundaryPolicy(reader);
    reader.finish();
    return policy;
  };

  it('is the word none, in any case, or a file of the sources', () => {
    assert.equal(read('none'), undefined);
    assert.equal(read('None'), undefined);
    file('deploy/boundaries.yml', text);
    const given = read('deploy/boundaries.yml');
    assert.deepEqual(given?.policy.boundaries, [{ name: 'nonprod', managementGroups: ['mg-dev'] }]);
    assert.deepEqual(given.origin, { path: 'deploy/boundaries.yml', sha256: createHash('sha256').update(text).digest('hex') }, 'the hash is that of the file as it is');
  });

  it('is hashed as it was judged, though the file is another a moment later', () => {
    file('boundaries.yml', text);
    const original = fs.readFileSync;
    fs.readFileSync = new Proxy(original, { apply: (target, self, parameters) => {
      const content: unknown = Reflect.apply(target, self, parameters);
      if (String(parameters[0]).endsWith('boundaries.yml')) file('boundaries.yml', 'version: 1\nboundaries: {prod: [mg-prod]}\n');
      return content;
    } });
    syncBuiltinESMExports();
    try {
      const given = read('boundaries.yml');
      assert.deepEqual([given?.policy.boundaries[0]?.name, given?.origin.sha256], ['nonprod', createHash('sha256').update(text).digest('hex')]);
    } finally {
      fs.readFileSync = original;
      syncBuiltinESMExports();
    }
  });

  it('comes with the commit that is checked out around the file', () => {
    file('boundaries.yml', text);
    file('.git/HEAD', `${commit}\n`);
    assert.equal(read('boundaries.yml')?.origin.commit, commit);
    file('policies/boundaries.yml', text);
    assert.equal(read('policies/boundaries.yml')?.origin.commit, commit);
    const other = commit.replaceAll('f', 'a');
    file('policies/.git/HEAD', other);
    assert.equal(read('policies/boundaries.yml')?.origin.commit, other, 'a repository of its own');
    assert.equal(read('boundaries.yml')?.origin.commit, commit);
  });

  it('comes with the commit of a branch, and with none where Git does not tell it', () => {
    file('.git/HEAD', 'ref: refs/heads/main\n');
    assert.equal(checkedOutCommit(join(sources, 'x.yml')), undefined);
    file('.git/refs/heads/main', `${commit}\n`);
    assert.equal(checkedOutCommit(join(sources, 'x.yml')), commit);
    file('.git/HEAD', 'ref: refs/../../secret\n');
    assert.equal(checkedOutCommit(join(sources, 'x.yml')), undefined);
    file('worktree/.git', 'gitdir: elsewhere\n');
    assert.equal(checkedOutCommit(join(sources, 'worktree', 'x.yml')), undefined);
  });
});
