/** Who answers at the engine's address: Docker, or something that speaks its language. */
import type { DockerVersion } from 'dockerode';
import type { Engine } from './engine.ts';
import { limits } from './limits.ts';

export async function engineVersion(
  engine: Engine,
  limitMs: number = limits.callMs,
): Promise<{ readonly name: string; readonly version: string }> {
  const info = await engine.look<DockerVersion>('tell its version', '/version', limitMs);
  const isPodman = (info.Components ?? []).some((component) => component.Name === 'Podman Engine');
  return { name: isPodman ? 'Podman' : 'Docker', version: info.Version };
}
