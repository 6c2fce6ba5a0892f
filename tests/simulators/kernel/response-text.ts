import type { SimResponse } from './service.js';

/** The whole body of an answer as the text that a client would read. */
export async function textOf(body: SimResponse['body']): Promise<string> {
  if (body === undefined) return '';
  if (typeof body === 'string') return body;
  if (Buffer.isBuffer(body)) return body.toString('utf8');
  if (!(Symbol.asyncIterator in body)) return JSON.stringify(body);
  const chunks: string[] = [];
  for await (const chunk of body) chunks.push(chunk.toString());
  return chunks.join('');
}
