/** The Docker part of the wake bench: a private engine, one Luma, and the same images started by hand. */
import Docker from 'dockerode';
import { Luma } from '../../test/e2e/luma.ts';
import { type TestEngine, withEngine } from '../../test/engine/engine.ts';
import { printTable } from '../statistics.ts';
import { type ContainerByHand, containerByHand } from './by-hand.ts';
import { measureCrowd } from './crowd.ts';
import { measureFrozen } from './frozen.ts';
import { type ContainerMemory, containerMemory } from './memory.ts';
import { askProject, measure, report, type Subject, sleep } from './rounds.ts';

const crowdSize = 20;
const crowdRounds = 3;
const images = [
  { project: 'static', image: 'luma-test/busybox', name: 'static server in Docker', shareMax: 0.5 },
  { project: 'node', image: 'luma-test/node', name: 'Node server in Docker', shareMax: 0.7 },
  { project: 'bun', image: 'luma-test/app', name: 'Bun server in Docker', shareMax: 0.7 },
] as const;

interface DockerSubject extends Subject {
  readonly byHand: ContainerByHand;
}

export interface DockerRun {
  readonly rounds: number;
  readonly onlyFrozen: boolean;
}

export async function onDocker(run: DockerRun): Promise<boolean> {
  const engine = await withEngine({ isPrivate: true, withNode: !run.onlyFrozen });
  try {
    return await onEngine(engine, run);
  } finally {
    await engine.stop();
  }
}

async function onEngine(engine: TestEngine, { rounds, onlyFrozen }: DockerRun): Promise<boolean> {
  const docker = new Docker({ socketPath: engine.dockerHost.replace('unix://', '') });
  const luma = await Luma.start({ runtime: 'docker', apart: true, env: { DOCKER_HOST: engine.dockerHost } });
  const made: ContainerByHand[] = [];
  const byHand = async (image: string): Promise<ContainerByHand> => {
    const one = await containerByHand(docker, image);
    made.push(one);
    return one;
  };
  const add = (name: string, image: string): Promise<void> =>
    luma.add({ name, docker_image: image, container_port: 8080, idle_timeout: 'never' });
  const wakeFrozen = async (): Promise<boolean> => {
    const frozen = { name: 'frozen', docker_image: images[0].image, container_port: 8080 };
    await luma.add({ ...frozen, idle_timeout: '1h', freeze_after: '100ms' });
    return measureFrozen(luma, 'frozen', await byHand(images[0].image), rounds);
  };
  try {
    if (onlyFrozen) return await wakeFrozen();
    const subjects: DockerSubject[] = [];
    for (const { project, image, ...more } of images) {
      await add(project, image);
      subjects.push({ ...more, project, byHand: await byHand(image) });
    }
    const verdicts = (await measure(luma, subjects, rounds)).map(report);
    verdicts.push(await wakeFrozen());
    await reportMemory(docker, subjects);
    const projects = Array.from({ length: crowdSize }, (_, n) => `crowd-${n}`);
    const crowd = [];
    for (const project of projects) {
      await add(project, images[0].image);
      crowd.push(await byHand(images[0].image));
    }
    // Prepared, sandbox and all, once it has served.
    for (const project of projects) await askProject(luma, project);
    for (const project of projects) await sleep(luma, project);
    verdicts.push(await measureCrowd(luma, { projects, byHand: crowd }, crowdRounds));
    return verdicts.every(Boolean);
  } finally {
    for (const one of made) await one.remove();
    await luma.stop();
  }
}

/** Of a sandbox, and of a frozen instance: paused by hand, because Luma would thaw one that it has not frozen. */
async function reportMemory(docker: Docker, subjects: readonly DockerSubject[]): Promise<void> {
  const filters = { label: ['luma.sandbox'] };
  const [sandbox] = await docker.listContainers({ filters });
  if (!sandbox) throw new Error('there is no sandbox');
  const rows = [rowOf('a sandbox', await containerMemory(docker, sandbox.Id))];
  for (const { name, byHand } of subjects) {
    await byHand.start();
    await byHand.pause();
    // Its network is its sandbox's.
    const memory = { ...(await containerMemory(docker, byHand.id)), proxyMib: 0 };
    rows.push(rowOf(`frozen, beside its sandbox: ${name}`, memory));
    await byHand.unpause();
    await byHand.stop();
  }
  console.log('\nmemory, MiB (PSS)');
  printTable(['', 'program', 'shim', 'docker-proxy', 'all'], rows);
}

function rowOf(what: string, { programMib, shimMib, proxyMib }: ContainerMemory): (string | number)[] {
  return [what, programMib, shimMib, proxyMib, programMib + shimMib + proxyMib];
}
