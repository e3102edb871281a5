import { expect, test } from 'vitest';
import { ClusterLog } from '../src/mon/cluster-log.ts';

test('the cluster log is bounded in what its lines hold, as any client may write to it', () => {
  const log = new ClusterLog();
  const line = { who: 'client.1', addrs: [], stampMs: 0, priority: 1, channel: 'cluster' };
  const entity = { type: 8, num: 1 };
  const text = 'x'.repeat(2 ** 20);
  for (let i = 0; i < 100; i++) log.append({ ...line, entity, text: `${i} ${text}` });
  const kept = log.entries.reduce((sum, e) => sum + e.text.length, 0);
  expect(kept).toBeLessThanOrEqual(32 * 2 ** 20);
  expect(log.entries.length).toBeGreaterThan(8);
  expect(log.since(100, 0).map((e) => e.text.slice(0, 3))).toEqual(['99 ']);
  expect(log.version).toBe(100);
  // What is larger than all of it is kept while it is the last.
  log.append({ ...line, entity, text: text.repeat(40) });
  log.append({ ...line, entity, text: 'short' });
  expect(log.entries.map((e) => e.text)).toEqual(['short']);
});
