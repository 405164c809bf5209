/** Requests that cross sleeps: spaced around the idle timeout, each of which must be answered. */
import type { Answer } from './http-client.ts';
import type { Luma } from './luma.ts';

/** Resolves when `sleeps` sleeps were seen; rejects with the first request that was not answered with 200. */
export async function cross(
  luma: Luma,
  name: string,
  idleMs: number,
  sleeps: number,
  ask: () => Promise<Answer> = () => luma.get(`${name}.localhost`),
): Promise<void> {
  let seen: unknown = null;
  for (let changes = -1, n = 0; changes < sleeps; n++) {
    const answer = await ask();
    if (answer.status !== 200) throw new Error(`${name}, request ${n}: ${answer.status} ${answer.body}`);
    if (instanceOf(answer) !== seen) changes++;
    seen = instanceOf(answer);
    // A sweep of 40 ms around the deadline, so that some arrive just before, at, and just after each step of the sleep.
    await Bun.sleep(idleMs - 15 + ((n * 7) % 40));
  }
}

/** Tells one start of the test app from the next. */
export function instanceOf(answer: Answer): string {
  return answer.headers.get('x-app-start') ?? '';
}
