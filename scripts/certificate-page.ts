/** The life of a host's certificate as a page: what the machine does with one of each state and event. */
import { events, sampleNameOf, states } from '../src/proxy/acme/certificate-machine.fixture.ts';
import { nextCertificateState } from '../src/proxy/acme/certificate-machine.ts';

export function certificateStatesPage(): string {
  const names = Object.keys(events);
  const rows = Object.entries(states).map(([name, state]) => {
    const cells = Object.values(events).map((event) => {
      const after = nextCertificateState(state, event);
      return after === state ? '' : sampleNameOf(after);
    });
    return `| **${name}** | ${cells.join(' | ')} |`;
  });
  return `# The life of a host's certificate

Made from \`src/proxy/acme/certificate-machine.ts\` by \`bun scripts/write-docs.ts\`; a test fails when it is out of date.
An empty cell: the event means nothing there. *(held)*: there is a certificate, and it serves. \`valid\`, \`due\`, \`renewing\` and
\`retired\` always have one; a \`retired\` one serves nobody. \`time\` is what the state waits for: the renewal, the next try, the end.

| in state, on event | ${names.join(' | ')} |
|---|${names.map(() => '---|').join('')}
${rows.join('\n')}
`;
}
