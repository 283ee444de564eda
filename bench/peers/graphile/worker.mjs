// A peer of the benchmarks: graphile-worker with one job for each conversation that begins to wait, as bench/peers/river.
// GRAPHILE_TUNED=1 takes the settings that its documentation recommends for throughput instead of the defaults for latency.

import { Logger, run } from 'graphile-worker';

const quiet = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message);
});

const tuned = {
  concurrentJobs: 24,
  maxPoolSize: 26,
  preset: { worker: { localQueue: { size: 100 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
};

const runner = await run({
  connectionString: process.env.DATABASE_URL,
  schema: 'bench_graphile',
  logger: quiet,
  concurrency: 8,
  maxPoolSize: 10,
  pollInterval: 2000,
  ...(process.env.GRAPHILE_TUNED ? { ...tuned, concurrency: tuned.concurrentJobs } : {}),
  taskList: {
    async assign({ conversation_id }, { withPgClient }) {
      await withPgClient((client) => client.query('select bench.assign_one($1)', [conversation_id]));
    },
  },
});
console.log('ready');
await runner.promise;
