/**
 * How long a sleeping project's first client waits (request sent until the whole answer), beside the same program started
 * by hand and connected to in a tight loop, in turn, in one run; a wake from frozen beside the unpause call; what sandboxes and frozen instances cost; and
 * many woken at once. Exits with 1 when a wake is slower than it should be.
 *
 *   bench/wake.ts [--runtime docker|process|all] [--rounds 30] [--only-frozen]
 */
import { parseArgs } from 'node:util';
import { appCommand, Luma } from '../test/e2e/luma.ts';
import { processByHand } from './wake/by-hand.ts';
import { onDocker } from './wake/docker.ts';
import { measure, report } from './wake/rounds.ts';

const { values: flags } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'all' },
    rounds: { type: 'string', default: '30' },
    'only-frozen': { type: 'boolean', default: false },
  },
});
const rounds = Number(flags.rounds);
const onlyFrozen = flags['only-frozen'];

async function onProcess(): Promise<boolean> {
  const luma = await Luma.start({ runtime: 'process', apart: true });
  try {
    await luma.add({ name: 'local', idle_timeout: 'never' });
    const byHand = await processByHand(appCommand());
    const subject = { name: 'local process (Bun server)', project: 'local', byHand, shareMax: null };
    return (await measure(luma, [subject], rounds)).every(report);
  } finally {
    await luma.stop();
  }
}

const isDockerFast = flags.runtime === 'process' || (await onDocker({ rounds, onlyFrozen }));
const isProcessFast = onlyFrozen || flags.runtime === 'docker' || (await onProcess());
process.exitCode = isDockerFast && isProcessFast ? 0 : 1;
