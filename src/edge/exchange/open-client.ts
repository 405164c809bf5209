/** Clients' connections as the edge's door sees them, whatever is spoken on them: to drain, to cut, to close. */
import { Roster } from '../../base/roster.ts';

export interface OpenClient {
  /** Its place among the others, which is their business; NOWHERE at first. */
  clientPlace: number;
  /** Nothing new is begun on it: closed at once where it is idle and `idleMs` is 0, else when nothing comes for so long. */
  drain(idleMs: number): void;
  /** The time to finish is over. */
  cut(): void;
  /** A target that left its service has had its time. */
  cutAt(service: string, targetIds: readonly string[]): void;
  /** What was said is still sent by the kernel; nothing more is waited for. */
  finishNow(): void;
}

export class OpenClients extends Roster<OpenClient> {
  protected override placeOf(client: OpenClient): number {
    return client.clientPlace;
  }

  protected override setPlace(client: OpenClient, place: number): void {
    client.clientPlace = place;
  }
}
