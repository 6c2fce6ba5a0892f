import { toProblem } from './problem.js';

/** Something that could be read, or why it could not, in a clause. */
export type Read<T> = { readonly found: T } | { readonly unread: string };

/**
 * Reads something for somebody who goes on without it.
 * @throws whatever the signal was aborted with: a cancelled run is no fact that could not be read.
 */
export async function attempt<T>(signal: AbortSignal, read: () => Promise<T>): Promise<Read<T>> {
  try {
    return { found: await read() };
  } catch (error) {
    signal.throwIfAborted();
    const { because, serviceCode } = toProblem(error).parts;
    return { unread: serviceCode === undefined ? because : `${because} (${serviceCode})` };
  }
}
