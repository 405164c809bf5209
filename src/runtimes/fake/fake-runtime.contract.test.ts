/** The fake means by the contract what the real runtimes mean, whether its apps really listen or not. */
import { systemClock } from '../../base/clock.ts';
import { LumaError } from '../../base/errors.ts';
import { NO_PROBES } from '../../domain/probe.ts';
import type { ExecOutcome, InstanceSpec } from '../contract.ts';
import { type ContractSubject, describeRuntimeContract } from '../runtime.contract.ts';
import { createFakeRuntime, type FakeBehaviour } from './index.ts';

for (const listen of [false, true]) {
  describeRuntimeContract(listen ? 'fake that listens' : 'fake', () => subjectOf(listen));
}

async function subjectOf(listen: boolean): Promise<ContractSubject> {
  const runtime = createFakeRuntime({ clock: systemClock, listen, installationId: 'one' });
  const { engine, script } = runtime;
  const other = createFakeRuntime({ clock: systemClock, engine, installationId: 'two' });
  let count = 0;
  const behaving = (behaviour: FakeBehaviour): InstanceSpec => {
    count += 1;
    const instance = specOf(`i-${count}`);
    script.behave(instance.instanceId, behaviour);
    return instance;
  };
  return {
    runtime,
    other,
    restarted: async () => createFakeRuntime({ clock: systemClock, engine, installationId: 'one' }),
    serves: () => behaving({}),
    exits: (code) => behaving({ exitDuringStart: { code } }),
    ignoresStop: () => behaving({ isDeaf: true }),
    prints: (lines) => behaving({ prints: () => lines }),
    printsEnvironment: () =>
      behaving({
        exec: pretendedShell,
        prints: (environment) =>
          Object.entries(environment).map(([name, value]) => ({
            stream: 'stdout',
            text: `${name}=${value}`,
          })),
      }),
    missingProgram: () =>
      behaving({
        refuse: { prepare: new LumaError('command_not_found', 'no such program', { hint: 'install it' }) },
      }),
    crash: async (instanceId) => script.exit(instanceId, { signal: 'SIGKILL' }),
    vandalise: async (instanceId) => script.vanish(instanceId),
    ...(listen ? {} : { answers: async (address) => script.answers(address) }),
    close: async () => {
      await runtime.close();
      await other.close();
      engine.close();
    },
  };
}

/** As far as the suite's scripts go. */
function pretendedShell(
  [program, , script = '']: readonly string[],
  environment: Readonly<Record<string, string>>,
): ExecOutcome | 'hangs' {
  if (program !== 'sh') return { code: 127, output: `no such program: ${program}` };
  if (script.startsWith('sleep')) return 'hangs';
  if (script.startsWith('i=0'))
    return { code: 0, output: Array.from({ length: 2_000 }, (_, at) => `line ${at}\n`).join('') };
  if (script === 'exit 0') return { code: 0, output: '' };
  return { code: 3, output: `${environment['GREETING']}\noh\n` };
}

function specOf(instanceId: string): InstanceSpec {
  return {
    instanceId,
    project: 'shop',
    revision: 3,
    settings: {
      image: 'shop:1',
      command: null,
      entrypoint: null,
      workingDir: null,
      envVars: { GREETING: 'hello, you' },
      containerPort: null,
      healthCheck: null,
      probes: NO_PROBES,
      stopTimeoutMs: 10_000,
    },
  };
}
