/** The process runtime means by the contract what every runtime means. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Runtime } from '../contract.ts';
import { type ContractSubject, describeRuntimeContract } from '../runtime.contract.ts';
import { createProcessRuntime } from './index.ts';
import { TestApps, testKey } from './test-apps.ts';

describeRuntimeContract('local processes', async () => {
  const apps = new TestApps();
  const runtimeOf = (installationId: string): Runtime =>
    createProcessRuntime({
      installationId,
      dataDir: join(apps.folder, installationId),
      instanceKey: testKey,
      clock: systemClock,
      log: silentLog,
    });
  const runtime = runtimeOf('one');
  const other = runtimeOf('two');
  const folderOf = (instanceId: string): string => join(apps.folder, 'one', 'instances', instanceId);
  const subject: ContractSubject = {
    runtime,
    other,
    restarted: async () => runtimeOf('one'),
    serves: () => apps.app(),
    exits: (code) => apps.app(`--exit=${code}`),
    ignoresStop: () => apps.app('--deaf'),
    prints: (lines) => apps.app(...lines.map(({ stream, text }) => `--print=${stream}:${text}`)),
    printsEnvironment: () => apps.app('--environment'),
    missingProgram: () => apps.spec({ command: ['luma-no-such-program'] }),
    crash: async (instanceId) => {
      const { run } = JSON.parse(readFileSync(join(folderOf(instanceId), 'run.json'), 'utf8'));
      process.kill(run.process.pid, 'SIGKILL');
    },
    vandalise: async (instanceId) => rmSync(folderOf(instanceId), { recursive: true }),
    close: async () => {
      await runtime.close();
      await other.close();
      apps.remove();
    },
  };
  return subject;
});
