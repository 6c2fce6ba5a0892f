/**
 * Makes writes to a pipe leave the process before they return. Node does so for files, and for pipes on Windows; on other systems it keeps
 * what a full pipe does not take, and a kill takes it back. Source: Node.js docs, process I/O; libuv, uv_stream_set_blocking.
 */
export function writeAtOnce(stream: object): void {
  const handle: unknown = '_handle' in stream ? stream._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('setBlocking' in handle)) return;
  const { setBlocking } = handle;
  if (typeof setBlocking === 'function') Reflect.apply(setBlocking, handle, [true]);
}

/** The text for a log in which lines may be commands: texts of services end up there, and none of them may speak to the agent in our name. */
export function harmless(text: string): string {
  return text.replaceAll(/##vso\[/gi, '## vso[');
}
