import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** So many that no two services of a world share one, unless it has more of them. */
const poolSize = 24;
const pool: KeyObject[] = [];
let turn = 0;
let kept: KeyObject[] | undefined;
let taken = 0;

/**
 * An RSA private key. Making one takes 50 to 300 ms, so a process makes {@link poolSize} of 2048 bits and gives them in turn, unless keys are taken again from the
 * first one on: see {@link takeKeysAgain}.
 */
export function rsaPrivateKey(): KeyObject {
  if (kept === undefined) {
    turn = (turn + 1) % poolSize;
    return (pool[turn] ??= newKey(2048));
  }
  taken += 1;
  return (kept[taken] ??= newKey(1024));
}

function newKey(modulusLength: number): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength }).privateKey;
}

/**
 * Gives the keys that were made since the first call once more, in the same order: for tests that build many worlds one after another. Two
 * services of one world still never share a key. These keys have 1024 bits, because they sign five times as fast.
 */
export function takeKeysAgain(): void {
  kept ??= [];
  taken = 0;
}

/** Gives keys in turn again. */
export function takeKeysInTurn(): void {
  kept = undefined;
}
