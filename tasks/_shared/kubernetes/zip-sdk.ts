/** What is used of the zip library: a chunk of its own, loaded by `await import('./zip-sdk.js')` only. */
export { default as JsZip } from 'jszip';
