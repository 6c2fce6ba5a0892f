/** How a test ended, as the Tests tab tells it apart. */
export type TestOutcome = 'passed' | 'failed' | 'skipped';

/** One test of a run. */
export interface PublishedTest {
  readonly suite: string;
  readonly className: string;
  readonly name: string;
  readonly outcome: TestOutcome;
}

/** The tests of a file. */
export interface TestResults {
  readonly suites: number;
  readonly tests: readonly PublishedTest[];
}

interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Element[];
}

/** Comments, sections and instructions; an end tag; a start tag with its attributes; text. */
const token = /<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>|<\?[^]*?\?>|<!DOCTYPE[^>[]*>|<\/([^\s<>/]+)\s*>|<([^\s<>/="'!?]+)((?:\s+[^\s<>/="']+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+/gy;
const reference = /&(?:(#x[\da-f]+|#\d+|amp|lt|gt|quot|apos);)?/gi;
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decoded(text: string): string {
  return text.replaceAll(reference, (_, name: string | undefined) => {
    if (name === undefined) throw new Error('it has an & that begins no reference');
    if (!name.startsWith('#')) return named[name] ?? '';
    return String.fromCodePoint(/^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1)));
  });
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  const pairs = [...text.matchAll(/([^\s="']+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)];
  return new Map(pairs.map(([, name = '', double, single]) => [name, decoded(double ?? single ?? '')]));
}

/** The element that a document is. @throws {Error} a clause that says why it is none. */
function readDocument(source: string): Element {
  const top: Element = { name: '', attributes: new Map(), children: [] };
  const open = [top];
  token.lastIndex = 0;
  for (let at = source.startsWith('\uFEFF') ? 1 : 0; at < source.length; at = token.lastIndex) {
    token.lastIndex = at;
    const inner = open.at(-1) ?? top;
    const found = token.exec(source);
    if (found === null) throw new Error(`it is no XML at line ${source.slice(0, at).split('\n').length}`);
    const [all, closed, opened, attributes = '', alone] = found;
    if (closed !== undefined) {
      if (inner.name !== closed) throw new Error(`</${closed}> is where <${inner.name}> has to end`);
      open.pop();
    } else if (opened !== undefined) {
      const element = { name: opened, attributes: attributesOf(attributes), children: [] };
      inner.children.push(element);
      if (alone === '') open.push(element);
    } else if (!all.startsWith('<') && decoded(all).trim() !== '' && inner === top) throw new Error('it has text outside of its elements');
  }
  const [root, ...others] = top.children;
  if (open.length > 1) throw new Error(`<${open.at(-1)?.name ?? ''}> does not end`);
  if (root === undefined || others.length > 0) throw new Error('it is not one element');
  return root;
}

/** Source: Azure Pipelines docs, PublishTestResults@2, result formats mapping, JUnit. */
function outcomeOf({ children }: Element): TestOutcome {
  if (children.some(({ name }) => name === 'failure' || name === 'error')) return 'failed';
  return children.some(({ name }) => name === 'skipped') ? 'skipped' : 'passed';
}

function suitesIn(element: Element): readonly Element[] {
  const inner = element.children.filter(({ name }) => name === 'testsuite').flatMap(suitesIn);
  return element.name === 'testsuite' ? [element, ...inner] : inner;
}

function testOf(suite: Element, test: Element): PublishedTest {
  const name = test.attributes.get('name') ?? '';
  if (name === '') throw new Error('it has a testcase without a name');
  return { suite: suite.attributes.get('name') ?? '', className: test.attributes.get('classname') ?? '', name, outcome: outcomeOf(test) };
}

/** Reads JUnit XML: the suites, those within suites too, with their tests. @throws {Error} a clause that says why it is none. */
export function readJUnit(source: string): TestResults {
  const root = readDocument(source);
  if (!['testsuites', 'testsuite'].includes(root.name)) throw new Error(`its root is <${root.name}>, and not <testsuites> or <testsuite>`);
  const suites = suitesIn(root);
  const tests = suites.flatMap((suite) => suite.children.filter(({ name }) => name === 'testcase').map((test) => testOf(suite, test)));
  return { suites: suites.length, tests };
}
