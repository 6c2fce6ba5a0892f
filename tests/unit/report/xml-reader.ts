/** An element of XML with what it holds. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

const token = /<\?xml version="1\.0" encoding="UTF-8"\?>|<\/([A-Za-z][\w-]*)>|<([A-Za-z][\w-]*)((?:\s+[A-Za-z][\w-]*="[^"<]*")*)\s*(\/?)>|[^<]+/gy;
const references: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Reads XML of elements, attributes and text, and throws at everything else: comments, sections, characters and references that XML does not know. */
export function readXml(source: string): XmlElement {
  const stray = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.exec(source);
  if (stray !== null) throw new Error(`character ${stray[0].codePointAt(0) ?? 0} at ${stray.index} is not one of XML`);
  const root = { name: '', attributes: {}, children: [] as XmlElement[], text: '' };
  const open: { name: string; attributes: Record<string, string>; children: XmlElement[]; text: string }[] = [root];
  token.lastIndex = 0;
  for (let at = 0; at < source.length; at = token.lastIndex) {
    const found = token.exec(source);
    if (found === null) throw new Error(`no XML at ${at}: ${source.slice(at, at + 80)}`);
    const [all, closed, opened, attributes = '', alone] = found;
    const inner = open.at(-1)!;
    if (closed !== undefined) {
      if (inner.name !== closed) throw new Error(`</${closed}> closes <${inner.name}>`);
      open.pop();
    } else if (opened !== undefined) {
      const element = { name: opened, attributes: attributesOf(attributes), children: [], text: '' };
      inner.children.push(element);
      if (alone === '') open.push(element);
    } else if (!all.startsWith('<?')) inner.text += decoded(all);
  }
  const [only, ...others] = root.children;
  if (open.length !== 1 || only === undefined || others.length > 0 || root.text.trim() !== '') throw new Error('the document is not one element');
  return only;
}

function attributesOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([A-Za-z][\w-]*)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, decoded(value)] as const);
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) throw new Error(`an attribute is there twice: ${text}`);
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  if (text.includes(']]>')) throw new Error(']]> must not be in text');
  return text.replaceAll(/&([^;\s]*);?/g, (reference, name: string) => {
    const character = references[name];
    if (character === undefined || !reference.endsWith(';')) throw new Error(`${reference} is no reference`);
    return character;
  });
}
