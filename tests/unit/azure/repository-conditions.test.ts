import assert from 'node:assert/strict';
import { conditionedActions, merge, missingRepositories, parseCondition, printCondition, shrink, unrestrictedActions, type RepositoryCondition } from '../../../tasks/_shared/azure/repository-conditions.js';
import { parseCondition as simulated } from '../../simulators/azure/conditions.js';
import { Random } from '../../tools/random.js';

/** As the registry documentation prints it for one repository. */
const documented = `((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'}) AND !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'})) OR (@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqualsIgnoreCase 'hello-world'))`;
const attribute = 'Microsoft.ContainerRegistry/registries/repositories:name';
const { 'Container Registry Repository Reader': reading, 'Container Registry Repository Writer': writing, 'Container Registry Repository Contributor': deleting } = conditionedActions;

const parts = ['orders', 'api', 'web', 'backend', 'a', 'b-c', 'd_e', 'f.g', '0'];

function someRepository(random: Random): string {
  const name = Array.from({ length: 1 + random.below(3) }, () => parts[random.below(parts.length)]).join('/');
  return random.below(3) === 0 ? `${name}${random.below(2) === 0 ? '/' : ''}*` : name;
}

function someRepositories(random: Random): string[] {
  return [...new Set(Array.from({ length: 1 + random.below(5) }, () => someRepository(random)))];
}

function someCondition(random: Random): RepositoryCondition {
  return { actions: [reading, writing, deleting, reading.slice(0, 1)][random.below(4)] ?? reading, repositories: someRepositories(random) };
}

/** What a condition means, said in one line and without the product's code. */
const allows = ({ actions, repositories }: RepositoryCondition, action: string, repository: string): boolean =>
  !actions.includes(action) || repositories.some((one) => (one.endsWith('*') ? repository.startsWith(one.slice(0, -1)) : repository === one));

describe('conditions for repositories', () => {
  it('print and read exactly what is documented', () => {
    assert.equal(printCondition({ actions: reading, repositories: ['hello-world'] }), documented);
    assert.deepEqual(parseCondition(documented), { actions: reading, repositories: ['hello-world'] });
    assert.match(printCondition({ actions: reading, repositories: ['a', 'backend/*'] }), /'a' OR @Request\[[^\]]+\] StringStartsWithIgnoreCase 'backend\/'\)\)$/);
  });

  it('read several lines, as the portal shows them', () => {
    const spread = documented.replaceAll(/(AND|OR|[()])/g, '\r\n\t $1 \n').replaceAll('{', ' { ').replaceAll("'}", "' }");
    assert.deepEqual(parseCondition(spread), { actions: reading, repositories: ['hello-world'] });
  });

  it('print and read 3,000 random ones exactly, and mean what the service evaluates', () => {
    const random = new Random(4);
    for (let run = 0; run < 3_000; run += 1) {
      const condition = someCondition(random);
      const text = printCondition(condition);
      assert.deepEqual(parseCondition(text), condition, text);
      const evaluate = simulated(text);
      assert.ok(evaluate !== undefined, text);
      for (let question = 0; question < 4; question += 1) {
        const action = deleting[random.below(deleting.length)] ?? '';
        const repository = someRepository(random).replace(/\/?\*$/, '/x');
        assert.equal(evaluate({ action, attributes: { [attribute]: repository } }), allows(condition, action, repository), `${text} ${action} ${repository}`);
      }
    }
  });

  it('merge to what either allows, never to less, whatever comes first', () => {
    const random = new Random(44);
    for (let run = 0; run < 2_000; run += 1) {
      const [one, other] = [someCondition(random), someCondition(random)];
      const both = merge(one, other);
      const restricted = [...one.actions, ...other.actions];
      assert.deepEqual(unrestrictedActions(both, restricted), [], 'what either restricts is restricted');
      assert.deepEqual(missingRepositories(both, [...one.repositories, ...other.repositories]), []);
      assert.deepEqual(merge(both, one), both, 'merging again changes nothing');
      const repository = someRepository(random).replace(/\/?\*$/, '/x');
      const action = restricted[random.below(restricted.length)] ?? '';
      assert.equal(allows(both, action, repository), [one, other].some(({ repositories }) => allows({ actions: [action], repositories }, action, repository)), repository);
    }
  });

  it('take back what was added, and nothing else', () => {
    const random = new Random(444);
    for (let run = 0; run < 2_000; run += 1) {
      const [one, added] = [someCondition(random), someRepositories(random)];
      const own = added.filter((repository) => !one.repositories.includes(repository));
      assert.equal(shrink(printCondition(merge(one, { actions: one.actions, repositories: added })), own)?.condition, printCondition(one));
    }
    assert.deepEqual(shrink(documented, ['hello-world', 'other']), {});
    assert.deepEqual(shrink(documented, ['Hello-World']), {}, 'names are compared without regard to case');
    assert.deepEqual(shrink(documented, ['hello-*']), { condition: documented }, 'a beginning takes no name with it');
    assert.equal(shrink('true', ['hello-world']), undefined);
  });

  it('know what is missing, beginnings included', () => {
    const condition = { actions: reading, repositories: ['orders/api', 'Backend/*'] };
    assert.deepEqual(missingRepositories(condition, ['orders/api', 'ORDERS/API', 'backend/web', 'backend/web/*', 'backend/*']), []);
    assert.deepEqual(missingRepositories(condition, ['orders/api2', 'orders/*', 'back', 'backend', 'backen*']), ['orders/api2', 'orders/*', 'back', 'backend', 'backen*']);
    assert.deepEqual(unrestrictedActions(condition, writing), writing.slice(2));
  });

  it('name every action of the weaker role in that of the stronger one', () => {
    assert.deepEqual([reading.every((action) => writing.includes(action)), writing.every((action) => deleting.includes(action))], [true, true]);
  });

  for (const text of [
    '',
    documented.slice(1),
    documented.slice(0, -1),
    `${documented} `.repeat(2),
    `${documented}#`,
    documented.replace('hello-world', ''),
    documented.replace('hello-world', 'it\\\'s'),
    documented.replace('hello-world', 'a*'),
    documented.replace('hello-world', 'a b'),
    documented.replace(' AND ', ' OR '),
    documented.replace(') OR (', ') AND ('),
    documented.replace('!', ''),
    documented.replace('@Request', '@Resource'),
    documented.replace('repositories:name', 'repositories:id'),
    documented.replace('StringEqualsIgnoreCase', 'StringEquals'),
    documented.replace('StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase'),
    documented.replace('content/read', '*/read'),
    documented.replace("'hello-world'", "'hello-world' AND @Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqualsIgnoreCase 'b'"),
    documented.replace('StringEqualsIgnoreCase', 'ForAnyOfAnyValues:StringEqualsIgnoreCase'),
    `(${documented})`,
    documented.replace('((!', '(!'),
  ]) {
    it(`do not read ${JSON.stringify(text.replaceAll(/Microsoft[\w./]+/g, '…'))}`, () => {
      assert.equal(parseCondition(text), undefined);
    });
  }

  it('read no text from which any one word was taken', () => {
    const words = documented.split(/(?<=[()!{}])|(?=[()!{}])| /).filter((word) => word !== '');
    for (const index of words.keys()) assert.equal(parseCondition(words.filter((_word, at) => at !== index).join(' ')), undefined, words[index]);
  });

  it('are not printed for nothing, or with a name that would break out of the literal', () => {
    for (const repositories of [[], ['*'], ["a' OR '1"], ['a b']]) assert.throws(() => printCondition({ actions: reading, repositories }));
    assert.throws(() => printCondition({ actions: [], repositories: ['a'] }));
  });
});
