/** The life of an instance as a page, made from the table that runs. */
import { instanceTransitions } from '../src/domain/instance-state.ts';

interface Move {
  readonly from: string;
  readonly event: string;
  readonly to: string;
}

export function instanceStatesPage(): string {
  const moves = Object.entries(instanceTransitions).flatMap(([from, events]) =>
    Object.entries(events).map(([event, to]): Move => ({ from, event, to })),
  );
  const arrows = moves.map(({ from, event, to }) => `    ${from} --> ${to}: ${event}`);
  const states = Object.keys(instanceTransitions);
  const events = [...new Set(moves.map(({ event }) => event))];
  const cell = (from: string, event: string): string =>
    moves.find((move) => move.from === from && move.event === event)?.to ?? '';
  const rows = states.map(
    (from) => `| **${from}** | ${events.map((event) => cell(from, event)).join(' | ')} |`,
  );
  return `# The life of an instance

Made from \`src/domain/instance-state.ts\` by \`bun scripts/write-docs.ts\`; a test fails when it is out of date.
An empty cell cannot happen: the machine answers \`null\`, and the caller treats that as a bug or ignores it knowingly.

\`\`\`mermaid
stateDiagram-v2
    [*] --> preparing
${arrows.join('\n')}
    gone --> [*]
\`\`\`

| in state, on event | ${events.join(' | ')} |
|---|${events.map(() => '---|').join('')}
${rows.join('\n')}
`;
}
