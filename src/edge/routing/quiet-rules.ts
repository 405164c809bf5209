/**
 * Which requests are quiet: a service's rules, made ready once and asked for every request of it. Immutable.
 * What costs something to know, the user agent and the client's address, is asked only where a rule wants it.
 */
import { type IpRange, isInRanges, parseIpRange } from '../../base/ip-range.ts';
import type { QuietRule } from './service-route.ts';

export interface QuietQuestion {
  readonly method: string;
  readonly path: string;
  userAgent(): string;
  clientAddress(): string;
}

interface ReadyRule {
  readonly rule: QuietRule;
  readonly path: string | null;
  readonly isPrefix: boolean;
  readonly methods: readonly string[] | null;
  /** Lower case. */
  readonly userAgent: string | null;
  readonly ranges: readonly IpRange[] | null;
}

export class QuietRules {
  readonly #rules: readonly ReadyRule[];

  constructor(rules: readonly QuietRule[]) {
    this.#rules = rules.map(ready);
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The first that matches; null: the request is like any other. */
  find(question: QuietQuestion): QuietRule | null {
    for (const rule of this.#rules) if (matches(rule, question)) return rule.rule;
    return null;
  }
}

function ready(rule: QuietRule): ReadyRule {
  const { path, methods, userAgent, client } = rule;
  const isPrefix = path?.endsWith('*') === true;
  // A range that does not parse matches nobody: what nobody understands must not make requests quiet.
  const range = client === null ? null : parseIpRange(client);
  return {
    rule,
    path: isPrefix ? path.slice(0, -1) : path,
    isPrefix,
    methods,
    userAgent: userAgent === null ? null : userAgent.toLowerCase(),
    ranges: client === null ? null : range === null ? [] : [range],
  };
}

function matches(rule: ReadyRule, question: QuietQuestion): boolean {
  const { path, methods, userAgent, ranges } = rule;
  if (path !== null && !(rule.isPrefix ? question.path.startsWith(path) : question.path === path))
    return false;
  if (methods !== null && !methods.includes(question.method)) return false;
  if (userAgent !== null && !question.userAgent().toLowerCase().includes(userAgent)) return false;
  return ranges === null || isInRanges(ranges, question.clientAddress());
}
