/** The roles that conditions can limit to repositories. Source: registry docs, ABAC repository permissions. */
export type RepositoryRole = 'Container Registry Repository Reader' | 'Container Registry Repository Writer' | 'Container Registry Repository Contributor';

const provider = 'Microsoft.ContainerRegistry/registries/repositories';
const attribute = `${provider}:name`;
const reading = [`${provider}/content/read`, `${provider}/metadata/read`];
const writing = [`${provider}/content/write`, `${provider}/metadata/write`];
const deleting = [`${provider}/content/delete`, `${provider}/metadata/delete`];

/**
 * The data actions that the condition of each role has to name: one that it does not name stays unrestricted.
 * The reading ones are documented (registry docs, ABAC repository permissions); the names of the writing and deleting ones are not confirmed by
 * any source that we read. So the role's own definition comes first wherever it can be read, and a proof asks for a repository that was not granted.
 */
export const conditionedActions: Readonly<Record<RepositoryRole, readonly string[]>> = {
  'Container Registry Repository Reader': reading,
  'Container Registry Repository Writer': [...reading, ...writing],
  'Container Registry Repository Contributor': [...reading, ...writing, ...deleting],
};

/**
 * A condition that limits data actions to repositories. A repository is its name, `orders/api`, or all that begin alike, `backend/*`.
 * Names are compared without regard to case, as the documented condition compares them; repositories are lower case anyway.
 */
export interface RepositoryCondition {
  /** Data actions, in the order in which the condition names them. At least one. */
  readonly actions: readonly string[];
  /** At least one. */
  readonly repositories: readonly string[];
}

/** The version of the condition language. Source: azure-docs, role assignment condition format. */
export const conditionVersion = '2.0';

/** What a name in a condition can be: repository names and beginnings of them need no more, and nothing of it has to be escaped. */
const nameForm = /^[A-Za-z0-9._/-]+$/;

/**
 * Prints a condition in the documented form, in one line.
 * @throws Error for an empty list, or for a name that the form cannot hold: inputs are checked long before.
 */
export function printCondition({ actions, repositories }: RepositoryCondition): string {
  if (actions.length === 0 || repositories.length === 0) throw new Error('a condition names actions and repositories');
  const others = actions.map((action) => `!(ActionMatches{'${action}'})`).join(' AND ');
  const names = repositories.map((repository) => {
    const [operator, text] = isPrefix(repository) ? ['StringStartsWithIgnoreCase', repository.slice(0, -1)] : ['StringEqualsIgnoreCase', repository];
    if (!nameForm.test(text)) throw new Error(`${repository} is no name of a repository`);
    return `@Request[${attribute}] ${operator} '${text}'`;
  });
  return `((${others}) OR (${names.join(' OR ')}))`;
}

/**
 * Reads a condition of exactly the documented form; white space may differ. What it reads prints as the same condition again.
 * @returns undefined for every other text: whoever wrote that meant something that we do not know.
 */
export function parseCondition(text: string): RepositoryCondition | undefined {
  const words = wordsOf(text);
  if (words === undefined) return undefined;
  let next = 0;
  const take = (...wanted: readonly string[]): boolean => {
    const found = wanted.every((word, index) => words[next + index] === word);
    if (found) next += wanted.length;
    return found;
  };
  const actions: string[] = [];
  const repositories: string[] = [];
  if (!take('(', '(')) return undefined;
  do {
    const action = actionOf(words[next + 2]);
    if (!take('!', '(') || action === undefined) return undefined;
    next += 1;
    if (!take(')')) return undefined;
    actions.push(action);
  } while (take('AND'));
  if (!take(')', 'OR', '(')) return undefined;
  do {
    const repository = repositoryOf(words[next], words[next + 1], words[next + 2]);
    if (repository === undefined) return undefined;
    next += 3;
    repositories.push(repository);
  } while (take('OR'));
  if (!take(')', ')') || next !== words.length) return undefined;
  return { actions, repositories };
}

/** Parentheses, `!`, words, attributes, action matches and literals; undefined when anything else is in the text. */
function wordsOf(text: string): string[] | undefined {
  const lexer = /\s*([()!]|ActionMatches\s*\{\s*'[^']*'\s*\}|@Request\[[^\]]*\]|'[^']*'|[A-Za-z]+)\s*/y;
  const words: string[] = [];
  while (lexer.lastIndex < text.length) {
    const word = lexer.exec(text)?.[1];
    if (word === undefined) return undefined;
    words.push(word);
  }
  return words;
}

function actionOf(word = ''): string | undefined {
  return /^ActionMatches\s*\{\s*'([\w./]+)'\s*\}$/.exec(word)?.[1];
}

function repositoryOf(subject = '', operator = '', literal = ''): string | undefined {
  const name = literal.slice(1, -1);
  if (subject.toLowerCase() !== `@request[${attribute}]`.toLowerCase() || !/^'.*'$/.test(literal) || !nameForm.test(name)) return undefined;
  if (operator === 'StringEqualsIgnoreCase') return name;
  return operator === 'StringStartsWithIgnoreCase' ? `${name}*` : undefined;
}

function isPrefix(repository: string): boolean {
  return repository.endsWith('*');
}

/** True when everything that `wanted` stands for is among what `repository` stands for. */
function includes(repository: string, wanted: string): boolean {
  const [outer, inner] = [repository.toLowerCase(), wanted.toLowerCase()];
  return isPrefix(outer) ? inner.startsWith(outer.slice(0, -1)) : inner === outer;
}

/** Of these repositories, those that a condition does not allow. */
export function missingRepositories(condition: RepositoryCondition, repositories: readonly string[]): string[] {
  return repositories.filter((wanted) => !condition.repositories.some((one) => includes(one, wanted)));
}

/** Of these repositories, those that a condition does not name as they are, whether it allows them or not. */
export function unlistedRepositories(condition: RepositoryCondition, repositories: readonly string[]): string[] {
  const listed = new Set(condition.repositories.map((one) => one.toLowerCase()));
  return repositories.filter((one) => !listed.has(one.toLowerCase()));
}

/** Of these data actions, those that a condition does not name and thereby leaves unrestricted. */
export function unrestrictedActions(condition: RepositoryCondition, actions: readonly string[]): string[] {
  return actions.filter((action) => !condition.actions.some((one) => one.toLowerCase() === action.toLowerCase()));
}

/** The union: what either allows is allowed, and what either restricts is restricted. A name that a beginning includes stays, since its own revocation will ask for it. */
export function merge(condition: RepositoryCondition, { actions, repositories }: RepositoryCondition): RepositoryCondition {
  return {
    actions: [...condition.actions, ...unrestrictedActions(condition, actions)],
    repositories: [...condition.repositories, ...unlistedRepositories(condition, repositories)],
  };
}

/**
 * The condition without these repositories, for a grant that is taken back.
 * @param repositories as they were granted: `backend/*` takes that entry out, and leaves `backend/api` where that was granted by itself
 * @returns what is left; without a condition when no repository is, so that the assignment itself has to go; undefined for a condition that
 * cannot be parsed and is none of ours.
 */
export function shrink(condition: string, repositories: readonly string[]): { readonly condition?: string } | undefined {
  const parsed = parseCondition(condition);
  if (parsed === undefined) return undefined;
  const gone = new Set(repositories.map((one) => one.toLowerCase()));
  const left = parsed.repositories.filter((one) => !gone.has(one.toLowerCase()));
  return left.length === 0 ? {} : { condition: printCondition({ actions: parsed.actions, repositories: left }) };
}
