import assert from 'node:assert/strict';
import { actionMatches, parseCondition } from './conditions.js';

const read = 'Microsoft.ContainerRegistry/registries/repositories/content/read';
const write = 'Microsoft.ContainerRegistry/registries/repositories/content/write';
const name = 'Microsoft.ContainerRegistry/registries/repositories:name';
/** As the ACR documentation prints it for one repository. */
const oneRepository = `((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'}) AND !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'})) OR (@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqualsIgnoreCase 'hello-world'))`;

function holds(text: string, action = read, repository?: string): boolean | undefined {
  return parseCondition(text)?.({ action, attributes: repository === undefined ? {} : { [name]: repository } });
}

describe('conditions of role assignments', () => {
  it('reads the documented condition for one repository', () => {
    assert.equal(holds(oneRepository, read, 'hello-world'), true);
    assert.equal(holds(oneRepository, read, 'Hello-World'), true);
    assert.equal(holds(oneRepository, read, 'hello-world-2'), false);
    assert.equal(holds(oneRepository, read), false);
    assert.equal(holds(oneRepository, write, 'other'), true, 'actions that are not listed stay unrestricted');
  });

  it('reads the same condition on several lines', () => {
    assert.equal(holds(oneRepository.replaceAll(/(AND|OR)/g, '\n $1\n\t'), read, 'hello-world'), true);
  });

  for (const [operator, value, repository, expected] of [
    ['StringEquals', 'App', 'App', true],
    ['StringEquals', 'App', 'app', false],
    ['StringEqualsIgnoreCase', 'App', 'aPP', true],
    ['StringStartsWith', 'backend/', 'backend/a', true],
    ['StringStartsWith', 'backend/', 'Backend/a', false],
    ['StringStartsWithIgnoreCase', 'backend/', 'BACKEND/a', true],
    ['StringStartsWithIgnoreCase', 'backend/', 'back', false],
  ] as const) {
    it(`${operator} '${value}' is ${expected} for ${repository}`, () => {
      assert.equal(holds(`@Request[${name}] ${operator} '${value}'`, read, repository), expected);
      assert.equal(holds(`@Resource[${name.toUpperCase()}] ${operator} '${value}'`, read, repository), expected);
    });
  }

  it('binds AND closer than OR, and ! closest', () => {
    const yes = "ActionMatches{'*/read'}";
    const no = "ActionMatches{'*/write'}";
    assert.equal(holds(`${yes} OR ${no} AND ${no}`), true);
    assert.equal(holds(`(${yes} OR ${no}) AND ${no}`), false);
    assert.equal(holds(`!${no} AND ${yes}`), true);
    assert.equal(holds(`!(${no} OR ${yes})`), false);
    assert.equal(holds(`NOT ${yes} || !!${yes}`), true);
    assert.equal(holds(`${yes} && ${no}`), false);
    assert.equal(holds(`${yes} and ${no}`), false);
  });

  it('takes escaped quotes in a literal', () => {
    assert.equal(holds(`@Request[${name}] StringEquals 'it\\'s'`, read, "it's"), true);
  });

  for (const text of [
    '',
    '()',
    `${oneRepository})`,
    oneRepository.slice(1),
    `@Request[${name}] StringLike 'a*'`,
    `@Request[${name}] StringEquals app`,
    `@Request[${name}] StringEquals`,
    `@Environment[utcNow] StringEquals 'x'`,
    "ActionMatches{'a'} ActionMatches{'b'}",
    "ActionMatches{'a'} OR",
    "ActionMatches{'a'",
    "AND ActionMatches{'a'}",
    "ActionMatches{'a'} XOR ActionMatches{'b'}",
    "'a'",
    '!',
  ]) {
    it(`does not read ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.equal(parseCondition(text), undefined);
    });
  }
});

describe('actions', () => {
  it('match whole, without case, with wildcards over slashes', () => {
    assert.equal(actionMatches('*/read', read), true);
    assert.equal(actionMatches('Microsoft.Authorization/*/Write', 'microsoft.authorization/roleAssignments/write'), true);
    assert.equal(actionMatches('Microsoft.Authorization/*/Write', 'Microsoft.Authorization/write'), false);
    assert.equal(actionMatches('Microsoft.X/y/read', 'Microsoft.X/y/read/more'), false);
    assert.equal(actionMatches('Microsoft.X/y/read', 'MicrosoftxX/y/read'), false, 'a dot is a dot');
    assert.equal(actionMatches('*', write), true);
  });
});
