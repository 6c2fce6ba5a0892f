import { generateKeyPairSync, type KeyObject } from 'node:crypto';

let kept: KeyObject[] | undefined;
let taken = 0;

/** A fresh RSA private key of 2048 bits, which takes 50 to 300 ms, unless keys are taken again: see {@link takeKeysAgain}. */
export function rsaPrivateKey(): KeyObject {
  const key = kept?.[taken] ?? generateKeyPairSync('rsa', { modulusLength: kept === undefined ? 2048 : 1024 }).privateKey;
  if (kept !== undefined) {
    kept[taken] = key;
    taken += 1;
  }
  return key;
}

/**
 * Gives the keys that were made since the first call once more, in the same order: for tests that build many worlds one after another. Two
 * services of one world still never share a key. These keys have 1024 bits, because they sign five times as fast.
 */
export function takeKeysAgain(): void {
  kept ??= [];
  taken = 0;
}

/** Makes every key fresh again. */
export function makeKeysFresh(): void {
  kept = undefined;
}
