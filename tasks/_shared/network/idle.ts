/** A connection that nobody uses for this long is closed: a fleet may have a thousand clusters. Real milliseconds. */
export const idleMs = 1_500;
