import assert from 'node:assert/strict';
import { permissionTables, withTables } from '../../scripts/permissions-page.js';
import bootstrap from '../../templates/bootstrap/roles.json' with { type: 'json' };
import { read } from './tree.js';

describe('docs/permissions.md', function () {
  this.timeout(60_000);
  const page = read('docs/permissions.md');

  it('has the tables that the resources’ own declarations make: if not, npm run permissions', async () => {
    const tables = await permissionTables();
    assert.equal(withTables(page, tables), page);
    // What no declaration knows would not be noticed above: every action of the bootstrap has to have somebody who needs it.
    const [tasks = ''] = tables.split('The custom roles of');
    // Preflight itself uses these two.
    const { hierarchy, obstacles, ...declared } = bootstrap.custom;
    assert.deepEqual([hierarchy.actions.length, obstacles.actions.length], [1, 3]);
    const unused = Object.values(declared).flatMap(({ actions }) => actions).filter((action) => !tasks.includes(`\`${action}\``));
    assert.deepEqual([...new Set(unused)], []);
  });

  it('refuses to write tables where its marks are gone', () => {
    assert.throws(() => withTables('no marks', 'x'), /lost the marks/);
  });
});
