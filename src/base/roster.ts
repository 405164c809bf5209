/**
 * Who is there now, of a crowd that comes and goes. Each member keeps its own place; the roster owns the order, which
 * means nothing. For what a Set cannot do in JavaScriptCore: a table that a Set has outgrown points at the next one, so
 * once it is old it keeps everybody alive who came and left since, until the next full collection.
 */

/** The place of who is on no roster. */
export const NOWHERE = -1;

export abstract class Roster<T> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** Where the member says that it is. */
  protected abstract placeOf(member: T): number;

  protected abstract setPlace(member: T, place: number): void;

  has(member: T): boolean {
    return this.placeOf(member) !== NOWHERE;
  }

  add(member: T): void {
    if (this.has(member)) return;
    this.setPlace(member, this.#members.length);
    this.#members.push(member);
  }

  delete(member: T): void {
    const place = this.placeOf(member);
    if (place === NOWHERE) return;
    this.setPlace(member, NOWHERE);
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#members[place] = last;
    this.setPlace(last, place);
  }

  /** Everybody who is there now, but for those who go meanwhile. */
  each(visit: (member: T) => void): void {
    for (const member of [...this.#members]) if (this.has(member)) visit(member);
  }

  /** The same without a copy: who changes places because another goes may be passed over, or visited twice. */
  eachRoughly(visit: (member: T) => void): void {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place];
      if (member !== undefined) visit(member);
    }
  }
}
