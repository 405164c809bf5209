/**
 * What containers cost in memory: their processes, the shim that containerd keeps for each, and the docker-proxy of a
 * published port. PSS: a page that several processes share counts in parts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type Docker from 'dockerode';

const kibPerMib = 1024;

export interface ContainerMemory {
  readonly programMib: number;
  readonly shimMib: number;
  readonly proxyMib: number;
}

export async function containerMemory(docker: Docker, id: string): Promise<ContainerMemory> {
  const container = docker.getContainer(id);
  const { Id, NetworkSettings } = await container.inspect();
  const { Processes } = (await container.top({ ps_args: '-eo pid' })) as { Processes: string[][] };
  const address = NetworkSettings.Networks['bridge']?.IPAddress ?? '';
  const proxies = address === '' ? [] : pidsOf(['docker-proxy', '-container-ip', address]);
  return {
    programMib: pssMib(Processes.map(([pid]) => Number(pid))),
    shimMib: pssMib(pidsOf(['containerd-shim', '-id', Id])),
    proxyMib: pssMib(proxies),
  };
}

/** By words of their command lines. */
function pidsOf(words: readonly string[]): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    const line = procFile(pid, 'cmdline').split('\0');
    return words.every((word, index) =>
      index === 0 ? line[0]?.includes(word) : line.slice(1).some((part) => part === word),
    );
  });
}

function pssMib(pids: readonly number[]): number {
  const kib = pids.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(procFile(pid, 'smaps_rollup'))?.[1] ?? 0));
  return kib.reduce((sum, one) => sum + one, 0) / kibPerMib;
}

/** Empty for a process that has ended meanwhile. */
function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}
