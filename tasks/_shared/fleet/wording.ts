/** `1 cluster`, `3 clusters`. */
export function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The first of many, and how many more: `aks-1, aks-2 and 998 more`. One that is left is told instead of counted. */
export function some(items: readonly string[], shown = 5, separator = ', '): string {
  const more = items.length - shown;
  if (more <= 1) return items.join(separator);
  return `${items.slice(0, shown).join(separator)}${separator === ', ' ? ' ' : separator}and ${more} more`;
}

/** The text as it goes on within a sentence. */
export function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The text as a sentence begins with it. */
export function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Orders texts by their characters: alike on every machine, whatever language it speaks. */
export function inOrder(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
