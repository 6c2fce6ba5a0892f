/** How a GUID is written, as part of a pattern that ignores case. */
export const guidPattern = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** A text that is a GUID and nothing else, in either case. */
export const guid = new RegExp(`^${guidPattern}$`, 'i');

/** True for a GUID, in either case. */
export function isGuid(text: string): boolean {
  return guid.test(text);
}
